// The ways between workers: a port to each of the others, over which both sides ask and tell. What is sent within one turn of
// the event loop travels together, unless it may not wait; and what was sent can be taken in without waiting for the event loop,
// because both sides count it in shared memory. Owns numbering, batching and what becomes of questions when a worker goes; knows
// no subject.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { HomeGone } from '../../storage/homes.ts';

/** One worker's end of a way to another. Plain data and a port, which is moved. */
export interface Peer {
  /** The other. */
  readonly worker: number;
  readonly port: MessagePort;
  /** Messages that each side has sent. */
  readonly sent: Int32Array<SharedArrayBuffer>;
  /** Whose of them are our own. */
  readonly side: 0 | 1;
}

/** A way between two workers. @returns the end of each */
export function openWay(one: number, other: number): readonly [ofOne: Peer, ofOther: Peer] {
  const { port1, port2 } = new MessageChannel();
  const sent = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  return [
    { worker: other, port: port1, sent, side: 0 },
    { worker: one, port: port2, sent, side: 1 },
  ];
}

/** An answer that may wait does so for this long. */
const LATER_MS = 2;

type Parcel<Question, Notice> =
  | { readonly ask: number; readonly question: Question }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: string }
  | { readonly notice: Notice };

export interface MeshHandlers<Question, Notice> {
  /** Before anything that came is handled. */
  readonly before: () => void;
  readonly answer: (question: Question, from: number) => Promise<unknown>;
  /** Nobody is held up by the answer to this: it may go with what is sent next. */
  readonly mayWait: (question: Question) => boolean;
  readonly notice: (notice: Notice, from: number) => void;
  /** A worker has gone; another may come in its place. */
  readonly lost: (worker: number) => void;
}

export class Mesh<Question, Notice> {
  readonly #links = new Map<number, Link<Question, Notice>>();
  readonly #handlers: MeshHandlers<Question, Notice>;

  constructor(handlers: MeshHandlers<Question, Notice>) {
    this.#handlers = handlers;
  }

  connect(peer: Peer): void {
    const { worker, port } = peer;
    this.#links.get(worker)?.end();
    const link = new Link(peer, this.#handlers);
    this.#links.set(worker, link);
    port.once('close', () => {
      link.end();
      if (this.#links.get(worker) === link) this.#links.delete(worker);
      this.#handlers.lost(worker);
    });
  }

  /** undefined while that worker is not there. */
  readonly to = (worker: number): Link<Question, Notice> | undefined => this.#links.get(worker);

  /** Until `uncork` nothing is posted: what was to be on its way at once goes then. */
  cork(): void {
    for (const link of this.#links.values()) link.isCorked = true;
  }

  uncork(): void {
    for (const link of this.#links.values()) link.uncork();
  }

  /**
   * Takes in at once what the others have sent until now, but for `except`.
   * @returns false while something of theirs is being handled already, and what they sent behind it has to wait
   */
  catchUp(except?: number): boolean {
    let isAll = true;
    for (const [worker, link] of this.#links) if (worker !== except && !link.catchUp()) isAll = false;
    return isAll;
  }

  /** Lets go of all ports. */
  close(): void {
    for (const link of this.#links.values()) link.end();
    this.#links.clear();
  }
}

export class Link<Question, Notice> {
  readonly #peer: Peer;
  readonly #handlers: MeshHandlers<Question, Notice>;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #parcels: Parcel<Question, Notice>[] = [];
  #onSent: (() => void)[] = [];
  /** What may not wait for the end of the turn waits for `uncork`. */
  isCorked = false;
  #next = 1;
  /** Messages of the other side. */
  #received = 0;
  #isOpening = false;
  #isPosting = false;
  #later: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(peer: Peer, handlers: MeshHandlers<Question, Notice>) {
    this.#peer = peer;
    this.#handlers = handlers;
    peer.port.on('message', (parcels: readonly Parcel<Question, Notice>[]) => this.#receive(parcels));
  }

  /**
   * Rejects when the other side fails, with HomeGone when it goes. The answer is what the other side is written to give.
   * @param onSent it does not wait for the end of the turn; called when it is on its way, and what was sent before it
   */
  ask<Answer>(question: Question, onSent?: () => void): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    if (this.#ended) reject(new HomeGone());
    else {
      const id = this.#next++;
      this.#waiting.set(id, { resolve: (value) => resolve(value as Answer), reject });
      this.#send({ ask: id, question });
      if (onSent !== undefined) {
        this.#onSent.push(onSent);
        if (!this.isCorked) this.#post();
      }
    }
    return promise;
  }

  tell(notice: Notice): void {
    if (!this.#ended) this.#send({ notice });
  }

  uncork(): void {
    this.isCorked = false;
    if (this.#onSent.length > 0) this.#post();
  }

  /** INVARIANT: messages are handled in the order of sending, so none while one before it is being handled. */
  catchUp(): boolean {
    if (this.#isOpening) return false;
    const { port, sent, side } = this.#peer;
    const until = Atomics.load(sent, 1 - side);
    while (!this.#ended && ((until - this.#received) | 0) > 0) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) return true;
      this.#receive(received.message);
    }
    return true;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#peer.port.close();
    for (const { reject } of this.#waiting.values()) reject(new HomeGone());
    this.#waiting.clear();
  }

  #receive(parcels: readonly Parcel<Question, Notice>[]): void {
    this.#received = (this.#received + 1) | 0;
    this.#isOpening = true;
    try {
      this.#handlers.before();
      for (const parcel of parcels) this.#open(parcel);
    } finally {
      this.#isOpening = false;
    }
  }

  #open(parcel: Parcel<Question, Notice>): void {
    const { worker } = this.#peer;
    if ('notice' in parcel) return this.#handlers.notice(parcel.notice, worker);
    if ('ask' in parcel) {
      const { question } = parcel;
      this.#handlers.answer(question, worker).then(
        (value) => this.#send({ answer: parcel.ask, value }, !this.#handlers.mayWait(question)),
        (error: unknown) => this.#send({ answer: parcel.ask, error: String(error) }),
      );
      return;
    }
    const waiting = this.#waiting.get(parcel.answer);
    this.#waiting.delete(parcel.answer);
    if ('error' in parcel) waiting?.reject(new Error(parcel.error));
    else waiting?.resolve(parcel.value);
  }

  /** @param soon at the end of this turn; else with what is sent next, or after some ms */
  #send(parcel: Parcel<Question, Notice>, soon = true): void {
    this.#parcels.push(parcel);
    if (soon && !this.#isPosting) {
      this.#isPosting = true;
      setImmediate(() => {
        this.#isPosting = false;
        this.#post();
      });
    } else if (!soon) this.#later ??= setTimeout(() => this.#post(), LATER_MS).unref();
  }

  #post(): void {
    const parcels = this.#parcels;
    if (this.#later !== undefined) clearTimeout(this.#later);
    this.#later = undefined;
    if (parcels.length === 0) return;
    this.#parcels = [];
    if (this.#ended) return;
    const { port, sent, side } = this.#peer;
    port.postMessage(parcels);
    Atomics.add(sent, side, 1);
    if (this.#onSent.length === 0) return;
    for (const onSent of this.#onSent) onSent();
    this.#onSent = [];
  }
}

// The ways between workers: a port to each of the others, over which both sides ask and tell. What is sent within one turn of
// the event loop travels together. Owns numbering, batching and what becomes of questions when a worker goes; knows no subject.

import type { MessagePort } from 'node:worker_threads';
import { HomeGone } from '../../storage/homes.ts';

type Parcel<Question, Notice> =
  | { readonly ask: number; readonly question: Question }
  | { readonly answer: number; readonly value: unknown }
  | { readonly answer: number; readonly error: string }
  | { readonly notice: Notice };

export interface MeshHandlers<Question, Notice> {
  /** Before anything that came is handled. */
  readonly before: () => void;
  readonly answer: (question: Question, from: number) => Promise<unknown>;
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

  connect(worker: number, port: MessagePort): void {
    this.#links.get(worker)?.end();
    const link = new Link(worker, port, this.#handlers);
    this.#links.set(worker, link);
    port.once('close', () => {
      link.end();
      if (this.#links.get(worker) === link) this.#links.delete(worker);
      this.#handlers.lost(worker);
    });
  }

  /** undefined while that worker is not there. */
  readonly to = (worker: number): Link<Question, Notice> | undefined => this.#links.get(worker);

  /** Lets go of all ports. */
  close(): void {
    for (const link of this.#links.values()) link.end();
    this.#links.clear();
  }
}

export class Link<Question, Notice> {
  readonly #port: MessagePort;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #parcels: Parcel<Question, Notice>[] = [];
  #next = 1;
  #ended = false;

  constructor(worker: number, port: MessagePort, handlers: MeshHandlers<Question, Notice>) {
    this.#port = port;
    port.on('message', (parcels: readonly Parcel<Question, Notice>[]) => {
      handlers.before();
      for (const parcel of parcels) this.#open(parcel, worker, handlers);
    });
  }

  /** Rejects when the other side fails, with HomeGone when it goes. The answer is what the other side is written to give. */
  ask<Answer>(question: Question): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    if (this.#ended) reject(new HomeGone());
    else {
      const id = this.#next++;
      this.#waiting.set(id, { resolve: (value) => resolve(value as Answer), reject });
      this.#send({ ask: id, question });
    }
    return promise;
  }

  tell(notice: Notice): void {
    if (!this.#ended) this.#send({ notice });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#port.close();
    for (const { reject } of this.#waiting.values()) reject(new HomeGone());
    this.#waiting.clear();
  }

  #open(parcel: Parcel<Question, Notice>, worker: number, handlers: MeshHandlers<Question, Notice>): void {
    if ('notice' in parcel) return handlers.notice(parcel.notice, worker);
    if ('ask' in parcel) {
      handlers.answer(parcel.question, worker).then(
        (value) => this.#send({ answer: parcel.ask, value }),
        (error: unknown) => this.#send({ answer: parcel.ask, error: String(error) }),
      );
      return;
    }
    const waiting = this.#waiting.get(parcel.answer);
    this.#waiting.delete(parcel.answer);
    if ('error' in parcel) waiting?.reject(new Error(parcel.error));
    else waiting?.resolve(parcel.value);
  }

  #send(parcel: Parcel<Question, Notice>): void {
    this.#parcels.push(parcel);
    if (this.#parcels.length > 1) return;
    setImmediate(() => {
      const parcels = this.#parcels;
      this.#parcels = [];
      if (!this.#ended) this.#port.postMessage(parcels);
    });
  }
}

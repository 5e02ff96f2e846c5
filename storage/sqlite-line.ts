// A client's line to the threads of the database, which may die and be replaced: two dialogues, what is known of the
// database's health, and which keys have changes under way. Knows ports and keys; what is asked is sqlite.ts's.
//
// INVARIANT: a lookup is answered by the thread that only reads only while no change of its key is under way here: that
// thread sees what is committed. A change that was under way when the writing thread died is made up for by a removal.

import type { MessagePort } from 'node:worker_threads';
import { Dialogue } from './sqlite-dialogue.ts';
import { headName } from './sqlite-head.ts';
import { Holds } from './sqlite-leases.ts';
import { Presence } from './sqlite-presence.ts';
import type { Event, Health, ReadRequest, Reply, Request } from './sqlite-protocol.ts';
import { StoreError } from './store.ts';

const MAX_OWED = 100_000;

type Hello = Extract<Event, { kind: 'hello' }>;

/** What the line tells its store of the puts that were sent. */
export interface PutEvents {
  /** It is on the disk, or will never be. */
  written(id: number): void;
  /** None of them is heard of any more. */
  lost(): void;
}

export class Line {
  /** Bodies that are being read here. */
  readonly holds = new Holds();
  readonly #log: ((health: Health) => void) | undefined;
  readonly #puts: PutEvents;
  #health: Health = { ok: false, detail: 'not opened yet' };
  #hello: Hello | undefined;
  #queuedBytes: Int32Array = new Int32Array(1);
  #writer: Dialogue | undefined;
  #reader: Dialogue | undefined;
  #isClosed = false;
  #presence: Presence | undefined;
  /** How many changes are under way, by key; and of everything. */
  readonly #changing = new Map<string, number>();
  #changingAll = 0;
  readonly #owed = new Set<string>();
  #owesAll = false;

  constructor(puts: PutEvents, log: ((health: Health) => void) | undefined) {
    this.#puts = puts;
    this.#log = log;
  }

  get health(): Health {
    return this.#health;
  }

  get maxBodyBytes(): number {
    return this.#hello?.maxBodyBytes ?? 0;
  }

  /** Says hello over a port to the writing thread. Rejects when that ends first. */
  async adopt(port: MessagePort): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<Hello>();
    const writer = new Dialogue(
      port,
      (news) => {
        if (news.kind === 'hello') resolve(news);
        else if (news.kind === 'written') for (const id of news.ids) this.#puts.written(id);
        else if (news.kind === 'reader') this.#read(news.port);
        else this.#feels(news.health);
      },
      () => {
        reject(new StoreError('open', new Error('the database thread has ended')));
        if (this.#writer === writer) this.lose(new Error('the database thread has ended'));
      },
    );
    // Until hello is said nothing else keeps the process from its end.
    port.ref();
    const hello = await promise;
    port.unref();
    if (this.#isClosed) return writer.end(new Error('the store is closed'));
    this.#hello = hello;
    this.#queuedBytes = new Int32Array(hello.queue);
    this.holds.use(hello.leases);
    this.#presence = new Presence(hello.presence);
    this.#writer = writer;
    this.#redo();
    const before = this.#health;
    this.#health = hello.health;
    if (hello.health.ok !== (before.ok || before.detail === 'not opened yet')) this.#log?.(hello.health);
  }

  /** The threads are gone; another may be adopted. */
  lose(cause: Error): void {
    if (this.#isClosed) return;
    if (this.#changingAll > 0) this.#owesAll = true;
    for (const key of this.#changing.keys()) this.#owe(key);
    const wasOk = this.#health.ok;
    this.#health = { ok: false, detail: `${cause.message}; it is started again` };
    this.#end(cause);
    this.#puts.lost();
    if (wasOk) this.#log?.(this.#health);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.holds.close();
    const cause = new Error('the store is closed');
    this.#health = { ok: false, detail: cause.message };
    this.#end(cause);
  }

  /** Asks the writing thread. */
  ask(
    operation: string,
    request: (id: number) => Request,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Reply> {
    if (this.#writer !== undefined) return this.#writer.ask(operation, request, moved);
    return Promise.reject(new StoreError(operation, new Error(this.#health.detail)));
  }

  /** Whether surely nothing is stored under a key: known without a question. */
  isAbsent(key: string): boolean {
    const presence = this.#presence;
    if (presence === undefined || this.#writer === undefined || !this.#health.ok) return false;
    return this.#changingAll === 0 && !this.#changing.has(key) && !presence.mayHave(headName(key));
  }

  /** Asks the thread that only reads, where it can be sure, else the writing thread. */
  async look(key: string, operation: string, request: (id: number) => ReadRequest): Promise<Reply> {
    const reader = this.#reader;
    if (reader !== undefined && this.#health.ok && this.#changingAll === 0 && !this.#changing.has(key)) {
      try {
        return await reader.ask(operation, request);
      } catch {
        // The other one is sure.
      }
    }
    return this.ask(operation, request);
  }

  send(request: Request, moved: readonly (ArrayBuffer | MessagePort)[] = []): void {
    this.#writer?.send(request, moved);
  }

  /** A number for a put, which is sent and not asked. */
  takeId(): number {
    return this.#writer?.takeId() ?? 0;
  }

  /** A change of a key (undefined: of everything) is asked for; `changed` when it is seen by every lookup. */
  changes(key: string | undefined): void {
    if (this.#writer === undefined) this.#owe(key);
    if (key === undefined) this.#changingAll += 1;
    else this.#changing.set(key, (this.#changing.get(key) ?? 0) + 1);
  }

  changed(key: string | undefined): void {
    if (key === undefined) {
      this.#changingAll -= 1;
      return;
    }
    const left = (this.#changing.get(key) ?? 1) - 1;
    if (left === 0) this.#changing.delete(key);
    else this.#changing.set(key, left);
  }

  /** Takes room in the queue that all clients share. */
  enqueue(bytes: number): boolean {
    const { maxQueueBytes = 0 } = this.#hello ?? {};
    if (Atomics.add(this.#queuedBytes, 0, bytes) + bytes <= maxQueueBytes) return true;
    Atomics.sub(this.#queuedBytes, 0, bytes);
    return false;
  }

  dequeue(bytes: number): void {
    Atomics.sub(this.#queuedBytes, 0, bytes);
  }

  #read(port: MessagePort): void {
    this.#reader?.end(new Error('another one reads'));
    const reader = new Dialogue(
      port,
      () => undefined,
      () => {
        if (this.#reader === reader) this.#reader = undefined;
      },
    );
    this.#reader = reader;
  }

  #feels(health: Health): void {
    this.#health = health;
    this.#log?.(health);
  }

  #end(cause: Error): void {
    const [writer, reader] = [this.#writer, this.#reader];
    this.#writer = undefined;
    this.#reader = undefined;
    writer?.end(cause);
    reader?.end(cause);
  }

  #owe(key: string | undefined): void {
    if (key === undefined || this.#owed.size >= MAX_OWED) this.#owesAll = true;
    else this.#owed.add(key);
  }

  /** Removes what should have been changed: before anything else is asked of the new thread. */
  #redo(): void {
    const remove = (key: string | undefined, request: (id: number) => Request): void => {
      this.changes(key);
      this.ask('redo', request)
        .catch(() => undefined)
        .finally(() => this.changed(key));
    };
    if (this.#owesAll) remove(undefined, (id) => ({ kind: 'clear', id }));
    else for (const key of this.#owed) remove(key, (id) => ({ kind: 'delete', id, key, variant: undefined }));
    this.#owesAll = false;
    this.#owed.clear();
  }
}

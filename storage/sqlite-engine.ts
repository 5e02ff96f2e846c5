// What the database's thread (sqlite-thread.ts) does for its clients, one call at a time: each request on the database, with
// the write queue before it. Transactions, failures and debts are sqlite-session.ts's.

import type { CacheDatabase } from './sqlite-database.ts';
import { headName } from './sqlite-head.ts';
import type { Written } from './sqlite-inflow.ts';
import type { FoundVariant, Health, PutRequest, Request, SqliteStats } from './sqlite-protocol.ts';
import { type Pair, WriteQueue } from './sqlite-queue.ts';
import { Session, type SessionOptions, Unavailable } from './sqlite-session.ts';
import { type StreamEnd, Streams } from './sqlite-streams.ts';
import { Writer } from './sqlite-writer.ts';
import type { Removed } from './store.ts';

export interface EngineOptions extends SessionOptions {
  /** Called when puts leave the queue, written or dropped. */
  readonly dequeued: (bytes: number) => void;
  /** Called with puts that are committed, superseded, or given up. */
  readonly written: (requests: readonly PutRequest[]) => void;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

type Select = Extract<Request, { kind: 'select' }>;
type Update = Extract<Request, { kind: 'updateMeta' }>;
type Selected = Awaited<ReturnType<CacheDatabase['drop']>>;

export class Engine {
  readonly #options: EngineOptions;
  readonly #queue: WriteQueue;
  readonly #writer: Writer;
  readonly #streams: Streams;
  readonly #session: Session;
  /** Puts off the queue and not yet committed. */
  #unsettled: PutRequest[] = [];
  #flushing: Waiting[] = [];
  #counts = { dropped: 0, undecodable: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#queue = new WriteQueue((request) => {
      options.dequeued(request.queuedBytes);
      this.#unsettled.push(request);
    });
    this.#session = new Session(
      options,
      (owe) => {
        for (const { name, job } of this.#queue.pairs()) {
          owe({ name, variant: job.request.variant });
          if (job.bodyId !== undefined) this.#session.handle.database?.bodies.abandon(job.bodyId);
        }
        this.#queue.clear();
        this.#streams.giveUp(this.#session.handle.database);
      },
      (error) => this.#settle(error),
    );
    this.#writer = new Writer(
      this.#queue,
      () => this.#session.begin(),
      (pair) => this.#session.writing(pair),
      (db) => this.#session.commitNow(db),
    );
    this.#streams = new Streams(this.#session, this.#writer, Math.floor(options.maxBytes / 4));
  }

  get health(): Health {
    return this.#session.health;
  }

  get failures(): number {
    return this.#session.failures;
  }

  start(): Promise<void> {
    return this.#session.start();
  }

  retry(): Promise<boolean> {
    return this.#session.retry();
  }

  async get(key: string): Promise<readonly FoundVariant[]> {
    return this.#session.guarded(async () => {
      const name = headName(key);
      await this.#drain(name);
      const found = await this.#session.database.find(key);
      for (const { bodyId, chunks } of found) if (chunks === undefined) this.#options.leases.take(bodyId);
      return found.filter(({ variant }) => !this.#session.hides(name, variant));
    });
  }

  async read(key: string, bodyId: number, chunk: number, checksum: number): Promise<Uint8Array> {
    return this.#session.guarded(async () => {
      this.#options.leases.take(bodyId);
      const bytes = await this.#session.database.read(key, bodyId, chunk, checksum);
      if (bytes === undefined) throw new Unavailable('the body is no longer there, or damaged');
      return bytes;
    });
  }

  /** Queues a put; on a store at fault it is dropped, and what it would have replaced is owed. */
  put(request: PutRequest): void {
    this.#queue.add(headName(request.key), request);
    if (this.#session.fault === undefined) return;
    this.#session.giveUp();
    this.#settle();
  }

  async updateMeta(update: Update): Promise<boolean> {
    const { key, variant } = update;
    return this.#changing({ name: headName(key), variant }, (db) => db.updateMeta(update));
  }

  async remove(key: string, variant: string | undefined): Promise<Removed> {
    const name = headName(key);
    return this.#changing({ name, variant }, (db) =>
      db.remove(name, (one) => variant === undefined || one.variant === variant),
    );
  }

  /** A part of a body that is put while it comes. @returns undefined when it can't be taken: the whole is given up then */
  part(stream: string, bytes: Uint8Array): Promise<Written | undefined> {
    return this.#session.guarded(() => this.#streams.add(stream, bytes));
  }

  /** The body has come whole: it is the record's from now on. @returns false when a part of it was not taken */
  async finish(stream: string, end: StreamEnd): Promise<boolean> {
    const { key, variant } = end;
    return this.#changing({ name: headName(key), variant }, (db) => this.#streams.finish(stream, end, db));
  }

  abandon(stream: string): void {
    this.#streams.abandon(stream, this.#session.handle.database);
  }

  /** Abandons every stream whose name begins so. */
  abandonAll(prefix: string): void {
    this.#streams.abandonAll(prefix, this.#session.handle.database);
  }

  /** A step of counting or removing what a purge selects. */
  async select({ selection, without, after, drop }: Select): Promise<Selected> {
    return this.#session.guarded(async () => {
      if (!drop) return this.#session.database.count(selection, without, after);
      if (this.#session.fault !== undefined) throw new Unavailable(this.#session.fault);
      return (await this.#session.begin()).drop(selection, after);
    });
  }

  async clear(): Promise<Removed> {
    const db = this.#session.handle.database;
    const removed = db === undefined ? { records: 0, bytes: 0 } : await this.#writer.total(db);
    this.#queue.clear();
    this.#streams.giveUp(undefined);
    // What is being read is read on from what is committed.
    await this.commit().catch(() => undefined);
    await this.#session.restart();
    this.#settle();
    return removed;
  }

  /** What `clear` would remove. */
  async total(): Promise<Removed> {
    return this.#session.guarded(() => this.#writer.total(this.#session.database));
  }

  /** A larger body is declined. */
  get maxBodyBytes(): number {
    return Math.floor(this.#options.maxBytes / 8);
  }

  count(what: 'dropped' | 'undecodable'): void {
    this.#counts[what] += 1;
  }

  /** Uses that lookups elsewhere have made of bodies. */
  used(uses: readonly (readonly [bodyId: number, head: string])[]): void {
    const { database } = this.#session.handle;
    for (const [bodyId, head] of uses) database?.bodies.touch(bodyId, head);
  }

  /** A transaction is open that nobody waits for: it is to be committed after a while, with what comes till then. */
  get isOpen(): boolean {
    return this.#session.fault === undefined && this.#session.handle.database?.inTransaction === true;
  }

  /**
   * One small step of the background's work. @returns false when there is none left.
   * @param commits whether what is written is committed then, though nobody waits for it
   */
  async step(commits = true): Promise<boolean> {
    const db = this.#session.handle.database;
    if (db === undefined || this.#session.fault !== undefined) return false;
    try {
      if (await this.#writer.step(db)) {
        this.#commitFull(db);
        return true;
      }
      if (db.inTransaction && !commits && this.#flushing.length === 0) return false;
      if (db.inTransaction) this.#session.commitNow(db);
      else this.#settle();
      this.#writer.settled(db);
      return db.bodies.hasGarbage;
    } catch (error) {
      await this.#session.failed(error);
    }
    return false;
  }

  /** There are bytes to be freed that are still being read. */
  get isReadFrom(): boolean {
    return this.#session.fault === undefined && this.#session.handle.database?.bodies.hasHeld === true;
  }

  commit(): Promise<void> {
    return this.#session.commit();
  }

  /** Writes the noted uses, if any. */
  async flushUses(): Promise<void> {
    const { fault, handle } = this.#session;
    if (fault !== undefined || handle.database?.bodies.hasTouches !== true) return;
    await this.#session.guarded(() => this.#session.begin());
  }

  /** Resolves when all that is queued now is committed; needs steps to be done. Rejects when that failed. */
  flush(): Promise<void> {
    const { fault } = this.#session;
    if (fault !== undefined) return Promise.reject(new Unavailable(fault));
    return new Promise((resolve, reject) => {
      this.#queue.barrier(() => this.#flushing.push({ resolve, reject }));
    });
  }

  async stats(): Promise<Omit<SqliteStats, 'queuedBytes' | 'maxBytes'>> {
    const { handle } = this.#session;
    return this.#session.guarded(async () => {
      const db = this.#session.database;
      const { dropped, undecodable } = this.#counts;
      return {
        records: db.totals.records,
        bytes: db.space.heldBytes,
        evictions: this.#writer.evictions,
        dropped,
        failedWrites: this.#session.failedWrites,
        damaged: undecodable + handle.damaged,
        rebuilt: handle.rebuilt,
        failing: this.#session.fault !== undefined,
      };
    });
  }

  async close(): Promise<void> {
    while (!this.#queue.empty && this.#session.fault === undefined) await this.step();
    await this.commit().catch(() => {});
    await this.#options.readers.pause();
    this.#session.close();
    this.#settle(new Unavailable('closed'));
  }

  #changing<T>(pair: Pair, change: (db: CacheDatabase) => Promise<T>): Promise<T> {
    return this.#session.changing(pair, (name) => this.#drain(name), change);
  }

  /** Applies the puts queued for a key. */
  async #drain(name: string): Promise<void> {
    while (this.#queue.has(name)) {
      await this.#writer.advance(name);
      this.#commitFull(this.#session.database);
    }
  }

  #commitFull(db: CacheDatabase): void {
    if (db.pendingBytes >= db.transactionBytes) this.#session.commitNow(db);
  }

  /** Tells of puts and flushes whose end is known. */
  #settle(error?: unknown): void {
    if (this.#unsettled.length > 0) this.#options.written(this.#unsettled.splice(0));
    for (const { resolve, reject } of this.#flushing.splice(0)) {
      if (error === undefined) resolve();
      else reject(error);
    }
  }
}

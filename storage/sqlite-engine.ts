// The database with its write queue and its failures: what the thread (sqlite-thread.ts) runs, one call at a time.
// Owns when transactions are committed, what is still owed to the disk after a failure, and when to try again.
//
// INVARIANT: after `remove` or `clear` was called nothing that was there is found again. What could not be removed from
// the disk is owed: hidden from lookups, and removed in the first transaction that succeeds. A put or update that failed
// owes the removal of what it was to replace.

import type { CacheDatabase } from './sqlite-database.ts';
import { isMalformed, messageOf } from './sqlite-files.ts';
import { Handle } from './sqlite-handle.ts';
import { headName } from './sqlite-head.ts';
import type { BodyRef, FoundVariant, Health, Page, PutRequest, SqliteStats } from './sqlite-protocol.ts';
import { Owed, type Pair, WriteQueue } from './sqlite-queue.ts';
import type { DiskEviction } from './sqlite-standing.ts';
import { Writer } from './sqlite-writer.ts';
import type { Removed } from './store.ts';

export interface EngineOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly journalId: string | undefined;
  readonly eviction: DiskEviction;
  /** Called when puts leave the queue, written or dropped. */
  readonly dequeued: (bytes: number) => void;
  readonly healthChanged: (health: Health) => void;
  readonly now: () => number;
}

/** A refusal that is no new failure: the store is known to be at fault, or what was asked for is gone. */
class Unavailable extends Error {}

export class Engine {
  readonly #options: EngineOptions;
  readonly #queue: WriteQueue;
  readonly #writer: Writer;
  readonly #owed = new Owed();
  readonly #handle: Handle;
  #fault: string | undefined;
  #failures = 0;
  #closed = false;
  /** Pairs written in the open transaction: owed if it fails. */
  #open: Pair[] = [];
  #counts = { dropped: 0, failedWrites: 0, undecodable: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#queue = new WriteQueue(options.dequeued);
    this.#handle = new Handle(options);
    this.#writer = new Writer(
      this.#queue,
      () => this.#begin(),
      (pair) => this.#open.push(pair),
    );
  }

  get health(): Health {
    if (this.#fault !== undefined) return { ok: false, detail: this.#fault };
    const { keptAside } = this.#handle;
    return keptAside === undefined
      ? { ok: true }
      : { ok: true, detail: `malformed database kept as ${keptAside}` };
  }

  /** Moves with every failure: what was not committed before it will not be. */
  get failures(): number {
    return this.#failures;
  }

  /** Opens the database, or notes why it can't be. */
  async start(): Promise<void> {
    try {
      await this.#handle.open();
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** Tries again after a fault. @returns whether all is well. */
  async retry(): Promise<boolean> {
    if (this.#fault === undefined || this.#closed) return true;
    try {
      if (this.#owed.everything) {
        await this.#handle.restart();
        this.#owed.clear();
      }
      if (this.#handle.database === undefined) await this.#handle.open();
      const db = await this.#begin();
      db.bodies.setState('probe', this.#options.now());
      db.commit();
      this.#open = [];
      this.#fault = undefined;
      this.#options.healthChanged(this.health);
      return true;
    } catch (error) {
      await this.#failed(error);
      return this.#fault === undefined;
    }
  }

  async get(key: string): Promise<readonly FoundVariant[]> {
    return this.#guarded(async () => {
      const name = headName(key);
      await this.#drain(name);
      const found = await this.#database().find(key);
      return this.#owed.empty ? found : found.filter(({ variant }) => !this.#owed.has(name, variant));
    });
  }

  async read(
    key: string,
    variant: string,
    bodyId: number,
    chunk: number,
    checksum: number,
  ): Promise<Uint8Array> {
    return this.#guarded(async () => {
      const db = this.#database();
      const bytes = this.#owed.has(headName(key), variant)
        ? undefined
        : await db.read(key, bodyId, chunk, checksum);
      if (bytes === undefined) throw new Unavailable('the body is no longer there, or damaged');
      return bytes;
    });
  }

  /** Queues a put; on a store at fault it is dropped, and what it would have replaced is owed. */
  put(request: PutRequest): void {
    this.#queue.add(headName(request.key), request);
    if (this.#fault !== undefined) this.#dropQueue();
  }

  async updateMeta(key: string, variant: string, meta: Uint8Array): Promise<boolean> {
    return this.#changing({ name: headName(key), variant }, (db) => db.updateMeta(key, variant, meta));
  }

  async remove(key: string, variant: string | undefined): Promise<Removed> {
    const name = headName(key);
    return this.#changing({ name, variant }, (db) =>
      db.remove(name, (one) => variant === undefined || one.variant === variant),
    );
  }

  /** Some records, for background work; `pending` says that puts are queued, which are met behind the end. */
  async walk(
    after: number,
    needles: readonly Uint8Array[] | undefined,
  ): Promise<Page & { readonly pending: boolean }> {
    return this.#guarded(async () => {
      const { found, next } = this.#database().walk(after, needles);
      const shown = this.#owed.empty
        ? found
        : found.filter(({ key, variant }) => !this.#owed.has(headName(key), variant));
      return { found: shown, next, pending: !this.#queue.empty };
    });
  }

  /** Removes records that still have the bodies named. */
  async drop(bodies: readonly BodyRef[]): Promise<Removed> {
    let records = 0;
    let bytes = 0;
    for (const { key, variant, bodyId } of bodies) {
      const name = headName(key);
      const removed = await this.#changing({ name, variant }, (db) =>
        db.remove(name, (one) => one.bodyId === bodyId),
      );
      records += removed.records;
      bytes += removed.bytes;
    }
    return { records, bytes };
  }

  async clear(): Promise<Removed> {
    if (this.#closed) throw new Unavailable('closed');
    const db = this.#handle.database;
    const removed = db === undefined ? { records: 0, bytes: 0 } : await this.#writer.total(db);
    this.#queue.clear();
    this.#open = [];
    this.#owed.addEverything();
    try {
      await this.#handle.restart();
      this.#owed.clear();
      this.#healed();
      return removed;
    } catch (error) {
      await this.#failed(error);
      throw error;
    }
  }

  /** What `clear` would remove. */
  async total(): Promise<Removed> {
    return this.#guarded(() => this.#writer.total(this.#database()));
  }

  /** A larger body is declined. */
  get maxBodyBytes(): number {
    return Math.floor(this.#options.maxBytes / 8);
  }

  count(what: 'dropped' | 'undecodable'): void {
    this.#counts[what] += 1;
  }

  /** One small step of the background's work. @returns false when there is none left and all is committed. */
  async step(): Promise<boolean> {
    const db = this.#handle.database;
    if (db === undefined || this.#fault !== undefined) return false;
    try {
      if (await this.#writer.step(db)) {
        if (db.pendingBytes >= db.transactionBytes) this.#commit(db);
        return true;
      }
      if (db.inTransaction) this.#commit(db);
      this.#writer.settled(db);
    } catch (error) {
      await this.#failed(error);
    }
    return false;
  }

  /** Commits what is open. @throws what the database throws; it is then owed. */
  async commit(): Promise<void> {
    const db = this.#handle.database;
    if (db?.inTransaction !== true) return;
    try {
      this.#commit(db);
    } catch (error) {
      await this.#failed(error);
      throw error;
    }
  }

  /** Writes the noted uses, if any. */
  async flushUses(): Promise<void> {
    if (this.#fault !== undefined || this.#handle.database?.bodies.hasTouches !== true) return;
    await this.#guarded(() => this.#begin());
  }

  /** Writes all that is queued. @throws when that failed. */
  async flush(): Promise<void> {
    while (!this.#queue.empty && this.#fault === undefined) await this.step();
    await this.commit();
    if (this.#fault !== undefined) throw new Unavailable(this.#fault);
  }

  async stats(): Promise<Omit<SqliteStats, 'queuedBytes' | 'maxBytes'>> {
    return this.#guarded(async () => {
      const db = this.#database();
      const { dropped, failedWrites, undecodable } = this.#counts;
      return {
        records: db.totals.records,
        bytes: db.heldBytes,
        evictions: this.#writer.evictions,
        dropped,
        failedWrites,
        damaged: undecodable + this.#handle.damaged,
        rebuilt: this.#handle.rebuilt,
      };
    });
  }

  async close(): Promise<void> {
    await this.flush().catch(() => {});
    this.#handle.close();
    this.#closed = true;
    this.#fault = 'closed';
  }

  #database(): CacheDatabase {
    if (this.#fault === 'closed' || this.#handle.database === undefined)
      throw new Unavailable(this.#fault ?? 'closed');
    return this.#handle.database;
  }

  async #begin(): Promise<CacheDatabase> {
    const db = this.#database();
    db.begin();
    const owed = this.#owed.take();
    this.#open.push(...owed);
    for (const pair of owed) {
      await db.remove(pair.name, (one) => pair.variant === undefined || one.variant === pair.variant);
    }
    return db;
  }

  #commit(db: CacheDatabase): void {
    db.commit();
    this.#open = [];
  }

  /** Applies the puts queued for a key. */
  async #drain(name: string): Promise<void> {
    while (this.#queue.has(name)) {
      await this.#writer.advance(name);
      const db = this.#database();
      if (db.pendingBytes >= db.transactionBytes) this.#commit(db);
    }
  }

  async #changing<T>(pair: Pair, change: (db: CacheDatabase) => Promise<T>): Promise<T> {
    try {
      if (this.#fault !== undefined) throw new Unavailable(this.#fault);
      return await this.#guarded(async () => {
        await this.#drain(pair.name);
        const db = await this.#begin();
        const result = await change(db);
        this.#open.push(pair);
        return result;
      });
    } catch (error) {
      this.#counts.failedWrites += 1;
      this.#owed.add(pair);
      throw error;
    }
  }

  async #guarded<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof Unavailable)) await this.#failed(error);
      throw error;
    }
  }

  #dropQueue(): void {
    for (const { name, job } of this.#queue.pairs()) {
      this.#counts.failedWrites += 1;
      this.#owed.add({ name, variant: job.request.variant });
      if (job.bodyId !== undefined) this.#handle.database?.bodies.abandon(job.bodyId);
    }
    this.#queue.clear();
  }

  #healed(): void {
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#options.healthChanged(this.health);
  }

  /** After any failure of the database: nothing of the open transaction counts, and the queue is given up. */
  async #failed(error: unknown): Promise<void> {
    this.#failures += 1;
    for (const pair of this.#open) this.#owed.add(pair);
    this.#counts.failedWrites += this.#open.length;
    this.#open = [];
    this.#dropQueue();
    const before = this.#fault;
    this.#fault = messageOf(error);
    try {
      this.#handle.database?.rollback();
    } catch {
      this.#handle.close();
    }
    if (isMalformed(error)) {
      try {
        await this.#handle.rebuild(this.#options.now());
        this.#owed.clear();
        this.#fault = undefined;
      } catch (again) {
        this.#fault = messageOf(again);
      }
      this.#options.healthChanged(this.health);
    } else if (before !== this.#fault) {
      this.#options.healthChanged(this.health);
    }
  }
}

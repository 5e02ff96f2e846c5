// The database with its write queue and its failures: what the thread (sqlite-thread.ts) runs, one call at a time.
// Owns when transactions are committed, what is still owed to the disk after a failure, and when to try again.
//
// INVARIANT: after `remove` or `clear` was called nothing that was there is found again. What could not be removed from
// the disk is owed: hidden from lookups, and removed in the first transaction that succeeds. A put or update that failed
// owes the removal of what it was to replace.

import { CacheDatabase, CHANGE_BYTES } from './sqlite-database.ts';
import { isMalformed, removeDatabase, setAside } from './sqlite-files.ts';
import { headName } from './sqlite-head.ts';
import type { FoundVariant, Health, PutRequest, SqliteStats } from './sqlite-protocol.ts';
import { Owed, type Pair, WriteQueue } from './sqlite-queue.ts';
import type { Removed } from './store.ts';

/** Work of one step, so that lookups wait for no more than this. */
const STEP_RECORDS = 16;
const STEP_BYTES = 1024 * 1024;

export interface EngineOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly journalId: string | undefined;
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
  readonly #owed = new Owed();
  #db: CacheDatabase | undefined;
  #fault: string | undefined;
  #setAside: string | undefined;
  #firstId = 1;
  /** Pairs written in the open transaction: owed if it fails. */
  #open: Pair[] = [];
  #counts = { evictions: 0, dropped: 0, failedWrites: 0, damaged: 0, rebuilt: 0 };

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#queue = new WriteQueue(options.dequeued);
  }

  get health(): Health {
    if (this.#fault !== undefined) return { ok: false, detail: this.#fault };
    return this.#setAside === undefined
      ? { ok: true }
      : { ok: true, detail: `malformed database kept as ${this.#setAside}` };
  }

  /** Opens the database, or notes why it can't be. */
  async start(): Promise<void> {
    try {
      await this.#openDatabase();
    } catch (error) {
      await this.#failed(error);
    }
  }

  /** Tries again after a fault. @returns whether all is well. */
  async retry(): Promise<boolean> {
    if (this.#fault === undefined) return true;
    try {
      if (this.#owed.everything) await this.#restart();
      this.#db ??= await this.#openDatabase();
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

  async clear(): Promise<Removed> {
    const removed = await this.#countAll();
    this.#queue.clear();
    this.#open = [];
    this.#owed.addEverything();
    try {
      await this.#restart();
      this.#healed();
      return removed;
    } catch (error) {
      await this.#failed(error);
      throw error;
    }
  }

  /** A larger body is not worth trying; undefined while there is no database. */
  get maxBodyBytes(): number {
    return Math.floor(this.#options.maxBytes / 8);
  }

  count(what: 'dropped' | 'damaged'): void {
    this.#counts[what] += 1;
  }

  /** One small step of the background's work. @returns false when there is none left and all is committed. */
  async step(): Promise<boolean> {
    const db = this.#db;
    if (db === undefined || this.#fault !== undefined) return false;
    try {
      if (await this.#work()) {
        if (db.pendingBytes >= db.transactionBytes) this.#commit(db);
        return true;
      }
      if (db.inTransaction) this.#commit(db);
    } catch (error) {
      await this.#failed(error);
    }
    return false;
  }

  /** Commits what is open. @throws what the database throws; it is then owed. */
  async commit(): Promise<void> {
    const db = this.#db;
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
    if (this.#fault !== undefined || this.#db?.bodies.hasTouches !== true) return;
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
      this.#counts.damaged += db.takeDamaged();
      return { records: db.totals.records, bytes: db.heldBytes, ...this.#counts };
    });
  }

  async close(): Promise<void> {
    await this.flush().catch(() => {});
    this.#db?.close();
    this.#db = undefined;
    this.#fault = 'closed';
  }

  async #openDatabase(): Promise<CacheDatabase> {
    const { dir, maxBytes, journalId } = this.#options;
    let db = await CacheDatabase.open(dir, maxBytes, this.#firstId);
    if (journalId !== undefined && db.journalId !== journalId) {
      // Fail closed: purges that this database never heard of may be lost with their journal.
      this.#firstId = db.bodies.nextId;
      db.close();
      removeDatabase(dir);
      db = await CacheDatabase.open(dir, maxBytes, this.#firstId);
      db.journalId = journalId;
    }
    this.#db = db;
    return db;
  }

  /** Begins with an empty database. */
  async #restart(): Promise<void> {
    this.#closeDatabase();
    removeDatabase(this.#options.dir);
    await this.#openDatabase();
    this.#owed.clear();
  }

  #closeDatabase(): void {
    const db = this.#db;
    this.#db = undefined;
    if (db === undefined) return;
    this.#counts.damaged += db.takeDamaged();
    this.#firstId = db.bodies.nextId;
    try {
      db.close();
    } catch {
      // A database that is beyond closing is as good as closed.
    }
  }

  #database(): CacheDatabase {
    if (this.#db === undefined) throw new Unavailable(this.#fault ?? 'closed');
    return this.#db;
  }

  async #begin(): Promise<CacheDatabase> {
    const db = this.#database();
    db.begin();
    for (const pair of this.#owed.take()) {
      this.#open.push(pair);
      await db.remove(pair.name, (one) => pair.variant === undefined || one.variant === pair.variant);
    }
    return db;
  }

  #commit(db: CacheDatabase): void {
    db.commit();
    this.#open = [];
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

  /** Queued work first, then cleaning up. */
  async #work(): Promise<boolean> {
    const db = this.#database();
    const until = db.pendingBytes + Math.min(STEP_BYTES, db.transactionBytes);
    for (let i = 0; i < STEP_RECORDS; i += 1) {
      const name = this.#queue.first();
      if (name === undefined) return i > 0 || (await this.#tidy());
      await this.#advance(name);
      if (db.pendingBytes >= until) break;
    }
    return true;
  }

  async #tidy(): Promise<boolean> {
    const db = this.#database();
    if (isOverfull(db, 0) && (await this.#free())) return true;
    if (db.bodies.hasGarbage) return (await this.#begin()).sweep();
    if (!db.shrinkable) return false;
    (await this.#begin()).shrink();
    return true;
  }

  /** Applies the puts queued for a key. */
  async #drain(name: string): Promise<void> {
    while (this.#queue.has(name)) {
      await this.#advance(name);
      const db = this.#database();
      if (db.pendingBytes >= db.transactionBytes) this.#commit(db);
    }
  }

  /** A part of the first put queued for a key, or of the room that it needs. */
  async #advance(name: string): Promise<void> {
    const job = this.#queue.next(name);
    if (job === undefined) return;
    const db = await this.#begin();
    const { request } = job;
    if (job.bodyId === undefined) {
      if (isOverfull(db, job.costBytes) && (await this.#free())) return;
      this.#open.push({ name, variant: request.variant });
      job.bodyId = db.beginBody(request.chunks.length);
    }
    const until = db.pendingBytes + Math.min(STEP_BYTES, db.transactionBytes);
    while (job.written < request.chunks.length && db.pendingBytes < until) {
      const chunk = request.chunks[job.written];
      if (chunk !== undefined) await db.writeChunk(job.bodyId, job.written, chunk);
      job.written += 1;
    }
    if (job.written < request.chunks.length) return;
    await db.finishBody(job.bodyId, request);
    this.#queue.done(name);
  }

  /** A step towards room. @returns false when there is nothing to remove. */
  async #free(): Promise<boolean> {
    const db = await this.#begin();
    if (await db.sweep()) return true;
    const evicted = await db.evict(STEP_RECORDS, STEP_BYTES);
    this.#counts.evictions += evicted;
    return evicted > 0;
  }

  async #countAll(): Promise<Removed> {
    const db = this.#db;
    if (db === undefined) return { records: 0, bytes: 0 };
    let { records, bytes } = db.totals;
    for (const { job, first } of this.#queue.pairs()) {
      const { request } = job;
      bytes += request.length;
      if (first && !(await db.has(request.key, request.variant).catch(() => false))) records += 1;
    }
    return { records, bytes };
  }

  #dropQueue(): void {
    for (const { name, job } of this.#queue.pairs()) {
      this.#counts.failedWrites += 1;
      this.#owed.add({ name, variant: job.request.variant });
      if (job.bodyId !== undefined) this.#db?.bodies.abandon(job.bodyId);
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
    for (const pair of this.#open) this.#owed.add(pair);
    this.#counts.failedWrites += this.#open.length;
    this.#open = [];
    this.#dropQueue();
    const before = this.#fault;
    this.#fault = error instanceof Error ? error.message : String(error);
    try {
      this.#db?.rollback();
    } catch {
      this.#closeDatabase();
    }
    if (isMalformed(error)) {
      try {
        this.#closeDatabase();
        this.#setAside = setAside(this.#options.dir, this.#options.now());
        this.#counts.rebuilt += 1;
        await this.#openDatabase();
        this.#owed.clear();
        this.#fault = undefined;
      } catch (again) {
        this.#fault = again instanceof Error ? again.message : String(again);
      }
      this.#options.healthChanged(this.health);
    } else if (before !== this.#fault) {
      this.#options.healthChanged(this.health);
    }
  }
}

function isOverfull(db: CacheDatabase, bytes: number): boolean {
  return db.usedBytes + bytes + CHANGE_BYTES > db.maxBytes;
}

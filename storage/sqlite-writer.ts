// Background work on the database in small steps: queued puts, eviction for room, cleaning up. Owns the order of that
// work, not the transactions it runs in.

import { crc32 } from 'node:zlib';
import { type CacheDatabase, CHANGE_BYTES } from './sqlite-database.ts';
import { heldBudget } from './sqlite-handle.ts';
import type { Pair, WriteQueue } from './sqlite-queue.ts';
import type { Removed } from './store.ts';

/** Work of one step, so that lookups wait for no more than this. */
const STEP_RECORDS = 16;
const MAX_LOOKED = 256;
const STEP_BYTES = 1024 * 1024;

export class Writer {
  readonly #queue: WriteQueue;
  readonly #begin: () => Promise<CacheDatabase>;
  readonly #writing: (pair: Pair) => void;
  readonly #commit: (db: CacheDatabase) => void;
  #evictions = 0;
  /** Pages were given back, and the file is yet to be cut. */
  #shrunk = false;

  /**
   * @param begin opens a transaction if there is none
   * @param writing told of each record that the open transaction changes
   * @param commit ends the transaction
   */
  constructor(
    queue: WriteQueue,
    begin: () => Promise<CacheDatabase>,
    writing: (pair: Pair) => void,
    commit: (db: CacheDatabase) => void,
  ) {
    this.#queue = queue;
    this.#begin = begin;
    this.#writing = writing;
    this.#commit = commit;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Queued work first, then cleaning up. @returns false when there is nothing to do. */
  async step(db: CacheDatabase): Promise<boolean> {
    const until = db.pendingBytes + stepBytes(db);
    for (let i = 0; i < STEP_RECORDS; i += 1) {
      const name = this.#queue.first();
      if (name === undefined) return i > 0 || (await this.#tidy(db));
      await this.advance(name);
      if (db.pendingBytes >= until) break;
    }
    return true;
  }

  /** To be called when all is committed. */
  settled(db: CacheDatabase): void {
    if (this.#shrunk) db.space.checkpoint();
    this.#shrunk = false;
  }

  /** A part of the first put queued for a key, or of the room that it needs. */
  async advance(name: string): Promise<void> {
    const job = this.#queue.next(name);
    if (job === undefined) return;
    const db = await this.#begin();
    const { request } = job;
    if (job.bodyId === undefined) {
      if (isOverfull(db, job.costBytes) && (await this.#free())) return;
      this.#writing({ name, variant: request.variant });
      if (request.chunks.length <= 1) {
        await db.put(request, name, request.chunks[0]);
        this.#queue.done(name);
        return;
      }
      job.bodyId = db.beginBody(request.chunks.length);
    }
    const until = db.pendingBytes + stepBytes(db);
    for (const chunk of request.chunks.slice(job.checksums.length)) {
      if (db.pendingBytes >= until) return;
      await db.writeChunk(job.bodyId, job.checksums.length, chunk);
      job.checksums.push(crc32(chunk));
    }
    await db.finishBody(job.bodyId, request, job.checksums);
    this.#queue.done(name);
  }

  /** Makes room for so many bytes, in a transaction that is open then. @returns false when there is none to be had */
  async makeRoom(db: CacheDatabase, bytes: number): Promise<boolean> {
    while (isOverfull(db, bytes)) if (!(await this.#free())) return false;
    await this.#begin();
    return true;
  }

  /** All that there is: in the database, and queued. */
  async total(db: CacheDatabase): Promise<Removed> {
    let { records, bytes } = db.totals;
    let looked = 0;
    for (const { job, first } of this.#queue.pairs()) {
      const { request } = job;
      bytes += request.length;
      if (!first) continue;
      // A long queue is one of new records: to look each of them up would take longer than to write them.
      looked += 1;
      const isThere = looked <= MAX_LOOKED && (await db.has(request.key, request.variant).catch(() => false));
      if (!isThere) records += 1;
    }
    return { records, bytes };
  }

  async #tidy(db: CacheDatabase): Promise<boolean> {
    if (db.learn()) return true;
    if (db.hasAttics) {
      await (await this.#begin()).carry();
      return true;
    }
    if (isOverfull(db, 0) && (await this.#free())) return true;
    if (db.bodies.hasGarbage) return (await this.#begin()).sweep();
    if (!db.space.shrinkable) return false;
    (await this.#begin()).shrink();
    this.#shrunk = true;
    return true;
  }

  /** A step towards room; it may end the transaction. @returns false when there is nothing to remove. */
  async #free(): Promise<boolean> {
    const db = await this.#begin();
    if (await db.sweep()) return true;
    if (db.bodies.hasFresh) {
      this.#commit(db);
      return true;
    }
    // The bound comes before readers: beyond their part of it those of the oldest body break.
    if (db.bodies.heldBytes > heldBudget(db.space.maxBytes) && (await db.sweep(true))) return true;
    const evicted = await db.evict(STEP_RECORDS, STEP_BYTES);
    this.#evictions += evicted;
    return evicted > 0 || (await db.sweep(true));
  }
}

function isOverfull(db: CacheDatabase, bytes: number): boolean {
  return db.space.usedBytes + bytes + CHANGE_BYTES > db.space.maxBytes;
}

function stepBytes(db: CacheDatabase): number {
  return Math.min(STEP_BYTES, db.transactionBytes);
}

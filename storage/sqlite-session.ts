// The engine's time with its database: the open transaction, failures, what is still owed to the disk after one, and trying
// again. What is asked of the database is sqlite-engine.ts's.
//
// INVARIANT: after `remove` or `clear` was called nothing that was there is found again. What could not be removed from
// the disk is owed: hidden from lookups, and removed in the first transaction that succeeds. A put or update that failed
// owes the removal of what it was to replace. The thread that only reads knows of no debts: it is paused while there are any.

import type { CacheDatabase } from './sqlite-database.ts';
import { isMalformed, messageOf } from './sqlite-files.ts';
import { Handle, type HandleOptions } from './sqlite-handle.ts';
import type { Health } from './sqlite-protocol.ts';
import { Owed, type Pair } from './sqlite-queue.ts';

export interface SessionOptions extends HandleOptions {
  readonly healthChanged: (health: Health) => void;
  readonly now: () => number;
  /** Lookups beside this session. */
  readonly readers: Pausable;
}

/** What must not have the database open while it is replaced, and must not answer while something is owed. */
export interface Pausable {
  /** Resolves when nothing is answered any more. */
  pause(): Promise<void>;
  resume(): void;
}

/** A refusal that is no new failure: the store is known to be at fault, or what was asked for is gone. */
export class Unavailable extends Error {}

export class Session {
  readonly handle: Handle;
  readonly #options: SessionOptions;
  readonly #owed = new Owed();
  /** Gives up what is queued; each of its records is owed. */
  readonly #giveUp: (owe: (pair: Pair) => void) => void;
  /** Everything asked for so far is committed, or (with an error) will not be. */
  readonly #settled: (error?: unknown) => void;
  #fault: string | undefined = 'not opened yet';
  #failures = 0;
  #failedWrites = 0;
  #closed = false;
  /** Pairs written in the open transaction: owed if it fails. */
  #open: Pair[] = [];

  constructor(
    options: SessionOptions,
    giveUp: (owe: (pair: Pair) => void) => void,
    settled: (error?: unknown) => void,
  ) {
    this.#options = options;
    this.handle = new Handle(options);
    this.#giveUp = giveUp;
    this.#settled = settled;
  }

  get health(): Health {
    if (this.#fault !== undefined) return { ok: false, detail: this.#fault };
    const { keptAside } = this.handle;
    return keptAside === undefined
      ? { ok: true }
      : { ok: true, detail: `malformed database kept as ${keptAside}` };
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  /** Moves with every failure: what was not committed before it will not be. */
  get failures(): number {
    return this.#failures;
  }

  /** Changes that were asked for and not made. */
  get failedWrites(): number {
    return this.#failedWrites;
  }

  /** @throws Unavailable when there is none. */
  get database(): CacheDatabase {
    const { database } = this.handle;
    if (this.#closed || database === undefined) throw new Unavailable(this.#fault ?? 'closed');
    return database;
  }

  /** Whether a record counts as removed, though the disk has not seen it go. */
  hides(name: string, variant: string): boolean {
    return !this.#owed.empty && this.#owed.has(name, variant);
  }

  /** Opens the database, or notes why it can't be. */
  async start(): Promise<void> {
    try {
      await this.handle.open();
      this.#fault = undefined;
      this.#options.readers.resume();
    } catch (error) {
      await this.failed(error);
    }
  }

  /** Tries again after a fault. @returns whether all is well. */
  async retry(): Promise<boolean> {
    if (this.#fault === undefined || this.#closed) return true;
    try {
      if (this.#owed.everything) {
        await this.handle.restart();
        this.#owed.clear();
      }
      if (this.handle.database === undefined) await this.handle.open();
      const db = await this.begin();
      db.bodies.setState('probe', this.#options.now());
      db.commit();
      this.#open = [];
      this.#healed();
      return true;
    } catch (error) {
      await this.failed(error);
      return this.#fault === undefined;
    }
  }

  /** Begins with an empty database. @throws what node:sqlite and the file system throw; everything is owed then. */
  async restart(): Promise<void> {
    if (this.#closed) throw new Unavailable('closed');
    this.#open = [];
    this.#owed.addEverything();
    try {
      await this.#options.readers.pause();
      await this.handle.restart();
      this.#owed.clear();
      this.#healed();
    } catch (error) {
      await this.failed(error);
      throw error;
    }
  }

  /** Opens a transaction if there is none, with what is owed in it. */
  async begin(): Promise<CacheDatabase> {
    const db = this.database;
    db.begin();
    const owed = this.#owed.take();
    this.#open.push(...owed);
    for (const { name, variant } of owed)
      await db.remove(name, (one) => variant === undefined || one.variant === variant);
    return db;
  }

  /** Told of each record that the open transaction changes. */
  writing(pair: Pair): void {
    this.#open.push(pair);
  }

  /** Commits what is open. @throws what the database throws; it is then owed. */
  async commit(): Promise<void> {
    const db = this.handle.database;
    if (db?.inTransaction !== true) return;
    await this.guarded(async () => this.commitNow(db));
  }

  /** To be called where a failure is seen to. */
  commitNow(db: CacheDatabase): void {
    db.commit();
    this.#open = [];
    this.#settled();
  }

  /** Makes a change to one record, after what is queued for its key; one that fails is owed. */
  async changing<T>(
    pair: Pair,
    drain: (name: string) => Promise<void>,
    change: (db: CacheDatabase) => Promise<T>,
  ): Promise<T> {
    try {
      if (this.#fault !== undefined) throw new Unavailable(this.#fault);
      return await this.guarded(async () => {
        await drain(pair.name);
        const result = await change(await this.begin());
        this.#open.push(pair);
        return result;
      });
    } catch (error) {
      this.#failedWrites += 1;
      this.#owed.add(pair);
      throw error;
    }
  }

  async guarded<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      if (!(error instanceof Unavailable)) await this.failed(error);
      throw error;
    }
  }

  /** Nothing of the queue will be written. */
  giveUp(): void {
    this.#giveUp((pair) => {
      this.#failedWrites += 1;
      this.#owed.add(pair);
    });
  }

  close(): void {
    this.handle.close();
    this.#closed = true;
    this.#fault = 'closed';
  }

  /** After any failure of the database: nothing of the open transaction counts, and the queue is given up. */
  async failed(error: unknown): Promise<void> {
    this.#failures += 1;
    await this.#options.readers.pause();
    for (const pair of this.#open) this.#owed.add(pair);
    this.#failedWrites += this.#open.length;
    this.#open = [];
    this.giveUp();
    const before = this.#fault;
    this.#fault = messageOf(error);
    try {
      this.handle.database?.rollback();
    } catch {
      this.handle.close();
    }
    if (isMalformed(error)) {
      try {
        await this.handle.rebuild(this.#options.now());
        this.#owed.clear();
        this.#fault = undefined;
        this.#options.readers.resume();
      } catch (again) {
        this.#fault = messageOf(again);
      }
      this.#options.healthChanged(this.health);
    } else if (before !== this.#fault) {
      this.#options.healthChanged(this.health);
    }
    this.#settled(error);
  }

  #healed(): void {
    this.#options.readers.resume();
    if (this.#fault === undefined) return;
    this.#fault = undefined;
    this.#options.healthChanged(this.health);
  }
}

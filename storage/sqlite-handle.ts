// The one open database of a directory, and beginning another in its place. Owns which journal it belongs to and that
// body ids never repeat; when any of this is done is sqlite-engine.ts's decision.

import { Attic } from './sqlite-attic.ts';
import type { BodiesOptions } from './sqlite-bodies.ts';
import { CacheDatabase } from './sqlite-database.ts';
import { removeDatabase, setAside } from './sqlite-files.ts';
import type { Leases } from './sqlite-leases.ts';
import { DatabaseLock } from './sqlite-lock.ts';
import type { Presence } from './sqlite-presence.ts';
import type { DiskEviction } from './sqlite-standing.ts';

export interface HandleOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly journalId: string | undefined;
  readonly eviction: DiskEviction;
  /** What is being read stays readable. */
  readonly leases: Leases;
  /** Kept true of what is stored. */
  readonly presence: Presence;
}

/** So much of the bound may be of bodies that are gone and still read, and so much is carried over into another database. */
export function heldBudget(maxBytes: number): number {
  return Math.floor(maxBytes / 4);
}

export class Handle {
  readonly #options: HandleOptions;
  #lock: DatabaseLock | undefined;
  #database: CacheDatabase | undefined;
  #keptAside: string | undefined;
  #firstId = 1;
  #damaged = 0;
  #rebuilt = 0;

  constructor(options: HandleOptions) {
    this.#options = options;
  }

  /** Undefined until opened, and after a failure to. */
  get database(): CacheDatabase | undefined {
    return this.#database;
  }

  /** Where the latest malformed database is kept. */
  get keptAside(): string | undefined {
    return this.#keptAside;
  }

  /** Records that were dropped because their bytes were missing or wrong. */
  get damaged(): number {
    this.#damaged += this.#database?.takeDamaged() ?? 0;
    return this.#damaged;
  }

  /** How often a malformed database was set aside. */
  get rebuilt(): number {
    return this.#rebuilt;
  }

  /** @throws what node:sqlite throws. */
  async open(): Promise<void> {
    const { dir, maxBytes, journalId } = this.#options;
    this.#lock ??= new DatabaseLock(dir);
    const database = await CacheDatabase.open(dir, maxBytes, this.#bodies);
    this.#database = database;
    if (journalId === undefined || database.journalId === journalId) return;
    // Fail closed: purges that this database never heard of may be lost with their journal.
    this.#closeDatabase();
    removeDatabase(dir);
    const fresh = await CacheDatabase.open(dir, maxBytes, this.#bodies);
    fresh.journalId = journalId;
    this.#database = fresh;
  }

  /** Begins with an empty database; what is read of the old one can be read on. @throws what node:sqlite and the file system throw. */
  async restart(): Promise<void> {
    const attics = await this.#attics();
    try {
      this.#closeDatabase();
      this.#lock ??= new DatabaseLock(this.#options.dir);
      removeDatabase(this.#options.dir);
      await this.open();
      this.#database?.inherit(attics);
    } catch (error) {
      for (const attic of attics) attic.close();
      throw error;
    }
  }

  /** Sets a malformed database aside and begins another. @throws what node:sqlite and the file system throw. */
  async rebuild(now: number): Promise<void> {
    this.#closeDatabase();
    this.#lock ??= new DatabaseLock(this.#options.dir);
    this.#keptAside = setAside(this.#options.dir, now);
    this.#rebuilt += 1;
    await this.open();
  }

  /** Another process may have it. */
  close(): void {
    this.#closeDatabase();
    this.#lock?.release();
    this.#lock = undefined;
  }

  get #bodies(): BodiesOptions & { readonly presence: Presence } {
    const { eviction, leases, presence } = this.#options;
    return { firstId: this.#firstId, eviction, leases, presence };
  }

  /** What has to outlive the open database. */
  async #attics(): Promise<readonly Attic[]> {
    const database = this.#database;
    if (database === undefined) return [];
    const { dir, maxBytes } = this.#options;
    const before = database.takeAttics();
    try {
      const leased = database.bodies.leased(heldBudget(maxBytes));
      return leased.size === 0 ? before : [...before, await Attic.open(dir, leased)];
    } catch {
      // The readings break, as they would have to without it.
      return before;
    }
  }

  #closeDatabase(): void {
    const database = this.#database;
    this.#database = undefined;
    if (database === undefined) return;
    this.#damaged += database.takeDamaged();
    this.#firstId = database.bodies.nextId;
    try {
      database.close();
    } catch {
      // A database that is beyond closing is as good as closed.
    }
  }
}

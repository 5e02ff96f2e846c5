// One process owns a database: a lock held on a file beside it, which the system lets go with the process. Readers of the
// same process need the database itself unlocked.

import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isMalformed, lockPath } from './sqlite-files.ts';

export class DatabaseLock {
  readonly #held: DatabaseSync;

  /** @throws what node:sqlite throws: `database is locked` when another process has it. */
  constructor(dir: string) {
    try {
      this.#held = lock(lockPath(dir));
    } catch (error) {
      if (!isMalformed(error)) throw error;
      // Nobody can hold a lock on what is no database.
      rmSync(lockPath(dir));
      this.#held = lock(lockPath(dir));
    }
  }

  release(): void {
    this.#held.close();
  }
}

function lock(path: string): DatabaseSync {
  const held = new DatabaseSync(path, { timeout: 50 });
  try {
    held.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    return held;
  } catch (error) {
    held.close();
    throw error;
  }
}

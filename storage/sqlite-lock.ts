// One process owns a database: a lock held on a file beside it, which the system lets go with the process. Readers of the
// same process need the database itself unlocked.

import { DatabaseSync } from 'node:sqlite';
import { lockPath } from './sqlite-files.ts';

export class DatabaseLock {
  readonly #held: DatabaseSync;

  /** @throws what node:sqlite throws: `database is locked` when another process has it. */
  constructor(dir: string) {
    this.#held = new DatabaseSync(lockPath(dir), { timeout: 50 });
    try {
      this.#held.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    } catch (error) {
      this.#held.close();
      throw error;
    }
  }

  release(): void {
    this.#held.close();
  }
}

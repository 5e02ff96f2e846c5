// The room of the database: how much of its bound the file and its log take, and giving back what is free. Knows pages only.

import type { NodeSqliteDriver } from './sqlite-driver.ts';
import { walFileBytes } from './sqlite-files.ts';

export const PAGE_BYTES = 4096;
/** Given back in one step. */
const SHRINK_PAGES = 64;

export class Space {
  /** What the database file may hold; the rest of the bound is the log's. */
  readonly maxBytes: number;
  readonly #dir: string;
  readonly #driver: NodeSqliteDriver;

  /** @param maxBytes bound on file and log together */
  constructor(dir: string, maxBytes: number, driver: NodeSqliteDriver) {
    this.maxBytes = maxBytes - walBudget(maxBytes);
    this.#dir = dir;
    this.#driver = driver;
  }

  /** Bytes of pages in use; the file's free pages are room. */
  get usedBytes(): number {
    return (this.#pages - this.#freePages) * PAGE_BYTES;
  }

  /** Bytes in use, the log counted. */
  get heldBytes(): number {
    return this.usedBytes + walFileBytes(this.#dir);
  }

  /** Whether so much of the file is free (or it is over its bound) that pages should go back to the file system. */
  get shrinkable(): boolean {
    const [pages, free] = [this.#pages, this.#freePages];
    return free > 0 && (pages * PAGE_BYTES > this.maxBytes || (free > 2048 && free * 2 > pages));
  }

  /** Gives some free pages back. @returns bytes that this adds to the log */
  shrink(): number {
    this.#driver.all(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`);
    return SHRINK_PAGES * PAGE_BYTES;
  }

  /** Writes the log back into the database file, which then has the size it should have. */
  checkpoint(): void {
    this.#driver.all('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  get #pages(): number {
    return this.#driver.number('PRAGMA page_count');
  }

  get #freePages(): number {
    return this.#driver.number('PRAGMA freelist_count');
  }
}

/** The part of the disk bound that belongs to the log. */
export function walBudget(maxBytes: number): number {
  return Math.min(32 * 1024 * 1024, Math.max(1024 * 1024, Math.floor(maxBytes / 8)));
}

// What purges match on the disk: counted by its index, and given back behind, a little at a time. Nothing's correctness
// depends on it: the journal decides at lookup.

import type { PurgeRecord } from '../../storage/journal.ts';
import type { Removed, Selectable, Selection } from '../../storage/store.ts';
import { rest } from './rest.ts';
import type { CountOrder } from './sweep.ts';

/** Counted without what so many purges have deleted that is still there; the next ones wait for those to be freed. */
const MAX_DEAD = 24;

export class DiskSweep {
  readonly #disk: Selectable;
  readonly #onFailure: (error: unknown) => void;
  /** Deleted by purges, oldest first, and perhaps still there. */
  #dead: Selection[] = [];
  #freeing: Promise<void> = Promise.resolve();

  /** @param onFailure told when bytes could not be given back: they are when room is needed */
  constructor(disk: Selectable, onFailure: (error: unknown) => void) {
    this.#disk = disk;
    this.#onFailure = onFailure;
  }

  /** Rejects when the disk fails. */
  async count({ selector, before, mode }: CountOrder): Promise<Removed> {
    const selection = { selector, before };
    // What one purge has deleted is not there for the next.
    const dead = [...this.#dead];
    if (mode === 'delete') this.#dead.push(selection);
    try {
      if (dead.length > MAX_DEAD) await this.#freeing;
      return await this.#disk.countSelected(selection, dead.length > MAX_DEAD ? [] : dead);
    } finally {
      if (mode === 'delete') this.#free(selection);
    }
  }

  /** Gives back what purges of an earlier run deleted. @param records newest first, as the journal has them */
  resume(records: readonly PurgeRecord[]): void {
    for (const { selector, seq, mode } of records.toReversed()) {
      if (mode !== 'delete') continue;
      const selection = { selector, before: seq };
      this.#dead.push(selection);
      this.#free(selection);
    }
  }

  /** One after another. */
  #free(selection: Selection): void {
    this.#freeing = this.#freeing.then(async () => {
      let since = performance.now();
      try {
        await this.#disk.dropSelected(selection, async () => {
          await rest(performance.now() - since);
          since = performance.now();
        });
      } catch (error) {
        this.#onFailure(error);
      }
      this.#dead = this.#dead.filter((one) => one !== selection);
    });
  }
}

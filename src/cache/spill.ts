// A body written into the store while it comes, because it is too large to be kept in memory first: reads the fill from its
// first byte and backs it. Knows no key; what the body is, and whether it may be stored, is said when it is whole (keep.ts).

import type { Inflow } from '../../storage/store.ts';
import type { Backing, Fill } from './fill.ts';
import type { Source } from './source.ts';
import type { StoredMeta } from './stored.ts';

/** A store that takes nothing for so long is not waited for: everybody who reads the body would wait with it. */
const STALL_MS = 2000;

export class Spill implements Backing {
  /** Resolves when the fill has ended: whether all of it is written. */
  readonly done: Promise<boolean>;
  readonly inflow: Inflow<StoredMeta>;
  readonly #fill: Fill;
  readonly #maxBytes: number;
  readonly #source: Source;
  #isOver = false;

  /**
   * Backs the fill, whose first byte must still be there.
   * @param maxBytes a larger body is given up
   */
  constructor(fill: Fill, inflow: Inflow<StoredMeta>, maxBytes: number) {
    this.#fill = fill;
    this.inflow = inflow;
    this.#maxBytes = maxBytes;
    fill.back(this);
    this.#source = fill.reader();
    this.done = this.#run();
  }

  get written(): number {
    return this.inflow.written;
  }

  read(position: number): Promise<Buffer> {
    return this.inflow.read(position);
  }

  release(): void {
    this.#isOver = true;
    this.inflow.abandon();
    this.#source.close();
  }

  async #run(): Promise<boolean> {
    this.inflow.onWritten = () => this.#fill.written();
    const isWhole = await this.#pump();
    this.#source.close();
    if (!isWhole) this.#fill.unback();
    return isWhole;
  }

  async #pump(): Promise<boolean> {
    const source = this.#source;
    for (let bytes = 0; !this.#isOver; ) {
      const piece = source.next();
      if (piece !== undefined) {
        bytes += piece.length;
        if (bytes > this.#maxBytes || !(await inTime(this.inflow.write(piece)))) return false;
      } else if (source.state === 'complete') {
        return (await this.inflow.end()) && !this.#isOver;
      } else if (source.state === 'failed') return false;
      else await new Promise<void>((resolve) => source.onReadable(resolve));
    }
    return false;
  }
}

async function inTime(taken: Promise<boolean>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, STALL_MS, false);
  const isTaken = await Promise.race([taken, late]);
  clearTimeout(timer);
  return isTaken;
}

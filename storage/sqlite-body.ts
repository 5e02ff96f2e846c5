// A body stored in chunks: at hand when small, else read chunk by chunk with one chunk read ahead.

import { checkRange, cut } from './chunks.ts';
import { CHUNK_BYTES } from './sqlite-protocol.ts';
import type { StoredBody } from './store.ts';

export class SqliteBody implements StoredBody {
  readonly length: number;
  readonly chunks: readonly Buffer[] | undefined;
  readonly #fetch: (chunk: number) => Promise<Buffer>;
  readonly #hold: () => () => void;

  /**
   * @param fetch reads one chunk; rejects with StoreError when it is gone or damaged.
   * @param hold called when a reading begins; what it returns, when that has ended
   */
  constructor(
    length: number,
    chunks: readonly Buffer[] | undefined,
    fetch: (chunk: number) => Promise<Buffer>,
    hold: () => () => void,
  ) {
    this.length = length;
    this.chunks = chunks;
    this.#fetch = fetch;
    this.#hold = hold;
  }

  async *read(start: number, end: number): AsyncIterable<Buffer> {
    checkRange(start, end, this.length);
    if (this.chunks !== undefined) {
      yield* cut(this.chunks, start, end);
      return;
    }
    if (start === end) return;
    const release = this.#hold();
    try {
      yield* this.#chunksOf(start, end);
    } finally {
      release();
    }
  }

  async *#chunksOf(start: number, end: number): AsyncIterable<Buffer> {
    const last = Math.floor((end - 1) / CHUNK_BYTES);
    let ahead = this.#ahead(Math.floor(start / CHUNK_BYTES));
    for (let chunk = Math.floor(start / CHUNK_BYTES); chunk <= last; chunk += 1) {
      const bytes = await ahead;
      if (chunk < last) ahead = this.#ahead(chunk + 1);
      const offset = chunk * CHUNK_BYTES;
      yield* cut([bytes], Math.max(0, start - offset), Math.min(bytes.length, end - offset));
    }
  }

  /** A read whose failure is heard only by the reader who gets that far. */
  #ahead(chunk: number): Promise<Buffer> {
    const reading = this.#fetch(chunk);
    reading.catch(() => {});
    return reading;
  }
}

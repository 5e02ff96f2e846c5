// The body of a record on the disk: at hand when small, else read chunk by chunk with one chunk read ahead.

import { checkRange, cut } from './chunks.ts';
import { CHUNK_BYTES } from './sqlite-protocol.ts';
import type { StoredBody } from './store.ts';

export class SqliteBody implements StoredBody {
  readonly length: number;
  readonly chunks: readonly Buffer[] | undefined;
  readonly #fetch: (chunk: number) => Promise<Buffer>;

  /** @param fetch reads one chunk; rejects with StoreError when it is gone or damaged. */
  constructor(
    length: number,
    chunks: readonly Buffer[] | undefined,
    fetch: (chunk: number) => Promise<Buffer>,
  ) {
    this.length = length;
    this.chunks = chunks;
    this.#fetch = fetch;
  }

  async *read(start: number, end: number): AsyncIterable<Buffer> {
    checkRange(start, end, this.length);
    if (this.chunks !== undefined) {
      yield* cut(this.chunks, start, end);
      return;
    }
    if (start === end) return;
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

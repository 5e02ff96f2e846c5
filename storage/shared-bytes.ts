// Bodies in memory that all threads see: one copy, however many workers serve it. Owns how bytes get there, and telling the
// garbage collector what became free. Knows no store.

import { totalLength } from './chunks.ts';

/** Bodies lie in pieces of at most this. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Above malloc's threshold (32 MB): memory that is asked for and never touched costs nothing. */
const UNIT_BYTES = 33 * 1024 * 1024;

/** The same bytes in shared memory; what fills its shared memory already is kept as it is. */
export function shareBytes(chunks: readonly Buffer[]): readonly Buffer[] {
  const joined = joinViews(chunks);
  if (joined.every(fillsShared)) return joined;
  const pieces: Buffer[] = [];
  let left = totalLength(chunks);
  let piece: Buffer = Buffer.alloc(0);
  let at = 0;
  for (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      if (at === piece.length) {
        piece = sharedBuffer(Math.min(left, PIECE_BYTES));
        left -= piece.length;
        at = 0;
        pieces.push(piece);
      }
      const copied = chunk.copy(piece, at, from);
      at += copied;
      from += copied;
    }
  }
  return pieces;
}

export function sharedBuffer(bytes: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(bytes));
}

/** A view from another thread, or of this one, as a Buffer on the same bytes. */
export function bufferOn({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Views that lie one behind the other in the same shared memory are one. */
function joinViews(chunks: readonly Buffer[]): readonly Buffer[] {
  const joined: Buffer[] = [];
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    const last = joined.at(-1);
    const follows =
      last !== undefined &&
      last.buffer === chunk.buffer &&
      last.byteOffset + last.length === chunk.byteOffset &&
      chunk.buffer instanceof SharedArrayBuffer;
    if (follows)
      joined[joined.length - 1] = Buffer.from(chunk.buffer, last.byteOffset, last.length + chunk.length);
    else joined.push(chunk);
  }
  return joined;
}

function fillsShared({ buffer, length }: Buffer): boolean {
  return buffer instanceof SharedArrayBuffer && buffer.byteLength - length <= length / 16;
}

/**
 * V8 counts the bytes of ordinary buffers and collects garbage for their sake; those of shared memory it does not count, and
 * dead bodies would pile up by the gigabyte. So for every 33 MB that became free it is shown as much ordinary memory, which
 * is never touched and dropped at once.
 */
export class FreedBytes {
  #bytes = 0;

  readonly add = (bytes: number): void => {
    this.#bytes += bytes;
    while (this.#bytes >= UNIT_BYTES) {
      this.#bytes -= UNIT_BYTES;
      void new ArrayBuffer(UNIT_BYTES);
    }
  };
}

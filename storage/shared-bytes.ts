// Bodies in memory that all threads see: one copy, however many workers serve it. Owns how bytes get there, and telling the
// garbage collector what became free. Knows no store.

import { totalLength } from './chunks.ts';

/** Bodies lie in pieces of at most this. */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Blocks for a body of unknown length, the first and the largest. */
const FIRST_BYTES = 16 * 1024;
const GROWN_BYTES = 1024 * 1024;
/** Above malloc's threshold (32 MB): memory that is asked for and never touched costs nothing. */
const UNIT_BYTES = 33 * 1024 * 1024;
/** So many units that nothing was collected for are not waited for any longer. */
const MOST_UNITS = 6;

/** The same bytes in shared memory; what fills its shared memory already is kept as it is. */
export function shareBytes(chunks: readonly Buffer[]): readonly Buffer[] {
  const kept: Buffer[] = [];
  let run: Buffer[] = [];
  const flush = (): void => {
    if (run.length > 0) kept.push(...copied(run));
    run = [];
  };
  for (const view of joinViews(chunks)) {
    if (fillsShared(view)) {
      flush();
      kept.push(view);
    } else run.push(view);
  }
  flush();
  return kept;
}

function copied(chunks: readonly Buffer[]): readonly Buffer[] {
  const blocks = new SharedBlocks(totalLength(chunks));
  return joinViews(chunks.flatMap((chunk) => blocks.put(chunk)));
}

const shares = new WeakMap<Buffer, Buffer>();

/** The same bytes for other threads: as they are, or a copy, the same one whenever it is asked for. */
export function shared(chunk: Buffer): Buffer {
  if (chunk.buffer instanceof SharedArrayBuffer) return chunk;
  const known = shares.get(chunk);
  if (known !== undefined) return known;
  const copy = sharedBuffer(chunk.length);
  chunk.copy(copy);
  shares.set(chunk, copy);
  return copy;
}

/** Takes bytes that come piece by piece into shared memory. */
export class SharedBlocks {
  /** Bytes that are still to come, as far as is known. */
  #left: number | undefined;
  #next = FIRST_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param announced bytes in all, where that is known */
  constructor(announced: number | undefined) {
    this.#left = announced;
  }

  /** @returns views on the shared bytes */
  put(chunk: Buffer): readonly Buffer[] {
    const views: Buffer[] = [];
    for (let from = 0; from < chunk.length; ) {
      if (this.#at === this.#block.length) this.#begin(chunk.length - from);
      const bytes = chunk.copy(this.#block, this.#at, from);
      views.push(this.#block.subarray(this.#at, this.#at + bytes));
      this.#at += bytes;
      from += bytes;
    }
    return views;
  }

  #begin(needed: number): void {
    const left = this.#left ?? 0;
    const bytes =
      left > 0 ? Math.min(left, PIECE_BYTES) : Math.max(this.#next, Math.min(needed, PIECE_BYTES));
    this.#next = Math.min(this.#next * 2, GROWN_BYTES);
    if (this.#left !== undefined) this.#left = Math.max(0, this.#left - bytes);
    this.#block = sharedBuffer(bytes);
    this.#at = 0;
  }
}

export function sharedBuffer(bytes: number): Buffer {
  noteShared(bytes);
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
 * dead bodies would pile up by the gigabyte. So whatever shared memory this thread comes to hold is matched with ordinary
 * memory, which is never touched, and let go when garbage was collected. When even that moves nothing, collecting is asked for.
 */
class Ballast {
  #bytes = 0;
  #held: ArrayBuffer[] = [];
  /** Gone when all of the heap was collected: young objects that are referred to weakly stay until then. */
  #sentinel = new WeakRef({});
  /** Has all garbage of this thread collected, soon. */
  collect: () => void = () => undefined;

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < UNIT_BYTES) return;
    if (this.#sentinel.deref() === undefined) {
      this.#held = [];
      this.#sentinel = new WeakRef({});
    }
    for (; this.#bytes >= UNIT_BYTES; this.#bytes -= UNIT_BYTES) this.#held.push(new ArrayBuffer(UNIT_BYTES));
    if (this.#held.length % MOST_UNITS === 0) this.collect();
  }
}

const ballast = new Ballast();

/** How garbage is collected when V8 does not see to it. */
export function collectWith(collect: () => void): void {
  ballast.collect = collect;
}

/** This thread has let go of shared memory, or will. */
export function noteShared(bytes: number): void {
  ballast.add(bytes);
}

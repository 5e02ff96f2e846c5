// Buffers as stored bodies: keeps what fits, copies what would pin more memory than it shows, joins what is tiny,
// and cuts ranges. Knows no store.

import { StoreError } from './store.ts';

/** Runs of chunks below this are joined. */
const TINY_BYTES = 16 * 1024;
const JOINED_BYTES = 64 * 1024;

export function totalLength(chunks: readonly Uint8Array[]): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.length;
  return total;
}

/** Bytes of memory that keeping the chunks holds: the whole ArrayBuffers behind them. */
export function heldBytes(chunks: readonly Buffer[]): number {
  let total = 0;
  for (const chunk of chunks) total += chunk.buffer.byteLength;
  return total;
}

/**
 * The same bytes in chunks worth keeping: a chunk that is (nearly) all of its ArrayBuffer is kept as given, a view on a
 * larger one is copied, runs of tiny chunks are joined, empty ones dropped. The array has no room to grow.
 */
export function compact(chunks: readonly Buffer[]): readonly Buffer[] {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined && first.length > 0 && fits(first)) return [first];
  const kept: Buffer[] = [];
  let run: Buffer[] = [];
  let runBytes = 0;
  const flush = (): void => {
    const only = run[0];
    if (only === undefined) return;
    kept.push(run.length === 1 && fits(only) ? only : join(run, runBytes));
    run = [];
    runBytes = 0;
  };
  for (const chunk of chunks) {
    if (chunk.length === 0) continue;
    if (chunk.length >= TINY_BYTES) {
      flush();
      kept.push(fits(chunk) ? chunk : join([chunk], chunk.length));
      continue;
    }
    if (runBytes + chunk.length > JOINED_BYTES) flush();
    run.push(chunk);
    runBytes += chunk.length;
  }
  flush();
  return kept.slice();
}

/** The bytes [start, end) as views. */
export function* cut(chunks: readonly Buffer[], start: number, end: number): Generator<Buffer> {
  let at = 0;
  for (const chunk of chunks) {
    const from = Math.max(start - at, 0);
    const to = Math.min(end - at, chunk.length);
    if (from < to) yield from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
    at += chunk.length;
    if (at >= end) return;
  }
}

/** @throws StoreError unless 0 <= start <= end <= length, all whole. */
export function checkRange(start: number, end: number, length: number): void {
  const whole = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  if (!whole || start < 0 || end < start || end > length) {
    throw new StoreError('read', new RangeError(`[${start}, ${end}) of ${length} bytes`));
  }
}

function fits(chunk: Buffer): boolean {
  return chunk.buffer.byteLength - chunk.length <= chunk.length / 16;
}

function join(chunks: readonly Buffer[], length: number): Buffer {
  const joined = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(joined, at);
  return joined;
}

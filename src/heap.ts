// How V8 keeps its young generation; loaded before anything else, for later it has no effect. And a hand on it: buffers lie
// outside the heap, so V8 does not see how much of them is dead. Flags are the process's, and the main thread's to set: code that is
// kept between runs is good for the flags it was compiled under (code-cache.js).

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  // V8 takes what outlives a fetch in the store for a sign that all that is made there lives long, and makes it old from birth.
  // What has died old keeps alive all young objects that it names: under misses every second µs went into moving the dead.
  setFlagsFromString('--no-allocation-site-pretenuring');
  // While the program is loaded a young generation that grows would only hold what has died in it.
  setFlagsFromString('--semi-space-growth-factor=1');
}

interface CollectOptions {
  readonly type: 'minor' | 'major';
  readonly execution?: 'async';
}

/** So many bytes of short-lived buffers may stand dead, and some more that V8 has not swept yet. */
const SPENT_BYTES = 16 * 1024 * 1024;

const collect = collector();
let spentBytes = 0;

/** The program is loaded, in all threads: from now on the young generation grows with what there is to do. */
export function grow(): void {
  setFlagsFromString('--semi-space-growth-factor=2');
}

/**
 * A large buffer was made that is likely to be dead soon. Once enough have been, the young generation is collected: that is
 * what a large body leaves behind, and V8 by itself would let some 200 MB of it stand.
 */
export function spend(bytes: number): void {
  spentBytes += bytes;
  if (spentBytes < SPENT_BYTES) return;
  spentBytes = 0;
  collect?.({ type: 'minor' });
}

/** All that is dead is collected soon: for memory that V8 does not count (storage/shared-bytes.ts). */
export function collectAll(): void {
  collect?.({ type: 'major', execution: 'async' });
}

/** undefined where V8 does not lend its collector: then dead buffers stand until it collects by itself. */
function collector(): ((options: CollectOptions) => unknown) | undefined {
  if (isMainThread) setFlagsFromString('--expose-gc');
  // A thread has what its program's main thread was lent before.
  const gc: unknown = globalThis.gc ?? runInNewContext('globalThis.gc');
  return typeof gc === 'function' ? (options) => gc(options) : undefined;
}

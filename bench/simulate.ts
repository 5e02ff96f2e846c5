// Runs a trace through a cache and counts.

import type { Simulated } from './policies/simulated.ts';
import type { Trace } from './traces.ts';

export interface Ratios {
  /** Share of requests answered from the cache, and of their bytes. */
  readonly objectRatio: number;
  readonly byteRatio: number;
  /** Most bytes held at any time. */
  readonly peakBytes: number;
}

/** @param sizeFor what to tell the cache of an object's size */
export function simulate(
  { requests, sizes }: Trace,
  cache: Simulated,
  sizeFor: (object: number) => number,
): Ratios {
  let hits = 0;
  let hitBytes = 0;
  let bytes = 0;
  let peakBytes = 0;
  for (const object of requests) {
    const size = sizes[object] ?? 0;
    bytes += size;
    if (cache.request(object, sizeFor(object))) {
      hits += 1;
      hitBytes += size;
    } else if (cache.heldBytes > peakBytes) peakBytes = cache.heldBytes;
  }
  return { objectRatio: hits / requests.length, byteRatio: hitBytes / bytes, peakBytes };
}

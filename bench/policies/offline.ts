// What no policy can exceed, knowing the future: keeping an object from one request to the next costs its size times the
// requests between; the cheapest stays that fit into cache size times trace length are hits (PFOO-L of Berger et al., 2018).

import type { Trace } from '../traces.ts';

export interface Bound {
  readonly objectRatio: number;
  readonly byteRatio: number;
}

/** @param charged bytes that an object takes in the cache */
export function offlineBound({ requests, sizes }: Trace, maxBytes: number, charged: Float64Array): Bound {
  const last = new Int32Array(sizes.length).fill(-1);
  const stays: { readonly size: number; readonly span: number; readonly cost: number }[] = [];
  let bytes = 0;
  for (const [at, object] of requests.entries()) {
    const before = last[object] ?? -1;
    const size = sizes[object] ?? 0;
    bytes += size;
    if (before >= 0) stays.push({ size, span: at - before, cost: (charged[object] ?? 0) * (at - before) });
    last[object] = at;
  }
  const room = maxBytes * requests.length;
  const objectsHit = fill(
    stays.sort((a, b) => a.cost - b.cost),
    room,
    () => 1,
  );
  const bytesHit = fill(
    stays.sort((a, b) => a.span - b.span),
    room,
    ({ size }) => size,
  );
  return { objectRatio: objectsHit / requests.length, byteRatio: bytesHit / bytes };
}

function fill<T extends { readonly cost: number }>(
  stays: readonly T[],
  room: number,
  worth: (stay: T) => number,
): number {
  let left = room;
  let sum = 0;
  for (const stay of stays) {
    sum += worth(stay);
    left -= stay.cost;
    if (left < 0) break;
  }
  return sum;
}

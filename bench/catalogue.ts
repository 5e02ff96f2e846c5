// What the bench's origin has to offer: for each rank of the zipf list a path, a size and a delay, all from the seed.

import { normal, seededFor } from './zipf.ts';

export interface CatalogueItem {
  readonly path: string;
  readonly sizeBytes: number;
  readonly delayMs: number;
  readonly etag: string;
}

export const MIN_BYTES = 200;
export const MAX_BYTES = 1024 * 1024;
const MEDIAN_BYTES = 8 * 1024;
const SIGMA = 1.5;
const MIN_DELAY_MS = 20;
const MAX_DELAY_MS = 50;

/** The item of a rank: lognormal size (median 8 KiB, 200 B … 1 MiB), delay uniform in 20 … 50 ms. */
export function catalogueItem(seed: number, rank: number): CatalogueItem {
  const random = seededFor(seed, rank);
  const drawn = Math.round(MEDIAN_BYTES * Math.exp(SIGMA * normal(random)));
  const sizeBytes = Math.min(MAX_BYTES, Math.max(MIN_BYTES, drawn));
  const delayMs = MIN_DELAY_MS + random() * (MAX_DELAY_MS - MIN_DELAY_MS);
  return { path: `/item/${rank}`, sizeBytes, delayMs, etag: `"${seed}-${rank}-${sizeBytes}"` };
}

export function catalogue(seed: number, count: number): readonly CatalogueItem[] {
  return Array.from({ length: count }, (_, rank) => catalogueItem(seed, rank));
}

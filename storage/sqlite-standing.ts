// Which bodies the disk gives up first: each has a standing, a whole number kept in the ledger, and the least goes. By
// default L + count / size^alpha as in memory (eviction/gdsf.ts), else the order of use. Counts are of this process only;
// standings and L outlive it.

import { FrequencySketch, hashName } from './eviction/sketch.ts';

/** How the disk evicts: how much size counts against a body (0 to 1), or by last use alone. */
export type DiskEviction = number | 'lru';

/** What size^alpha divides, so that standings are whole numbers with room below 2^53. */
const SCALE = 1_000_000;
/** Counted to every body: pages are not shared, and the head takes its own. */
const OVERHEAD_BYTES = 4096;
/** SQL of a standing with ?1 = floor, ?2 = scaled count, ?3 = alpha, from a ledger row. */
export const STANDING_SQL = `?1 + CAST(?2 / pow(bytes + ${OVERHEAD_BYTES}, ?3) AS INTEGER)`;

export class Standings {
  readonly #eviction: DiskEviction;
  readonly #sketch = new FrequencySketch();
  readonly #seed = Math.floor(Math.random() * 2 ** 32);
  /** L: the standing of the last body evicted. By last use: of the last body used. */
  floor = 0;

  constructor(eviction: DiskEviction) {
    this.#eviction = eviction;
  }

  get alpha(): number {
    return this.#eviction === 'lru' ? 0 : this.#eviction;
  }

  /** Makes room in the counts for so many heads. */
  track(heads: number): void {
    this.#sketch.track(heads);
  }

  /** A use of a head's body. @returns its scaled count, for STANDING_SQL. */
  use(head: string): number {
    if (this.#eviction !== 'lru') return SCALE * this.#sketch.count(hashName(this.#seed, head, ''));
    this.floor += 1;
    return 0;
  }

  of(scaledCount: number, bytes: number): number {
    return this.floor + Math.floor(scaledCount / (bytes + OVERHEAD_BYTES) ** this.alpha);
  }

  evicted(standing: number): void {
    if (this.#eviction !== 'lru' && standing > this.floor) this.floor = standing;
  }
}

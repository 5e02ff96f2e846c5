// Times of a server's or a group's last responses: a percentile of them now and then. Pure.

const KEPT = 256;
/** Fewer say too little. */
const LEAST = 20;
/** A percentile is worked out anew after so many more. */
const EVERY = 32;

export class RecentTimes {
  readonly #ring = new Float64Array(KEPT);
  #count = 0;
  #known: { readonly percentile: number; readonly at: number; readonly ms: number } | undefined;

  add(ms: number): void {
    this.#ring[this.#count % KEPT] = ms;
    this.#count += 1;
  }

  /** The time within which so many percent of the last 256 lay; undefined while there are fewer than 20. */
  percentile(percentile: number): number | undefined {
    if (this.#count < LEAST) return undefined;
    const known = this.#known;
    if (known?.percentile === percentile && this.#count - known.at < EVERY) return known.ms;
    const sorted = this.#ring.slice(0, Math.min(this.#count, KEPT)).sort();
    const ms = sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percentile) / 100))];
    if (ms === undefined) return undefined;
    this.#known = { percentile, at: this.#count, ms };
    return ms;
  }
}

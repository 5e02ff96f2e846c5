// A rate limit: so many a second, and a burst on top that fills again. What was taken may be more than there was: the next
// waits until the debt is paid, so that one large request is never refused for good.

/** What a sum of fractions may fall short of a whole token. */
const ROUNDING = 1e-9;

export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #at: number;

  /** @param now epoch ms */
  constructor(perSecond: number, burst: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#at = now();
  }

  /** Takes tokens. @returns 0, or the ms to wait before there is one: then nothing was taken. */
  take(count: number): number {
    const now = this.#now();
    // A clock that was set back adds nothing.
    const gained = (Math.max(0, now - this.#at) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#at = now;
    if (this.#tokens < 1 - ROUNDING) return Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
    this.#tokens -= count;
    return 0;
  }
}

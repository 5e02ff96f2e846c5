// A client's share of something, such as bandwidth: so much a second, and so much at once. What has passed is paid for afterwards,
// so that no piece is too large; whoever is in debt waits. Knows nothing of what passes.

export class Pace {
  readonly #perMs: number;
  readonly #most: number;
  readonly #now: () => number;
  #level: number;
  #at: number;

  /** @param now ms of any clock */
  constructor(perSecond: number, atOnce: number, now: () => number) {
    this.#perMs = perSecond / 1000;
    this.#most = atOnce;
    this.#now = now;
    this.#level = atOnce;
    this.#at = now();
  }

  /** @returns ms to wait before more. */
  spend(amount: number): number {
    this.#fill();
    this.#level -= amount;
    return this.#debtMs();
  }

  /** Nothing is owed, and nothing was taken for a while. */
  get full(): boolean {
    this.#fill();
    return this.#level >= this.#most;
  }

  /** Ms until the debt is paid. */
  get waitMs(): number {
    this.#fill();
    return this.#debtMs();
  }

  #debtMs(): number {
    return this.#level >= 0 ? 0 : Math.ceil(-this.#level / this.#perMs);
  }

  #fill(): void {
    const now = this.#now();
    this.#level = Math.min(this.#most, this.#level + Math.max(0, now - this.#at) * this.#perMs);
    this.#at = now;
  }
}

// The Date of responses (RFC 9110 §6.6.1): composed once a second, and whether one that was sent before is still today's.

/** Stands for a second where a head brought its own Date. */
export const NO_SECOND = -1;

export class Today {
  readonly #now: () => number;
  /** Epoch second of the Date given last. */
  second = NO_SECOND;
  #date = '';

  /** @param now epoch ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether a head whose Date was given in this second may be sent again. */
  isCurrent(second: number): boolean {
    return second === NO_SECOND || second === Math.floor(this.#now() / 1000);
  }

  date(): string {
    const second = Math.floor(this.#now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.#date = new Date(second * 1000).toUTCString();
    }
    return this.#date;
  }
}

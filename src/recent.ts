// Tells what comes often from what comes now and then, by numbers in a table of fixed size, so that what is made for the
// latter need not be kept. A place is shared by many and keeps count of the one that comes most; two with one number are
// taken for each other.

const PLACES = 16_384;

export class Recent {
  readonly #marks = new Int32Array(PLACES);
  readonly #counts = new Uint16Array(PLACES);
  /** Seconds. */
  readonly #at = new Int32Array(PLACES);

  /**
   * How often this number has come within this second of the clock, this time included; less where others share its place.
   * @param mark 32 bits, spread evenly over what comes
   * @param now epoch ms
   */
  count(mark: number, now: number): number {
    const place = mark & (PLACES - 1);
    const second = (now / 1000) | 0;
    const count = this.#at[place] === second ? (this.#counts[place] ?? 0) : 0;
    this.#at[place] = second;
    if (count > 0 && this.#marks[place] !== (mark | 0)) {
      this.#counts[place] = count - 1;
      return 1;
    }
    this.#marks[place] = mark;
    const counted = count === MOST ? MOST : count + 1;
    this.#counts[place] = counted;
    return counted;
  }
}

const MOST = 0xffff;

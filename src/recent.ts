// Tells what comes back within a second from what comes once, by numbers in a table of fixed size: what comes once leaves nothing
// behind that has to be collected. A place is shared by many, so it may forget; two with one number are taken for each other.

const PLACES = 4096;
const WITHIN_MS = 1000;

export class Recent {
  readonly #marks = new Int32Array(PLACES);
  readonly #at = new Float64Array(PLACES);

  /**
   * Whether this number came within the last second.
   * @param mark 32 bits, spread evenly over what comes
   * @param now epoch ms
   */
  again(mark: number, now: number): boolean {
    const place = mark & (PLACES - 1);
    const sinceMs = now - (this.#at[place] ?? 0);
    const isBack = this.#marks[place] === (mark | 0) && sinceMs >= 0 && sinceMs < WITHIN_MS;
    this.#marks[place] = mark;
    this.#at[place] = now;
    return isBack;
  }
}

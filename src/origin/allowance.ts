// How much may be done beside the requests themselves (retries, hedges): a share of the requests of the last seconds, and a
// few a second in any case. Keeps a failing origin from being asked twice as much. Pure: instants are arguments.

const SLICE_MS = 1000;
const SLICES = 10;

export interface AllowanceRules {
  /** 0 to 1: of the requests of the last ten seconds. */
  readonly share: number;
  /** Beside the share. */
  readonly perSecond: number;
}

export class Allowance {
  readonly #rules: AllowanceRules;
  readonly #requests = new Uint32Array(SLICES);
  readonly #spent = new Uint32Array(SLICES);
  #slice = 0;

  constructor(rules: AllowanceRules) {
    this.#rules = rules;
  }

  /** A request of the ordinary kind. */
  earn(now: number): void {
    const at = this.#at(now);
    this.#requests[at] = (this.#requests[at] ?? 0) + 1;
  }

  /** Takes one; false when there is none left. */
  spend(now: number): boolean {
    const at = this.#at(now);
    const { share, perSecond } = this.#rules;
    if (sum(this.#spent) + 1 > sum(this.#requests) * share + perSecond * SLICES) return false;
    this.#spent[at] = (this.#spent[at] ?? 0) + 1;
    return true;
  }

  #at(now: number): number {
    const slice = Math.floor(now / SLICE_MS);
    const passed = slice - this.#slice;
    // A clock that was set back keeps the slice that it has.
    if (passed > 0) {
      for (let i = 1; i <= Math.min(passed, SLICES); i += 1) {
        this.#requests[(this.#slice + i) % SLICES] = 0;
        this.#spent[(this.#slice + i) % SLICES] = 0;
      }
      this.#slice = slice;
    }
    return this.#slice % SLICES;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

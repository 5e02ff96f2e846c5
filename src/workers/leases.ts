// Who among the workers makes a fetch that others may share: kept by the home of its key. It is a hint where to ask: whether
// the fetch can still be joined its leader knows. Pure.

export interface Lease {
  /** The worker that fetches. */
  readonly worker: number;
  /** Its number for the fetch, used once. */
  readonly id: number;
}

export class Leases {
  readonly #held = new Map<string, Lease>();

  get size(): number {
    return this.#held.size;
  }

  /**
   * @param not a lease that the claimer has found to be over
   * @returns who leads: the claimer, unless somebody else does already
   */
  claim(flightKey: string, by: Lease, not?: Lease): Lease {
    const held = this.find(flightKey, not);
    if (held !== undefined) return held;
    this.#held.set(flightKey, by);
    return by;
  }

  /** Who leads, as far as is known; nobody is told to. */
  find(flightKey: string, not?: Lease): Lease | undefined {
    const held = this.#held.get(flightKey);
    return held !== undefined && not !== undefined && isSame(held, not) ? undefined : held;
  }

  /** The fetch can be joined no more. */
  over(flightKey: string, lease: Lease): void {
    const held = this.#held.get(flightKey);
    if (held !== undefined && isSame(held, lease)) this.#held.delete(flightKey);
  }

  /** A worker has gone, its fetches with it. */
  lost(worker: number): void {
    for (const [flightKey, held] of this.#held) if (held.worker === worker) this.#held.delete(flightKey);
  }
}

export function isSame(a: Lease, b: Lease): boolean {
  return a.worker === b.worker && a.id === b.id;
}

// After a failure, wait before trying again; longer after each. For background work that nobody waits for. Bounded.

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const MAX_KEYS = 10_000;

export class Backoff {
  readonly #failures = new Map<string, { count: number; until: number }>();

  /** @param now epoch ms */
  allows(key: string, now: number): boolean {
    const failure = this.#failures.get(key);
    return failure === undefined || now >= failure.until;
  }

  failed(key: string, now: number): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.delete(key);
    this.#failures.set(key, { count, until: now + Math.min(LONGEST_MS, FIRST_MS * 2 ** (count - 1)) });
    if (this.#failures.size > MAX_KEYS) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
  }

  /** @returns whether there was a failure to forget */
  succeeded(key: string): boolean {
    return this.#failures.delete(key);
  }
}

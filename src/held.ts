// Storing that is put off until something else is over: what a POST brings, until what it invalidates is gone.

export class Held {
  #isHeld = false;
  #waiting: (() => void) | undefined;

  /** Stores at once, or when what is waited for is over. */
  store(store: () => Promise<void> | undefined): Promise<void> | undefined {
    if (!this.#isHeld) return store();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = () => resolve(store());
    return promise;
  }

  /** Resolves when `going` is over, one way or the other, and what came meanwhile has been stored. */
  async until(going: Promise<void>): Promise<void> {
    this.#isHeld = true;
    await going.catch(() => undefined);
    this.#isHeld = false;
    this.#waiting?.();
  }
}

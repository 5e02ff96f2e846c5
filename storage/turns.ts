// The order of events per name: what is begun later takes effect later, though each takes its time. Knows no store.

export class Turns {
  readonly #tails = new Map<string, Promise<unknown>>();
  /** What concerned every name; it comes before anything begun after it. */
  #wall: Promise<unknown> | undefined;

  /** Begins at once when nothing of that name is under way, else after it. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? this.#wall;
    const result = before === undefined ? work() : before.then(work);
    const tail = result
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(name) === tail) this.#tails.delete(name);
      });
    this.#tails.set(name, tail);
    return result;
  }

  /** Looks after what is under way has ended; nothing waits for it. */
  look<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name) ?? this.#wall;
    return before === undefined ? work() : before.then(work);
  }

  /** After everything that is under way, and before everything that comes. */
  runAlone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.idle().then(work);
    const wall = result
      .catch(() => undefined)
      .then(() => {
        if (this.#wall === wall) this.#wall = undefined;
      });
    this.#tails.clear();
    this.#wall = wall;
    return result;
  }

  /** Resolves when what is under way now has ended. */
  async idle(): Promise<void> {
    await Promise.all([this.#wall, ...this.#tails.values()]);
  }
}

// A bounded map in two generations: what is used stays, the rest goes with its generation, at no cost per entry.

export class Generations<K, V> {
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  #youngBytes = 0;

  /** Bounds of one generation; there are two. */
  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  /** Entries held. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** @param bytes what the entry weighs, for keeping it on */
  get(key: K, bytes: number): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old, bytes);
    return old;
  }

  set(key: K, value: V, bytes: number): void {
    if (this.#young.size >= this.#maxEntries || this.#youngBytes >= this.#maxBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, value);
    this.#youngBytes += bytes;
  }
}

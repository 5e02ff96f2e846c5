// Keys that were invalidated of late, by how much of the news had been heard then. What another worker sent before it heard
// of an invalidation, and arrives after it, must not be stored. Bounded: what is too old to be known counts as overtaken.

const MAX_NOTES = 1024;

export class Forgotten {
  readonly #notes: { readonly at: number; readonly keys: ReadonlySet<string> }[] = [];
  /** Stamps below this are too old; undefined while nothing was dropped. */
  #known: number | undefined;

  /** @param at the news that name the keys, counted as `Hearing.heard` does */
  note(at: number, keys: readonly string[]): void {
    this.#notes.push({ at, keys: new Set(keys) });
    if (this.#notes.length > MAX_NOTES) this.#known = this.#notes.shift()?.at;
  }

  /** @param stamp how much its sender had heard when it sent something of the key */
  readonly overtaken = (key: string, stamp: number): boolean => {
    if (this.#known !== undefined && isBefore(stamp, this.#known)) return true;
    return this.#notes.some(({ at, keys }) => isBefore(stamp, at) && keys.has(key));
  };
}

/** Counts wrap around at 32 bits. */
function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

// Which keys the database may have, in memory that the writing thread and all clients share: a counting Bloom filter over
// head names. Most misses are answered by it, without a question. Written by one thread only.
//
// INVARIANT: what is committed is in it. It may have what is gone, or what shares both cells with something else.

/** Memory for at most so many cells, a byte each; two are used for every key. */
const MAX_CELLS = 4 * 1024 * 1024;
const MIN_CELLS = 64 * 1024;
/** Of the disk for each cell: a small record takes about two KB. */
const BYTES_PER_CELL = 2048;
const HEADER_BYTES = 8;
const UNKNOWN = 0;
const KNOWN = 1;
/** A cell that has reached this is never counted down. */
const FULL = 255;

/** @param maxBytes of the disk */
export function presenceMemory(maxBytes: number): SharedArrayBuffer {
  const wanted = Math.min(MAX_CELLS, Math.max(MIN_CELLS, maxBytes / BYTES_PER_CELL));
  return new SharedArrayBuffer(HEADER_BYTES + 2 ** Math.floor(Math.log2(wanted)));
}

export class Presence {
  readonly #state: Int32Array;
  readonly #cells: Uint8Array;
  readonly #mask: number;

  constructor(memory: SharedArrayBuffer) {
    this.#state = new Int32Array(memory, 0, 1);
    this.#cells = new Uint8Array(memory, HEADER_BYTES);
    this.#mask = this.#cells.length - 1;
  }

  /** False when surely not. @param name of a head: 43 characters of base64url */
  mayHave(name: string): boolean {
    if (Atomics.load(this.#state, 0) === UNKNOWN) return true;
    const cells = this.#cells;
    return Atomics.load(cells, this.#cell(name, 0)) > 0 && Atomics.load(cells, this.#cell(name, 5)) > 0;
  }

  add(name: string): void {
    this.#count(name, 1);
  }

  /** Only of what was added; while not all is known nothing is counted down. */
  remove(name: string): void {
    if (Atomics.load(this.#state, 0) === KNOWN) this.#count(name, -1);
  }

  /** Nothing is known: everything may be there. */
  forget(): void {
    Atomics.store(this.#state, 0, UNKNOWN);
    this.#cells.fill(0);
  }

  /** All that is there has been added. */
  know(): void {
    Atomics.store(this.#state, 0, KNOWN);
  }

  #count(name: string, by: number): void {
    for (const at of [this.#cell(name, 0), this.#cell(name, 5)]) {
      const count = this.#cells[at] ?? FULL;
      if (count < FULL && count + by >= 0) Atomics.store(this.#cells, at, count + by);
    }
  }

  /** 30 bits of the name, which is a hash. */
  #cell(name: string, from: number): number {
    let bits = 0;
    for (let i = from; i < from + 5; i += 1) bits = (bits << 6) | sextet(name.charCodeAt(i));
    return bits & this.#mask;
  }
}

function sextet(code: number): number {
  if (code >= 97) return code - 71;
  if (code >= 65) return code === 95 ? 63 : code - 65;
  return code >= 48 ? code + 4 : 62;
}

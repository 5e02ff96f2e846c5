// How often names were asked for of late, present or not: a count-min sketch of 4-bit counters. The four counters of a
// name lie in one block of 64 bytes, so a count costs one cache line. Counts age: a block at a time is halved, the whole
// table once in every `PERIOD` counts per tracked name. Knows 32-bit hashes only.

export const MAX_COUNT = 15;

const BLOCK_WORDS = 16;
/** Bytes of table for each name that is tracked: 16 counters. */
const BYTES_PER_NAME = 8;
const NAMES_PER_BLOCK = (BLOCK_WORDS * 4) / BYTES_PER_NAME;
/** Counts per tracked name between two halvings of a counter. */
const PERIOD = 10;
const FIRST_BLOCKS = 64;
const HALF = 0x77777777;

export class FrequencySketch {
  #words = new Int32Array(FIRST_BLOCKS * BLOCK_WORDS);
  #blockMask = FIRST_BLOCKS - 1;
  /** The next block to be halved, and the counts until then. */
  #ageing = 0;
  #untilAgeing = PERIOD * NAMES_PER_BLOCK;

  /** Bytes of the table. */
  get bytes(): number {
    return this.#words.byteLength;
  }

  /** Makes room for so many tracked names; what was counted stays. Never shrinks. */
  track(names: number): void {
    while ((this.#blockMask + 1) * NAMES_PER_BLOCK < names) {
      const doubled = new Int32Array(this.#words.length * 2);
      doubled.set(this.#words);
      doubled.set(this.#words, this.#words.length);
      this.#words = doubled;
      this.#blockMask = this.#blockMask * 2 + 1;
    }
  }

  /** Counts one request for a name. @returns the estimate, this one included: 1 … MAX_COUNT. */
  count(hash: number): number {
    const words = this.#words;
    const base = (hash & this.#blockMask) * BLOCK_WORDS;
    let bits = spread(hash);
    const least = this.#least(base, bits);
    if (least < MAX_COUNT) {
      // Conservative: only counters that hold the estimate grow, so names that share a counter inflate it less.
      for (let row = 0; row < 4; row += 1) {
        const at = base + row * 4 + (bits & 3);
        const shift = ((bits >>> 2) & 7) << 2;
        const word = words[at] ?? 0;
        if (((word >>> shift) & MAX_COUNT) === least) words[at] = word + (1 << shift);
        bits >>>= 5;
      }
    }
    this.#untilAgeing -= 1;
    if (this.#untilAgeing === 0) this.#age();
    return least < MAX_COUNT ? least + 1 : MAX_COUNT;
  }

  /** 0 … MAX_COUNT; never less than what was counted since the last halving. */
  estimate(hash: number): number {
    return this.#least((hash & this.#blockMask) * BLOCK_WORDS, spread(hash));
  }

  #least(base: number, spreadBits: number): number {
    const words = this.#words;
    let bits = spreadBits;
    let least = MAX_COUNT;
    for (let row = 0; row < 4; row += 1) {
      const word = words[base + row * 4 + (bits & 3)] ?? 0;
      const counter = (word >>> (((bits >>> 2) & 7) << 2)) & MAX_COUNT;
      if (counter < least) least = counter;
      bits >>>= 5;
    }
    return least;
  }

  #age(): void {
    const from = this.#ageing * BLOCK_WORDS;
    for (let at = from; at < from + BLOCK_WORDS; at += 1)
      this.#words[at] = ((this.#words[at] ?? 0) >>> 1) & HALF;
    this.#ageing = (this.#ageing + 1) & this.#blockMask;
    this.#untilAgeing = PERIOD * NAMES_PER_BLOCK;
  }
}

/** 20 bits that choose four counters, independent of those that choose the block. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** 32 bits of a name, for `count`. A random seed keeps others from choosing names that collide. */
export function hashName(seed: number, key: string, variant: string): number {
  let hash = seed | 0;
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ 0x1f, 0x85ebca6b);
  for (let i = 0; i < variant.length; i += 1) hash = Math.imul(hash ^ variant.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

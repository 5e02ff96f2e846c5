// How many connections there are, in all and of each client network, counted over all workers: each keeps counts of its own in
// memory that all of them read, so that a worker that ends takes its counts with it. A network is counted in four places, found
// by a keyed hash, and the smallest count is believed: never too low, and too high only where it meets strangers in all four.

import { randomFillSync } from 'node:crypto';
import { networkOf } from './address-set.ts';
import { KeyedHash } from './keyed-hash.ts';

const PLACES = 65_536;
/** One for the total, then four tables. */
const ROW_WORDS = 1 + 4 * PLACES;
const SEED_WORDS = 2;

/** One of several rows is a worker's own. */
export interface CrowdPlace {
  readonly memory: SharedArrayBuffer;
  readonly row: number;
}

export interface CrowdLimits {
  /** undefined sets none. */
  readonly total: number | undefined;
  readonly perAddress: number | undefined;
  /** Addresses that stand for many clients: only the total holds for them. */
  readonly exempt: (address: string) => boolean;
}

/** 1 MB a worker, once it is used. */
export function crowdMemory(workers: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(4 * (SEED_WORDS + workers * ROW_WORDS));
  new Uint32Array(memory, 0, SEED_WORDS).set(randomFillSync(new Uint32Array(SEED_WORDS)));
  return memory;
}

export class Crowd {
  readonly #words: Int32Array;
  readonly #base: number;
  readonly #hash: KeyedHash;
  #limits: CrowdLimits;

  constructor({ memory, row }: CrowdPlace, limits: CrowdLimits) {
    this.#words = new Int32Array(memory);
    this.#base = SEED_WORDS + row * ROW_WORDS;
    this.#hash = new KeyedHash(this.#words[0] ?? 0, this.#words[1] ?? 0);
    this.#limits = limits;
    // What the worker before in this place has left behind.
    if (Atomics.load(this.#words, this.#base) !== 0)
      for (let i = ROW_WORDS - 1; i >= 0; i--) Atomics.store(this.#words, this.#base + i, 0);
  }

  use(limits: CrowdLimits): void {
    this.#limits = limits;
  }

  /** Counts a connection in; `leave` has to follow. @returns which limit it is beyond: then it was not counted. */
  enter(address: string): 'total' | 'address' | undefined {
    const { total, perAddress, exempt } = this.#limits;
    this.#add(address, 1);
    const beyond =
      total !== undefined && this.#sum(0) > total
        ? 'total'
        : perAddress !== undefined && this.#countOf(address) > perAddress && !exempt(address)
          ? 'address'
          : undefined;
    if (beyond !== undefined) this.#add(address, -1);
    return beyond;
  }

  leave(address: string): void {
    this.#add(address, -1);
  }

  /** INVARIANT: the total is 0 only where all else is: it is the first to be counted up and the last to be counted down. */
  #add(address: string, step: 1 | -1): void {
    if (step === 1) Atomics.add(this.#words, this.#base, step);
    for (const at of this.#places(address)) Atomics.add(this.#words, this.#base + at, step);
    if (step === -1) Atomics.add(this.#words, this.#base, step);
  }

  #countOf(address: string): number {
    return Math.min(...this.#places(address).map((at) => this.#sum(at)));
  }

  #places(address: string): readonly number[] {
    const hash = this.#hash;
    hash.update(networkOf(address));
    return [hash.low, hash.low >>> 16, hash.high, hash.high >>> 16].map(
      (word, table) => 1 + table * PLACES + (word & 0xffff),
    );
  }

  /** Over all workers. */
  #sum(at: number): number {
    let sum = 0;
    for (let i = SEED_WORDS + at; i < this.#words.length; i += ROW_WORDS) sum += Atomics.load(this.#words, i);
    return sum;
  }
}

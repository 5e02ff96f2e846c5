// Which worker a key is at home with, and whether what was learned of a key there is still true: a table of numbers in shared
// memory, one of which moves whenever something of a key changes. Several keys share a number: then one of them is asked
// for again in vain. Knows keys and numbers.

import { hashName } from './eviction/sketch.ts';

const SLOTS = 2 ** 18;

/** The same for all workers. Plain data. */
export interface HomesPlan {
  /** Workers. */
  readonly count: number;
  /** Random, so that nobody can choose keys that collide. */
  readonly seed: number;
  readonly versions: SharedArrayBuffer;
}

export function planHomes(count: number): HomesPlan {
  const versions = new SharedArrayBuffer(SLOTS * Int32Array.BYTES_PER_ELEMENT);
  return { count, seed: Math.floor(Math.random() * 2 ** 32), versions };
}

/** The worker that was asked has gone. */
export class HomeGone extends Error {
  constructor() {
    super('the worker has gone');
    this.name = 'HomeGone';
  }
}

export class Homes {
  readonly count: number;
  readonly #seed: number;
  readonly #versions: Int32Array;

  constructor({ count, seed, versions }: HomesPlan) {
    this.count = count;
    this.#seed = seed;
    this.#versions = new Int32Array(versions);
  }

  hash(key: string): number {
    return hashName(this.#seed, key, '');
  }

  homeOf(hash: number): number {
    return (hash >>> 16) % this.count;
  }

  versionOf(hash: number): number {
    return Atomics.load(this.#versions, hash & (SLOTS - 1));
  }

  /** Something of the key is other than it was at its home, or on its way there. */
  changed(hash: number): void {
    Atomics.add(this.#versions, hash & (SLOTS - 1), 1);
  }
}

// Token buckets for any number of clients in a fixed piece of memory that all workers share, so that a limit is the same
// with one worker and with several. A bucket is one number: when it would be full again (the GCRA's way to write a token
// bucket). Places are found by a keyed hash; where a set of places is full, the bucket that is nearest to being full goes,
// so that a flood of addresses never forgets those who owe the most.

import { randomFillSync, randomInt } from 'node:crypto';
import { KeyedHash } from './keyed-hash.ts';

/** So many a second for long, and so many at once after a rest. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Places that a bucket may be in. */
const WAYS = 8;
const SETS = 16_384;
const SEED_WORDS = 2;
/** A lock is held for less than a microsecond; only a thread that the system has put aside meanwhile holds it for longer. */
const SPINS = 1000;
const PAUSE_MS = 1;
/** A thread that ended inside holds nobody up: its lock is taken over. Then one request may be counted wrongly. */
const MOST_PAUSES = 1000;
/** This thread, in the locks that it holds. Never 0, which is nobody. */
const SELF = randomInt(1, 2 ** 31);
/** Sums of fractions of a millisecond are not exact. */
const ROUNDING_MS = 0.001;

const LOCKS_AT = SEED_WORDS * 4;
const FULL_AT = LOCKS_AT + SETS * 4;
const NAMES_AT = FULL_AT + SETS * WAYS * 8;
const BYTES = NAMES_AT + SETS * WAYS * 8;

/** The memory of 131,072 buckets, 2.1 MB once they are used. */
export function bucketMemory(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(BYTES);
  new Uint32Array(memory, 0, SEED_WORDS).set(randomFillSync(new Uint32Array(SEED_WORDS)));
  return memory;
}

/** The buckets of one rule. Rules of the same name share theirs. */
export class Buckets {
  readonly #locks: Int32Array;
  /** Epoch ms at which a bucket is full again; in the past it is full. */
  readonly #fullAt: Float64Array;
  /** Two words of hash a bucket. */
  readonly #names: Int32Array;
  readonly #hash: KeyedHash;
  readonly #perTokenMs: number;
  readonly #burstMs: number;

  constructor(memory: SharedArrayBuffer, rule: string, { perSecond, burst }: Rate) {
    this.#locks = new Int32Array(memory, LOCKS_AT, SETS);
    this.#fullAt = new Float64Array(memory, FULL_AT, SETS * WAYS);
    this.#names = new Int32Array(memory, NAMES_AT, SETS * WAYS * 2);
    const seeds = new Uint32Array(memory, 0, SEED_WORDS);
    const own = new KeyedHash(seeds[0] ?? 0, seeds[1] ?? 0);
    own.update(rule);
    this.#hash = new KeyedHash(own.low, own.high);
    this.#perTokenMs = 1000 / perSecond;
    this.#burstMs = burst * this.#perTokenMs;
  }

  /** Takes a token. @returns 0, or the ms to wait until there is one: then nothing was taken. `now`: epoch ms. */
  take(client: string, now: number): number {
    return this.#account(client, now, this.#perTokenMs);
  }

  /** @returns 0 when there is a token, or the ms to wait for one. Takes none. */
  waitMs(client: string, now: number): number {
    return this.#account(client, now, 0);
  }

  #account(client: string, now: number, costMs: number): number {
    const hash = this.#hash;
    hash.update(client);
    const set = (hash.low >>> 0) % SETS;
    this.#lock(set);
    const place = this.#placeOf(set, hash.low, hash.high);
    const known = place === -1 ? now : (this.#fullAt[place] as number);
    // A clock that was set back takes no client's tokens for longer than a whole burst takes to come back.
    const fullAt = Math.min(Math.max(known, now), now + this.#burstMs);
    const waitMs = fullAt + this.#perTokenMs - now - this.#burstMs;
    const isTaken = waitMs <= ROUNDING_MS;
    if (isTaken && costMs > 0) {
      const at = place === -1 ? this.#claim(set, hash.low, hash.high) : place;
      this.#fullAt[at] = fullAt + costMs;
    }
    Atomics.compareExchange(this.#locks, set, SELF, 0);
    return isTaken ? 0 : waitMs;
  }

  #lock(set: number): void {
    for (let tries = 0; ; tries++) {
      const holder = Atomics.compareExchange(this.#locks, set, 0, SELF);
      if (holder === 0) return;
      if (tries < SPINS) continue;
      if (tries === SPINS + MOST_PAUSES) {
        Atomics.store(this.#locks, set, SELF);
        return;
      }
      Atomics.wait(this.#locks, set, holder, PAUSE_MS);
    }
  }

  #placeOf(set: number, low: number, high: number): number {
    for (let i = set * WAYS; i < (set + 1) * WAYS; i++)
      if (this.#names[2 * i] === low && this.#names[2 * i + 1] === high) return i;
    return -1;
  }

  #claim(set: number, low: number, high: number): number {
    let place = set * WAYS;
    for (let i = place + 1; i < (set + 1) * WAYS; i++)
      if ((this.#fullAt[i] as number) < (this.#fullAt[place] as number)) place = i;
    this.#names[2 * place] = low;
    this.#names[2 * place + 1] = high;
    return place;
  }
}

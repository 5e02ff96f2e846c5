// Greedy dual size frequency with a memory of what was evicted: a tenant stands at L + count / size^alpha, where L is the
// standing of the last victim (so what is not asked for again sinks below newcomers) and count comes from a sketch
// that outlives eviction (sketch.ts).
//
// Tenants of the same count and about the same size share a shelf. On a shelf they differ in L alone, and L only grows,
// so a shelf is a chain in the order of joining and the victim is the least of the shelves' oldest: a hit costs O(1), an
// eviction O(log shelves).

import { Chain } from './chain.ts';
import { SlotHeap } from './heap.ts';
import type { EvictionPolicy, Tenant } from './policy.ts';
import { FrequencySketch, hashName, MAX_COUNT } from './sketch.ts';

/** Shelves for each doubling of size: sizes on a shelf differ by less than 19 %. */
const STEPS = 4;
const SIZES = 48 * STEPS;
const SHELVES = SIZES * MAX_COUNT;
/** Names that the sketch tracks for each tenant: those evicted of late count too. */
const TRACKED = 2;

export interface GdsfOptions {
  /** How much size counts against a tenant: 0 not at all, 1 fully. More favours the hit ratio, less that of bytes. */
  readonly alpha: number;
  /** Of the hash of names; random unless given, so that nobody can choose names that collide. */
  readonly seed?: number;
}

export class Gdsf<T extends Tenant<T>> implements EvictionPolicy<T> {
  readonly #seed: number;
  readonly #alpha: number;
  readonly #sketch = new FrequencySketch();
  readonly #shelves: (Chain<T> | undefined)[] = Array.from({ length: SHELVES }, () => undefined);
  /** count / size^alpha of a shelf. */
  readonly #worth = new Float64Array(SHELVES);
  /** Shelves that hold something, by the standing of their oldest. */
  readonly #order = new SlotHeap(SHELVES);
  #tenants = 0;
  /** L */
  #floor = 0;

  constructor({ alpha, seed = Math.floor(Math.random() * 2 ** 32) }: GdsfOptions) {
    this.#seed = seed;
    this.#alpha = alpha;
    for (let shelf = 0; shelf < SHELVES; shelf += 1) {
      const size = 2 ** (((shelf % SIZES) + 0.5) / STEPS);
      this.#worth[shelf] = (Math.floor(shelf / SIZES) + 1) / size ** alpha;
    }
  }

  mark(key: string, variant: string): number {
    return hashName(this.#seed, key, variant);
  }

  missed(mark: number): void {
    this.#sketch.count(mark);
  }

  /** By the worth of all its bytes against the worth now, not when last used, of all the bytes that would go. */
  admits(mark: number, sizeBytes: number, excessBytes: number): boolean {
    let left = this.#value(mark, sizeBytes);
    let excess = excessBytes;
    for (const victim of excess > 0 ? this.#victims() : []) {
      left -= this.#value(victim.mark, victim.sizeBytes);
      if (left < 0) return false;
      excess -= victim.sizeBytes;
      if (excess <= 0) break;
    }
    return excess <= 0;
  }

  added(tenant: T): void {
    this.#tenants += 1;
    this.#sketch.track(this.#tenants * TRACKED);
    this.#place(tenant, this.#sketch.estimate(tenant.mark));
  }

  used(tenant: T): void {
    const from = tenant.shelf;
    const to = (from % SIZES) + (this.#sketch.count(tenant.mark) - 1) * SIZES;
    if (to === from && tenant.newer === undefined && tenant.standing === this.#floor) return;
    this.#take(tenant);
    this.#put(tenant, to);
  }

  replaced(old: T, next: T): void {
    this.#take(old);
    this.#place(next, this.#sketch.estimate(next.mark));
  }

  removed(tenant: T): void {
    this.#tenants -= 1;
    this.#take(tenant);
  }

  heat(tenant: T): number {
    return this.#sketch.estimate(tenant.mark);
  }

  evict(): T | undefined {
    const shelf = this.#order.least;
    const victim = this.#shelves[shelf]?.oldest;
    if (victim === undefined) return undefined;
    this.#floor = this.#order.keyOf(shelf);
    this.removed(victim);
    return victim;
  }

  /** Tenants in the order in which they would go. */
  *#victims(): Generator<T> {
    const next: (T | undefined)[] = this.#shelves.map((shelf) => shelf?.oldest);
    const order = this.#order.clone();
    for (let shelf = order.least; shelf >= 0; shelf = order.least) {
      const victim = next[shelf];
      if (victim === undefined) return;
      yield victim;
      next[shelf] = victim.newer;
      if (victim.newer === undefined) order.delete(shelf);
      else order.set(shelf, this.#standing(victim.newer));
    }
  }

  #value(mark: number, sizeBytes: number): number {
    return this.#sketch.estimate(mark) * sizeBytes ** (1 - this.#alpha);
  }

  #standing({ standing, shelf }: T): number {
    return standing + (this.#worth[shelf] ?? 0);
  }

  #place(tenant: T, count: number): void {
    const sizeClass = Math.floor(Math.log2(Math.max(1, tenant.sizeBytes)) * STEPS);
    this.#put(tenant, Math.min(SIZES - 1, sizeClass) + (Math.max(1, count) - 1) * SIZES);
  }

  #put(tenant: T, at: number): void {
    let shelf = this.#shelves[at];
    if (shelf === undefined) {
      shelf = new Chain();
      this.#shelves[at] = shelf;
    }
    tenant.shelf = at;
    tenant.standing = this.#floor;
    shelf.append(tenant);
    if (shelf.oldest === tenant) this.#order.set(at, this.#standing(tenant));
  }

  #take(tenant: T): void {
    const shelf = this.#shelves[tenant.shelf];
    if (shelf === undefined) return;
    const wasOldest = shelf.oldest === tenant;
    shelf.remove(tenant);
    if (!wasOldest) return;
    if (shelf.oldest === undefined) this.#order.delete(tenant.shelf);
    else this.#order.set(tenant.shelf, this.#standing(shelf.oldest));
  }
}

// Memory in front of a lower tier, one Store. Owns promotion and the order of events between the tiers; each tier owns
// its own bytes.
//
// INVARIANT: a read of the lower tier that began before a put, update, delete or clear of its key never promotes: such a
// call forgets the key's lookup and promotion, and what is not there any more when it ends keeps its hands off memory.

import type { MemoryRecord, MemoryStore } from './memory.ts';
import { Promotions } from './promotions.ts';
import type { Inflow, Inflowing, Removed, Store, Stored, StoreStats, Tier } from './store.ts';

/** Larger bodies are put in parts where that can be, to hold little memory while they come. */
const PARTS_BYTES = 16 * 1024 * 1024;
const NONE: readonly never[] = [];

/** What was removed, by tier. */
export type RemovedByTier = Readonly<Partial<Record<Tier, Removed>>>;
export type StatsByTier = Readonly<Partial<Record<Tier, StoreStats>>>;

/** Several tiers that are one store to the memory before them, told apart where it matters. */
export interface Tiers<M> extends Store<M> {
  /** @param spare a tier that keeps what it has */
  remove(key: string, variant?: string, spare?: Tier): Promise<RemovedByTier>;
  removeAll(): Promise<RemovedByTier>;
  statsByTier(): Promise<StatsByTier>;
}

/** A question that travels with a look-up to the home of its key, where another worker's store is asked. Plain data. */
export interface Rider {
  readonly question: unknown;
  /** What the home says to it. Called only when it was asked and has found nothing. */
  answered(answer: unknown): void;
}

/** The store as the path of a request uses it: what is in memory at once, the rest when it is asked. */
export interface FrontStore<M> extends Store<M> {
  /** True when a lower tier may have newer records than memory: other nodes put into it too. */
  readonly hasShared: boolean;
  /** The variants in memory. No promise, no copy, nothing touched. */
  getNow(key: string): readonly Stored<M>[] | undefined;
  /** True when what `getNow` does not have is not there. */
  isWhole(key: string): boolean;
  /** @param enough what it accepts may be the answer, though there may be more variants */
  get(
    key: string,
    enough?: (records: readonly Stored<M>[]) => boolean,
    rider?: Rider,
  ): Promise<readonly Stored<M>[]>;
  /** Tells memory's eviction policy of a hit. */
  touch(record: Stored<M>): void;
  /**
   * How a record of so many bytes is to be put, to be asked before they are fetched: as a whole; in parts while it comes,
   * because it is too large for memory; or not at all.
   */
  wayFor(key: string, variant: string, bytes: number): 'whole' | 'parts' | 'none';
  /** A larger body is not stored in any way. */
  readonly maxBodyBytes: number;
  /** A larger body is not taken in parts; 0 while none is. */
  readonly maxInflowBytes: number;
  /** A body of the lower tier that is put while it comes; undefined when there can be none. `finish` it here. */
  inflow(): Inflow<M> | undefined;
  /** Makes what has come the content of a record. False when the lower tier did not take it. */
  finish(inflow: Inflow<M>, key: string, variant: string, meta: M): Promise<boolean>;
  /** What is told to every worker each removes for its part: gone from its memory when this returns its promise. */
  remove(key: string, variant?: string, spare?: Tier): Promise<RemovedByTier>;
}

export interface TieredOptions<M> {
  /** The name of the lower tier, unless that tells its tiers apart. Default `disk`. */
  readonly lowerTier?: Tier;
  /** What it refuses must never be served again: a lookup drops it from memory, so that the lower tier can do better. */
  readonly usable?: (record: Stored<M>) => boolean;
  /** Whether a meta speaks of the bytes that are stored under another. Without it every one does. */
  readonly sameBytes?: ((stored: M, meta: M) => boolean) | undefined;
}

export class TieredStore<M> implements FrontStore<M> {
  readonly #memory: MemoryStore<M>;
  readonly #lower: Store<M> | Tiers<M> | undefined;
  readonly #lowerTier: Tier;
  readonly #usable: ((record: Stored<M>) => boolean) | undefined;
  readonly #sameBytes: TieredOptions<M>['sameBytes'];
  readonly #lookups = new Map<string, Promise<readonly Stored<M>[]>>();
  readonly #promotions: Promotions<M>;
  #lowerFailures = 0;

  constructor(
    memory: MemoryStore<M>,
    lower: Store<M> | Tiers<M> | undefined,
    options: TieredOptions<M> = {},
  ) {
    this.#memory = memory;
    this.#promotions = new Promotions(memory);
    this.#lower = lower;
    this.#lowerTier = options.lowerTier ?? 'disk';
    this.#usable = options.usable;
    this.#sameBytes = options.sameBytes;
  }

  isWhole(_key: string): boolean {
    return this.#lower === undefined;
  }

  get hasShared(): boolean {
    return this.#lower !== undefined && (this.#lowerTier === 'shared' || isTiers(this.#lower));
  }

  /** Failures of the lower tier that memory made up for. */
  get lowerFailures(): number {
    return this.#lowerFailures;
  }

  /** The variants in memory: perhaps not all there are, see `get`. No promise, no copy, nothing touched. */
  getNow(key: string): readonly MemoryRecord<M>[] | undefined {
    return this.#memory.getNow(key);
  }

  /** Every key's variants in memory, for background work. */
  walkMemory(): Iterable<readonly MemoryRecord<M>[]> {
    return this.#memory.walk();
  }

  /** Frees a record's memory, if it is still there. Not for what the lower tier could bring back as valid. */
  dropFromMemory(record: MemoryRecord<M>): void {
    if (record.resident) this.#memory.deleteNow(record.key, record.variant);
  }

  /** Tells memory's eviction policy of a hit. */
  touch(record: Stored<M>): void {
    this.#memory.touch(record);
  }

  /**
   * How a record of so many bytes is to be put, to be asked before they are fetched: as a whole; in parts while it comes,
   * because it is too large for memory; or not at all.
   */
  wayFor(key: string, variant: string, bytes: number): 'whole' | 'parts' | 'none' {
    if (bytes > this.maxBodyBytes) return 'none';
    if ((bytes > PARTS_BYTES || !this.#memory.holds(bytes)) && bytes <= this.maxInflowBytes) return 'parts';
    return this.#lower !== undefined || this.#memory.wants(key, variant, bytes) ? 'whole' : 'none';
  }

  /** A larger body is not stored in any way. */
  get maxBodyBytes(): number {
    return Math.max(this.#memory.maxBytes / 2, this.maxInflowBytes);
  }

  /** A body of the lower tier that is put while it comes; undefined when there can be none. `finish` it here. */
  inflow(): Inflow<M> | undefined {
    return isInflowing(this.#lower) ? this.#lower.inflow() : undefined;
  }

  /** Makes what has come the content of a record. False when the lower tier did not take it. */
  async finish(inflow: Inflow<M>, key: string, variant: string, meta: M): Promise<boolean> {
    this.renewed(key, variant);
    const finished = inflow.finish(key, variant, meta);
    // It is too large for the others, and what they have is not it.
    if (this.#lower !== undefined && isTiers(this.#lower)) await this.#lower.remove(key, variant, 'disk');
    return finished;
  }

  /** The lower tier has a new body of a record: what memory has is not it. */
  renewed(key: string, variant: string): void {
    this.#forget(key);
    this.#memory.deleteNow(key, variant);
  }

  get maxInflowBytes(): number {
    return isInflowing(this.#lower) ? this.#lower.maxBodyBytes : 0;
  }

  /**
   * Every variant, memory's copy where it has one; what fits is promoted.
   * Rejects with the lower tier's StoreError only when memory has nothing.
   */
  async get(key: string): Promise<readonly Stored<M>[]> {
    if (this.#lower === undefined) return this.#memory.get(key);
    for (const record of this.#memory.getNow(key) ?? NONE) {
      if (this.#usable?.(record) === false) this.#memory.deleteNow(key, record.variant);
      else this.#memory.touch(record);
    }
    try {
      return await (this.#lookups.get(key) ?? this.#lookup(key, this.#lower));
    } catch (error) {
      const held = this.#memory.getNow(key);
      if (held === undefined) throw error;
      this.#lowerFailures += 1;
      return held;
    }
  }

  /** In memory at once, in the lower tier behind. False when no tier took it. */
  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    this.#forget(key);
    const held = this.#memory.putNow(key, variant, meta, chunks);
    if (this.#lower === undefined) return held !== undefined;
    return this.#either(held !== undefined, this.#lower.put(key, variant, meta, held?.body.chunks ?? chunks));
  }

  /** INVARIANT: a meta stays with its bytes: where other bytes have taken their place meanwhile, these keep their own. */
  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    const old = this.#memory.getNow(key)?.find((one) => one.variant === variant);
    if (old !== undefined && this.#sameBytes?.(old.meta, meta) === false) return false;
    this.#forget(key);
    const held = this.#memory.updateMetaNow(key, variant, meta);
    return this.#lower === undefined ? held : this.#either(held, this.#lower.updateMeta(key, variant, meta));
  }

  /** Records are counted once, bytes in every tier that held them; `remove` tells the tiers apart. */
  async delete(key: string, variant?: string): Promise<Removed> {
    return total(await this.remove(key, variant));
  }

  async clear(): Promise<Removed> {
    return total(await this.removeAll());
  }

  /**
   * Removes one variant, or all of the key's. Gone from memory when this returns its promise.
   * @param spare a lower tier that keeps what it has
   */
  async remove(key: string, variant?: string, spare?: Tier): Promise<RemovedByTier> {
    this.#forget(key);
    const memory = this.#memory.deleteNow(key, variant);
    const lower = this.#lower;
    if (lower === undefined || spare === this.#lowerTier) return { memory };
    if (isTiers(lower)) return { memory, ...(await lower.remove(key, variant, spare)) };
    return { memory, [this.#lowerTier]: await lower.delete(key, variant) };
  }

  /** Removes everything. Gone from memory when this returns its promise. */
  async removeAll(): Promise<RemovedByTier> {
    this.#lookups.clear();
    this.#promotions.forgetAll();
    const memory = this.#memory.clearNow();
    const lower = this.#lower;
    if (lower === undefined) return { memory };
    if (isTiers(lower)) return { memory, ...(await lower.removeAll()) };
    return { memory, [this.#lowerTier]: await lower.clear() };
  }

  async stats(): Promise<StoreStats> {
    const { memory, ...rest } = await this.statsByTier();
    const all = [memory, ...Object.values(rest)].filter((one) => one !== undefined);
    const sum = (of: (stats: StoreStats) => number): number => all.reduce((so, stats) => so + of(stats), 0);
    return {
      records: Math.max(...all.map(({ records }) => records)),
      bytes: sum(({ bytes }) => bytes),
      maxBytes: sum(({ maxBytes }) => maxBytes),
      evictions: sum(({ evictions }) => evictions),
    };
  }

  async statsByTier(): Promise<StatsByTier> {
    const memory = await this.#memory.stats();
    const lower = this.#lower;
    if (lower === undefined) return { memory };
    if (isTiers(lower)) return { memory, ...(await lower.statsByTier()) };
    return { memory, [this.#lowerTier]: await lower.stats() };
  }

  async close(): Promise<void> {
    this.#lookups.clear();
    this.#promotions.forgetAll();
    await this.#lower?.close();
    await this.#memory.close();
  }

  #forget(key: string): void {
    this.#lookups.delete(key);
    this.#promotions.forget(key);
  }

  #lookup(key: string, lower: Store<M>): Promise<readonly Stored<M>[]> {
    const lookup = lower.get(key).then(
      (stored) => {
        const held = this.#memory.getNow(key) ?? NONE;
        if (isCurrent()) {
          this.#lookups.delete(key);
          this.#promotions.promote(key, stored, held);
        }
        return merge(held, stored);
      },
      (error: unknown) => {
        if (isCurrent()) this.#lookups.delete(key);
        throw error;
      },
    );
    const isCurrent = (): boolean => this.#lookups.get(key) === lookup;
    this.#lookups.set(key, lookup);
    return lookup;
  }

  /** What both tiers make of a write: a failure below counts only when memory did not take it. */
  async #either(held: boolean, lower: Promise<boolean>): Promise<boolean> {
    try {
      return (await lower) || held;
    } catch (error) {
      if (!held) throw error;
      this.#lowerFailures += 1;
      return true;
    }
  }
}

/** The lower tier's order, memory's copies where there are any; what only memory has is newer than all. */
export function merge<M>(held: readonly Stored<M>[], stored: readonly Stored<M>[]): readonly Stored<M>[] {
  if (held.length === 0) return stored;
  const only = held.filter(({ variant }) => !stored.some((one) => one.variant === variant));
  return [...only, ...stored.map((one) => held.find(({ variant }) => variant === one.variant) ?? one)];
}

function isInflowing<M>(lower: object | undefined): lower is Inflowing<M> {
  return lower !== undefined && 'inflow' in lower;
}

function isTiers<M>(lower: Store<M> | Tiers<M>): lower is Tiers<M> {
  return 'statsByTier' in lower;
}

/** Records counted once, bytes in every tier that held them. */
export function total(byTier: RemovedByTier): Removed {
  let records = 0;
  let bytes = 0;
  for (const removed of Object.values(byTier)) {
    records = Math.max(records, removed.records);
    bytes += removed.bytes;
  }
  return { records, bytes };
}

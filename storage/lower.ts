// What is below memory: this node's disk (or none) before the tier that several nodes share, one store. Owns the order in
// which they are asked, and what a failure of the shared one costs: hits, nothing else.

import type { Inflow, Inflowing, Removed, Store, Stored, StoreStats, Tier } from './store.ts';
import { type RemovedByTier, type StatsByTier, type Tiers, total } from './tiered.ts';

export interface LowerOptions<M> {
  readonly disk: (Store<M> & Partial<Inflowing<M>>) | undefined;
  readonly shared: Store<M>;
  /** What it refuses must never be served again: the disk's is passed over for what the others have. */
  readonly usable: (record: Stored<M>) => boolean;
  /** Whether what another node may have stored can be judged here. Refused, it counts as not there. */
  readonly knows: (record: Stored<M>) => boolean;
}

const NONE: readonly never[] = [];

export class LowerTiers<M> implements Tiers<M>, Inflowing<M> {
  readonly #options: LowerOptions<M>;
  #sharedFailures = 0;

  constructor(options: LowerOptions<M>) {
    this.#options = options;
  }

  /** How often the shared tier could not be asked. */
  get sharedFailures(): number {
    return this.#sharedFailures;
  }

  /** The disk's variants, else the shared ones. Rejects only with the disk's failure, when the shared tier has nothing. */
  async get(key: string): Promise<readonly Stored<M>[]> {
    const { disk, usable } = this.#options;
    if (disk === undefined) return this.#shared(key);
    try {
      const found = await disk.get(key);
      const kept = found.every(usable) ? found : found.filter(usable);
      return kept.length > 0 ? kept : this.#shared(key);
    } catch (error) {
      const found = await this.#shared(key);
      if (found.length === 0) throw error;
      return found;
    }
  }

  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    const { disk, shared } = this.#options;
    return this.#either(shared.put(key, variant, meta, chunks), disk?.put(key, variant, meta, chunks));
  }

  /** Bodies that come in parts are for the disk alone. */
  get maxBodyBytes(): number {
    return this.#options.disk?.maxBodyBytes ?? 0;
  }

  inflow(): Inflow<M> | undefined {
    return this.#options.disk?.inflow?.();
  }

  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    const { disk, shared } = this.#options;
    return this.#either(shared.updateMeta(key, variant, meta), disk?.updateMeta(key, variant, meta));
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    return total(await this.remove(key, variant));
  }

  async clear(): Promise<Removed> {
    return total(await this.removeAll());
  }

  remove(key: string, variant?: string, spare?: Tier): Promise<RemovedByTier> {
    return this.#remove((store) => store.delete(key, variant), spare);
  }

  removeAll(): Promise<RemovedByTier> {
    return this.#remove((store) => store.clear());
  }

  async stats(): Promise<StoreStats> {
    const all = Object.values(await this.statsByTier());
    const sum = (of: (stats: StoreStats) => number): number => all.reduce((so, stats) => so + of(stats), 0);
    return {
      records: Math.max(0, ...all.map(({ records }) => records)),
      bytes: sum(({ bytes }) => bytes),
      maxBytes: sum(({ maxBytes }) => maxBytes),
      evictions: sum(({ evictions }) => evictions),
    };
  }

  /** Without the shared tier while that can't be asked. */
  async statsByTier(): Promise<StatsByTier> {
    const { disk, shared } = this.#options;
    const held = await this.#quietly(shared.stats());
    return {
      ...(disk !== undefined && { disk: await disk.stats() }),
      ...(held !== undefined && { shared: held }),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#options.disk?.close(), this.#options.shared.close()]);
  }

  async #shared(key: string): Promise<readonly Stored<M>[]> {
    const { shared, knows, usable } = this.#options;
    const found = (await this.#quietly(shared.get(key))) ?? NONE;
    return found.filter((record) => knows(record) && usable(record));
  }

  async #remove(remove: (store: Store<M>) => Promise<Removed>, spare?: Tier): Promise<RemovedByTier> {
    const { disk, shared } = this.#options;
    // Both are asked before either has answered.
    const fromDisk = disk === undefined || spare === 'disk' ? undefined : remove(disk);
    const fromShared = spare === 'shared' ? undefined : this.#quietly(remove(shared));
    const [ofDisk, ofShared] = await Promise.all([fromDisk, fromShared]);
    return {
      ...(ofDisk !== undefined && { disk: ofDisk }),
      ...(ofShared !== undefined && { shared: ofShared }),
    };
  }

  /** A failure of the shared tier never hides what became of it on the disk. */
  async #either(shared: Promise<boolean>, disk: Promise<boolean> | undefined): Promise<boolean> {
    const [ofShared, ofDisk] = await Promise.all([this.#quietly(shared), disk ?? false]);
    return ofDisk || (ofShared ?? false);
  }

  async #quietly<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch {
      this.#sharedFailures += 1;
      return undefined;
    }
  }
}

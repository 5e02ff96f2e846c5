// One worker's part of a store that all workers share: every key is at home with one of them, whose memory has it, decides
// what stays, and writes the lower tiers. Here: what is at home is answered from our own tiers; of the rest we keep replicas
// and ask the home (home-desk.ts). When a home has gone its keys are asked of the lower tiers alone. Knows questions, not how
// they travel.
//
// INVARIANT: when what is sent to be stored is on its way (at once, or at the cork's end) the key's number moves: no replica is
// believed that does not have it, and a home that is asked takes in what was sent before it answers.

import type { Found, HomeQuestion, Way } from './home-messages.ts';
import { HomeGone, type Homes } from './homes.ts';
import type { MemoryStore } from './memory.ts';
import { ReplicaHits } from './replica-hits.ts';
import { type Replica, ReplicaRecord, type Replicas } from './replicas.ts';
import { bufferOn, shareBytes } from './shared-bytes.ts';
import type { Inflow, Removed, Store, Stored, StoreStats, Tier } from './store.ts';
import { type FrontStore, merge, type RemovedByTier, type Rider, type TieredStore, total } from './tiered.ts';

export interface HomedOptions<M> {
  /** This worker's number. */
  readonly self: number;
  readonly homes: Homes;
  /** This worker's tiers, for what is at home here. */
  readonly tiers: TieredStore<M>;
  readonly memory: MemoryStore<M>;
  /** What is below memory, for all workers the same. */
  readonly lower: Store<M> | undefined;
  readonly replicas: Replicas<M>;
  /** undefined while that worker is not there. */
  readonly wayTo: (worker: number) => Way<M> | undefined;
  readonly pack: (meta: M) => M;
  /** A stamp for what is sent now (home-desk.ts: `overtaken`). */
  readonly stamp: () => number;
}

const NONE: readonly never[] = [];

/** What is known of a key after asking; `isAll`: there is nothing else of it. */
interface Answered<M> {
  readonly records: readonly Stored<M>[];
  readonly isAll: boolean;
}

export class HomedStore<M> implements FrontStore<M> {
  readonly #options: HomedOptions<M>;
  readonly #finds = new Map<string, Promise<Answered<M>>>();
  /** Writes that another home has not answered. */
  readonly #writes = new Set<Promise<unknown>>();
  #clearing: Promise<void> | undefined;
  readonly #hits: ReplicaHits<M>;

  constructor(options: HomedOptions<M>) {
    this.#options = options;
    this.#hits = new ReplicaHits(options);
  }

  get hasShared(): boolean {
    return this.#options.tiers.hasShared;
  }

  getNow(key: string): readonly Stored<M>[] | undefined {
    const held = this.#options.tiers.getNow(key);
    return held ?? this.#options.replicas.get(key)?.records;
  }

  isWhole(key: string): boolean {
    const { replicas, tiers } = this.#options;
    return this.#isAtHome(key) ? tiers.isWhole(key) : (replicas.get(key)?.whole ?? false);
  }

  touch(record: Stored<M>): void {
    if (record instanceof ReplicaRecord) this.#hits.count(record);
    else this.#options.tiers.touch(record);
  }

  /** What another home decides when it is there is only guessed at here. */
  wayFor(key: string, variant: string, bytes: number): 'whole' | 'parts' | 'none' {
    const { tiers, memory, lower } = this.#options;
    const way = this.#isAtHome(key) || lower !== undefined ? tiers.wayFor(key, variant, bytes) : undefined;
    return way ?? (memory.holds(bytes) ? 'whole' : 'none');
  }

  get maxBodyBytes(): number {
    return this.#options.tiers.maxBodyBytes;
  }

  get maxInflowBytes(): number {
    return this.#options.tiers.maxInflowBytes;
  }

  inflow(): Inflow<M> | undefined {
    return this.#options.tiers.inflow();
  }

  async finish(inflow: Inflow<M>, key: string, variant: string, meta: M): Promise<boolean> {
    const { tiers, homes } = this.#options;
    const home = this.#leave(key);
    if (home === 'here') {
      const finished = tiers.finish(inflow, key, variant, meta);
      homes.changed(homes.hash(key));
      return finished;
    }
    const isFinished = await inflow.finish(key, variant, meta);
    if (home !== undefined) await this.#write(home, { kind: 'finished', key, variant }, () => undefined);
    return isFinished;
  }

  async get(
    key: string,
    enough: (records: readonly Stored<M>[]) => boolean = () => false,
    rider?: Rider,
  ): Promise<readonly Stored<M>[]> {
    while (this.#clearing !== undefined) await this.#clearing;
    const hash = this.#options.homes.hash(key);
    if (this.#homeOf(hash) === this.#options.self) return this.#options.tiers.get(key);
    const known = this.#options.replicas.get(key);
    if (known?.whole) return known.records;
    // Those who ask together are answered together; what is enough for one need not be for another.
    const asked = this.#finds.get(key) ?? this.#find(key, hash, enough, rider);
    const { records, isAll } = await asked;
    if (isAll || enough(records)) return records;
    return (await this.#ask(key, hash, true, () => false)).records;
  }

  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    const { tiers, lower, stamp } = this.#options;
    while (this.#clearing !== undefined) await this.#clearing;
    const home = this.#leave(key);
    if (home === 'here') return tiers.put(key, variant, meta, chunks);
    const below = (): Promise<boolean> | boolean => lower?.put(key, variant, meta, chunks) ?? false;
    if (home === undefined) return below();
    const shared = shareBytes(chunks);
    return this.#write(home, { kind: 'put', key, variant, meta, chunks: shared, stamp: stamp() }, below);
  }

  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    const { tiers, lower, stamp } = this.#options;
    while (this.#clearing !== undefined) await this.#clearing;
    const home = this.#leave(key);
    if (home === 'here') return tiers.updateMeta(key, variant, meta);
    const below = (): Promise<boolean> | boolean => lower?.updateMeta(key, variant, meta) ?? false;
    if (home === undefined) return below();
    return this.#write(home, { kind: 'update', key, variant, meta, stamp: stamp() }, below);
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    const { tiers, lower } = this.#options;
    while (this.#clearing !== undefined) await this.#clearing;
    const home = this.#leave(key);
    if (home === 'here') return tiers.delete(key, variant);
    const below = (): Promise<Removed> | Removed => lower?.delete(key, variant) ?? { records: 0, bytes: 0 };
    if (home === undefined) return below();
    return this.#write(home, { kind: 'delete', key, variant }, below);
  }

  async remove(key: string, variant?: string, spare?: Tier): Promise<RemovedByTier> {
    const home = this.#leave(key);
    if (home === 'here') return this.#options.tiers.remove(key, variant, spare);
    // Its home counts what it removes.
    if (home === undefined && spare === undefined) await this.#options.lower?.delete(key, variant);
    return {};
  }

  /** First the other memories, and with them the writes that are on their way there; what comes meanwhile waits. */
  async clear(): Promise<Removed> {
    const { tiers } = this.#options;
    while (this.#clearing !== undefined) await this.#clearing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clearing = promise;
    try {
      this.forget();
      const others = await this.#askAll<Removed>({ kind: 'clear' });
      const { memory, ...below } = await tiers.removeAll();
      const memories = [...(memory === undefined ? [] : [memory]), ...others];
      return total({
        ...below,
        memory: {
          records: memories.reduce((sum, { records }) => sum + records, 0),
          bytes: memories.reduce((sum, { bytes }) => sum + bytes, 0),
        },
      });
    } finally {
      this.#clearing = undefined;
      resolve();
    }
  }

  /** Of all memories and what is below them. */
  async stats(): Promise<StoreStats> {
    const others = this.#askAll<StoreStats>({ kind: 'stats' });
    const { memory, ...below } = await this.#options.tiers.statsByTier();
    const memories = [...(memory === undefined ? [] : [memory]), ...(await others)];
    const lower = Object.values(below);
    const sum = (of: (stats: StoreStats) => number, all: readonly StoreStats[]): number =>
      all.reduce((so, stats) => so + of(stats), 0);
    const records = ({ records }: StoreStats): number => records;
    const both = [...memories, ...lower];
    return {
      records: Math.max(sum(records, memories), ...lower.map(records)),
      bytes: sum(({ bytes }) => bytes, both),
      maxBytes: sum(({ maxBytes }) => maxBytes, both),
      evictions: sum(({ evictions }) => evictions, both),
    };
  }

  async close(): Promise<void> {
    this.#hits.stop();
    this.forget();
    await this.settled();
    await this.#options.tiers.close();
  }

  /** Resolves when other homes have answered all writes. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#writes);
  }

  /** A worker has gone: what it was home to is not believed any more. */
  lost(worker: number): void {
    this.#options.replicas.dropHome(worker);
  }

  /** All that is known of other homes. */
  forget(): void {
    this.#finds.clear();
    this.#options.replicas.clear();
  }

  /** Tells the homes of hits; otherwise they hear every 200 ms. */
  flush(): void {
    this.#hits.flush();
  }

  #find(
    key: string,
    hash: number,
    enough: (records: readonly Stored<M>[]) => boolean,
    rider: Rider | undefined,
  ): Promise<Answered<M>> {
    const find = this.#ask(key, hash, false, enough, rider).finally(() => {
      if (this.#finds.get(key) === find) this.#finds.delete(key);
    });
    this.#finds.set(key, find);
    return find;
  }

  async #ask(
    key: string,
    hash: number,
    deep: boolean,
    enough: (records: readonly Stored<M>[]) => boolean,
    rider?: Rider,
  ): Promise<Answered<M>> {
    const { lower, wayTo, pack, replicas } = this.#options;
    const way = wayTo(this.#homeOf(hash));
    const question = { kind: 'find', key, deep, rider: rider?.question } as const;
    const found = await way?.ask<Found<M>>(question).catch(() => undefined);
    if (found?.ridden !== undefined) rider?.answered(found.ridden);
    if (found === undefined) return { records: (await lower?.get(key)) ?? NONE, isAll: true };
    const records = found.records.map(
      ({ variant, meta, chunks }) => new ReplicaRecord(key, variant, pack(meta), chunks.map(bufferOn)),
    );
    const whole = found.deep && !found.more && !this.hasShared;
    const replica: Replica<M> = { hash, version: found.version, records, whole };
    replicas.set(key, replica);
    this.#hits.tickLater();
    if (!found.more || enough(records)) return { records, isAll: !found.more };
    if (!found.deep) return this.#ask(key, hash, true, enough);
    const below = (await lower?.get(key)) ?? NONE;
    return { records: merge(records, below), isAll: true };
  }

  /** Forgets what is known of a key that is about to change. @returns its home; undefined when that has gone */
  #leave(key: string): Way<M> | 'here' | undefined {
    const { self, homes, replicas, wayTo } = this.#options;
    const home = this.#homeOf(homes.hash(key));
    if (home === self) return 'here';
    this.#finds.delete(key);
    replicas.delete(key);
    return wayTo(home);
  }

  /** @param instead what is done when the home has gone */
  #write<Answer>(
    home: Way<M>,
    question: HomeQuestion<M> & { readonly key: string },
    instead: () => Promise<Answer> | Answer,
  ): Promise<Answer> {
    const { homes } = this.#options;
    const asked = home.ask<Answer>(question, () => homes.changed(homes.hash(question.key)));
    const write = asked.catch((error: unknown) => {
      if (error instanceof HomeGone) return instead();
      throw error;
    });
    this.#writes.add(write);
    const over = (): void => void this.#writes.delete(write);
    write.then(over, over);
    return write;
  }

  #isAtHome(key: string): boolean {
    return this.#homeOf(this.#options.homes.hash(key)) === this.#options.self;
  }

  #homeOf(hash: number): number {
    return this.#options.homes.homeOf(hash);
  }

  async #askAll<Answer>(question: HomeQuestion<M>): Promise<Answer[]> {
    const { self, homes, wayTo } = this.#options;
    const asked: Promise<Answer | undefined>[] = [];
    for (let worker = 0; worker < homes.count; worker += 1) {
      if (worker === self) continue;
      const way = wayTo(worker);
      if (way !== undefined) asked.push(way.ask<Answer>(question).catch(() => undefined));
    }
    return (await Promise.all(asked)).filter((one) => one !== undefined);
  }
}

// One worker's part of a store that all workers share: every key is at home with one of them, whose memory has it, decides
// what stays, and writes the lower tiers. Here: what is at home is answered from our own tiers; of the rest we keep replicas
// and ask the home. When a home has gone its keys are asked of the lower tiers alone. Knows questions, not how they travel.

import { totalLength } from './chunks.ts';
import { HomeGone, type Homes } from './homes.ts';
import type { MemoryStore } from './memory.ts';
import { type Replica, ReplicaRecord, type Replicas, type Shown } from './replicas.ts';
import { bufferOn, noteShared, shareBytes } from './shared-bytes.ts';
import type { Inflow, Removed, Store, Stored, StoreStats, Tier } from './store.ts';
import { type FrontStore, merge, type RemovedByTier, type TieredStore, total } from './tiered.ts';

/** What a worker asks the home of a key. Plain data. */
export type HomeQuestion<M> =
  | { readonly kind: 'find'; readonly key: string; readonly deep: boolean }
  | ({ readonly kind: 'put'; readonly key: string; readonly stamp: number } & Shown<M>)
  | {
      readonly kind: 'update';
      readonly key: string;
      readonly variant: string;
      readonly meta: M;
      readonly stamp: number;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly variant: string | undefined }
  /** The lower tier has a new body of this record. */
  | { readonly kind: 'finished'; readonly key: string; readonly variant: string }
  | { readonly kind: 'clear' }
  | { readonly kind: 'stats' };

/** Hits on replicas: key, variant and count of each. */
export interface Touches {
  readonly kind: 'touched';
  readonly hits: readonly (readonly [key: string, variant: string, count: number])[];
}

/** The answer to 'find'. */
export interface Found<M> {
  readonly version: number;
  readonly records: readonly Shown<M>[];
  /** Lower tiers have records, or may have, that memory has not. */
  readonly more: boolean;
  /** The lower tiers were asked. */
  readonly deep: boolean;
}

/** The way to another worker. Rejects with HomeGone when it has gone. */
export interface Way<M> {
  ask<Answer>(question: HomeQuestion<M>): Promise<Answer>;
  tell(touches: Touches): void;
}

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
  /** A stamp for what is sent now, and whether something has happened since that forbids storing it. */
  readonly stamp: () => number;
  readonly overtaken: (key: string, stamp: number) => boolean;
}

const TICK_MS = 200;
const MAX_TOUCHED = 4096;
const MAX_HITS = 15;
/** Replicas looked at in one tick. */
const SWEPT = 4096;
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
  #touched: ReplicaRecord<M>[] = [];
  #ticking: NodeJS.Timeout | undefined;

  constructor(options: HomedOptions<M>) {
    this.#options = options;
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
    if (!(record instanceof ReplicaRecord)) return this.#options.tiers.touch(record);
    record.uses += 1;
    if (record.uses === 1) this.#remember(record);
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
  ): Promise<readonly Stored<M>[]> {
    while (this.#clearing !== undefined) await this.#clearing;
    const hash = this.#options.homes.hash(key);
    if (this.#homeOf(hash) === this.#options.self) return this.#options.tiers.get(key);
    const known = this.#options.replicas.get(key);
    if (known?.whole) return known.records;
    // Those who ask together are answered together; what is enough for one need not be for another.
    const asked = this.#finds.get(key) ?? this.#find(key, hash, enough);
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
    const { tiers, replicas } = this.#options;
    while (this.#clearing !== undefined) await this.#clearing;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clearing = promise;
    try {
      this.#finds.clear();
      replicas.clear();
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
    clearTimeout(this.#ticking);
    this.#finds.clear();
    this.#options.replicas.clear();
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

  /** Tells the homes of hits; otherwise they hear every 200 ms. */
  flush(): void {
    const { homes, wayTo } = this.#options;
    const hits = new Map<number, (readonly [string, string, number])[]>();
    for (const record of this.#touched.splice(0)) {
      const home = this.#homeOf(homes.hash(record.key));
      const list = hits.get(home) ?? [];
      list.push([record.key, record.variant, record.uses]);
      hits.set(home, list);
      record.uses = 0;
    }
    for (const [home, list] of hits) wayTo(home)?.tell({ kind: 'touched', hits: list });
  }

  /** Another worker asks about a key that is at home here. */
  async answer(question: HomeQuestion<M>): Promise<unknown> {
    const { tiers, memory, homes, overtaken } = this.#options;
    switch (question.kind) {
      case 'find':
        return this.#show(question.key, question.deep);
      case 'put': {
        const { key, variant, meta, chunks, stamp } = question;
        if (overtaken(key, stamp)) return false;
        noteShared(totalLength(chunks));
        return tiers.put(key, variant, meta, chunks.map(bufferOn));
      }
      case 'update': {
        const { key, variant, meta, stamp } = question;
        return overtaken(key, stamp) ? false : tiers.updateMeta(key, variant, meta);
      }
      case 'delete':
        return tiers.delete(question.key, question.variant);
      case 'finished':
        tiers.renewed(question.key, question.variant);
        homes.changed(homes.hash(question.key));
        return true;
      case 'clear':
        this.#finds.clear();
        this.#options.replicas.clear();
        return memory.clearNow();
      case 'stats':
        return memory.stats();
      default:
        return question satisfies never;
    }
  }

  /** Another worker tells of hits on what is at home here. */
  touched({ hits }: Touches): void {
    const { tiers } = this.#options;
    for (const [key, variant, count] of hits) {
      const record = tiers.getNow(key)?.find((one) => one.variant === variant);
      if (record !== undefined) for (let i = 0; i < Math.min(count, MAX_HITS); i += 1) tiers.touch(record);
    }
  }

  /** From memory; where that has nothing, or is not enough, from what is below. */
  async #show(key: string, deep: boolean): Promise<Found<M>> {
    const { tiers, homes } = this.#options;
    const hash = homes.hash(key);
    const isWhole = tiers.isWhole(key);
    const asksBelow = !isWhole && (deep || tiers.getNow(key) === undefined);
    const all: readonly Stored<M>[] = asksBelow ? await tiers.get(key) : NONE;
    const held = tiers.getNow(key) ?? NONE;
    const records = held.map(({ variant, meta, body }) => ({ variant, meta, chunks: body.chunks }));
    const isBeyond = ({ variant }: Stored<M>): boolean => !held.some((one) => one.variant === variant);
    const more = asksBelow ? all.some(isBeyond) : !isWhole;
    return { version: homes.versionOf(hash), records, more, deep: asksBelow || isWhole };
  }

  #find(key: string, hash: number, enough: (records: readonly Stored<M>[]) => boolean): Promise<Answered<M>> {
    const find = this.#ask(key, hash, false, enough).finally(() => {
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
  ): Promise<Answered<M>> {
    const { lower, wayTo, pack, replicas } = this.#options;
    const way = wayTo(this.#homeOf(hash));
    const found = await way?.ask<Found<M>>({ kind: 'find', key, deep }).catch(() => undefined);
    if (found === undefined) return { records: (await lower?.get(key)) ?? NONE, isAll: true };
    const records = found.records.map(
      ({ variant, meta, chunks }) => new ReplicaRecord(key, variant, pack(meta), chunks.map(bufferOn)),
    );
    const whole = found.deep && !found.more && !this.hasShared;
    const replica: Replica<M> = { hash, version: found.version, records, whole };
    replicas.set(key, replica);
    this.#tickLater();
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
    question: HomeQuestion<M>,
    instead: () => Promise<Answer> | Answer,
  ): Promise<Answer> {
    const write = home.ask<Answer>(question).catch((error: unknown) => {
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

  #remember(record: ReplicaRecord<M>): void {
    this.#touched.push(record);
    if (this.#touched.length >= MAX_TOUCHED) this.flush();
    this.#tickLater();
  }

  #tickLater(): void {
    this.#ticking ??= setTimeout(() => this.#tick(), TICK_MS).unref();
  }

  /** As long as there are replicas. */
  #tick(): void {
    const { replicas } = this.#options;
    this.#ticking = undefined;
    this.flush();
    replicas.sweep(SWEPT);
    if (replicas.size > 0) this.#tickLater();
  }
}

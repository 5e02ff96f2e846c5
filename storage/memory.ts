// Stored records in memory, bounded in bytes with their overhead counted. Fills in progress are tenants of the same
// budget (`reserve`). Who goes first is the policy's business (eviction/), what a meta weighs is the owner's (`sizeOf`).

import { checkRange, compact, cut, heldBytes, totalLength } from './chunks.ts';
import { Lru } from './eviction/lru.ts';
import type { EvictionPolicy, Tenant } from './eviction/policy.ts';
import type { Judged, Removed, Store, Stored, StoredBody, StoreStats } from './store.ts';

/** Bytes of a record beside its key, meta and chunks, the policy's counts included: bench/memory.ts measures it. */
export const RECORD_BYTES = 600;
/** Bytes of a chunk beside its content: the Buffer, its ArrayBuffer, their allocation; measured likewise. */
const CHUNK_BYTES = 340;
/** A record over this share of the budget has to be worth what would go for it. */
const LARGE_SHARE = 1 / 20;
/** A record over this share is declined. */
const LARGEST_SHARE = 1 / 4;
const NONE: readonly never[] = [];

export interface MemoryOptions<M> {
  /** The budget, bytes: records with overhead, and reservations. */
  readonly maxBytes: number;
  /** Bytes a meta occupies in memory. */
  readonly sizeOf: (meta: M) => number;
  /** The same meta in the form that is worth keeping. As it is unless given. */
  readonly pack?: (meta: M) => M;
  /** Least recently used unless given. */
  readonly policy?: EvictionPolicy<MemoryRecord<M>>;
  /** Called after a record was evicted for room (not when it was deleted or replaced). Must not throw. */
  readonly onEvict?: (record: MemoryRecord<M>) => void;
  /** The bytes of a body in chunks worth keeping. Chunks in memory of their own unless given. */
  readonly compact?: (chunks: readonly Buffer[]) => readonly Buffer[];
  /** Called whenever `getNow` of a key begins to answer something else. Must not throw. */
  readonly onChange?: (key: string) => void;
}

export class MemoryBody implements StoredBody {
  readonly length: number;
  readonly chunks: readonly Buffer[];

  constructor(length: number, chunks: readonly Buffer[]) {
    this.length = length;
    this.chunks = chunks;
  }

  async *read(start: number, end: number): AsyncIterable<Buffer> {
    checkRange(start, end, this.length);
    yield* cut(this.chunks, start, end);
  }
}

/** A record in memory. The same object answers every lookup until the record or its meta is replaced. */
export class MemoryRecord<M> implements Stored<M>, Tenant<MemoryRecord<M>> {
  readonly key: string;
  readonly variant: string;
  readonly meta: M;
  readonly body: StoredBody & { readonly chunks: readonly Buffer[] };
  readonly mark: number;
  readonly sizeBytes: number;
  older: MemoryRecord<M> | undefined = undefined;
  newer: MemoryRecord<M> | undefined = undefined;
  shelf = 0;
  standing = Number.NaN;
  /** False once evicted, deleted or replaced. */
  resident = true;
  judged: Judged | undefined = undefined;

  constructor(
    name: Pick<MemoryRecord<M>, 'key' | 'variant' | 'mark'>,
    meta: M,
    body: MemoryRecord<M>['body'],
    sizeBytes: number,
  ) {
    this.key = name.key;
    this.variant = name.variant;
    this.mark = name.mark;
    this.meta = meta;
    this.body = body;
    this.sizeBytes = sizeBytes;
  }

  get tier(): 'memory' {
    return 'memory';
  }
}

export class MemoryStore<M> implements Store<M> {
  readonly maxBytes: number;
  readonly #sizeOf: (meta: M) => number;
  readonly #pack: (meta: M) => M;
  readonly #policy: EvictionPolicy<MemoryRecord<M>>;
  readonly #onEvict: ((record: MemoryRecord<M>) => void) | undefined;
  readonly #compact: (chunks: readonly Buffer[]) => readonly Buffer[];
  readonly #onChange: ((key: string) => void) | undefined;
  readonly #records = new Map<string, readonly MemoryRecord<M>[]>();
  #count = 0;
  #bytes = 0;
  #reserved = 0;
  #evictions = 0;

  constructor(options: MemoryOptions<M>) {
    this.maxBytes = options.maxBytes;
    this.#sizeOf = options.sizeOf;
    this.#pack = options.pack ?? ((meta) => meta);
    this.#policy = options.policy ?? new Lru();
    this.#onEvict = options.onEvict;
    this.#compact = options.compact ?? compact;
    this.#onChange = options.onChange;
  }

  /** The variants of a key, most recently put first: the kept array, no copy, no promise; eviction hears nothing of it. */
  getNow(key: string): readonly MemoryRecord<M>[] | undefined {
    return this.#records.get(key);
  }

  /** Every key's variants, for background work: what is put meanwhile is met too, what is removed is not. */
  walk(): Iterable<readonly MemoryRecord<M>[]> {
    return this.#records.values();
  }

  /** How much a record is asked for, by the eviction policy; to be compared with that of others. */
  heat(record: MemoryRecord<M>): number {
    return this.#policy.heat(record);
  }

  /** Tells the eviction policy of a hit. A record that is no longer here is ignored. */
  touch(record: Stored<M>): void {
    if (record instanceof MemoryRecord && record.resident) this.#policy.used(record);
  }

  async get(key: string): Promise<readonly MemoryRecord<M>[]> {
    const found = this.#records.get(key);
    if (found === undefined) return NONE;
    for (const record of found) this.#policy.used(record);
    return found;
  }

  put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    return Promise.resolve(this.putNow(key, variant, meta, chunks) !== undefined);
  }

  /**
   * Puts at once, in front of the key's other variants (behind them when `last`). Declines a record over a quarter of the
   * budget, a large one that the policy does not admit, and any when what must stay (reservations) leaves no room; what
   * it would have replaced is gone all the same. Counts as a request that found nothing.
   * @returns the record, or undefined when declined.
   */
  putNow(
    key: string,
    variant: string,
    meta: M,
    chunks: readonly Buffer[],
    last = false,
  ): MemoryRecord<M> | undefined {
    const length = totalLength(chunks);
    this.deleteNow(key, variant);
    const mark = this.#policy.mark(key, variant);
    this.#policy.missed(mark);
    const fixed = this.#sizeOf(meta) + RECORD_BYTES + key.length + variant.length;
    if (!this.#admits(mark, fixed + length)) return undefined;
    const kept = this.#compact(chunks);
    const sizeBytes = fixed + heldBytes(kept) + kept.length * CHUNK_BYTES;
    if (sizeBytes > this.maxBytes * LARGEST_SHARE || !this.#makeRoom(sizeBytes)) return undefined;
    const name = { key: own(key), variant: own(variant), mark };
    const record = new MemoryRecord(name, this.#pack(meta), new MemoryBody(length, kept), sizeBytes);
    const others = this.#records.get(key) ?? NONE;
    this.#records.set(name.key, last ? [...others, record] : [record, ...others]);
    this.#admit(record);
    this.#onChange?.(key);
    return record;
  }

  /**
   * Whether a record of so many bytes would be taken, to be asked before they are fetched. A refusal counts as a request
   * that found nothing, so that what is asked for often enough is wanted in the end.
   */
  wants(key: string, variant: string, bytes: number): boolean {
    if (bytes + RECORD_BYTES <= this.maxBytes * LARGE_SHARE) return true;
    const mark = this.#policy.mark(key, variant);
    const wanted = this.#admits(mark, bytes + RECORD_BYTES);
    if (!wanted) this.#policy.missed(mark);
    return wanted;
  }

  /** Whether a record of so many bytes can be held at all. */
  holds(bytes: number): boolean {
    return bytes + RECORD_BYTES <= this.maxBytes * LARGEST_SHARE;
  }

  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    return this.updateMetaNow(key, variant, meta);
  }

  updateMetaNow(key: string, variant: string, meta: M): boolean {
    const found = this.#records.get(key);
    const at = found?.findIndex((record) => record.variant === variant) ?? -1;
    const old = found?.[at];
    if (found === undefined || old === undefined) return false;
    const sizeBytes = old.sizeBytes - this.#sizeOf(old.meta) + this.#sizeOf(meta);
    const record = new MemoryRecord(old, this.#pack(meta), old.body, sizeBytes);
    this.#policy.replaced(old, record);
    old.resident = false;
    this.#bytes += sizeBytes - old.sizeBytes;
    this.#records.set(old.key, found.with(at, record));
    this.#onChange?.(key);
    this.#makeRoom(0);
    return true;
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    return this.deleteNow(key, variant);
  }

  deleteNow(key: string, variant?: string): Removed {
    let records = 0;
    let bytes = 0;
    for (const record of this.#records.get(key) ?? NONE) {
      if (variant !== undefined && record.variant !== variant) continue;
      this.#drop(record);
      records += 1;
      bytes += record.sizeBytes;
    }
    return { records, bytes };
  }

  async clear(): Promise<Removed> {
    return this.clearNow();
  }

  clearNow(): Removed {
    const removed = { records: this.#count, bytes: this.#bytes };
    const cleared = [...this.#records];
    this.#records.clear();
    for (const [key, records] of cleared) {
      for (const record of records) this.#expel(record);
      this.#onChange?.(key);
    }
    return removed;
  }

  /**
   * Takes room for a fill in progress, evicting for it. At most half the budget may be reserved.
   * @returns false when that does not fit: nothing was reserved.
   */
  reserve(bytes: number): boolean {
    if (this.#reserved + bytes > this.maxBytes / 2 || !this.#makeRoom(bytes)) return false;
    this.#reserved += bytes;
    return true;
  }

  /** Gives back what `reserve` took. */
  release(bytes: number): void {
    this.#reserved = Math.max(0, this.#reserved - bytes);
  }

  async stats(): Promise<StoreStats & { readonly reservedBytes: number }> {
    return {
      records: this.#count,
      bytes: this.#bytes,
      maxBytes: this.maxBytes,
      evictions: this.#evictions,
      reservedBytes: this.#reserved,
    };
  }

  async close(): Promise<void> {
    this.clearNow();
  }

  #admits(mark: number, bytes: number): boolean {
    if (bytes <= this.maxBytes * LARGE_SHARE) return true;
    const excess = this.#bytes + this.#reserved + bytes - this.maxBytes;
    return bytes <= this.maxBytes * LARGEST_SHARE && this.#policy.admits(mark, bytes, Math.max(0, excess));
  }

  #makeRoom(bytes: number): boolean {
    const bound = this.maxBytes - this.#reserved - bytes;
    while (this.#bytes > bound) {
      const victim = this.#policy.evict();
      if (victim === undefined) return false;
      this.#unlist(victim);
      this.#leaves(victim);
      this.#evictions += 1;
      this.#onEvict?.(victim);
    }
    return true;
  }

  #admit(record: MemoryRecord<M>): void {
    this.#policy.added(record);
    this.#count += 1;
    this.#bytes += record.sizeBytes;
  }

  #drop(record: MemoryRecord<M>): void {
    this.#unlist(record);
    this.#expel(record);
  }

  #unlist(record: MemoryRecord<M>): void {
    const left = this.#records.get(record.key)?.filter((other) => other !== record) ?? NONE;
    if (left.length === 0) this.#records.delete(record.key);
    else this.#records.set(record.key, left);
    this.#onChange?.(record.key);
  }

  #expel(record: MemoryRecord<M>): void {
    this.#policy.removed(record);
    this.#leaves(record);
  }

  #leaves(record: MemoryRecord<M>): void {
    record.resident = false;
    this.#count -= 1;
    this.#bytes -= record.sizeBytes;
  }
}

/** A flat copy: a string cut from a request head would keep the whole head in memory. */
function own(text: string): string {
  if (text.length < 13) return text;
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}

// Stored records in memory, bounded in bytes with their overhead counted. Fills in progress are tenants of the same
// budget (`reserve`). Who goes first is the policy's business (eviction/), what a meta weighs is the owner's (`sizeOf`).

import { checkRange, compact, cut, heldBytes, totalLength } from './chunks.ts';
import { Lru } from './eviction/lru.ts';
import type { EvictionPolicy, Tenant } from './eviction/policy.ts';
import type { Removed, Store, Stored, StoredBody, StoreStats } from './store.ts';

/** Bytes of a record beside its key, meta and chunks: growth of RSS measured with 100,000 records. */
const RECORD_BYTES = 560;
/** Bytes of a chunk beside its content: the Buffer, its ArrayBuffer, their allocation; measured likewise. */
const CHUNK_BYTES = 340;
const NONE: readonly never[] = [];

export interface MemoryOptions<M> {
  /** The budget, bytes: records with overhead, and reservations. */
  readonly maxBytes: number;
  /** Bytes a meta occupies in memory. */
  readonly sizeOf: (meta: M) => number;
  /** Least recently used unless given. */
  readonly policy?: EvictionPolicy<MemoryRecord<M>>;
  /** Called after a record was evicted for room (not when it was deleted or replaced). Must not throw. */
  readonly onEvict?: (record: MemoryRecord<M>) => void;
}

class MemoryBody implements StoredBody {
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
  readonly sizeBytes: number;
  older: MemoryRecord<M> | undefined = undefined;
  newer: MemoryRecord<M> | undefined = undefined;
  /** False once evicted, deleted or replaced. */
  resident = true;
  /** The owner's own, for what it works out once per record. Not counted. */
  scratch: unknown = undefined;

  constructor(key: string, variant: string, meta: M, body: MemoryRecord<M>['body'], sizeBytes: number) {
    this.key = key;
    this.variant = variant;
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
  readonly #policy: EvictionPolicy<MemoryRecord<M>>;
  readonly #onEvict: ((record: MemoryRecord<M>) => void) | undefined;
  readonly #records = new Map<string, readonly MemoryRecord<M>[]>();
  #count = 0;
  #bytes = 0;
  #reserved = 0;
  #evictions = 0;

  constructor(options: MemoryOptions<M>) {
    this.maxBytes = options.maxBytes;
    this.#sizeOf = options.sizeOf;
    this.#policy = options.policy ?? new Lru();
    this.#onEvict = options.onEvict;
  }

  /** The variants of a key, most recently put first: the kept array, no copy, no promise; eviction hears nothing of it. */
  getNow(key: string): readonly MemoryRecord<M>[] | undefined {
    return this.#records.get(key);
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
   * Puts at once, in front of the key's other variants (behind them when `last`). Declines a record over a quarter of the budget, or when what must stay (reservations) leaves no room;
   * what it would have replaced is gone all the same.
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
    const fixed = this.#sizeOf(meta) + RECORD_BYTES + key.length + variant.length;
    if (fixed + length > this.maxBytes / 4) return undefined;
    const kept = compact(chunks);
    const sizeBytes = fixed + heldBytes(kept) + kept.length * CHUNK_BYTES;
    if (sizeBytes > this.maxBytes / 4 || !this.#makeRoom(sizeBytes)) return undefined;
    const ownKey = own(key);
    const record = new MemoryRecord(ownKey, own(variant), meta, new MemoryBody(length, kept), sizeBytes);
    const others = this.#records.get(key) ?? NONE;
    this.#records.set(ownKey, last ? [...others, record] : [record, ...others]);
    this.#admit(record);
    return record;
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
    const record = new MemoryRecord(old.key, old.variant, meta, old.body, sizeBytes);
    this.#expel(old);
    this.#records.set(old.key, found.with(at, record));
    this.#admit(record);
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
    for (const records of this.#records.values()) for (const record of records) this.#expel(record);
    this.#records.clear();
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

  #makeRoom(bytes: number): boolean {
    const bound = this.maxBytes - this.#reserved - bytes;
    while (this.#bytes > bound) {
      const victim = this.#policy.victim();
      if (victim === undefined) return false;
      this.#drop(victim);
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
    const left = this.#records.get(record.key)?.filter((other) => other !== record) ?? NONE;
    if (left.length === 0) this.#records.delete(record.key);
    else this.#records.set(record.key, left);
    this.#expel(record);
  }

  #expel(record: MemoryRecord<M>): void {
    this.#policy.removed(record);
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

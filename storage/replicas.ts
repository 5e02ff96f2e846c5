// What a worker has learned of keys that are at home elsewhere: their records in memory there, by reference (the bytes are
// shared), or that there are none. An entry is believed while the version of its key stands. Bounded in bytes, which are
// borrowed from the worker's own memory. Knows no messages.

import type { Homes } from './homes.ts';
import { MemoryBody, RECORD_BYTES } from './memory.ts';
import { noteShared } from './shared-bytes.ts';
import type { Judged, Stored } from './store.ts';

/** A record as one worker shows it to another. Plain data; `chunks` are in shared memory. */
export interface Shown<M> {
  readonly variant: string;
  readonly meta: M;
  readonly chunks: readonly Uint8Array[];
}

/** A record of another worker's memory. */
export class ReplicaRecord<M> implements Stored<M> {
  readonly key: string;
  readonly variant: string;
  readonly meta: M;
  readonly body: MemoryBody;
  /** Hits that its home has not heard of. */
  uses = 0;
  /** The same object answers the next lookup, as far as is known. */
  resident = false;
  judged: Judged | undefined = undefined;

  constructor(key: string, variant: string, meta: M, chunks: readonly Buffer[]) {
    this.key = key;
    this.variant = variant;
    this.meta = meta;
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.body = new MemoryBody(length, chunks);
  }

  get tier(): 'memory' {
    return 'memory';
  }
}

export interface Replica<M> {
  readonly hash: number;
  readonly version: number;
  readonly records: readonly ReplicaRecord<M>[];
  /** There is nothing of the key but these records. */
  readonly whole: boolean;
}

interface Entry<M> extends Replica<M> {
  readonly sizeBytes: number;
  used: boolean;
}

export interface ReplicasOptions<M> {
  readonly homes: Homes;
  readonly maxBytes: number;
  /** Lends the memory. */
  readonly budget: { reserve(bytes: number): boolean; release(bytes: number): void };
  readonly sizeOf: (meta: M) => number;
}

/** Of an entry beside its records. */
const ENTRY_BYTES = 200;

export class Replicas<M> {
  readonly #options: ReplicasOptions<M>;
  readonly #entries = new Map<string, Entry<M>>();
  #bytes = 0;
  #sweeping: Iterator<[string, Entry<M>]> | undefined;

  constructor(options: ReplicasOptions<M>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Replica<M> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#options.homes.versionOf(entry.hash) !== entry.version) {
      this.#drop(key, entry);
      return undefined;
    }
    entry.used = true;
    return entry;
  }

  set(key: string, replica: Replica<M>): void {
    this.delete(key);
    const { budget, maxBytes, sizeOf } = this.#options;
    let sizeBytes = ENTRY_BYTES + key.length;
    for (const { meta, variant } of replica.records)
      sizeBytes += sizeOf(meta) + variant.length + RECORD_BYTES;
    if (sizeBytes > maxBytes) return;
    while (this.#bytes + sizeBytes > maxBytes) this.#dropOldest();
    if (!budget.reserve(sizeBytes)) return;
    this.#bytes += sizeBytes;
    this.#entries.set(key, { ...replica, sizeBytes, used: false });
    for (const record of replica.records) record.resident = true;
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#drop(key, entry);
  }

  /** What was at home with a worker that has gone. */
  dropHome(home: number): void {
    const { homes } = this.#options;
    for (const [key, entry] of this.#entries) if (homes.homeOf(entry.hash) === home) this.#drop(key, entry);
  }

  clear(): void {
    for (const [key, entry] of this.#entries) this.#drop(key, entry);
  }

  /** Drops what is out of date among the next `count` entries, so that bodies which are gone elsewhere do not stay here. */
  sweep(count: number): void {
    const { homes } = this.#options;
    this.#sweeping ??= this.#entries.entries();
    for (let i = 0; i < count; i += 1) {
      const { done, value } = this.#sweeping.next();
      if (done === true) {
        this.#sweeping = undefined;
        return;
      }
      const [key, entry] = value;
      if (homes.versionOf(entry.hash) !== entry.version) this.#drop(key, entry);
    }
  }

  /** The oldest that was not used since it was last looked at. */
  #dropOldest(): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.used) {
        this.#drop(key, entry);
        return;
      }
      entry.used = false;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
  }

  #drop(key: string, entry: Entry<M>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.sizeBytes;
    this.#options.budget.release(entry.sizeBytes);
    for (const record of entry.records) {
      record.resident = false;
      noteShared(record.body.length);
    }
  }
}

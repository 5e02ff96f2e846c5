// The storage contract. Storage holds bytes under keys; it knows no HTTP rule. M is whatever the owner keeps
// beside the bytes (a codec turns it into bytes for the tiers that need bytes).
//
// Promises every store keeps (test/storage runs one suite over all of them):
// - A record is (key, variant). Putting the same pair again replaces it whole; readers that hold the old body keep it.
// - `get` returns every variant stored under a key, most recently put first.
// - After `delete` or `clear` has been *called*, no later `get` returns what was there, whatever was queued before it.
// - A torn or checksum-failing record is never returned; it is dropped and counted.
// - A store that cannot answer rejects with StoreError; it never makes up a miss. The edge counts it and treats it as a miss.

import type { Selector } from './journal-record.ts';
import type { Verdict } from './journal-tables.ts';

/** The content of a stored record. */
export interface StoredBody {
  /** Bytes. */
  readonly length: number;
  /** The whole content when it is in memory (chunks of any size); undefined when it must be read. */
  readonly chunks: readonly Buffer[] | undefined;
  /**
   * Reads [start, end) in chunks. Rejects with StoreError if the bytes are no longer there or broken:
   * the reader then breaks its transfer.
   */
  read(start: number, end: number): AsyncIterable<Buffer>;
}

export interface Stored<M> {
  readonly key: string;
  /** Distinguishes the records of one key. Any string; '' is usual for a key with one. */
  readonly variant: string;
  readonly meta: M;
  readonly body: StoredBody;
  /** The tier that answered, for logs and metrics. */
  readonly tier: Tier;
  /** A number made of its name, spread evenly, where the tier has one. */
  readonly mark?: number;
  /** What was last made of it by the purge journal; its reader's to set. */
  judged?: Judged | undefined;
}

/** One object for all records that were judged alike at one epoch of the journal. */
export interface Judged {
  readonly verdict: Verdict;
}

export type Tier = 'memory' | 'disk' | 'shared';

export interface Codec<M> {
  encode(meta: M): Buffer;
  /** @returns undefined for bytes that are not a valid M (an older format, damage). */
  decode(bytes: Buffer): M | undefined;
  /** What purges select the record by; its key alone unless given. */
  entry?(key: string, meta: M): Entry;
  /** Whether a meta speaks of the bytes that are stored under another. Without it every one does. */
  sameBytes?(stored: M, meta: M): boolean;
}

export interface Removed {
  readonly records: number;
  readonly bytes: number;
}

export interface StoreStats {
  readonly records: number;
  /** Bytes held, overhead counted. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly evictions: number;
  // Of tiers that write behind:
  /** Bytes of accepted puts that are not written yet. */
  readonly queuedBytes?: number;
  /** Puts declined because the queue was full or the body too large. */
  readonly dropped?: number;
  /** Accepted puts and updates that failed to be written. */
  readonly failedWrites?: number;
  /** Records dropped because bytes were missing or failed their checksum. */
  readonly damaged?: number;
  /** How often a malformed database file was set aside and a new one begun. */
  readonly rebuilt?: number;
  /** It can not be written at the moment, and perhaps not read. */
  readonly failing?: boolean;
}

export interface Store<M> {
  get(key: string): Promise<readonly Stored<M>[]>;
  /** Resolves when the record is accepted; a store may decline (too large, queue full): false, counted. */
  put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean>;
  /** Replaces the meta of a present record, keeping its body. False when it is not there, or has other bytes by now. */
  updateMeta(key: string, variant: string, meta: M): Promise<boolean>;
  /** Removes one variant, or all of the key's. */
  delete(key: string, variant?: string): Promise<Removed>;
  clear(): Promise<Removed>;
  stats(): Promise<StoreStats>;
  /** Flushes what is queued, then closes. Idempotent. */
  close(): Promise<void>;
}

/** What purges select a record by. */
export interface Entry {
  /** In the form that purges are made with. */
  readonly url: string;
  readonly tags: readonly string[];
  /** Of the purge journal, when its fetch began. */
  readonly seq: number;
}

/** What a purge selects: the records fetched before a sequence. */
export interface Selection {
  readonly selector: Selector;
  readonly before: number;
}

/** A store that finds by an index what a purge selects; in small steps, so that nothing waits for all of them. */
export interface Selectable {
  // Both see what was put before the call.
  /** How much is selected, without what `without` selects too. */
  countSelected(selection: Selection, without: readonly Selection[]): Promise<Removed>;
  /** Removes what is selected. @param rest resolves when the next step may be done */
  dropSelected(selection: Selection, rest: () => Promise<void>): Promise<Removed>;
}

/** A body that is put while it comes. */
export interface Inflow<M> {
  /** Bytes from its start that can be read. */
  readonly written: number;
  /** Called when `written` has grown. */
  onWritten: () => void;
  /** Takes the next bytes; resolves when more may come. False: it was given up, and nothing more is taken. */
  write(bytes: Buffer): Promise<boolean>;
  /** All has come. @returns whether all of it is written */
  end(): Promise<boolean>;
  /** Some bytes from `position` on. Rejects with StoreError when they are not there. */
  read(position: number): Promise<Buffer>;
  /** Makes what has come the content of a record; lookups from this call on find it. */
  finish(key: string, variant: string, meta: M): Promise<boolean>;
  /** What has come is of no use. What was read of it before `finish` may break. */
  abandon(): void;
}

/** A store that takes bodies while they come, so that they need not fit into memory. */
export interface Inflowing<M> {
  /** A larger body is not taken. */
  readonly maxBodyBytes: number;
  /** Undefined when there can be none now. */
  inflow(): Inflow<M> | undefined;
}

/** A storage failure. The cause carries the underlying error; `operation` names what was asked. */
export class StoreError extends Error {
  readonly operation: string;

  constructor(operation: string, cause: unknown) {
    super(`storage: ${operation} failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'StoreError';
    this.operation = operation;
  }
}

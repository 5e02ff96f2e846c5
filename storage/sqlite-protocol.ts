// The messages between a client of the database (sqlite.ts) and its thread (sqlite-thread.ts). Plain data; bytes are moved.

import type { MessagePort } from 'node:worker_threads';
import type { DiskEviction } from './sqlite-standing.ts';
import type { Removed, StoreStats } from './store.ts';

/** Bodies are stored in chunks of this size. */
export const CHUNK_BYTES = 256 * 1024;
/** Bodies come with the answer to a lookup up to this much in all; larger ones are read chunk by chunk. */
export const INLINE_BYTES = 1024 * 1024;

export interface Health {
  readonly ok: boolean;
  readonly detail?: string;
}

/** `id` 0 wants no reply. */
export type Request =
  | { readonly kind: 'get'; readonly id: number; readonly key: string }
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly key: string;
      readonly variant: string;
      readonly bodyId: number;
      readonly chunk: number;
      readonly checksum: number;
    }
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly variant: string;
      readonly meta: Uint8Array;
      readonly length: number;
      /** CHUNK_BYTES each, but for the last. */
      readonly chunks: readonly Uint8Array[];
      /** What the record takes of the queue's bound, given back once it is written or dropped. */
      readonly queuedBytes: number;
    }
  | {
      readonly kind: 'updateMeta';
      readonly id: number;
      readonly key: string;
      readonly variant: string;
      readonly meta: Uint8Array;
    }
  | {
      readonly kind: 'delete';
      readonly id: number;
      readonly key: string;
      readonly variant: string | undefined;
    }
  | {
      readonly kind: 'walk';
      readonly id: number;
      readonly after: number;
      readonly needles: readonly Uint8Array[] | undefined;
    }
  | { readonly kind: 'drop'; readonly id: number; readonly bodies: readonly BodyRef[] }
  | { readonly kind: 'clear' | 'total' | 'stats' | 'flush' | 'close'; readonly id: number }
  | { readonly kind: 'attach'; readonly port: MessagePort }
  /** A put that the client did not send, or a record it could not read. */
  | { readonly kind: 'count'; readonly what: 'dropped' | 'undecodable' };

/** A body, and the record that it is dropped with as long as it is the record's. */
export interface BodyRef {
  readonly key: string;
  readonly variant: string;
  readonly bodyId: number;
}

export interface WalkedVariant extends BodyRef {
  readonly meta: Uint8Array;
  readonly bytes: number;
}

export interface Page {
  readonly found: readonly WalkedVariant[];
  readonly next: number | undefined;
}

export type PutRequest = Extract<Request, { kind: 'put' }>;

export interface FoundVariant {
  readonly variant: string;
  readonly meta: Uint8Array;
  readonly length: number;
  readonly bodyId: number;
  readonly checksums: readonly number[];
  readonly chunks: readonly Uint8Array[] | undefined;
}

export interface SqliteStats extends StoreStats {
  /** Bytes of accepted puts that are not written yet. */
  readonly queuedBytes: number;
  /** Puts declined because the queue was full. */
  readonly dropped: number;
  /** Accepted puts and updates that failed to be written. */
  readonly failedWrites: number;
  /** Records dropped because bytes were missing or failed their checksum. */
  readonly damaged: number;
  /** How often a malformed database file was set aside and a new one begun. */
  readonly rebuilt: number;
}

/** Answers carry the request's id. */
export type Reply =
  | { readonly kind: 'found'; readonly id: number; readonly variants: readonly FoundVariant[] }
  | ({ readonly kind: 'walked'; readonly id: number; readonly pending: boolean } & Page)
  | { readonly kind: 'bytes'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'done'; readonly id: number; readonly done: boolean }
  | { readonly kind: 'removed'; readonly id: number; readonly removed: Removed }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: SqliteStats }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

export type Event =
  | Reply
  | {
      readonly kind: 'hello';
      /** One Int32 shared by all clients: bytes of puts accepted and not written yet. */
      readonly queue: SharedArrayBuffer;
      readonly maxQueueBytes: number;
      /** A larger body is declined. */
      readonly maxBodyBytes: number;
      readonly health: Health;
    }
  | { readonly kind: 'health'; readonly health: Health };

export interface ThreadOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly maxQueueBytes: number;
  readonly journalId: string | undefined;
  readonly eviction: DiskEviction;
  readonly retryMs: number;
  readonly port: MessagePort;
}

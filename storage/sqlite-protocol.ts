// The messages between a client of the database (sqlite.ts) and its threads (sqlite-thread.ts writes, sqlite-reader-thread.ts
// only reads). Plain data; bytes are moved.

import type { MessagePort } from 'node:worker_threads';
import type { Cursor } from './sqlite-index.ts';
import type { Written } from './sqlite-inflow.ts';
import type { DiskEviction } from './sqlite-standing.ts';
import type { Entry, Removed, Selection, StoreStats } from './store.ts';

/** Bodies are stored in chunks of this size. */
export const CHUNK_BYTES = 256 * 1024;
/** Bodies come with the answer to a lookup up to this much in all; larger ones are read chunk by chunk. */
export const INLINE_BYTES = 1024 * 1024;
/** A body that is this small with its meta always comes with the answer: nobody reads it later. */
export const SMALL_BYTES = 64 * 1024;

export interface Health {
  readonly ok: boolean;
  readonly detail?: string;
}

/** What the thread that only reads is asked; the other one takes it too. */
export type ReadRequest =
  | { readonly kind: 'get'; readonly id: number; readonly key: string }
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly key: string;
      readonly bodyId: number;
      readonly chunk: number;
      readonly checksum: number;
    };

export type Request =
  | ReadRequest
  /** Answered by `written`, with others, when it is committed or given up. */
  | {
      readonly kind: 'put';
      readonly id: number;
      readonly key: string;
      readonly variant: string;
      readonly meta: Uint8Array;
      readonly entry: Entry;
      readonly length: number;
      /** CHUNK_BYTES each, but for the last. */
      readonly chunks: readonly Uint8Array[];
      /** What the record takes of the queue's bound, given back once it is written or dropped. */
      readonly queuedBytes: number;
    }
  | {
      readonly kind: 'updateMeta';
      readonly id: number;
      /** The body that the meta speaks of; undefined: whichever is there. */
      readonly bodyId: number | undefined;
      readonly key: string;
      readonly variant: string;
      readonly meta: Uint8Array;
      readonly entry: Entry;
    }
  /** A body that is put while it comes, under a name of the client's: its parts (CHUNK_BYTES each, but for the last) … */
  | { readonly kind: 'part'; readonly id: number; readonly stream: number; readonly bytes: Uint8Array }
  /** … and what it is, once it is whole. */
  | {
      readonly kind: 'finish';
      readonly id: number;
      readonly stream: number;
      readonly key: string;
      readonly variant: string;
      readonly meta: Uint8Array;
      readonly entry: Entry;
      readonly length: number;
    }
  | { readonly kind: 'abandon'; readonly stream: number }
  | {
      readonly kind: 'delete';
      readonly id: number;
      readonly key: string;
      readonly variant: string | undefined;
    }
  | {
      readonly kind: 'select';
      readonly id: number;
      readonly selection: Selection;
      readonly without: readonly Selection[];
      readonly after: Cursor | undefined;
      /** Removes what it finds. */
      readonly drop: boolean;
    }
  | { readonly kind: 'clear' | 'total' | 'stats' | 'flush' | 'close'; readonly id: number }
  | { readonly kind: 'attach'; readonly port: MessagePort }
  /** A put that the client did not send, or a record it could not read. */
  | { readonly kind: 'count'; readonly what: 'dropped' | 'undecodable' };

export type PutRequest = Extract<Request, { kind: 'put' }>;

export interface FoundVariant {
  readonly variant: string;
  readonly meta: Uint8Array;
  readonly length: number;
  readonly bodyId: number;
  readonly checksums: readonly number[];
  readonly chunks: readonly Uint8Array[] | undefined;
}

export type SqliteStats = Required<StoreStats>;

/** Answers carry the request's id. */
export type Reply =
  | { readonly kind: 'found'; readonly id: number; readonly variants: readonly FoundVariant[] }
  | {
      readonly kind: 'selected';
      readonly id: number;
      readonly removed: Removed;
      readonly next: Cursor | undefined;
    }
  | { readonly kind: 'bytes'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'done'; readonly id: number; readonly done: boolean }
  /** A part was written, or the whole body is given up. */
  | { readonly kind: 'taken'; readonly id: number; readonly at: Written | undefined }
  | { readonly kind: 'removed'; readonly id: number; readonly removed: Removed }
  | { readonly kind: 'stats'; readonly id: number; readonly stats: SqliteStats }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };

export type Event =
  | Reply
  | {
      readonly kind: 'hello';
      /** One Int32 shared by all clients: bytes of puts accepted and not written yet. */
      readonly queue: SharedArrayBuffer;
      /** Of sqlite-leases.ts. */
      readonly leases: SharedArrayBuffer;
      /** Of sqlite-presence.ts. */
      readonly presence: SharedArrayBuffer;
      readonly maxQueueBytes: number;
      /** A larger body is declined. */
      readonly maxBodyBytes: number;
      readonly health: Health;
    }
  | { readonly kind: 'written'; readonly ids: readonly number[] }
  /** Lookups are answered there too, beside what is written. */
  | { readonly kind: 'reader'; readonly port: MessagePort }
  | { readonly kind: 'health'; readonly health: Health };

/** What the reading thread is told by the writing one. */
export type ReaderOrder =
  | { readonly kind: 'open' }
  /** Answered by `closed`: from then on it has no answers. */
  | { readonly kind: 'close' }
  | { readonly kind: 'attach'; readonly port: MessagePort };

export type ReaderReport =
  | { readonly kind: 'ready' | 'closed' }
  /** Bodies that were found, and the heads that they belong to. */
  | { readonly kind: 'uses'; readonly uses: readonly (readonly [bodyId: number, head: string])[] };

export interface ReaderOptions {
  readonly dir: string;
  readonly leases: SharedArrayBuffer;
  readonly port: MessagePort;
}

export interface ThreadOptions {
  readonly dir: string;
  readonly maxBytes: number;
  readonly maxQueueBytes: number;
  readonly journalId: string | undefined;
  readonly eviction: DiskEviction;
  readonly retryMs: number;
  readonly port: MessagePort;
}

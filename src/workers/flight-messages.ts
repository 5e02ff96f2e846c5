// What workers say to each other about fetches that they share. Plain data; chunks are in shared memory.

import type { StoredMeta } from '../cache/stored.ts';
import type { FieldLines } from '../http/fields.ts';
import type { FailureKind } from '../origin/failure.ts';
import type { Lease } from './leases.ts';

/** To the home of a key: may I fetch, or does somebody? */
export interface Claim {
  readonly kind: 'claim';
  /** What the claimer brings would be for itself alone: nobody is to follow it. */
  readonly alone: boolean;
  readonly key: string;
  readonly flightKey: string;
  readonly lease: Lease;
  /** A lease that was found to be over. */
  readonly not: Lease | undefined;
  /** What the claimer has found under the key, by name. */
  readonly seen: readonly string[];
}

export type Granted =
  | { readonly kind: 'lead' }
  | { readonly kind: 'follow'; readonly lease: Lease }
  /** Something is stored that the claimer has not found. */
  | { readonly kind: 'again' }
  /** The responses of this key are for one client each. */
  | { readonly kind: 'alone' };

/** What a fetch came to, as far as followers need it. */
export type Relayed =
  | {
      readonly kind: 'shared';
      readonly status: number;
      readonly lines: FieldLines;
      readonly meta: StoredMeta;
      /** Bytes of the body, where they were announced. */
      readonly length: number | undefined;
      readonly kept: boolean;
      /** It is on its way into the store, in memory or written while it comes. */
      readonly stored: boolean;
    }
  | {
      readonly kind: 'validated';
      readonly variant: string;
      readonly meta: StoredMeta;
      readonly shared: boolean;
    }
  | { readonly kind: 'own'; readonly status: number; readonly unshared: boolean }
  | { readonly kind: 'failed'; readonly failure: FailureKind };

/** `as` is the follower's number for what it follows. */
export type FlightNotice =
  /** Leader to home: the fetch can be joined no more. `unshared`: what it brought is for each client alone. */
  | {
      readonly kind: 'over';
      readonly flightKey: string;
      readonly lease: Lease;
      readonly unshared: boolean;
    }
  /** To all: work behind has failed, or succeeded again. */
  | { readonly kind: 'backoff'; readonly flightKey: string; readonly failed: boolean }
  /** Follower to leader. */
  | { readonly kind: 'follow'; readonly id: number; readonly as: number }
  | { readonly kind: 'taken'; readonly as: number; readonly bytes: number }
  | { readonly kind: 'leave'; readonly as: number }
  /** Leader to follower. */
  | { readonly kind: 'refused'; readonly as: number }
  | { readonly kind: 'head'; readonly as: number; readonly outcome: Relayed }
  | { readonly kind: 'data'; readonly as: number; readonly chunks: readonly Uint8Array[] }
  /** The body is kept no more: who comes late cannot have it from its first byte. */
  | { readonly kind: 'passing'; readonly as: number }
  | { readonly kind: 'end'; readonly as: number; readonly complete: boolean };

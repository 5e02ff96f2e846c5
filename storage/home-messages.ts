// What a worker asks the home of a key, and what it is answered (homed.ts asks, home-desk.ts answers). Plain data.

import type { Shown } from './replicas.ts';

export type HomeQuestion<M> =
  | {
      readonly kind: 'find';
      readonly key: string;
      readonly deep: boolean;
      /** Asked as well, if nothing is found (tiered.ts: Rider). */
      readonly rider: unknown;
    }
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
  /** What is said to the rider. */
  readonly ridden: unknown;
}

/** The way to another worker. Rejects with HomeGone when it has gone. */
export interface Way<M> {
  /** @param onSent it goes at once; called when it is on its way */
  ask<Answer>(question: HomeQuestion<M>, onSent?: () => void): Promise<Answer>;
  tell(touches: Touches): void;
}

// The follower's side of a fetch that another worker leads: its outcome becomes the outcome of a flight of ours, its bytes a
// fill of ours, so that whoever waits here does not know. What is kept of the body are views on shared memory, which the leader's
// memory accounts for.

import { totalLength } from '../../storage/chunks.ts';
import { bufferOn, noteShared } from '../../storage/shared-bytes.ts';
import type { FrontStore } from '../../storage/tiered.ts';
import type { Flight, Flights } from '../cache/collapse.ts';
import { type Budget, Fill } from '../cache/fill.ts';
import { isOfSameBytes } from '../cache/freshen.ts';
import type { CacheRules } from '../cache/rules.ts';
import type { StoredMeta } from '../cache/stored.ts';
import type { FetchOutcome } from '../fetch.ts';
import { Fields } from '../http/fields.ts';
import { OriginFailure } from '../origin/failure.ts';
import { fillBody } from '../respond.ts';
import type { FlightNotice, Relayed } from './flight-messages.ts';

const BORROWED: Budget = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  reserve: () => true,
  release: () => undefined,
};

export interface FollowingParts {
  readonly flight: Flight<FetchOutcome>;
  readonly key: string;
  /** Our number for it. */
  readonly as: number;
  readonly rulesFor: (contentType: string) => CacheRules;
  readonly flights: Flights<FetchOutcome>;
  readonly store: Pick<FrontStore<StoredMeta>, 'get'>;
  readonly tell: (notice: FlightNotice) => void;
  /** The flight's outcome is that one has to look again. */
  readonly again: (flight: Flight<FetchOutcome>) => void;
  /** Each of those who wait has to follow by itself. */
  readonly apart: () => void;
  /** Responses under the flight's key are for one client each. */
  readonly unshared: (flight: Flight<FetchOutcome>) => void;
  readonly onEnd: () => void;
}

export class Following {
  readonly #parts: FollowingParts;
  #fill: Fill | undefined;
  #paused = false;
  #untold = 0;
  #over = false;

  constructor(parts: FollowingParts) {
    this.#parts = parts;
    parts.flight.followed = true;
    // Why it is made here: fetch.ts.
    const abandoned = (): void => {
      this.#leave();
      parts.flights.end(parts.flight);
    };
    parts.flight.onAbandoned = abandoned;
  }

  head(outcome: Relayed): void {
    const { flight, key, rulesFor, flights, store, unshared, again } = this.#parts;
    switch (outcome.kind) {
      case 'shared':
        return this.#share(outcome);
      case 'validated':
        store.get(key).then(
          (records) => {
            const record = records.find(({ variant }) => variant === outcome.variant);
            // Or another response has taken its place meanwhile.
            if (record === undefined || !isOfSameBytes(record.meta, outcome.meta)) return again(flight);
            const { variant, body, tier } = record;
            const freshened = { key, variant, meta: outcome.meta, body, tier };
            if (!outcome.shared) flights.close(flight);
            this.#settle({ kind: 'validated', record: freshened, shared: outcome.shared });
          },
          () => again(flight),
        );
        return this.#end();
      case 'own': {
        if (outcome.unshared) unshared(flight);
        flights.close(flight);
        const fill = this.#begin(false);
        const response = { status: outcome.status, fields: new Fields([]), attempts: 1 };
        flight.settle({
          kind: 'own',
          response,
          fill,
          reason: 'not-for-cache',
          whole: true,
          rules: rulesFor(''),
        });
        fill.fail();
        return this.#end();
      }
      case 'failed':
        this.#settle({ kind: 'failed', failure: new OriginFailure(outcome.failure) });
        return this.#end();
      default:
        return outcome satisfies never;
    }
  }

  data(chunks: readonly Uint8Array[]): void {
    noteShared(totalLength(chunks));
    for (const chunk of chunks) {
      this.#fill?.push(bufferOn(chunk));
      this.#untold += chunk.length;
    }
    if (!this.#paused) this.#tellTaken();
  }

  passing(): void {
    this.#parts.flights.close(this.#parts.flight);
    this.#fill?.stopKeeping();
  }

  end(complete: boolean): void {
    this.#end();
    if (complete) this.#fill?.complete();
    else this.#fill?.fail();
  }

  /** The fetch can be joined no more, or its worker has gone. */
  lost(): void {
    this.#end();
    if (this.#fill !== undefined) this.#fill.fail();
    else if (this.#parts.flight.outcome === undefined) this.#parts.again(this.#parts.flight);
  }

  /** What is written while it comes the leader can give to each at its own pace; here the slow would be cut off. */
  #share({ status, lines, meta, length, kept, stored }: Relayed & { kind: 'shared' }): void {
    const { flight, flights, rulesFor, apart } = this.#parts;
    if (!kept && stored && flight.waiting > 1) {
      this.#leave();
      return apart();
    }
    const fields = new Fields(lines);
    const fill = this.#begin(kept);
    const body = fillBody(fill, length);
    const response = { status, fields, attempts: 1 };
    const rules = rulesFor(fields.get('content-type') ?? '');
    flight.settle({ kind: 'shared', response, meta, fill, body, combined: false, stored: false, rules });
    if (!kept) flights.close(flight);
    // Those who waited have gone, or have no use for it.
    if (fill.readers === 0) fill.stopKeeping();
    fill.abandon();
  }

  #begin(keep: boolean): Fill {
    const { flight, flights } = this.#parts;
    const tap = {
      pause: () => {
        this.#paused = true;
      },
      resume: () => {
        this.#paused = false;
        this.#tellTaken();
      },
      abort: () => this.#leave(),
    };
    const maxBytes = Number.MAX_SAFE_INTEGER;
    this.#fill = new Fill({ tap, keep, maxBytes, budget: BORROWED, onEnd: () => flights.end(flight) });
    return this.#fill;
  }

  #settle(outcome: FetchOutcome): void {
    const { flight, flights } = this.#parts;
    flight.settle(outcome);
    flights.end(flight);
  }

  #tellTaken(): void {
    if (this.#untold === 0 || this.#over) return;
    this.#parts.tell({ kind: 'taken', as: this.#parts.as, bytes: this.#untold });
    this.#untold = 0;
  }

  #leave(): void {
    if (this.#over) return;
    this.#parts.tell({ kind: 'leave', as: this.#parts.as });
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.onEnd();
  }
}

// One fetch from the origin, for the cache or for one client: sends the request, judges the head, begins the fill,
// stores or freshens. Its outcome goes to everybody who waits on its flight. Knows no client and no socket.

import type { Journal } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { TieredStore } from '../storage/tiered.ts';
import type { Flight, Flights, HitForMiss } from './cache/collapse.ts';
import { type Budget, Fill, type FillEnd } from './cache/fill.ts';
import { freshen } from './cache/freshen.ts';
import { purgeUrl } from './cache/key.ts';
import { assess, type NoStoreReason } from './cache/policy.ts';
import type { CacheRules } from './cache/rules.ts';
import type { StoredMeta } from './cache/stored.ts';
import { variantKey } from './cache/vary.ts';
import type { FieldLines } from './http/fields.ts';
import type { Request } from './http/message.ts';
import { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { OriginFailure } from './origin/failure.ts';
import type { Exchange, Origin, OriginResponse } from './origin/origin.ts';

/** What a fetch came to. `shared` and `validated` are for everybody who waits, `own` for its leader alone. */
export type FetchOutcome =
  | { readonly kind: 'shared'; readonly response: OriginResponse; readonly meta: StoredMeta; readonly fill: Fill }
  // `shared` false: the origin takes back its leave to store, so only the leader may have it.
  | { readonly kind: 'validated'; readonly record: Stored<StoredMeta>; readonly shared: boolean }
  | {
      readonly kind: 'own';
      readonly response: OriginResponse;
      readonly fill: Fill;
      readonly reason: NotStored;
      /** The origin was asked for the whole, without the client's conditions. */
      readonly whole: boolean;
    }
  | { readonly kind: 'failed'; readonly failure: OriginFailure };

/** Why a fetched response is not stored: the policy's reasons, and those of the fetch itself. */
export type NotStored = NoStoreReason | keyof typeof FETCH_REASONS;

export const FETCH_REASONS = {
  'not-for-cache': 'The request was not for the cache: its method, its content or its no-store.',
  'kept-stale': 'An error, in place of which a stored response is served.',
  'too-large': 'Its content is larger than maxObject.',
  purged: 'A purge overtook the fetch.',
  part: 'Only a part of the representation came.',
} as const satisfies Record<string, string>;

export interface FetchPlan {
  readonly flight: Flight<FetchOutcome>;
  readonly key: string;
  readonly request: Request;
  readonly target: string;
  readonly lines: FieldLines;
  /** The lines without our own conditions, for asking again. */
  readonly unconditionalLines: () => FieldLines;
  readonly rules: CacheRules;
  /** The response may be stored and shared; otherwise it only passes through. */
  readonly forCache: boolean;
  /** The client's conditions and Range are left out of the request. */
  readonly whole: boolean;
  /** The stored response that the request asks the origin to confirm. */
  readonly validating: Stored<StoredMeta> | undefined;
  /** True when a stored response may stand in for this origin status (stale-if-error). */
  readonly standsIn: (status: number) => boolean;
  readonly onInterim?: (status: number, lines: FieldLines) => void;
}

export interface FetcherOptions {
  readonly origin: Origin;
  readonly store: TieredStore<StoredMeta>;
  /** Lends memory to fills. */
  readonly budget: Budget;
  readonly journal: Journal;
  readonly flights: Flights<FetchOutcome>;
  readonly hitForMiss: HitForMiss;
  readonly counters: Counters;
  readonly log: Log;
  readonly now: () => number;
}

export class Fetcher {
  readonly #options: FetcherOptions;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Starts the fetch; the flight is settled when the outcome is known, and ended when the body is. */
  start(plan: FetchPlan): void {
    new Fetch(this.#options, plan).send();
  }
}

class Fetch {
  readonly #options: FetcherOptions;
  readonly #plan: FetchPlan;
  readonly #requestedAt: number;
  #exchange: Exchange | undefined;
  #fill: Fill | undefined;

  constructor(options: FetcherOptions, plan: FetchPlan) {
    this.#options = options;
    this.#plan = plan;
    this.#requestedAt = options.now();
  }

  send(lines = this.#plan.lines): void {
    const { request, target, flight, onInterim } = this.#plan;
    flight.onAbandoned = () => {
      this.#exchange?.abort();
      this.#options.flights.end(flight);
    };
    this.#exchange = this.#options.origin.send(
      { method: request.method, target, lines, body: request.body },
      {
        onInterim: (status, interim) => onInterim?.(status, interim),
        onHead: (response) => this.#onHead(response),
        onData: (chunk) => this.#fill?.push(chunk),
        onEnd: () => this.#fill?.complete(),
        onFailure: (failure) => this.#onFailure(failure),
      },
    );
  }

  #onFailure(failure: OriginFailure): void {
    Counters.bump(this.#options.counters.originFailures, failure.kind);
    const log = failure.side === 'internal' ? this.#options.log.error : this.#options.log.warn;
    log.call(
      this.#options.log,
      { failure: failure.kind, side: failure.side, key: this.#plan.key, cause: causeOf(failure) },
      this.#fill === undefined ? 'the origin did not answer' : 'the origin broke off its response',
    );
    if (this.#fill !== undefined) {
      this.#fill.fail();
      return;
    }
    this.#settle({ kind: 'failed', failure });
    this.#options.flights.end(this.#plan.flight);
  }

  #onHead(response: OriginResponse): void {
    const { request, rules, flight, validating } = this.#plan;
    const respondedAt = this.#options.now();
    if (validating !== undefined && response.status === 304) return this.#validated(validating, response, respondedAt);
    if (!this.#plan.forCache) return this.#own(response, 'not-for-cache');
    if (this.#plan.standsIn(response.status)) return this.#own(response, 'kept-stale');
    const verdict = assess({
      request,
      response,
      requestedAt: this.#requestedAt,
      respondedAt,
      rules,
      seq: flight.seq,
    });
    if (!verdict.storable) return this.#own(response, verdict.reason);
    const announced = contentLength(response);
    if (announced !== undefined && announced > rules.maxObjectBytes) return this.#own(response, 'too-large');
    if (flight.fenced) return this.#own(response, 'purged');
    if (verdict.meta.partial !== undefined) return this.#own(response, 'part');
    this.#shared(response, verdict.meta);
  }

  #validated(record: Stored<StoredMeta>, response: OriginResponse, respondedAt: number): void {
    const { request, rules, flight, key } = this.#plan;
    const { store } = this.#options;
    const freshened = freshen({
      stored: record.meta,
      request,
      response: response.fields,
      requestedAt: this.#requestedAt,
      respondedAt,
      rules,
      seq: flight.seq,
    });
    if (freshened.kind === 'unrelated') return this.#askAgain();
    const { meta } = freshened;
    const shared = freshened.kind === 'freshened';
    if (shared && !flight.fenced) this.#quietly(store.updateMeta(key, record.variant, meta));
    if (!shared && freshened.remove) this.#quietly(store.delete(key, record.variant));
    if (!shared) this.#options.flights.close(flight);
    this.#begin(false, 0);
    const { variant, body, tier } = record;
    this.#settle({ kind: 'validated', record: { key, variant, meta, body, tier }, shared });
  }

  /** RFC 9111 §4.3.4: the 304 speaks of something else; the request is repeated without our conditions. */
  #askAgain(): void {
    const { validating: _, ...plan } = this.#plan;
    new Fetch(this.#options, { ...plan, validating: undefined }).send(plan.unconditionalLines());
  }

  #own(response: OriginResponse, reason: NotStored): void {
    const { flight, forCache, whole } = this.#plan;
    if (forCache && whole && reason !== 'kept-stale') this.#options.hitForMiss.remember(flight.key, this.#options.now());
    this.#options.flights.close(flight);
    const fill = this.#begin(false, 0);
    this.#settle({ kind: 'own', response, fill, reason, whole });
    // Its leader has left, or was served something stored instead.
    fill.abandon();
  }

  #shared(response: OriginResponse, meta: StoredMeta): void {
    const { flight, rules, request, key } = this.#plan;
    this.#options.hitForMiss.forget(flight.key);
    const variant = variantKey(meta.vary, request.fields);
    const fill = this.#begin(true, rules.maxObjectBytes, (end) => this.#store(key, variant, meta, end));
    this.#settle({ kind: 'shared', response, meta, fill });
  }

  #store(key: string, variant: string, meta: StoredMeta, end: FillEnd): void {
    const { flight } = this.#plan;
    if (end.chunks === undefined || flight.fenced) return;
    if (this.#options.journal.verdict(subjectOf(key), meta.seq) !== 'valid') return;
    this.#quietly(this.#options.store.put(key, variant, meta, end.chunks));
  }

  #begin(keep: boolean, maxBytes: number, onEnd: (end: FillEnd) => void = () => undefined): Fill {
    const exchange = this.#exchange;
    const fill = new Fill({
      tap: {
        pause: () => exchange?.pause(),
        resume: () => exchange?.resume(),
        abort: () => exchange?.abort(),
      },
      keep,
      maxBytes,
      budget: this.#options.budget,
      onEnd: (end) => {
        onEnd(end);
        this.#options.flights.end(this.#plan.flight);
      },
    });
    this.#fill = fill;
    return fill;
  }

  #settle(outcome: FetchOutcome): void {
    this.#plan.flight.settle(outcome);
  }

  /** Storage failures cost a stored response, never an answer. */
  #quietly(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#options.counters.storeErrors++;
      this.#options.log.error({ err: error, key: this.#plan.key }, 'could not store a response');
    });
  }
}

/** A stored response as the purge journal sees it. */
export function subjectOf(key: string): { url: string; host: string; tags: readonly string[] } {
  const url = purgeUrl(key);
  const slash = url.indexOf('/', 2);
  return { url, host: slash === -1 ? url.slice(2) : url.slice(2, slash), tags: [] };
}

/** Content-Length of a response that announces one; undefined when it is chunked or runs to the close. */
export function contentLength(response: OriginResponse): number | undefined {
  const value = response.fields.get('content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function causeOf(failure: OriginFailure): string | undefined {
  return failure.cause instanceof Error ? failure.cause.message : undefined;
}

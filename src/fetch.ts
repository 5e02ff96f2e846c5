// One fetch from the origin, for the cache or for one client: sends the request, judges the head, begins the fill, and says
// what came of it to everybody who waits on its flight. What reaches the store goes through keep.ts. Knows no client.

import type { Stored } from '../storage/store.ts';
import type { Rider } from '../storage/tiered.ts';
import type { Flight, Flights, HitForMiss } from './cache/collapse.ts';
import { combine } from './cache/combine.ts';
import type { Budget, Fill, Tap } from './cache/fill.ts';
import { assess, type NoStoreReason } from './cache/policy.ts';
import type { CacheRules } from './cache/rules.ts';
import type { StoredMeta } from './cache/stored.ts';
import { fieldOf } from './cache/validators.ts';
import { variantKey } from './cache/vary.ts';
import { contentName } from './compress/content-name.ts';
import {
  type BodyStore,
  beginFill,
  contentLength,
  type FetchEnd,
  type Keeping,
  keepingOf,
  NOTHING_KEPT,
} from './filling.ts';
import { Held } from './held.ts';
import type { FieldLines } from './http/fields.ts';
import type { Request } from './http/message.ts';
import type { Keep } from './keep.ts';
import { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { OriginFailure } from './origin/failure.ts';
import type {
  Exchange,
  ExchangeEvents,
  OriginResponse,
  Place,
  Upstream,
  Urgency,
} from './origin/upstream.ts';
import { combinedBody, fillBody, type RangeableBody } from './respond.ts';
import type { RawEnd } from './tunnel/raw.ts';
import type { Ask } from './visit.ts';

/** What a fetch came to. `shared` and `validated` are for everybody who waits, `own` for its leader alone. */
export type FetchOutcome = Outcome & {
  /** Who was asked for it; undefined where that was another worker's to ask. */
  readonly asked?: Asked | undefined;
};

/** Who was asked, for the log. */
export interface Asked {
  readonly from: Place | undefined;
  /** Requests that it took. */
  readonly attempts: number | undefined;
  /** From the request to the response's head, or the failure; waiting for a place included. */
  readonly ms: number;
}

type Outcome =
  | {
      readonly kind: 'shared';
      readonly response: OriginResponse;
      readonly meta: StoredMeta;
      readonly fill: Fill;
      readonly body: RangeableBody;
      /** The body is a stored part and the received one together: the response's own fields speak of the part. */
      readonly combined: boolean;
      /** The store gets it; not so when a purge has overtaken the fetch. */
      readonly stored: boolean;
      readonly rules: CacheRules;
    }
  // `shared` false: the origin takes back its leave to store, so only the leader may have it.
  | { readonly kind: 'validated'; readonly record: Stored<StoredMeta>; readonly shared: boolean }
  | {
      readonly kind: 'own';
      readonly response: OriginResponse;
      readonly fill: Fill;
      readonly reason: NotStored;
      /** The origin was asked for the whole, without the client's conditions. */
      readonly whole: boolean;
      readonly rules: CacheRules;
      /** Where it is stored all the same: not before what it invalidates is gone. */
      readonly held?: Held | undefined;
    }
  /** The origin has gone over to the protocol that was asked for. */
  | { readonly kind: 'switched'; readonly response: OriginResponse; readonly end: RawEnd }
  | { readonly kind: 'failed'; readonly failure: OriginFailure }
  // Of another worker's fetch: something was stored meanwhile, or it cannot be joined after all; or each has to follow it `apart`.
  | { readonly kind: 'again'; readonly apart: boolean };

/** The fetches of other workers. */
export interface Elsewhere {
  /** Calls `lead` when the fetch is this worker's to make; else the flight is settled by what another's brings. */
  join(flight: Flight<FetchOutcome>, joining: Joining): void;
  /** Asks for the leave to fetch in the same breath as for what is stored, for when nothing is; undefined where it costs nothing. */
  book(key: string, flightKey: string): Booking | undefined;
  /** Takes in what other workers have sent. True when something of the key was among it: what was found is not all. */
  hasNewsOf(key: string): boolean;
  /** What is sent to other workers until `uncork` travels together. */
  cork(): void;
  uncork(): void;
  /** Tells that work behind has failed, and is not to be tried at once by others either; or that it has succeeded again. */
  backOff(flightKey: string, failed: boolean): void;
}

/** A claim that rides with a look-up. */
export interface Booking extends Rider {
  /** What became of it is not wanted any more, if it was not used. */
  end(): void;
}

export interface Joining {
  /** The cache key. */
  readonly key: string;
  /** What was found under the key, by name. */
  readonly seen: readonly string[];
  readonly rulesFor: (contentType: string) => CacheRules;
  /** It could use what another brings, but brings nothing for others. */
  readonly alone: boolean;
  /** What was asked for with the look-up. */
  readonly booking: Booking | undefined;
  readonly lead: () => void;
}

/** Tells a stored response from the one that takes its place. */
export function nameOf({ variant, meta }: Stored<StoredMeta>): string {
  return `${variant}\n${meta.respondedAt}\n${meta.freshUntil}`;
}

/** Why a fetched response is not stored: the policy's reasons, and those of the fetch itself. */
export type NotStored = NoStoreReason | keyof typeof FETCH_REASONS;

export const FETCH_REASONS = {
  'not-for-cache': 'The request was not for the cache: its method, its content or its no-store.',
  'kept-stale': 'An error, in place of which a stored response is served.',
  'too-large':
    'Its content is larger than maxObject, or than an eighth of the disk (without a disk: half of the memory).',
} as const satisfies Record<string, string>;

/** Reasons that say nothing of what another request for the key would bring. */
const OF_THIS_REQUEST: ReadonlySet<NotStored> = new Set([
  'authorization',
  'for-this-request-only',
  'head',
  'kept-stale',
  'method',
  'not-for-cache',
  'request-content',
  'request-no-store',
  'status-never-stored',
]);

export interface FetchPlan {
  readonly flight: Flight<FetchOutcome>;
  readonly key: string;
  readonly request: Request;
  readonly upstream: Upstream;
  /** The client's address. */
  readonly client: string;
  readonly urgency: Urgency;
  readonly target: string;
  readonly upgrade: readonly string[] | undefined;
  /** The response may be stored and shared; otherwise it only passes through. */
  readonly forCache: boolean;
  readonly ask: Ask;
  /** The request's lines for what is asked. */
  readonly linesFor: (ask: Ask) => FieldLines;
  /** The rules for a response of this Content-Type. */
  readonly rulesFor: (contentType: string) => CacheRules;
  /** The stored response that was selected for the request, if any. */
  readonly record: Stored<StoredMeta> | undefined;
  /** All that is stored under the key. */
  readonly records: readonly Stored<StoredMeta>[];
  /** True when a stored response may stand in for this origin status (stale-if-error). */
  readonly standsIn: (status: number) => boolean;
  readonly onInterim: (status: number, lines: FieldLines) => void;
}

export interface FetcherOptions {
  readonly store: BodyStore;
  readonly keep: Keep;
  /** Lends memory to fills. */
  readonly budget: Budget;
  /** Where fills put what they keep, by the length that was announced; undefined as it comes. */
  readonly blocks: ((announced: number | undefined) => { put(chunk: Buffer): readonly Buffer[] }) | undefined;
  readonly flights: Flights<FetchOutcome>;
  /** undefined when there are no other workers. */
  readonly elsewhere: Pick<Elsewhere, 'cork' | 'uncork'> | undefined;
  readonly hitForMiss: HitForMiss;
  readonly counters: Counters;
  readonly log: Log;
  /** Epoch ms. */
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

/** Hears its exchange, and is the tap of its fill. */
class Fetch implements ExchangeEvents, Tap {
  readonly #options: FetcherOptions;
  readonly #plan: FetchPlan;
  readonly #requestedAt: number;
  #exchange: Exchange | undefined;
  #fill: Fill | undefined;
  #announced: number | undefined;
  #blocks: ReturnType<NonNullable<FetcherOptions['blocks']>> | undefined;
  #asked: Asked | undefined;

  constructor(options: FetcherOptions, plan: FetchPlan) {
    this.#options = options;
    this.#plan = plan;
    this.#requestedAt = options.now();
  }

  send(): void {
    const { request, upstream, client, urgency, key, target, upgrade, flight, ask, linesFor } = this.#plan;
    // A function that is written where it is assigned to a property V8 makes old from birth, until the code is compiled: it
    // would keep the fetch, and all that it names, for as long as the old are not collected.
    const abandoned = (): void => {
      this.#exchange?.abort();
      this.#options.flights.end(flight);
    };
    flight.onAbandoned = abandoned;
    const { method, body } = request;
    const asked = { method, target, lines: linesFor(ask), body, key, client, urgency, upgrade };
    this.#exchange = upstream.send(asked, this);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  abort(): void {
    this.#exchange?.abort();
  }

  onInterim(status: number, lines: FieldLines): void {
    this.#plan.onInterim(status, lines);
  }

  onEnd(): void {
    this.#fill?.complete();
  }

  onSwitch(response: OriginResponse, end: RawEnd): void {
    this.#askedOf(response);
    this.#settle({ kind: 'switched', response, end });
    this.#options.flights.end(this.#plan.flight);
  }

  onData(chunk: Buffer): void {
    const fill = this.#fill;
    if (fill === undefined) return;
    const isLast = fill.received + chunk.length === this.#announced;
    if (this.#blocks === undefined || !fill.kept) return fill.push(chunk, isLast);
    const pieces = this.#blocks.put(chunk);
    for (const [at, piece] of pieces.entries()) fill.push(piece, isLast && at === pieces.length - 1);
  }

  onFailure(failure: OriginFailure): void {
    const { counters, log, flights } = this.#options;
    Counters.bump(counters.originFailures, failure.kind);
    // What is put off for want of a budget comes again.
    const isPutOff = failure.kind === 'overloaded' && this.#plan.urgency !== 'user';
    // What a client does wrong, its own record tells.
    const isQuiet = isPutOff || failure.side === 'client';
    log[failure.side === 'internal' ? 'error' : isQuiet ? 'debug' : 'warn'](
      {
        failure: failure.kind,
        side: failure.side,
        ...failure.asked?.from,
        key: this.#plan.key,
        cause: failure.cause instanceof Error ? failure.cause.message : undefined,
      },
      this.#fill === undefined ? 'the origin did not answer' : 'the origin broke off its response',
    );
    if (this.#fill !== undefined) return this.#fill.fail();
    this.#askedOf(failure.asked);
    this.#settle({ kind: 'failed', failure });
    flights.end(this.#plan.flight);
  }

  onHead(response: OriginResponse): void {
    this.#askedOf(response);
    this.#announced = contentLength(response);
    const { request, flight, ask, record, records, forCache } = this.#plan;
    const { keep, now } = this.#options;
    const { status, fields } = response;
    const rules = this.#rulesFor(response);
    const answer = {
      request,
      response: fields,
      requestedAt: this.#requestedAt,
      respondedAt: now(),
      rules,
      seq: flight.seq,
      content: contentName(),
    };

    if (request.method === 'HEAD' && record !== undefined) keep.afterHead(record, status, answer);
    if (status === 304 && ask === 'validate') {
      const validated = keep.validated(record, records, answer, flight);
      if (validated === undefined) return this.#askAgain('whole');
      if (!validated.shared) this.#options.flights.close(flight);
      this.#begin(NOTHING_KEPT);
      return this.#settle({ kind: 'validated', ...validated });
    }
    // RFC 9111 §3.4: a part that does not fit what is stored completes nothing.
    const completing = ask === 'complete' && record !== undefined;
    if (completing && status === 416) return this.#askAgain('as-is');
    if (!forCache && request.method !== 'POST') return this.#own(response, 'not-for-cache');
    if (this.#plan.standsIn(status)) return this.#own(response, 'kept-stale');
    const verdict = assess({ ...answer, response });
    if (!verdict.storable) return this.#own(response, forCache ? verdict.reason : 'not-for-cache');
    const announced = contentLength(response);
    if (
      announced !== undefined &&
      announced > Math.min(rules.maxObjectBytes, this.#options.store.maxBodyBytes)
    )
      return this.#own(response, 'too-large');
    const { meta } = verdict;
    if (!forCache) return this.#own(response, 'not-for-cache', meta);
    if (completing && status === 206) {
      const combined = combine(record, meta, answer);
      if (combined === undefined) return this.#askAgain('as-is');
      const { keepBytes } = this.#keeping(response, rules, combined.meta);
      const fill = this.#begin({ keepBytes, partsBytes: 0 }, (end) =>
        keep.combined(this.#plan.key, record, combined, end, flight),
      );
      const body = combinedBody(combined, record.body, fill);
      return this.#settle({
        kind: 'shared',
        response,
        meta: combined.meta,
        fill,
        body,
        combined: true,
        stored: this.#isStored(fill),
        rules,
      });
    }
    this.#options.hitForMiss.forget(flight.key);
    const fill = this.#begin(this.#keeping(response, rules, meta), (end) =>
      keep.fetched(this.#plan, rules, meta, end),
    );
    const body = fillBody(fill, announced);
    const stored = this.#isStored(fill);
    this.#settle({ kind: 'shared', response, meta, fill, body, combined: false, stored, rules });
  }

  /** The answer was of no use for what was asked: the request is repeated in another form. */
  #askAgain(ask: Ask): void {
    this.#exchange?.abort();
    new Fetch(this.#options, { ...this.#plan, ask }).send();
  }

  /** A response for the leader alone; `meta` when it is stored all the same, for later GETs (a POST's). */
  #own(response: OriginResponse, reason: NotStored, meta?: StoredMeta): void {
    const { flight, forCache, ask, record } = this.#plan;
    const { hitForMiss, flights, keep, now, log } = this.#options;
    if (reason === 'too-many-tags') log.warn({ key: this.#plan.key }, 'not stored: over 64 KB of tags');
    const whole = forCache && ask !== 'as-is';
    if (whole && !OF_THIS_REQUEST.has(reason)) hitForMiss.remember(flight.key, now());
    flights.close(flight);
    // The origin confirms what is stored no more, and what it says instead may not be stored: then nothing is.
    if (ask === 'validate' && record !== undefined && response.status < 500 && !OF_THIS_REQUEST.has(reason)) {
      keep.forget(record);
    }
    const rules = this.#rulesFor(response);
    const held = meta && new Held();
    const fill =
      meta === undefined
        ? this.#begin(NOTHING_KEPT)
        : this.#begin(this.#keeping(response, rules, meta), (end) =>
            held?.store(() => keep.fetched(this.#plan, rules, meta, end)),
          );
    this.#settle({ kind: 'own', response, fill, reason, whole, rules, held });
    // Its leader has left, or was served something stored instead.
    fill.abandon();
  }

  #begin(
    keeping: Keeping,
    onEnd: (end: FetchEnd) => Promise<void> | undefined | void = () => undefined,
  ): Fill {
    if (keeping.keepBytes > 0) this.#blocks = this.#options.blocks?.(this.#announced);
    const { store, budget, flights, elsewhere } = this.#options;
    this.#fill = beginFill({
      keeping,
      tap: this,
      store,
      budget,
      onEnd: (end) => {
        const over = (): void => flights.end(this.#plan.flight);
        elsewhere?.cork();
        const storing = end && onEnd(end);
        if (storing === undefined) over();
        else storing.then(over, over);
        elsewhere?.uncork();
      },
    });
    return this.#fill;
  }

  #keeping(response: OriginResponse, rules: CacheRules, meta: StoredMeta): Keeping {
    const { budget, store } = this.#options;
    const { key, request } = this.#plan;
    const variant = variantKey(meta.vary, request.fields);
    return keepingOf({ key, variant }, contentLength(response), rules.maxObjectBytes, store, budget);
  }

  /** Those who wait for a fetch that a purge has overtaken get its bytes; the store does not (keep.ts). */
  #isStored(fill: Fill): boolean {
    return fill.stored && !this.#plan.flight.fenced;
  }

  /** A 304 has the type of what it speaks of. */
  #rulesFor({ status, fields }: OriginResponse): CacheRules {
    const stored = status === 304 ? this.#plan.record?.meta : undefined;
    const type = fields.get('content-type') ?? (stored && fieldOf(stored, 'content-type')) ?? '';
    return this.#plan.rulesFor(type);
  }

  #askedOf(answered: { readonly from?: Place | undefined; readonly attempts: number } | undefined): void {
    const ms = this.#options.now() - this.#requestedAt;
    this.#asked = { from: answered?.from, attempts: answered?.attempts, ms };
  }

  #settle(outcome: Outcome): void {
    this.#plan.flight.settle({ ...outcome, asked: this.#asked });
  }
}

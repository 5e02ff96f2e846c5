// THE PATH of a request through the edge, top to bottom: receive, look up, decide, one switch, forward, arrive.
// Sees plain data and a Responder, never a socket. The rooms on the way: reception.ts, lookup.ts, outbound.ts, fetch.ts, reply.ts;
// the rules are in cache/, what goes before its time in forget.ts, what is fetched for nobody in behind.ts.

import type { Journal, PurgeRecord } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import type { Applied } from './admin/purger.ts';
import type { Refusal } from './admit.ts';
import { Behind } from './behind.ts';
import { ttlSeconds } from './cache/age.ts';
import type { Backoff } from './cache/backoff.ts';
import type { Flight, Flights, HitForMiss } from './cache/collapse.ts';
import { decide, type StandIn } from './cache/decide.ts';
import type { Budget } from './cache/fill.ts';
import { maxForwards } from './cache/max-forwards.ts';
import { isReusable } from './cache/methods.ts';
import { SearchAliases } from './cache/search-aliases.ts';
import type { StoredMeta } from './cache/stored.ts';
import { selects } from './cache/vary.ts';
import { Compressor } from './compress/compressor.ts';
import { Presenter } from './compress/presenter.ts';
import { type Booking, type Elsewhere, Fetcher, type FetcherOptions, type FetchOutcome } from './fetch.ts';
import { Forget } from './forget.ts';
import type { Request, Responder } from './http/message.ts';
import { Keep } from './keep.ts';
import { Lookup } from './lookup.ts';
import { mayFollow, standInFor } from './may-use.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { OriginFailure } from './origin/failure.ts';
import { flightKey } from './origin-request.ts';
import { Outbound, type Sharing } from './outbound.ts';
import { OwnWords } from './own-words.ts';
import type { PurgeDoor, PurgeService } from './purge-door.ts';
import { Reception } from './reception.ts';
import type { Refreshed } from './refresh-visit.ts';
import { Reply, type ReplyOptions } from './reply.ts';
import type { Realm, Site } from './site/site.ts';
import { type Forward, MAX_LOOKS, NOTHING, type Records, type Visit } from './visit.ts';

export interface EdgeOptions extends ReplyOptions {
  /** What the settings make of requests, until `use`. */
  readonly site: Site;
  /** Of keys, in all realms. */
  readonly spaces: readonly string[];
  readonly store: FrontStore<StoredMeta>;
  /** Lends memory to fills. */
  readonly budget: Budget;
  /** Where fills put what they keep; undefined as it comes. */
  readonly blocks: FetcherOptions['blocks'];
  /** Fetches under way, and keys whose responses are for one client each. */
  readonly flights: Flights<FetchOutcome>;
  readonly hitForMiss: HitForMiss;
  /** Work behind that has failed. */
  readonly backoff: Backoff;
  /** The fetches of other workers; undefined when there are none. */
  readonly elsewhere: Elsewhere | undefined;
  readonly journal: Journal;
  readonly purgeDoor: PurgeDoor;
  readonly purge: PurgeService['purge'];
  /** Hears what other workers have told all; undefined when there are none. */
  readonly hear: (() => void) | undefined;
  /** Tells other workers of keys that an unsafe request has invalidated; undefined when there are none. */
  readonly spreadInvalidation: ((keys: readonly string[], by: string) => Promise<void>) | undefined;
  /** Tells other nodes; undefined when there are none. */
  readonly announce: PurgeService['announce'] | undefined;
  /** Tells other workers which URLs a No-Vary-Search makes equal; undefined when there are none. */
  readonly spreadAlias: ((key: string, field: string) => void) | undefined;
  readonly counters: Counters;
  readonly log: Log;
}

export class Edge {
  readonly #options: EdgeOptions;
  readonly #flights: Flights<FetchOutcome>;
  readonly #hitForMiss: HitForMiss;
  readonly #aliases: SearchAliases;
  readonly #reception: Reception;
  readonly #lookup: Lookup;
  readonly #forget: Forget;
  readonly #outbound: Outbound;
  readonly #behind: Behind;
  readonly #words: OwnWords;
  readonly #reply: Reply;
  readonly #compressor: Compressor;
  readonly #presenter: Presenter;
  #site: Site;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#flights = options.flights;
    this.#hitForMiss = options.hitForMiss;
    this.#site = options.site;
    this.#words = new OwnWords(options);
    this.#reply = new Reply(options, this.#words);
    const { concurrency } = options.site.compression;
    this.#compressor = new Compressor({ ...options, concurrency });
    this.#presenter = new Presenter({
      ...options,
      compressor: this.#compressor,
      touch: (record) => options.store.touch(record),
    });
    this.#aliases = new SearchAliases(options.spreadAlias);
    const aliases = this.#aliases;
    const rooms = { ...options, aliases, words: this.#words, presenter: this.#presenter };
    this.#reception = new Reception(rooms, (visit) => this.#visit(visit));
    this.#lookup = new Lookup({ ...rooms, book: (visit) => this.#book(visit) }, (visit, records, record) =>
      this.#decide(visit, records, record),
    );
    this.#forget = new Forget(options);
    const keep = new Keep({ ...options, aliases, compressor: this.#compressor });
    const outbound = new Outbound({ ...options, fetcher: new Fetcher({ ...options, keep }) });
    this.#outbound = outbound;
    this.#behind = new Behind({ ...options, lookup: this.#lookup, outbound });
  }

  /** Fetches under way. */
  get flights(): number {
    return this.#flights.size;
  }

  /** Encoded forms that wait to be made. */
  get compressing(): number {
    return this.#compressor.queued;
  }

  /** From now on requests are served by these settings; those under way end by theirs. */
  use(site: Site, debugKey: boolean, spaces: readonly string[]): void {
    this.#site = site;
    this.#forget.spaces = spaces;
    this.#reply.debugKey = debugKey;
    this.#options.tunnels.use(site.upgrades);
    this.#compressor.concurrency = site.compression.concurrency;
    this.#presenter.forget();
  }

  /** No work goes on behind. */
  close(): void {
    this.#compressor.stop();
  }

  /**
   * Admit, route, ask the gate, edit, key.
   * @param realm whose request it is; a site's unless it came to a proxy
   */
  handle(request: Request, responder: Responder, realm: Realm = this.#site): void {
    this.#reception.receive(request, responder, realm);
  }

  /** Refuses what did not even reach the path. */
  refuse(request: Request, responder: Responder, refusal: Refusal): void {
    this.#words.refused(request, responder, refusal);
  }

  /** Applies a purge record that the journal already holds. */
  applyPurge(record: PurgeRecord): Promise<Applied> {
    return this.#forget.applyPurge(record);
  }

  /** Forgets the stored responses of keys and keeps fetches in flight from being stored under them. */
  applyInvalidation(keys: readonly string[], by: string): void {
    void this.#forget.applyInvalidation(keys, by);
  }

  /** Another worker has learned which URLs are equal. */
  hearAlias(key: string, field: string): void {
    this.#aliases.hear(key, field);
  }

  /** Fetches again what is stored and not fresh, for nobody who waits. Resolves when what it brings is stored. */
  refresh(key: string, variant: string): Promise<Refreshed> {
    return this.#behind.refresh(key, variant, this.#site, this.#reception.admission);
  }

  /** Look up what the cache may be asked for. */
  #visit(visit: Visit): void {
    const { request, route, upgrade } = visit;
    if (!isReusable(request.method)) return this.#decide(visit, NOTHING, undefined);
    // A GET with content: RFC 9110 §9.3.1 gives it no meaning, but its origin may.
    if (route.rules.bypass || request.body !== null || upgrade !== undefined)
      return this.#pass(visit, 'bypass', false);
    this.#lookup.find(visit);
  }

  /** Asks for the leave to fetch together with the look-up at another worker, for a visit that will want it if nothing is found. */
  #book(visit: Visit): Booking | undefined {
    const { elsewhere, now } = this.#options;
    if (elsewhere === undefined || visit.alone || visit.apart) return undefined;
    const { request, admission, key } = visit;
    const { originCondition, hasRange } = admission.facts;
    if (request.method !== 'GET' || originCondition || hasRange) return undefined;
    const name = flightKey(visit, { record: undefined, records: NOTHING });
    const isKnown = this.#hitForMiss.knows(name, now()) || this.#flights.find(name) !== undefined;
    return isKnown ? undefined : elsewhere.book(key, name);
  }

  /** Decide, and THE SWITCH. */
  #decide(visit: Visit, records: Records, record: Stored<StoredMeta> | undefined): void {
    const { request, responder, admission, route } = visit;
    const { rules } = route;
    const verdict = record === undefined ? 'valid' : this.#lookup.verdict(record);
    const now = this.#options.now();
    const shown = record && this.#lookup.shown(visit, record);
    const decision = decide({
      method: request.method,
      request: admission.facts,
      stored: shown?.meta,
      verdict,
      rules,
      hadVariants: records.length > 0,
      now,
    });
    const none = { record, verdict, need: undefined, invalidates: false } as const;
    switch (decision.kind) {
      case 'bypass':
        return this.#pass(visit, 'bypass', false);
      case 'method':
        return this.#pass(visit, 'method', decision.invalidate);
      case 'hit':
        this.#options.store.touch(given(record));
        return this.#reply.hit(visit, this.#lookup.served(visit, given(shown)), now);
      case 'stale': {
        const ttl = Math.floor(decision.ttlMs / 1000);
        this.#options.store.touch(given(record));
        const status = { hit: true, ttl, detail: decision.reason } as const;
        this.#reply.stored(visit, this.#lookup.served(visit, given(shown)), 'stale', status);
        if (decision.refresh)
          this.#behind.revalidate(visit, {
            ...none,
            records: this.#lookup.kept(records),
            reason: 'stale',
            ask: 'validate',
            store: true,
          });
        return;
      }
      case 'revalidate': {
        const { reason, store, cause } = decision;
        return this.#forward(visit, {
          ...none,
          records: this.#lookup.kept(records),
          reason,
          store,
          ask: cause === 'condition' ? 'as-is' : 'validate',
        });
      }
      case 'partial': {
        const { need, store } = decision;
        return this.#forward(visit, {
          ...none,
          records: this.#lookup.kept(records),
          reason: 'partial',
          store,
          need,
          ask: need === undefined ? 'as-is' : 'complete',
        });
      }
      case 'miss': {
        const { reason, store } = decision;
        // RFC 9111 §4.3.1: what is stored for other requests may be what this one gets.
        const ask = admission.facts.hasRange ? 'as-is' : reason === 'vary-miss' ? 'validate' : 'whole';
        return this.#forward(visit, {
          ...none,
          record: undefined,
          records: this.#lookup.kept(records),
          reason,
          store,
          ask,
        });
      }
      case 'only-if-cached':
        return this.#words.refused(request, responder, ONLY_IF_CACHED, route);
      default:
        return decision satisfies never;
    }
  }

  /** To the origin for the cache: join the fetch that is under way, or begin one. */
  #forward(visit: Visit, forward: Forward): void {
    const { request, admission, responder, key } = visit;
    if (responder.gone) return this.#reply.left(visit, forward);
    if (visit.looks === 0 && this.#options.elsewhere?.hasNewsOf(key)) {
      visit.looks += 1;
      visit.booking?.end();
      return this.#lookup.find(visit);
    }
    const name = flightKey(visit, forward);
    const mayShare =
      request.method === 'GET' && forward.store && !admission.facts.originCondition && !visit.alone;
    const unshared = this.#hitForMiss.knows(name, this.#options.now());
    const underWay = mayShare && !unshared && !visit.apart ? this.#flights.find(name) : undefined;
    if (underWay !== undefined) return this.#wait(visit, forward, underWay, true);
    // Only a fetch for the whole brings what others can use. What is known to be for each alone is asked for as it is.
    const ask = !mayShare || (unshared && forward.ask === 'whole') ? 'as-is' : forward.ask;
    const isForAll = ask === 'whole' || ask === 'validate';
    const sharing = !mayShare || unshared ? 'none' : isForAll ? 'all' : 'others';
    this.#fly(visit, { ...forward, ask }, name, sharing);
  }

  /** To the origin, past the cache: bodies are streamed both ways. */
  #pass(visit: Visit, reason: 'bypass' | 'method', invalidates: boolean): void {
    const { request, responder, key } = visit;
    // OPTIONS * is about the server that was asked (RFC 9110 §9.3.7).
    if (request.target === '*' || maxForwards(request.method, request.fields).kind === 'answer') {
      return this.#words.lastHop(request, responder);
    }
    const forward: Forward = {
      reason,
      ask: 'as-is',
      store: false,
      record: undefined,
      verdict: 'valid',
      records: NOTHING,
      need: undefined,
      invalidates,
    };
    // Under no cache key: nothing fences it.
    this.#fly(visit, forward, `\n${key}`, 'none');
  }

  #fly(visit: Visit, forward: Forward, flightKey: string, sharing: Sharing): void {
    const refusal = visit.route.gate?.forward(visit.came);
    if (refusal !== undefined)
      return this.#words.refused(visit.request, visit.responder, refusal, visit.route);
    const isOffered = sharing === 'all' && !visit.apart;
    const flight = this.#flights.begin(flightKey, this.#options.journal.seq, isOffered);
    this.#wait(visit, forward, flight, false);
    this.#outbound.send(visit, forward, flight, sharing);
  }

  #wait(visit: Visit, forward: Forward, flight: Flight<FetchOutcome>, collapsed: boolean): void {
    let waiting = true;
    const leave = flight.wait((outcome) => {
      waiting = false;
      this.#arrive(visit, forward, outcome, collapsed || flight.followed);
    });
    if (!waiting) return;
    visit.responder.onAbort(() => {
      if (!waiting) return;
      waiting = false;
      leave();
      this.#reply.left(visit, forward);
    });
  }

  /** The outcome of a fetch reaches one of those who waited for it. */
  #arrive(visit: Visit, forward: Forward, outcome: FetchOutcome, collapsed: boolean): void {
    visit.asked = outcome.asked;
    const now = this.#options.now();
    switch (outcome.kind) {
      case 'failed': {
        const { failure } = outcome;
        const ground = failure.side === 'origin' ? standInFor(visit, forward, 'unreachable', now) : undefined;
        if (ground !== undefined) return this.#serveStandIn(visit, forward, ground, undefined, failure);
        return this.#reply.failed(visit, forward, failure);
      }
      case 'validated': {
        const { record, shared } = outcome;
        if (collapsed && !(shared && mayFollow(visit, record.meta, now)))
          return this.#goAlone(visit, forward);
        const stored = shared && !collapsed;
        const status = { fwd: forward.reason, fwdStatus: 304, stored, collapsed } as const;
        return this.#reply.stored(
          visit,
          this.#lookup.served(visit, this.#lookup.shown(visit, record)),
          'revalidated',
          status,
        );
      }
      case 'shared': {
        const { fill, meta } = outcome;
        if (collapsed && visit.vary === undefined && !selects(meta, visit.request.fields)) {
          // Now it is known what tells the key's responses apart: wait with those who ask alike.
          visit.vary = meta.vary;
          return this.#forward(visit, { ...forward, reason: 'vary-miss' });
        }
        if (collapsed && !(fill.joinable && mayFollow(visit, meta, now)))
          return this.#goAlone(visit, forward);
        return this.#reply.shared(visit, forward, outcome, collapsed);
      }
      case 'own': {
        const { status, fields } = outcome.response;
        const ground = standInFor(visit, forward, status, now);
        if (ground !== undefined) return this.#serveStandIn(visit, forward, ground, status);
        if (collapsed) return this.#goAlone(visit, forward);
        const send = this.#reply.own(visit, forward, outcome);
        if (!forward.invalidates) return send();
        const invalidated = this.#forget.invalidate(visit, status, fields);
        const isOver = outcome.held?.until(invalidated) ?? invalidated;
        isOver.then(send, send);
        return;
      }
      case 'switched':
        return this.#reply.switched(visit, forward, outcome);
      case 'again':
        visit.looks += 1;
        visit.apart = outcome.apart;
        return visit.looks > MAX_LOOKS ? this.#goAlone(visit, forward) : this.#lookup.find(visit);
      default:
        return outcome satisfies never;
    }
  }

  /** It waited in vain: the response was for another request only. */
  #goAlone(visit: Visit, forward: Forward): void {
    visit.alone = true;
    this.#forward(visit, forward);
  }

  #serveStandIn(
    visit: Visit,
    { reason, record: stored, verdict }: Forward,
    ground: StandIn,
    fwdStatus: number | undefined,
    failure?: OriginFailure,
  ): void {
    const record = this.#lookup.shown(visit, given(stored));
    const ttl = ttlSeconds(record.meta, this.#options.now(), verdict);
    const status = { fwd: reason, fwdStatus, ttl, detail: ground };
    this.#reply.stored(visit, this.#lookup.served(visit, record), 'stale', status, failure);
  }
}

const ONLY_IF_CACHED = {
  status: 504,
  sentence: 'The request asks for a stored response only, and none may be used.',
  detail: 'only-if-cached',
} as const;

function given(record: Stored<StoredMeta> | undefined): Stored<StoredMeta> {
  if (record === undefined) throw new Error('decided on a stored response that is not there');
  return record;
}

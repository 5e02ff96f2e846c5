// THE PATH of a request through the edge, top to bottom: receive, look up, decide, one switch, forward, arrive.
// Sees plain data and a Responder, never a socket. The rooms on the way: reception.ts, lookup.ts, fetch.ts, reply.ts; the rules
// are in cache/, what goes before its time in forget.ts.

import type { Journal, PurgeRecord } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import type { Applied } from './admin/purger.ts';
import type { Refusal } from './admit.ts';
import { ttlSeconds } from './cache/age.ts';
import type { Backoff } from './cache/backoff.ts';
import type { Flight, Flights, HitForMiss } from './cache/collapse.ts';
import { decide, mayServeOnError, type StandIn } from './cache/decide.ts';
import type { Budget } from './cache/fill.ts';
import { maxForwards } from './cache/max-forwards.ts';
import { isReusable } from './cache/methods.ts';
import type { CacheRules } from './cache/rules.ts';
import { SearchAliases } from './cache/search-aliases.ts';
import type { StoredMeta } from './cache/stored.ts';
import { selects } from './cache/vary.ts';
import { Compressor } from './compress/compressor.ts';
import { withoutForms } from './compress/forms.ts';
import { Presenter } from './compress/presenter.ts';
import { type Elsewhere, Fetcher, type FetcherOptions, type FetchOutcome, nameOf } from './fetch.ts';
import { Forget } from './forget.ts';
import type { FieldLines } from './http/fields.ts';
import type { Request, Responder } from './http/message.ts';
import { Keep } from './keep.ts';
import { Lookup } from './lookup.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { OriginFailure } from './origin/failure.ts';
import type { Urgency } from './origin/upstream.ts';
import { flightKey, requestLines } from './origin-request.ts';
import type { PurgeDoor, PurgeService } from './purge-door.ts';
import { Reception } from './reception.ts';
import { type Refreshed, refreshVisit } from './refresh-visit.ts';
import { Reply, type ReplyOptions } from './reply.ts';
import type { Realm, Site } from './site/site.ts';
import { type Forward, NOTHING, type Records, type Visit } from './visit.ts';

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
  readonly #fetcher: Fetcher;
  readonly #reply: Reply;
  readonly #compressor: Compressor;
  readonly #presenter: Presenter;
  #site: Site;

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#flights = options.flights;
    this.#hitForMiss = options.hitForMiss;
    this.#site = options.site;
    this.#reply = new Reply(options);
    const { concurrency } = options.site.compression;
    this.#compressor = new Compressor({ ...options, concurrency });
    this.#presenter = new Presenter({
      ...options,
      compressor: this.#compressor,
      touch: (record) => options.store.touch(record),
    });
    this.#aliases = new SearchAliases(options.spreadAlias);
    const aliases = this.#aliases;
    const rooms = { ...options, aliases, reply: this.#reply, presenter: this.#presenter };
    this.#reception = new Reception(rooms, (visit) => this.#visit(visit));
    this.#lookup = new Lookup(rooms, (visit, records, record) => this.#decide(visit, records, record));
    this.#forget = new Forget(options);
    const keep = new Keep({ ...options, aliases, compressor: this.#compressor });
    this.#fetcher = new Fetcher({ ...options, keep });
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
    this.#reply.refused(request, responder, refusal);
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

  /** Look up what the cache may be asked for. */
  #visit(visit: Visit): void {
    const { request, route, upgrade } = visit;
    if (!isReusable(request.method)) return this.#decide(visit, NOTHING, undefined);
    // A GET with content: RFC 9110 §9.3.1 gives it no meaning, but its origin may.
    if (route.rules.bypass || request.body !== null || upgrade !== undefined)
      return this.#pass(visit, 'bypass', false);
    this.#lookup.find(visit);
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
          this.#refreshBehind(visit, {
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
        return this.#reply.refused(request, responder, ONLY_IF_CACHED, route);
      default:
        return decision satisfies never;
    }
  }

  /** To the origin for the cache: join the fetch that is under way, or begin one. */
  #forward(visit: Visit, forward: Forward): void {
    const { request, admission, responder, key } = visit;
    if (responder.gone) return this.#reply.left(visit, forward);
    if (visit.looks < MAX_LOOKS && this.#options.elsewhere?.hasNewsOf(key)) {
      visit.looks += 1;
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
      return this.#reply.lastHop(request, responder);
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
      return this.#reply.refused(visit.request, visit.responder, refusal, visit.route);
    const isOffered = sharing === 'all' && !visit.apart;
    const flight = this.#flights.begin(flightKey, this.#options.journal.seq, isOffered);
    this.#wait(visit, forward, flight, false);
    this.#lead(visit, forward, flight, sharing, () => this.#start(visit, forward, flight));
  }

  /** Starts a fetch, unless another worker makes it for all. */
  #lead(
    visit: Visit,
    forward: Forward,
    flight: Flight<FetchOutcome>,
    sharing: Sharing,
    lead: () => void,
  ): void {
    const { elsewhere } = this.#options;
    if (elsewhere === undefined || sharing === 'none') return lead();
    const { request, realm, key } = visit;
    const seen = [...visit.held, ...forward.records].map(nameOf);
    const rulesFor = (type: string): CacheRules => realm.rulesFor(request.method, visit, type);
    elsewhere.join(flight, { key, seen, rulesFor, alone: sharing === 'others', lead });
  }

  /** Revalidates behind a stale response: one at a time per key, and not again at once after a failure (RFC 5861 §3). */
  #refreshBehind(visit: Visit, forward: Forward): void {
    const { backoff, counters, now } = this.#options;
    const name = flightKey(visit, forward);
    if (this.#flights.find(name) !== undefined || !backoff.allows(name, now())) return;
    counters.backgroundRevalidations++;
    const behind: Visit = { ...visit, request: { ...visit.request, method: 'GET', body: null } };
    this.#flyBehind(behind, forward, name, 'revalidation');
  }

  /** Fetches again what is stored and not fresh, for nobody who waits. Resolves when what it brings is stored. */
  refresh(key: string, variant: string): Promise<Refreshed> {
    const { store, now } = this.#options;
    const held = store.getNow(key) ?? NOTHING;
    const record = held.find((one) => one.variant === variant);
    const verdict = record && this.#lookup.verdict(record);
    if (record === undefined || verdict === undefined || verdict === 'deleted')
      return Promise.resolve('gone');
    if (verdict === 'valid' && now() < record.meta.freshUntil) return Promise.resolve('fresh');
    const visit = refreshVisit(record, this.#site, this.#reception.admission, now());
    if (visit === undefined) return Promise.resolve('left');
    const forward: Forward = {
      reason: 'stale',
      ask: 'validate',
      store: true,
      record,
      verdict,
      records: this.#lookup.kept(withoutForms(held)),
      need: undefined,
      invalidates: false,
    };
    const name = flightKey(visit, forward);
    // It may have begun before the purge: who asks again will see.
    if (this.#flights.find(name) !== undefined) return Promise.resolve('busy');
    return new Promise((resolve) => this.#flyBehind(visit, forward, name, 'warming', resolve));
  }

  #flyBehind(
    visit: Visit,
    forward: Forward,
    flightKey: string,
    urgency: Urgency,
    done?: (result: Refreshed) => void,
  ): void {
    const { backoff, elsewhere, journal, now } = this.#options;
    const flight = this.#flights.begin(flightKey, journal.seq, true);
    flight.onEnd = () => {
      if (flight.outcome?.kind === 'again' && visit.looks < MAX_LOOKS) {
        visit.looks += 1;
        return this.#flyAgainBehind(visit, forward, flightKey, urgency, done);
      }
      const result = refreshed(flight.outcome);
      // Who leads tells.
      if (!flight.followed) {
        const hasFailed = result === 'failed' || result === 'busy';
        if (hasFailed) backoff.failed(flightKey, now());
        if (hasFailed || backoff.succeeded(flightKey)) elsewhere?.backOff(flightKey, hasFailed);
      }
      done?.(result);
    };
    const start = (): void => this.#start(visit, forward, flight, urgency, () => undefined);
    this.#lead(visit, forward, flight, 'all', start);
  }

  /** Another worker's fetch could not be joined: perhaps because what it brought is stored. */
  #flyAgainBehind(
    visit: Visit,
    forward: Forward,
    flightKey: string,
    urgency: Urgency,
    done?: (result: Refreshed) => void,
  ): void {
    const isThis = (one: Stored<StoredMeta>): boolean =>
      forward.record !== undefined && nameOf(one) === nameOf(forward.record);
    this.#options.store.get(visit.key).then(
      (records) => {
        if (!records.some(isThis)) done?.('fetched');
        else if (this.#flights.find(flightKey) !== undefined) done?.('busy');
        else this.#flyBehind(visit, forward, flightKey, urgency, done);
      },
      () => done?.('failed'),
    );
  }

  #start(
    visit: Visit,
    forward: Forward,
    flight: Flight<FetchOutcome>,
    urgency: Urgency = 'user',
    onInterim = (status: number, lines: FieldLines): void => visit.responder.inform(status, lines),
  ): void {
    const { request, came, realm, route, key, target } = visit;
    const { record, records, store, ask } = forward;
    this.#fetcher.start({
      flight,
      key,
      request,
      upstream: route.upstream,
      client: realm.clientOf(came).address,
      urgency,
      target,
      upgrade: visit.upgrade,
      forCache: store && isReusable(request.method),
      ask,
      linesFor: (form) => requestLines(visit, forward, form, this.#options.identity),
      rulesFor: (type) => realm.rulesFor(request.method, visit, type),
      record,
      records,
      standsIn: (status) => this.#standIn(visit, forward, status) !== undefined,
      onInterim,
    });
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
    switch (outcome.kind) {
      case 'failed': {
        const { failure } = outcome;
        const ground = failure.side === 'origin' ? this.#standIn(visit, forward, 'unreachable') : undefined;
        if (ground !== undefined) return this.#serveStandIn(visit, forward, ground, undefined, failure);
        return this.#reply.failed(visit, forward, failure);
      }
      case 'validated': {
        const { record, shared } = outcome;
        if (collapsed && !(shared && this.#usable(visit, record.meta))) return this.#goAlone(visit, forward);
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
        if (collapsed && !(fill.joinable && this.#usable(visit, meta))) return this.#goAlone(visit, forward);
        return this.#reply.shared(visit, forward, outcome, collapsed);
      }
      case 'own': {
        const { status, fields } = outcome.response;
        const ground = this.#standIn(visit, forward, status);
        if (ground !== undefined) return this.#serveStandIn(visit, forward, ground, status);
        if (collapsed) return this.#goAlone(visit, forward);
        const send = this.#reply.own(visit, forward, outcome);
        if (!forward.invalidates) return send();
        const invalidated = this.#forget.invalidate(visit, status, fields);
        outcome.storeAfter?.(invalidated);
        invalidated.then(send, send);
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

  /** May a follower use what a fetch begun before it has brought? Only what it could reuse had it come a moment later. */
  #usable(visit: Visit, meta: StoredMeta): boolean {
    const now = this.#options.now();
    if (meta.noCache || !selects(meta, visit.request.fields)) return false;
    return now < meta.freshUntil + (meta.mustRevalidate ? 0 : meta.staleWhileRevalidateMs);
  }

  /** It waited in vain: the response was for another request only. */
  #goAlone(visit: Visit, forward: Forward): void {
    visit.alone = true;
    this.#forward(visit, forward);
  }

  /** On what ground the stored response that was to be validated stands in for a failed origin. */
  #standIn(
    visit: Visit,
    { record, reason, verdict }: Forward,
    kind: 'unreachable' | number,
  ): StandIn | undefined {
    if (record === undefined || reason === 'partial') return undefined;
    const { admission, route } = visit;
    return mayServeOnError({
      stored: record.meta,
      request: admission.facts,
      verdict,
      rules: route.rules,
      now: this.#options.now(),
      kind,
    });
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

/** What a fetch brings may be for all who ask; or it may use what others bring, while its own is for itself alone. */
type Sharing = 'all' | 'others' | 'none';

/** `failed`: no answer, an error, or a body that broke off. */
function refreshed(outcome: FetchOutcome | undefined): Refreshed {
  if (outcome === undefined) return 'failed';
  if (outcome.kind === 'failed') return outcome.failure.kind === 'overloaded' ? 'busy' : 'failed';
  if (outcome.kind === 'validated') return 'unchanged';
  const broke =
    (outcome.kind === 'shared' && outcome.fill.state === 'failed') ||
    (outcome.kind === 'own' && outcome.response.status >= 500);
  return broke ? 'failed' : 'fetched';
}

/** A visit looks so often for what other workers have stored or fetch, before it fetches alone. */
const MAX_LOOKS = 3;

const ONLY_IF_CACHED = {
  status: 504,
  sentence: 'The request asks for a stored response only, and none may be used.',
  detail: 'only-if-cached',
} as const;

function given(record: Stored<StoredMeta> | undefined): Stored<StoredMeta> {
  if (record === undefined) throw new Error('decided on a stored response that is not there');
  return record;
}

// THE PATH of a request through the edge, top to bottom: admit, key, look up, decide, one switch, forward, arrive.
// Sees plain data and a Responder, never a socket. The rules are in cache/, the fetch is fetch.ts, what goes out reply.ts.

import type { Journal, PurgeRecord } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import { type Applied, removeSelected } from './admin/purger.ts';
import { type Admission, admissions, type Refusal, refusalByMethod } from './admit.ts';
import { ttlSeconds, type Verdict } from './cache/age.ts';
import { Backoff } from './cache/backoff.ts';
import { groupInvalidations } from './cache/cache-groups.ts';
import type { Flight, Flights, HitForMiss } from './cache/collapse.ts';
import { revalidationLines, stripConditionals, stripRange } from './cache/conditional.ts';
import { completionLines } from './cache/content-range.ts';
import { decide, mayServeOnError, type StandIn } from './cache/decide.ts';
import type { Budget } from './cache/fill.ts';
import { invalidatedKeys } from './cache/invalidate.ts';
import { cacheKey } from './cache/key.ts';
import { maxForwards } from './cache/max-forwards.ts';
import { isReusable } from './cache/methods.ts';
import type { CacheRules } from './cache/rules.ts';
import { SearchAliases } from './cache/search-aliases.ts';
import type { StoredMeta } from './cache/stored.ts';
import { groupTag, subjectOf } from './cache/subject.ts';
import { selects, selectVariant, variantKey } from './cache/vary.ts';
import { withOriginTags } from './compress/coded-tag.ts';
import { Compressor } from './compress/compressor.ts';
import { withoutForms } from './compress/forms.ts';
import { Presenter } from './compress/presenter.ts';
import { type Elsewhere, Fetcher, type FetcherOptions, type FetchOutcome } from './fetch.ts';
import type { Verdict as GateVerdict } from './gate/gate.ts';
import type { FieldLines } from './http/fields.ts';
import type { Request, Responder } from './http/message.ts';
import { Keep } from './keep.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { OriginFailure } from './origin/failure.ts';
import { clientScheme, forwardRequestLines } from './origin/forwarded.ts';
import type { Urgency } from './origin/upstream.ts';
import type { PurgeDoor, PurgeService } from './purge-door.ts';
import { type Refreshed, refreshVisit } from './refresh-visit.ts';
import { Reply, type ReplyOptions } from './reply.ts';
import type { Route } from './site/route.ts';
import type { Realm, Site } from './site/site.ts';
import { upgradeOf } from './tunnel/asking.ts';
import type { Ask, Forward, Visit } from './visit.ts';

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
  /** The fetches of other workers; undefined when there are none. */
  readonly elsewhere: Elsewhere | undefined;
  readonly journal: Journal;
  readonly purgeDoor: PurgeDoor;
  readonly purge: PurgeService['purge'];
  /** Hears what other workers have told all; undefined when there are none. */
  readonly hear: (() => void) | undefined;
  /** Tells other workers of keys that an unsafe request has invalidated; undefined when there are none. */
  readonly spreadInvalidation: ((keys: readonly string[]) => Promise<void>) | undefined;
  readonly counters: Counters;
  readonly log: Log;
}

/** What the purge journal said of a record in memory, and when; thrown away with the record. */
interface Checked {
  readonly epoch: number;
  readonly verdict: Verdict;
}

type Records = readonly Stored<StoredMeta>[];

const NOTHING: Records = [];

/** What a fetch for the whole leaves out: the edge answers these itself. */
const ANSWERED_HERE: ReadonlySet<string> = new Set([...stripConditionals, ...stripRange]);

export class Edge {
  readonly #options: EdgeOptions;
  readonly #admit: (fields: Request['fields']) => Admission;
  readonly #flights: Flights<FetchOutcome>;
  readonly #hitForMiss: HitForMiss;
  readonly #backoff = new Backoff();
  readonly #checked = new WeakMap<Stored<StoredMeta>, Checked>();
  readonly #aliases = new SearchAliases();
  readonly #fetcher: Fetcher;
  readonly #reply: Reply;
  readonly #compressor: Compressor;
  readonly #presenter: Presenter;
  #site: Site;
  #spaces: readonly string[];

  constructor(options: EdgeOptions) {
    this.#options = options;
    this.#flights = options.flights;
    this.#hitForMiss = options.hitForMiss;
    this.#site = options.site;
    this.#spaces = options.spaces;
    this.#admit = admissions(options.identity);
    this.#reply = new Reply(options);
    const { concurrency } = options.site.compression;
    this.#compressor = new Compressor({ ...options, concurrency });
    this.#presenter = new Presenter({
      ...options,
      compressor: this.#compressor,
      touch: (record) => options.store.touch(record),
    });
    const keep = new Keep({ ...options, aliases: this.#aliases, compressor: this.#compressor });
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
    this.#spaces = spaces;
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
   * Admit and route.
   * @param realm whose request it is; a site's unless it came to a proxy
   */
  handle(asked: Request, responder: Responder, realm: Realm = this.#site): void {
    const admission = this.#admit(asked.fields);
    const refusal = refusalByMethod(asked.method) ?? admission.refusal;
    if (refusal !== undefined) return this.#reply.refused(asked, responder, refusal);
    const request = realm.entrance?.meet(asked, admission) ?? asked;
    if ('status' in request) return this.#reply.refused(asked, responder, request);
    const route = realm.route(request.method, request);
    const verdict = route.gate?.admit(request);
    if (verdict === undefined) return this.#enter(request, responder, realm, route);
    if (!(verdict instanceof Promise)) return this.#judged(request, responder, realm, route, verdict);
    verdict.then(
      (late) => {
        if (!responder.gone) this.#judged(request, responder, realm, route, late);
      },
      (error: unknown) => {
        this.#options.log.error({ err: error }, 'the gate could not decide');
        this.#reply.refused(request, responder, UNDECIDED, route);
      },
    );
  }

  /** Refuses what did not even reach the path. */
  refuse(request: Request, responder: Responder, refusal: Refusal): void {
    this.#reply.refused(request, responder, refusal);
  }

  /** The gate has spoken: what is let in may be changed (its credentials taken off, its user named). */
  #judged(request: Request, responder: Responder, realm: Realm, route: Route, verdict: GateVerdict): void {
    if (verdict !== undefined && 'status' in verdict) this.#reply.refused(request, responder, verdict, route);
    else this.#enter(verdict?.request ?? request, responder, realm, route);
  }

  /** Edit and key. */
  #enter(asked: Request, responder: Responder, realm: Realm, route: Route): void {
    const { purgeDoor, hear } = this.#options;
    const { trusted, edges, space } = realm;
    hear?.();
    const request = route.entered(asked);
    const admission = this.#admit(request.fields);
    const { method, authority } = request;
    const { rules } = route;
    if (route.answer !== undefined && method !== 'PURGE') {
      return this.#reply.local(request, responder, route.answer(request), route);
    }
    const scheme = admission.namesScheme ? clientScheme(request, trusted) : request.scheme;
    // What another method invalidates or purges lies under the key that GET has.
    const keyRules = isReusable(method) ? rules.key : realm.route('GET', request).rules.key;
    const exact = cacheKey(space + scheme, authority, request.target, keyRules);
    const key = this.#aliases.resolve(exact.key);
    if (method === 'PURGE')
      return purgeDoor.handle(request, responder, exact.key === key ? [key] : [exact.key, key]);
    const upgrade = admission.upgrade && this.#upgrade(request, responder, realm, admission.upgrade);
    if (upgrade !== undefined && 'status' in upgrade)
      return this.#reply.refused(request, responder, upgrade, route);
    const visit = {
      request,
      responder,
      admission,
      realm,
      route,
      key,
      target: route.rewritten(request, exact.target),
      upgrade,
      toEdge: edges?.(request.peer.address) ?? false,
      held: NOTHING,
      storeFailed: false,
      alone: false,
      looks: 0,
      apart: false,
      vary: undefined,
    };
    if (!isReusable(method)) return this.#decide(visit, NOTHING, undefined);
    // A GET with content: RFC 9110 §9.3.1 gives it no meaning, but its origin may.
    if (rules.bypass || request.body !== null || upgrade !== undefined)
      return this.#pass(visit, 'bypass', false);
    this.#lookUp(visit);
  }

  /** The protocols that the origin is asked for, if there is room for another tunnel. */
  #upgrade(
    request: Request,
    responder: Responder,
    realm: Realm,
    asked: readonly string[],
  ): readonly string[] | Refusal | undefined {
    const upgrade = upgradeOf(request, responder, asked, realm.upgrades.protocols);
    return upgrade !== undefined && this.#options.tunnels.full ? TOO_MANY_TUNNELS : upgrade;
  }

  /** Memory at once; the lower tier only when memory has nothing for this request. A broken store is a miss with a detail. */
  #lookUp(visit: Visit): void {
    const { store, log, counters } = this.#options;
    const { key, request } = visit;
    const held = store.getNow(key) ?? NOTHING;
    visit.held = held;
    const records = withoutForms(held);
    const record = selectVariant(records, request.fields);
    if (this.#suffices(record) || store.isWhole(key)) return this.#decide(visit, records, record);
    store
      .get(key, (all) => this.#suffices(selectVariant(withoutForms(all), request.fields)))
      .then(
        (found) => this.#decideOn(visit, found),
        (error: unknown) => {
          counters.storeErrors++;
          log.error({ err: error, key }, 'the store could not be read');
          visit.storeFailed = true;
          this.#decideOn(visit, NOTHING);
        },
      );
  }

  /** What is deleted here another node may have anew. */
  #suffices(record: Stored<StoredMeta> | undefined): boolean {
    return record !== undefined && !(this.#options.store.hasShared && this.#verdict(record) === 'deleted');
  }

  /** After the disk was read: another request's fetch may have been stored meanwhile. */
  #decideOn(visit: Visit, found: Records): void {
    const held = this.#options.store.getNow(visit.key) ?? NOTHING;
    const { fields } = visit.request;
    const records = withoutForms(held);
    const record = selectVariant(records, fields);
    visit.held = found;
    if (record === undefined) {
      const others = withoutForms(found);
      return this.#decide(visit, others, selectVariant(others, fields));
    }
    // What was promoted just now came from the disk, and is told so.
    const { variant, meta } = record;
    const promoted = found.find(
      (one) => one.variant === variant && one.meta.respondedAt === meta.respondedAt,
    );
    if (promoted === undefined) visit.held = held;
    this.#decide(visit, records, promoted ?? record);
  }

  /** Decide, and THE SWITCH. */
  #decide(visit: Visit, records: Records, record: Stored<StoredMeta> | undefined): void {
    const { request, responder, admission, route } = visit;
    const { rules } = route;
    const verdict = record === undefined ? 'valid' : this.#verdict(record);
    const now = this.#options.now();
    const shown = record && this.#shown(visit, record);
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
        return this.#reply.hit(visit, this.#served(visit, given(shown)), now);
      case 'stale': {
        const ttl = Math.floor(decision.ttlMs / 1000);
        this.#options.store.touch(given(record));
        const status = { hit: true, ttl, detail: decision.reason } as const;
        this.#reply.stored(visit, this.#served(visit, given(shown)), 'stale', status);
        if (decision.refresh)
          this.#refreshBehind(visit, {
            ...none,
            records: this.#kept(records),
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
          records: this.#kept(records),
          reason,
          store,
          ask: cause === 'condition' ? 'as-is' : 'validate',
        });
      }
      case 'partial': {
        const { need, store } = decision;
        return this.#forward(visit, {
          ...none,
          records: this.#kept(records),
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
          records: this.#kept(records),
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
    const { request, admission, responder } = visit;
    if (responder.gone) return this.#reply.left(visit, forward);
    const flightKey = this.#flightKey(visit, forward);
    const mayShare =
      request.method === 'GET' && forward.store && !admission.facts.originCondition && !visit.alone;
    const unshared = this.#hitForMiss.knows(flightKey, this.#options.now());
    const underWay = mayShare && !unshared && !visit.apart ? this.#flights.find(flightKey) : undefined;
    if (underWay !== undefined) return this.#wait(visit, forward, underWay, true);
    // Only a fetch for the whole brings what others can use. What is known to be for each alone is asked for as it is.
    const ask = !mayShare || (unshared && forward.ask === 'whole') ? 'as-is' : forward.ask;
    const joinable = mayShare && !unshared && (ask === 'whole' || ask === 'validate');
    this.#fly(visit, { ...forward, ask }, flightKey, joinable);
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
    this.#fly(visit, forward, `\n${key}`, false);
  }

  #fly(visit: Visit, forward: Forward, flightKey: string, joinable: boolean): void {
    const refusal = visit.route.gate?.forward(visit.request);
    if (refusal !== undefined)
      return this.#reply.refused(visit.request, visit.responder, refusal, visit.route);
    const flight = this.#flights.begin(flightKey, this.#options.journal.seq, joinable && !visit.apart);
    this.#wait(visit, forward, flight, false);
    this.#lead(visit, forward, flight, joinable, () => this.#start(visit, forward, flight));
  }

  /** Starts a fetch, unless another worker makes it for all. */
  #lead(
    visit: Visit,
    forward: Forward,
    flight: Flight<FetchOutcome>,
    joinable: boolean,
    lead: () => void,
  ): void {
    const { elsewhere } = this.#options;
    if (elsewhere === undefined || !joinable) return lead();
    const { request, realm, key } = visit;
    const found = [...visit.held, ...forward.records];
    const latestAt = found.reduce((latest, { meta }) => Math.max(latest, meta.respondedAt), 0);
    const rulesFor = (type: string): CacheRules => realm.rulesFor(request.method, request, type);
    elsewhere.join(flight, { key, latestAt, rulesFor, lead });
  }

  /** Revalidates behind a stale response: one at a time per key, and not again at once after a failure (RFC 5861 §3). */
  #refreshBehind(visit: Visit, forward: Forward): void {
    const { counters, now } = this.#options;
    const flightKey = this.#flightKey(visit, forward);
    if (this.#flights.find(flightKey) !== undefined || !this.#backoff.allows(flightKey, now())) return;
    counters.backgroundRevalidations++;
    const behind: Visit = { ...visit, request: { ...visit.request, method: 'GET', body: null } };
    this.#flyBehind(behind, forward, flightKey, 'revalidation');
  }

  /** Fetches again what is stored and not fresh, for nobody who waits. Resolves when what it brings is stored. */
  refresh(key: string, variant: string): Promise<Refreshed> {
    const { store, now } = this.#options;
    const held = store.getNow(key) ?? NOTHING;
    const record = held.find((one) => one.variant === variant);
    const verdict = record && this.#verdict(record);
    if (record === undefined || verdict === undefined || verdict === 'deleted')
      return Promise.resolve('gone');
    if (verdict === 'valid' && now() < record.meta.freshUntil) return Promise.resolve('fresh');
    const visit = refreshVisit(record, this.#site, this.#admit, now());
    if (visit === undefined) return Promise.resolve('left');
    const forward: Forward = {
      reason: 'stale',
      ask: 'validate',
      store: true,
      record,
      verdict,
      records: this.#kept(withoutForms(held)),
      need: undefined,
      invalidates: false,
    };
    const flightKey = this.#flightKey(visit, forward);
    // It may have begun before the purge: who asks again will see.
    if (this.#flights.find(flightKey) !== undefined) return Promise.resolve('busy');
    return new Promise((resolve) => this.#flyBehind(visit, forward, flightKey, 'warming', resolve));
  }

  #flyBehind(
    visit: Visit,
    forward: Forward,
    flightKey: string,
    urgency: Urgency,
    done?: (result: Refreshed) => void,
  ): void {
    const { journal, now } = this.#options;
    const flight = this.#flights.begin(flightKey, journal.seq, true);
    flight.onEnd = () => {
      const result = refreshed(flight.outcome);
      if (result === 'failed' || result === 'busy') this.#backoff.failed(flightKey, now());
      else this.#backoff.succeeded(flightKey);
      done?.(result);
    };
    const start = (): void => this.#start(visit, forward, flight, urgency, () => undefined);
    this.#lead(visit, forward, flight, true, start);
  }

  #start(
    visit: Visit,
    forward: Forward,
    flight: Flight<FetchOutcome>,
    urgency: Urgency = 'user',
    onInterim = (status: number, lines: FieldLines): void => visit.responder.inform(status, lines),
  ): void {
    const { request, realm, route, key, target } = visit;
    const { record, records, store, ask } = forward;
    this.#fetcher.start({
      flight,
      key,
      request,
      upstream: route.upstream,
      client: realm.clientOf(request).address,
      urgency,
      target,
      upgrade: visit.upgrade,
      forCache: store && isReusable(request.method),
      ask,
      linesFor: (form) => this.#requestLines(visit, forward, form),
      rulesFor: (type) => realm.rulesFor(request.method, request, type),
      record,
      records,
      standsIn: (status) => this.#standIn(visit, forward, status) !== undefined,
      onInterim,
    });
  }

  /** The request to the origin in the form that is asked (visit.ts). */
  #requestLines({ request, realm, route }: Visit, { record, records, need }: Forward, ask: Ask): FieldLines {
    const { identity } = this.#options;
    const hops = maxForwards(request.method, request.fields);
    const form = {
      identity,
      hostPolicy: route.hostPolicy,
      trusted: realm.trusted,
      telling: route.telling,
      originAuthority: route.upstream.authority,
      maxForwards: hops.kind === 'forward' ? hops.value : undefined,
    };
    const bare = { ...form, without: ANSWERED_HERE };
    switch (ask) {
      case 'as-is': {
        const lines = forwardRequestLines(request, form);
        return route.rules.compress.encodings.length > 0 ? withOriginTags(lines) : lines;
      }
      case 'whole':
        return forwardRequestLines(request, bare);
      case 'validate': {
        const offered = record === undefined ? records.map(({ meta }) => meta) : [];
        return forwardRequestLines(request, { ...bare, add: revalidationLines(record?.meta, offered) });
      }
      case 'complete': {
        const add =
          record === undefined || need === undefined ? undefined : completionLines(record.meta, need);
        return forwardRequestLines(request, add === undefined ? form : { ...bare, add });
      }
      default:
        return ask satisfies never;
    }
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
          this.#served(visit, this.#shown(visit, record)),
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
        this.#invalidate(visit, status, fields).then(send, send);
        return;
      }
      case 'switched':
        return this.#reply.switched(visit, forward, outcome);
      case 'again':
        visit.looks += 1;
        visit.apart = outcome.apart;
        return visit.looks > MAX_LOOKS ? this.#goAlone(visit, forward) : this.#lookUp(visit);
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
    const record = this.#shown(visit, given(stored));
    const ttl = ttlSeconds(record.meta, this.#options.now(), verdict);
    const status = { fwd: reason, fwdStatus, ttl, detail: ground };
    this.#reply.stored(visit, this.#served(visit, record), 'stale', status, failure);
  }

  /** What a successful unsafe request makes of stored responses (RFC 9111 §4.4, RFC 9875 §3), before its client hears of it. */
  async #invalidate(visit: Visit, status: number, fields: Request['fields']): Promise<void> {
    const { spreadInvalidation, purge } = this.#options;
    const keys = invalidatedKeys({ key: visit.key, status, fields, rules: visit.route.rules.key });
    if (keys.length === 0) return;
    this.applyInvalidation(keys);
    await spreadInvalidation?.(keys);
    for (const group of groupInvalidations(fields)) {
      await purge(
        { kind: 'tag', tag: groupTag(visit.key, group) },
        'delete',
        `${visit.request.method} ${visit.key}`,
      );
    }
  }

  /** Forgets the stored responses of keys and keeps fetches in flight from being stored under them. */
  applyInvalidation(keys: readonly string[]): void {
    const { store, counters, log } = this.#options;
    const named = new Set(keys);
    counters.fenced += this.#flights.fence((flight) => named.has(keyOf(flight)));
    for (const key of keys) {
      store.remove(key).catch((error: unknown) => {
        counters.storeErrors++;
        log.error({ err: error, key }, 'an invalidated response could not be removed');
      });
    }
  }

  /** Applies a purge record that the journal already holds. */
  async applyPurge(record: PurgeRecord): Promise<Applied> {
    const { journal, store, counters } = this.#options;
    counters.purges++;
    const fenced = this.#flights.fence((flight) => {
      const key = keyOf(flight);
      return key !== '' && journal.verdict(subjectOf(key, linesOf(flight.outcome)), flight.seq) !== 'valid';
    });
    counters.fenced += fenced;
    // What has no head yet may turn out to have the tag: it goes on for those who wait, and nobody joins it now.
    if (record.selector.kind === 'tag')
      this.#flights.closeAll((flight) => flight.outcome === undefined && flight.seq < record.seq);
    if (record.mode === 'invalidate') return { removed: {}, fenced };
    const spare = record.node === undefined ? undefined : 'shared';
    try {
      return { removed: await removeSelected(store, record.selector, this.#spaces, spare), fenced };
    } catch (error) {
      counters.storeErrors++;
      return { removed: {}, fenced, failure: error instanceof Error ? error.message : String(error) };
    }
  }

  /** INVARIANT: what a purge deleted is offered to no validation, which could bring it back. */
  #kept(records: Records): Records {
    return records.some((record) => this.#verdict(record) === 'deleted')
      ? records.filter((record) => this.#verdict(record) !== 'deleted')
      : records;
  }

  /** A stored response in the form that the request takes. */
  #shown({ held, realm, request, admission }: Visit, record: Stored<StoredMeta>): Stored<StoredMeta> {
    if (record.meta.content === undefined) return record;
    return this.#presenter.present(record, held, realm, request, admission.facts);
  }

  #served({ request, admission }: Visit, shown: Stored<StoredMeta>): Stored<StoredMeta> {
    if (shown.meta.coded !== undefined) this.#presenter.served(shown, request.method, admission.facts);
    return shown;
  }

  /** What the purge journal says of a record; asked again only when the journal has moved. */
  #verdict(record: Stored<StoredMeta>): Verdict {
    const { journal } = this.#options;
    const checked = this.#checked.get(record);
    if (checked !== undefined && checked.epoch === journal.epoch) return checked.verdict;
    const verdict = journal.verdict(subjectOf(record.key, record.meta.lines), record.meta.seq);
    this.#checked.set(record, { epoch: journal.epoch, verdict });
    return verdict;
  }

  /** Requests with this key wait for one another: the cache key, and the nominated values as far as they are known. */
  #flightKey({ key, vary, request, admission, route }: Visit, { record, records }: Forward): string {
    const names = vary ?? (record ?? records[0])?.meta.vary ?? route.rules.key.extraFields;
    const variant = names.length === 0 ? '' : `\n${variantKey(names, request.fields)}`;
    // RFC 9111 §3.5: what comes of a request with credentials may be for it alone; others do not wait for that.
    const isIdentified = admission.facts.hasAuthorization || request.user?.isTold === true;
    return isIdentified ? `${key}${variant}\nauthorized` : `${key}${variant}`;
  }
}

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

const UNDECIDED = {
  status: 500,
  sentence: 'Whether the request may pass could not be found out.',
  detail: 'gate-error',
} as const;

const TOO_MANY_TUNNELS = {
  status: 503,
  sentence: 'There are as many tunnels open as there may be.',
  detail: 'too-many-tunnels',
  lines: ['Retry-After', '10'],
} as const;

/** A visit looks so often for what other workers have stored or fetch, before it fetches alone. */
const MAX_LOOKS = 3;

const ONLY_IF_CACHED = {
  status: 504,
  sentence: 'The request asks for a stored response only, and none may be used.',
  detail: 'only-if-cached',
} as const;

/** A line break is in no cache key (key.ts). Empty for what is not for the cache. */
function keyOf(flight: Flight<FetchOutcome>): string {
  const end = flight.key.indexOf('\n');
  return end === -1 ? flight.key : flight.key.slice(0, end);
}

/** The response's lines, as soon as the fetch has brought them for sharing. */
function linesOf(outcome: FetchOutcome | undefined): FieldLines | undefined {
  if (outcome?.kind === 'shared') return outcome.meta.lines;
  return outcome?.kind === 'validated' ? outcome.record.meta.lines : undefined;
}

function given(record: Stored<StoredMeta> | undefined): Stored<StoredMeta> {
  if (record === undefined) throw new Error('decided on a stored response that is not there');
  return record;
}

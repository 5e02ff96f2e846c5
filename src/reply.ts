// Everything that goes to a client from the store or an origin: hits, stale and validated responses, fills being followed, a
// response for one client alone, failures; each with its marks, its body and its record. Decides nothing about the cache. What the
// edge says by itself is own-words.ts's.

import type { Stored } from '../storage/store.ts';
import { ageSeconds, remainingMs, ttlSeconds } from './cache/age.ts';
import { type CacheStatus, formatCacheStatus, xCache } from './cache/cache-status.ts';
import { evaluate, notModifiedLines } from './cache/conditional.ts';
import type { CacheRules } from './cache/rules.ts';
import { bodySource } from './cache/source.ts';
import type { StoredMeta } from './cache/stored.ts';
import { endToEnd } from './cache/stored-fields.ts';
import { validatorsOf } from './cache/validators.ts';
import { presentFetched, presentLines, presentPassed } from './compress/fetched.ts';
import { deliver } from './deliver.ts';
import type { FetchOutcome } from './fetch.ts';
import { contentLength } from './filling.ts';
import { Generations } from './generations.ts';
import { type FieldLines, Fields } from './http/fields.ts';
import type { ResponseHead } from './http/message.ts';
import type { Access } from './observe/access.ts';
import type { AccessRecord, OutcomeName } from './observe/outcome.ts';
import type { OriginFailure } from './origin/failure.ts';
import { clientScheme, type Identity } from './origin/forwarded.ts';
import type { OriginResponse } from './origin/upstream.ts';
import type { OwnWords, Sent } from './own-words.ts';
import { Recent } from './recent.ts';
import { type Answer, answer, leftOut, type Marks, mark, storedBody } from './respond.ts';
import type { Route } from './site/route.ts';
import type { Tunnels } from './tunnel/tunnels.ts';
import type { Forward, Visit } from './visit.ts';

export interface ReplyOptions {
  readonly identity: Identity;
  /** Adds the cache key to Cache-Status (RFC 9211 §2.7). */
  readonly debugKey: boolean;
  readonly access: Access;
  readonly tunnels: Tunnels;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A head of a hit and its access record. */
interface Ready {
  readonly head: ResponseHead;
  readonly access: AccessRecord;
}

/** What goes out for a stored response until `until` (epoch ms): itself, and the 304 in its place; each made when asked for. */
interface Composed {
  whole: Ready | undefined;
  notModified: Ready | undefined;
  readonly from: number;
  readonly until: number;
  /** Whose changes to header fields are in it. */
  readonly route: Route;
}

/** Kept are heads from this hit of a response in one second on: to make one costs less than what was kept leaves to collect. */
const KEPT_FROM = 8;
/** Bounds of what is kept composed; the bytes are those that the writer keeps with the heads. */
const COMPOSED_ENTRIES = 1024;
const COMPOSED_BYTES = 8 * 1024 * 1024;

const COOKIES: ReadonlySet<string> = new Set(['set-cookie']);

/** The lines of the origin's response as its client gets them. */
function passedLines(fields: Fields, rules: CacheRules): FieldLines {
  const lines = endToEnd(fields);
  return rules.stripSetCookie ? new Fields(lines).without(COOKIES).lines : lines;
}

/** The cookie that keeps a client with its server. */
function stickyLines({ came, realm }: Visit, { sticky }: OriginResponse): FieldLines {
  if (sticky === undefined) return [];
  const { value, secure } = sticky;
  const isSecure =
    secure === 'always' || (secure === 'auto' && clientScheme(came, realm.trusted) === 'https');
  return ['Set-Cookie', isSecure ? `${value}; Secure` : value];
}

export class Reply {
  readonly #options: ReplyOptions;
  readonly #words: OwnWords;
  readonly #composed = new Generations<Stored<StoredMeta>, Composed>(COMPOSED_ENTRIES, COMPOSED_BYTES);
  readonly #recent = new Recent();
  readonly #via: string;
  /** Adds the cache key to Cache-Status (RFC 9211 §2.7). */
  debugKey: boolean;

  constructor(options: ReplyOptions, words: OwnWords) {
    this.#options = options;
    this.#words = words;
    this.debugKey = options.debugKey;
    this.#via = `1.1 ${options.identity.pseudonym}`;
  }

  /** A fresh stored response. Heads are composed once a second; what is small and in memory leaves in one write, with no await. */
  hit(visit: Visit, record: Stored<StoredMeta>, now: number): void {
    const { request, responder, admission } = visit;
    const { facts } = admission;
    const { meta, body } = record;
    if (facts.hasRange || meta.partial !== undefined || visit.toEdge) {
      this.stored(visit, record, 'hit', { hit: true, ttl: ttlSeconds(meta, now) });
      return;
    }
    const composed = this.#composedFor(record, visit.route, now);
    const once = composed === undefined;
    if (facts.conditional && evaluate(request.method, request.fields, meta) === 'not-modified') {
      const ready = composed?.notModified ?? this.#ready(visit, record, now, 304, once);
      if (composed !== undefined) composed.notModified = ready;
      responder.send(ready.head, null);
      this.#options.access.record(request, ready.access);
      return;
    }
    const ready = composed?.whole ?? this.#ready(visit, record, now, meta.status, once);
    if (composed !== undefined) composed.whole = ready;
    const { head, access } = ready;
    if (body.chunks !== undefined && body.chunks.length <= 1) {
      responder.send(head, body.chunks[0] ?? null);
      this.#options.access.record(request, request.method === 'HEAD' ? { ...access, bytes: 0 } : access);
      return;
    }
    const open = request.method === 'HEAD' ? undefined : () => bodySource(body);
    this.#send(visit, { head, open }, access);
  }

  /** Where to keep what is composed; undefined for a response that is not asked for often. */
  #composedFor(record: Stored<StoredMeta>, route: Route, now: number): Composed | undefined {
    const { meta, body } = record;
    const known = this.#composed.get(record, body.length);
    if (known !== undefined && now < known.until && now >= known.from && known.route === route) return known;
    if (record.mark !== undefined && this.#recent.count(record.mark, now) < KEPT_FROM) return undefined;
    // Age and ttl change with the seconds of the response's age, not of the clock.
    const aged = now - (Math.floor(meta.initialAgeMs + now - meta.respondedAt) % 1000);
    // Age changes where a second of it is full, ttl a moment after a second is left.
    const left = remainingMs(meta, now) % 1000;
    const from = Math.max(aged, Math.floor(now + left) - 999);
    const until = Math.min(aged + 1000, Math.floor(now + left) + 1);
    const composed = { whole: undefined, notModified: undefined, from, until, route };
    this.#composed.set(record, composed, body.length);
    return composed;
  }

  #ready(
    visit: Visit,
    { meta, body, tier }: Stored<StoredMeta>,
    now: number,
    status: number,
    once: boolean,
  ): Ready {
    const cacheStatus = this.#status(visit, { hit: true, ttl: ttlSeconds(meta, now) });
    const marks = this.#marks(visit, ageSeconds(meta, now), cacheStatus, 'hit');
    const lines = status === 304 ? notModifiedLines(meta) : meta.lines;
    const length = status === 304 ? undefined : body.length;
    return {
      head: { status, lines: mark(lines, marks), length, once },
      access: { outcome: 'hit', status, bytes: length ?? 0, cacheStatus, tier },
    };
  }

  /** Any stored response to any GET or HEAD: conditions and ranges are answered here. */
  stored(
    visit: Visit,
    record: Stored<StoredMeta>,
    outcome: OutcomeName,
    status: CacheStatus,
    failure?: OriginFailure,
  ): void {
    const { request, admission } = visit;
    const { meta, body, tier } = record;
    const cacheStatus = this.#status(visit, status);
    const marks = this.#marks(visit, ageSeconds(meta, this.#options.now()), cacheStatus, outcome);
    const reply = answer(request.method, admission.facts, meta, storedBody(body), marks);
    this.#send(visit, reply, { outcome, cacheStatus, tier, failure: failure?.kind, side: failure?.side });
  }

  /** A response that is being stored: the bytes there are, then live. */
  shared(
    visit: Visit,
    forward: Forward,
    fetched: FetchOutcome & { kind: 'shared' },
    collapsed: boolean,
  ): void {
    const { request, admission } = visit;
    const { response, body, combined, rules } = fetched;
    const meta = presentFetched(fetched.meta, admission.facts);
    const stored = fetched.stored && !collapsed;
    const status = this.#forwarded(visit, forward, response.status, { stored, collapsed });
    const cacheStatus = this.#status(visit, status);
    const age = response.fields.has('age') ? ageSeconds(meta, this.#options.now()) : undefined;
    const marks = this.#marks(visit, age, cacheStatus, 'miss');
    const sent: Sent = { outcome: 'miss', cacheStatus, collapsed, stored };
    // The client that asked has every field; what is stored, and what others get, lacks those that are withheld.
    const lines =
      collapsed || combined ? meta.lines : presentLines(passedLines(response.fields, rules), meta);
    if (meta.partial !== undefined && !combined) {
      const head = { status: response.status, lines: mark(lines, marks), length: body.length };
      return this.#send(visit, { head, open: () => body.open(0, undefined) }, sent);
    }
    this.#send(visit, answer(request.method, admission.facts, { ...meta, lines }, body, marks), sent);
  }

  /**
   * A response for this client alone. Takes its reader at once, so that the body is never without one.
   * @returns what sends it; until then nothing has gone to the client.
   */
  own(visit: Visit, forward: Forward, fetched: FetchOutcome & { kind: 'own' }): () => void {
    const { request, responder } = visit;
    const { response, fill, reason } = fetched;
    const outcome: OutcomeName =
      forward.reason === 'bypass' || forward.reason === 'method' ? 'bypass' : 'miss';
    const cacheStatus = this.#status(visit, this.#forwarded(visit, forward, response.status, {}));
    const sent: Sent = { outcome, cacheStatus, reason: outcome === 'bypass' ? undefined : reason };
    const marks = this.#marks(visit, undefined, cacheStatus, outcome);
    const lines = presentPassed(passedLines(response.fields, fetched.rules), {
      method: request.method,
      request: request.fields,
      status: response.status,
      response: response.fields,
      rules: fetched.rules.compress,
    });
    const source = fill.reader();
    responder.onAbort(() => source.close());

    if (fetched.whole && visit.admission.facts.conditional) {
      const selected = { ...validatorsOf(response.fields, this.#options.now()), status: response.status };
      if (evaluate(request.method, request.fields, selected) === 'not-modified') {
        source.close();
        const notModified = mark(notModifiedLines({ lines, etag: selected.etag }), marks);
        const head: ResponseHead = { status: 304, lines: notModified, length: undefined };
        return () => this.#send(visit, { head, open: undefined }, sent);
      }
    }
    const age = response.fields.get('age');
    const marked = mark(lines, marks);
    const head: ResponseHead = {
      status: response.status,
      lines: [
        ...marked,
        ...(age === undefined ? [] : ['Age', age]),
        // What is for all, had it not been too large, others may store.
        ...(reason === 'too-large' ? [] : stickyLines(visit, response)),
      ],
      length: contentLength(response),
    };
    return () => this.#send(visit, { head, open: () => source }, sent);
  }

  /** The origin has gone over to another protocol: so does the client's connection, and bytes go both ways until both have ended. */
  switched(visit: Visit, forward: Forward, { response, end }: FetchOutcome & { kind: 'switched' }): void {
    const { request, responder } = visit;
    const { fields, status } = response;
    const cacheStatus = this.#status(visit, this.#forwarded(visit, forward, status, {}));
    const marks = this.#marks(visit, undefined, cacheStatus, 'tunnel');
    const upgrade = ['Upgrade', fields.get('upgrade') ?? ''];
    const lines = [...mark(endToEnd(fields), marks), ...upgrade, ...stickyLines(visit, response)];
    const client = responder.takeOver?.(status, lines);
    if (client === undefined) {
      end.destroy();
      return this.left(visit, forward);
    }
    const { tunnels, access } = this.#options;
    const { asked } = visit;
    tunnels.open(client, end, ({ sent, received, end: ended }) =>
      access.record(request, { outcome: 'tunnel', status, bytes: sent, received, ended, cacheStatus, asked }),
    );
  }

  /** 502, 503 or 504: the origin failed and nothing stored may stand in. */
  failed(visit: Visit, forward: Forward, failure: OriginFailure): void {
    const { kind, side, status, message, retryAfterSeconds } = failure;
    const cacheStatus = this.#status(visit, { fwd: forward.reason, detail: kind });
    const { request, responder, route } = visit;
    const sent: Sent = { outcome: 'failed', cacheStatus, failure: kind, side, asked: visit.asked };
    const lines = retryAfterSeconds === undefined ? [] : ['Retry-After', String(retryAfterSeconds)];
    this.#words.error(request, responder, status, message, sent, lines, route);
  }

  /** The client left while its request was waiting for the origin. */
  left(visit: Visit, forward: Forward): void {
    const cacheStatus = this.#status(visit, { fwd: forward.reason });
    const { request } = visit;
    this.#options.access.record(request, {
      outcome: 'failed',
      status: 499,
      bytes: 0,
      cacheStatus,
      side: 'client',
      incomplete: 'client-gone',
    });
  }

  #send(visit: Visit, { head, open }: Answer, sent: Sent): void {
    const { request, responder } = visit;
    const { access } = this.#options;
    if (open === undefined) {
      responder.send({ ...head, once: true }, null);
      access.record(request, { ...sent, asked: visit.asked, status: head.status, bytes: 0 });
      return;
    }
    const source = open();
    deliver(source, responder.start(head), responder, (end) => {
      const incomplete = end === 'complete' ? undefined : end;
      const { bytesSent: bytes } = responder;
      access.record(request, { ...sent, asked: visit.asked, status: head.status, bytes, incomplete });
    });
  }

  #forwarded(
    visit: Visit,
    forward: Forward,
    fwdStatus: number,
    more: { stored?: boolean; collapsed?: boolean },
  ): CacheStatus {
    const detail = visit.storeFailed ? 'storage-error' : visit.alone ? 'not-shared' : undefined;
    return { fwd: forward.reason, fwdStatus, detail, ...more };
  }

  #status(visit: Visit, status: CacheStatus): string {
    const { identity } = this.#options;
    return formatCacheStatus(identity.name, this.debugKey ? { ...status, key: visit.key } : status);
  }

  #marks(
    { route, toEdge }: Visit,
    age: number | undefined,
    cacheStatus: string,
    outcome: OutcomeName,
  ): Marks {
    return {
      age,
      cacheStatus,
      xCache: xCache(outcome),
      via: this.#via,
      without: leftOut(route.rules, toEdge),
      edits: route.responseEdits,
    };
  }
}

// What is stored, and for how long it is fresh (RFC 9111 §3, §4.2): the only file that imports http-cache-semantics.
// The library is asked with normalised input and decides what it decides rightly: the conditions of §3 and the
// lifetime of §4.2. Around it stand our rules, each deviation marked. Not here: whether a stored response may be used
// (decide.ts), what a 304 or a HEAD changes (freshen.ts).

import CachePolicy from 'http-cache-semantics';
import { mayEncode } from '../compress/rules.ts';
import type { Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import { type CacheControl, type Delta, parseCacheControl } from './cache-control.ts';
import { parseContentRange } from './content-range.ts';
import { type Explicit, explicitFreshness, initialAgeMs } from './freshness.ts';
import { formatHttpDate } from './http-date.ts';
import type { NoStoreReason } from './no-store-reasons.ts';
import { isIdentified as isIdentifiedBy } from './request-directives.ts';
import type { CacheRules } from './rules.ts';
import type { StoredMeta } from './stored.ts';
import { dateOf, storedLines } from './stored-fields.ts';
import { MAX_TAG_BYTES, tagBytes } from './tags.ts';
import { targetedControl } from './targeted.ts';
import { validatorsOf } from './validators.ts';
import { nominated, normalisedValue } from './vary.ts';

export { NO_STORE_REASONS, type NoStoreReason } from './no-store-reasons.ts';

export interface AssessInput {
  readonly request: Pick<Request, 'method' | 'scheme' | 'authority' | 'target' | 'fields' | 'body' | 'user'>;
  readonly response: { readonly status: number; readonly fields: Fields };
  /** When the request was sent and the head arrived, epoch ms. */
  readonly requestedAt: number;
  readonly respondedAt: number;
  readonly rules: CacheRules;
  /** Sequence of the purge journal under which the fetch began. */
  readonly seq: number;
  /** A name for the bytes that come with it (stored.ts); without one nothing is made of them. */
  readonly content?: string | undefined;
}

/** A storable response to POST is stored as that of a GET for the same URL (RFC 9110 §9.3.3). */
export type Assessment =
  | { readonly storable: false; readonly reason: NoStoreReason }
  | { readonly storable: true; readonly meta: StoredMeta };

/** Everything that is read off the message once. */
interface Reading {
  readonly control: CacheControl;
  readonly explicit: Explicit | undefined;
  /** Lower-case names of fields that are not stored although they go to the client that asked. */
  readonly withheld: readonly string[];
  readonly vary: readonly string[] | '*';
  /** Epoch ms; the time of receipt where Date is missing or broken (RFC 9110 §6.6.1). */
  readonly date: number;
  readonly lastModified: number | undefined;
  readonly etag: string | undefined;
  readonly partial: StoredMeta['partial'];
  /** The operator's lifetime for this status, ms, where the response names none. */
  readonly negativeTtlMs: number | undefined;
}

/** Judges a response head. Pure; whoever waits for a response that is not storable need not wait for its content. */
export function assess(input: AssessInput): Assessment {
  const reading = read(input);
  const reason = refusal(input, reading);
  if (reason !== undefined) return { storable: false, reason };

  const { control } = reading;
  // Most of what passes through: it needs no asking.
  if (control.private || (control.noStore && !control.mustUnderstand)) {
    return { storable: false, reason: explain(input, reading) };
  }

  const said = ask(input, reading);
  if (!said.storable) return { storable: false, reason: explain(input, reading) };

  const meta = describe(input, reading, said.maxAgeMs);
  return isReusable(meta) ? { storable: true, meta } : { storable: false, reason: 'nothing-to-reuse' };
}

function read({ request, response: { status, fields }, respondedAt, rules }: AssessInput): Reading {
  const targeted = targetedControl(fields, rules.targetedFields);
  const control = targeted?.control ?? parseCacheControl(fields.all('cache-control'));
  const expires = targeted === undefined ? fields.all('expires') : [];
  const explicit = explicitFreshness(control, expires, respondedAt);
  const range = status === 206 ? parseContentRange(fields.all('content-range')) : undefined;
  const { etag, lastModified } = validatorsOf(fields, respondedAt);
  const overridden = explicit === undefined && request.method === 'GET';
  return {
    control,
    explicit,
    withheld: withheldNames(control, rules),
    vary: nominated(fields),
    date: dateOf(fields, respondedAt) ?? respondedAt,
    lastModified,
    etag,
    partial:
      range?.kind === 'part' ? { start: range.start, end: range.end, complete: range.complete } : undefined,
    negativeTtlMs: overridden ? rules.negativeTtlMs[status] : undefined,
  };
}

function withheldNames({ privateFields, noCacheFields }: CacheControl, rules: CacheRules): readonly string[] {
  return [
    // RFC 9111 §5.2.2.4, §5.2.2.7: the rest may be stored and reused without the listed fields.
    ...privateFields,
    ...noCacheFields,
    ...(rules.stripSetCookie ? ['set-cookie'] : []),
  ];
}

/** What the library would get wrong or does not know. */
function refusal(input: AssessInput, reading: Reading): NoStoreReason | undefined {
  const { request, response, rules } = input;
  const { control } = reading;
  if (rules.bypass) return 'bypass';
  if (request.method === 'HEAD') return 'head';
  if (request.method !== 'GET' && request.method !== 'POST') return 'method';
  // Deviation: RFC 9110 §9.3.1 gives a GET's content no meaning; an origin that gives it one would poison the key.
  if (request.method === 'GET' && request.body !== null && request.body.length !== 0)
    return 'request-content';
  if (response.status < 200) return 'interim';
  if (response.status === 304) return 'not-modified';
  // Deviation: RFC 9111 §3 would store them; the key has neither condition nor range.
  if (response.status === 412 || response.status === 416) return 'for-this-request-only';
  if (NEVER_STORED.has(response.status)) return 'status-never-stored';
  // Deviation: RFC 9111 §3 would store them. What was wrong with one client's request is in no key; others would be denied.
  if (BLAMING.has(response.status) && !rules.strict && rules.negativeTtlMs[response.status] === undefined)
    return 'for-this-request-only';
  if (response.status === 206 && reading.partial === undefined) return 'partial-unreadable';
  if (request.method === 'POST' && !isForGet(input)) return 'post-not-for-get';
  // Deviation: RFC 9111 §5.2.2 is silent on broken fields; the library reads past the fault.
  if (control.malformed) return 'malformed';
  if (control.mustUnderstand && !UNDERSTOOD.has(response.status)) return 'status-not-understood';
  if (reading.vary === '*') return 'vary-star';
  if (storesNoCookie(input, reading)) return 'set-cookie';
  if (tagBytes(response.fields) > MAX_TAG_BYTES) return 'too-many-tags';
  return undefined;
}

/** Deviation: RFC 9111 §7.3 lets Set-Cookie be stored; unless told so, one user's cookie is not given to others. */
function storesNoCookie({ response, rules }: AssessInput, { withheld }: Reading): boolean {
  if (rules.strict || rules.storeSetCookie || withheld.includes('set-cookie')) return false;
  return response.fields.has('set-cookie');
}

/** RFC 9110 §9.3.3: Content-Location is the target URI; §8.7: on 2xx it then names what the content represents. */
function isForGet({ request, response }: AssessInput): boolean {
  const [location, ...others] = response.fields.all('content-location');
  if (location === undefined || others.length > 0) return false;
  if (response.status > 299 || response.status === 206) return false;
  const base = `${request.scheme}://${request.authority}${request.target}`;
  return URL.canParse(location, base) && new URL(location, base).href === new URL(base).href;
}

/** RFC 6585 §3 to §6. */
const NEVER_STORED: ReadonlySet<number> = new Set([428, 429, 431, 511]);

/** Of the request at hand: its fields, its content, its connection. Stored all the same where the operator gives them a lifetime. */
const BLAMING: ReadonlySet<number> = new Set([408, 413, 417, 421, 425]);

/** Status codes of RFC 9110 §15 whose caching requirements are met here (RFC 9111 §5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 405, 406, 408,
  409, 410, 411, 413, 414, 415, 417, 421, 422, 426, 500, 501, 502, 503, 504, 505,
]);

/** Status codes that the library knows. */
const KNOWN_TO_LIBRARY: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501,
]);

/**
 * The library, asked with what it reads rightly: one freshness directive as plain digits, dates as IMF-fixdate. Its
 * clock has no part in the answers, since Date is always given. Kept from it: no-cache and proxy-revalidate (it takes
 * them for a lifetime of 0), immutable (it invents a day, RFC 8246 §2 gives none), Pragma (a response's means
 * nothing, RFC 9111 §5.4), Set-Cookie and Vary (ruled on above).
 */
function ask(input: AssessInput, reading: Reading): Said {
  const { request, response, rules } = input;
  const headers: Record<string, string> = {
    'cache-control': directives(reading).join(', '),
    date: formatHttpDate(reading.date),
  };
  if (reading.lastModified !== undefined) headers['last-modified'] = formatHttpDate(reading.lastModified);
  if (reading.explicit?.by === 'expires') {
    headers.expires = reading.explicit.at === 'invalid' ? '0' : formatHttpDate(reading.explicit.at);
  }
  const requestHeaders: Record<string, string> = {};
  if (isIdentified(request)) requestHeaders.authorization = 'present';
  if (forbidsByClient(request.fields, rules)) requestHeaders['cache-control'] = 'no-store';
  const { method, target } = request;
  const status = statusForLibrary(response.status);
  const question = JSON.stringify([method, status, requestHeaders, headers]);
  let said = answers.get(question);
  if (said === undefined) {
    const policy = new CachePolicy(
      { method, url: target, headers: requestHeaders },
      { status, headers },
      { shared: true, cacheHeuristic: HEURISTIC_FRACTION },
    );
    said = { storable: policy.storable(), maxAgeMs: policy.maxAge() * 1000 };
    if (answers.size === MAX_ANSWERS) answers.clear();
    answers.set(question, said);
  }
  return said;
}

/** What the library says of a response. */
interface Said {
  readonly storable: boolean;
  readonly maxAgeMs: number;
}

/**
 * By all that the library is asked with but the URL, which has no part in it: what comes within a second says much the same. No
 * client has a word in it.
 */
const answers = new Map<string, Said>();
const MAX_ANSWERS = 256;

/** RFC 9111 §4.2.2. */
const HEURISTIC_FRACTION = 0.1;

/**
 * 206 is stored like 200. Deviation from the library: RFC 9111 §3 asks only for a final status, so those it does not
 * know are put as one that it knows and that is stored only with explicit freshness or public.
 */
function statusForLibrary(status: number): number {
  if (status === 206) return 200;
  return KNOWN_TO_LIBRARY.has(status) ? status : 302;
}

function directives({ control, explicit, negativeTtlMs }: Reading): string[] {
  const out: string[] = [];
  // RFC 9111 §5.2.2.3: must-understand with an understood status overrides no-store.
  if (control.noStore && !control.mustUnderstand) out.push('no-store');
  if (control.private) out.push('private');
  if (control.public) out.push('public');
  if (control.mustRevalidate) out.push('must-revalidate');
  if (explicit !== undefined && explicit.by !== 'expires') {
    // An invalid s-maxage makes the response stale, but is not the permission of RFC 9111 §3.5.
    out.push(explicit.seconds === 'invalid' ? 'max-age=0' : `${explicit.by}=${explicit.seconds}`);
  } else if (negativeTtlMs !== undefined) {
    out.push('max-age=1');
  }
  return out;
}

/** The origin knows who asks: by the fields, or because the gate says so in their place. */
function isIdentified({ fields, user }: AssessInput['request']): boolean {
  return isIdentifiedBy(fields) || user?.isTold === true;
}

/** The request's no-store (RFC 9111 §5.2.1.5), where the route honours it. */
function forbidsByClient(fields: Fields, rules: CacheRules): boolean {
  if (!rules.strict && !rules.honourClient) return false;
  return parseCacheControl(fields.all('cache-control')).noStore;
}

/** Names the condition of RFC 9111 §3 that the library found unmet. */
function explain({ request, rules }: AssessInput, { control }: Reading): NoStoreReason {
  if (forbidsByClient(request.fields, rules)) return 'request-no-store';
  if (control.noStore && !control.mustUnderstand) return 'no-store';
  if (control.private) return 'private';
  const shareable = control.public || control.mustRevalidate || typeof control.sMaxage === 'number';
  if (isIdentified(request) && !shareable) return 'authorization';
  return 'no-freshness';
}

function describe(input: AssessInput, reading: Reading, namedMs: number): StoredMeta {
  const { request, response, requestedAt, respondedAt, rules, seq } = input;
  const { control, date, etag, lastModified, partial } = reading;
  const { lifetimeMs, heuristic } = lifetime(input, reading, namedMs);
  const ageMs = initialAgeMs({ fields: response.fields, requestedAt, respondedAt, date });
  // RFC 9111 §4.2.4, §5.2.2.2, .8, .10
  const bySMaxage = control.sMaxage !== undefined && !liftsSMaxage(rules);
  const mustRevalidate = control.mustRevalidate || control.proxyRevalidate || bySMaxage;
  const staleForbidden = mustRevalidate || control.noCache;
  const vary = variantNames(reading.vary === '*' ? [] : reading.vary, rules.key.extraFields);
  return {
    status: response.status,
    lines: storedLines(response.fields, respondedAt, reading.withheld),
    requestedAt,
    respondedAt,
    initialAgeMs: ageMs,
    lifetimeMs,
    freshUntil: respondedAt + lifetimeMs - ageMs,
    heuristic,
    staleWhileRevalidateMs: staleForbidden
      ? 0
      : (rules.staleWhileRevalidateMs ?? ms(control.staleWhileRevalidate)),
    staleIfErrorMs: staleForbidden ? 0 : (rules.staleIfErrorMs ?? ms(control.staleIfError)),
    mustRevalidate,
    noCache: control.noCache,
    vary,
    varyValues: vary.map((name) => normalisedValue(name, request.fields)),
    etag: reading.withheld.includes('etag') ? undefined : etag,
    lastModified: reading.withheld.includes('last-modified') ? undefined : lastModified,
    seq,
    partial,
    authorized: isIdentified(request),
    content: mayEncode(rules.compress, { ...response, control, vary }) ? input.content : undefined,
    coded: undefined,
  };
}

/**
 * Deviation: RFC 9111 §5.2.2.10 lets nothing that says s-maxage be used stale. An operator who opens a window for a route
 * knows that origin; many write s-maxage and mean no more than a lifetime for caches.
 */
function liftsSMaxage({ strict, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 }: CacheRules): boolean {
  return !strict && (staleWhileRevalidateMs > 0 || staleIfErrorMs > 0);
}

/** The operator's word by status, then the operator's word, then the origin's, then a guess (RFC 9111 §4.2.1, §4.2.2). */
function lifetime(
  { response, rules }: AssessInput,
  { explicit, negativeTtlMs }: Reading,
  namedMs: number,
): { readonly lifetimeMs: number; readonly heuristic: boolean } {
  if (negativeTtlMs !== undefined) return { lifetimeMs: negativeTtlMs, heuristic: false };
  // An error that lasts a moment does not live as long as the content does: errors have negativeTtlMs.
  if (rules.ttlMs !== undefined && response.status < 400)
    return { lifetimeMs: rules.ttlMs, heuristic: false };
  if (explicit !== undefined) return { lifetimeMs: Math.floor(namedMs), heuristic: false };
  return { lifetimeMs: Math.min(Math.floor(namedMs), rules.heuristicMaxMs), heuristic: namedMs > 0 };
}

/** Extra key fields count like nominated ones, so that a purge by URL finds every variant. */
function variantNames(nominatedNames: readonly string[], extra: readonly string[]): readonly string[] {
  return extra.length === 0 ? nominatedNames : [...new Set([...nominatedNames, ...extra])].sort();
}

function ms(seconds: Delta): number {
  return typeof seconds === 'number' ? seconds * 1000 : 0;
}

/** Fresh for a moment at least, or fit to be validated or served stale. */
function isReusable(meta: StoredMeta): boolean {
  if (meta.etag !== undefined || meta.lastModified !== undefined) return true;
  if (meta.noCache) return false;
  return meta.freshUntil > meta.respondedAt || meta.staleWhileRevalidateMs > 0 || meta.staleIfErrorMs > 0;
}

// The decision: what the edge does with a request, given what is stored (RFC 9111 §4). Pure and total; every reason has a
// name. Owns when a stored response may be used, and when it may stand in for a failed origin. Not how it is delivered
// (conditions: conditional.ts, ranges: range.ts), nor what is stored (policy.ts).

import { currentAge, isFresh, remainingMs, stalenessMs, type Verdict } from './age.ts';
import { originConditionsHold } from './conditional.ts';
import { completionLines, missing, type Need } from './content-range.ts';
import { isReusable, isSafe } from './methods.ts';
import { selectRanges, wantedRun } from './range.ts';
import type { RequestFacts } from './request-directives.ts';
import type { CacheRules } from './rules.ts';
import type { StoredMeta } from './stored.ts';

export interface DecisionInput {
  readonly method: string;
  readonly request: RequestFacts;
  /** The stored response that was selected for the request (RFC 9111 §4.1), if one was. */
  readonly stored: StoredMeta | undefined;
  /** What the purge journal says of it. */
  readonly verdict: Verdict;
  readonly rules: CacheRules;
  /** The key has stored responses, whether or not one was selected. */
  readonly hadVariants: boolean;
  /** Epoch ms. */
  readonly now: number;
}

/** Why a stored response is validated although it was selected. */
export type RevalidateCause =
  /** Its freshness lifetime is over. */
  | 'expired'
  /** A soft purge made it stale. */
  | 'invalidated'
  /** Its own no-cache (RFC 9111 §5.2.2.4). */
  | 'no-cache'
  /** The request's no-cache, max-age or min-fresh (RFC 9111 §5.2.1). */
  | 'client'
  /** If-Match or If-Unmodified-Since does not hold for it: the origin answers (RFC 9110 §13.1.1). */
  | 'condition';

export type Decision =
  /** Forward, touch no store (fwd=bypass). */
  | { readonly kind: 'bypass' }
  /** Forward (fwd=method); `invalidate`: what the response's success says to (RFC 9111 §4.4). */
  | { readonly kind: 'method'; readonly invalidate: boolean }
  /** Serve the stored response. */
  | { readonly kind: 'hit'; readonly ageMs: number; readonly ttlMs: number }
  /** Serve it although stale; `refresh`: revalidate behind (RFC 5861 §3). `ttlMs` is not positive. */
  | {
      readonly kind: 'stale';
      readonly reason: 'stale-while-revalidate' | 'max-stale';
      readonly ageMs: number;
      readonly ttlMs: number;
      readonly refresh: boolean;
    }
  /**
   * Validate it with the origin (fwd=stale|request). `mayServeStaleIfError`: as things stand it may stand in for a 5xx;
   * ask `mayServeOnError` when the origin has failed. `store`: as for miss.
   */
  | {
      readonly kind: 'revalidate';
      readonly reason: 'stale' | 'request';
      readonly cause: RevalidateCause;
      readonly mayServeStaleIfError: boolean;
      readonly store: boolean;
    }
  /** Fetch what the stored part lacks and join it (fwd=partial); without `need` forward the request as it is. */
  | { readonly kind: 'partial'; readonly need: Need | undefined; readonly store: boolean }
  /** Fetch (fwd=…). `store` false: the request's no-store forbids storing any of it (RFC 9111 §5.2.1.5). */
  | { readonly kind: 'miss'; readonly reason: 'uri-miss' | 'vary-miss' | 'miss'; readonly store: boolean }
  /** 504: only-if-cached, and nothing stored may be used (RFC 9111 §5.2.1.7). */
  | { readonly kind: 'only-if-cached' };

/** Decides. Reads nothing but its input. */
export function decide(input: DecisionInput): Decision {
  const { method, request, stored, verdict, rules, now } = input;
  if (rules.bypass) return { kind: 'bypass' };
  if (!isReusable(method)) return { kind: 'method', invalidate: !isSafe(method) };
  if (
    request.plain &&
    stored !== undefined &&
    !stored.noCache &&
    stored.partial === undefined &&
    isFresh(stored, now, verdict)
  ) {
    return hit(stored, now);
  }
  const decision = consider(input);
  // Whatever `honourClient` says: answering from the store alone costs the operator nothing.
  if (request.onlyIfCached && decision.kind !== 'hit' && decision.kind !== 'stale')
    return { kind: 'only-if-cached' };
  return decision;
}

function consider(input: DecisionInput): Decision {
  const { method, request, stored, verdict, rules, hadVariants, now } = input;
  const honour = honoursClient(rules);
  const store = !(honour && request.noStore);
  if (stored === undefined) return { kind: 'miss', reason: hadVariants ? 'vary-miss' : 'uri-miss', store };
  // It matched, but is gone; whether others of the key remain is not known here (RFC 9211 §2.2 `miss`).
  if (verdict === 'deleted') return { kind: 'miss', reason: 'miss', store };
  if (stored.partial !== undefined && !covers(method, request, stored)) {
    return { kind: 'partial', need: completion(method, request, stored), store };
  }

  const cause = revalidateCause(input, stored, honour);
  if (cause === undefined) return hit(stored, now);
  if (cause === 'expired' || cause === 'invalidated') {
    const reason = staleReason(input, stored, honour);
    if (reason !== undefined) {
      const ttlMs = Math.min(0, remainingMs(stored, now, verdict));
      // max-stale alone starts no fetch that nobody waits for.
      return {
        kind: 'stale',
        reason,
        ageMs: currentAge(stored, now),
        ttlMs,
        refresh: reason === 'stale-while-revalidate',
      };
    }
  }
  return {
    kind: 'revalidate',
    // RFC 9211 §2.2: `request` is for a response that was fresh, but not for this request.
    reason: cause === 'client' || cause === 'condition' ? 'request' : 'stale',
    cause,
    mayServeStaleIfError: mayServeOnError({ stored, request, verdict, rules, now, kind: 503 }) !== undefined,
    store,
  };
}

function hit(stored: StoredMeta, now: number): Decision {
  return { kind: 'hit', ageMs: currentAge(stored, now), ttlMs: remainingMs(stored, now) };
}

/** The strict reading honours a client's directives whatever the route says. */
function honoursClient(rules: CacheRules): boolean {
  return rules.strict || rules.honourClient;
}

/** What stands in the way of using it now; undefined when nothing does. */
function revalidateCause(
  { request, verdict, now }: DecisionInput,
  stored: StoredMeta,
  honour: boolean,
): RevalidateCause | undefined {
  if (stored.noCache) return 'no-cache';
  if (verdict !== 'valid') return 'invalidated';
  if (!isFresh(stored, now)) return 'expired';
  if (honour && !satisfiesClient(request, stored, now)) return 'client';
  if (request.originCondition && !originConditionsHold(request.fields, stored)) return 'condition';
  return undefined;
}

/** RFC 9111 §5.2.1.1, .3, .4, for a fresh response. max-age=0 asks for validation however young the response is. */
function satisfiesClient(request: RequestFacts, stored: StoredMeta, now: number): boolean {
  if (request.noCache) return false;
  return withinMaxAge(request, stored, now) && hasMinFresh(request, stored, now);
}

function withinMaxAge({ maxAgeSeconds }: RequestFacts, stored: StoredMeta, now: number): boolean {
  if (maxAgeSeconds === undefined) return true;
  return maxAgeSeconds > 0 && currentAge(stored, now) <= maxAgeSeconds * 1000;
}

function hasMinFresh({ minFreshSeconds }: RequestFacts, stored: StoredMeta, now: number): boolean {
  return minFreshSeconds === undefined || remainingMs(stored, now) >= minFreshSeconds * 1000;
}

/** RFC 9111 §4.2.4: no explicit directive forbids it, and one allows it. */
function staleReason(
  { request, verdict, now }: DecisionInput,
  stored: StoredMeta,
  honour: boolean,
): 'stale-while-revalidate' | 'max-stale' | undefined {
  if (stored.mustRevalidate || stored.noCache) return undefined;
  if (request.originCondition && !originConditionsHold(request.fields, stored)) return undefined;
  if (honour && (request.noCache || request.minFreshSeconds !== undefined)) return undefined;
  const staleness = stalenessMs(stored, now);
  // RFC 9111 §5.2.1.1: max-age without max-stale is a wish for no stale response.
  const clientWantsFresh = honour && request.maxAgeSeconds !== undefined;
  if (!clientWantsFresh && staleness < stored.staleWhileRevalidateMs) return 'stale-while-revalidate';
  // A purge is the operator's word; no client's permission reaches behind it.
  if (!honour || verdict !== 'valid' || !withinMaxAge(request, stored, now)) return undefined;
  return withinMaxStale(request, staleness) ? 'max-stale' : undefined;
}

function withinMaxStale({ maxStaleSeconds }: RequestFacts, staleness: number): boolean {
  return maxStaleSeconds !== undefined && staleness <= maxStaleSeconds * 1000;
}

export interface FailedOrigin {
  readonly stored: StoredMeta;
  readonly request: RequestFacts;
  readonly verdict: Verdict;
  readonly rules: CacheRules;
  /** Epoch ms, when the origin has failed. */
  readonly now: number;
  /** No answer (refused, reset, no route, DNS, timeout), or the status of the answer. */
  readonly kind: 'unreachable' | number;
}

/** On what ground a stored response stands in for a failed origin. */
export type StandIn =
  /** Still fresh; it was to be validated only because the client asked. */
  | 'fresh'
  /** RFC 5861 §4, the response's window or the request's. */
  | 'stale-if-error'
  | 'max-stale'
  /** RFC 9111 §4.2.4: the cache is disconnected, and nothing forbids it. */
  | 'disconnected';

/** Statuses that count as an error (RFC 5861 §4). */
const ERROR_STATUSES: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** Whether a stored response may be served although the origin failed to validate it; undefined = it may not. */
export function mayServeOnError(failed: FailedOrigin): StandIn | undefined {
  const { stored, request, verdict, rules, now, kind } = failed;
  if (kind !== 'unreachable' && !ERROR_STATUSES.has(kind)) return undefined;
  if (verdict === 'deleted' || stored.noCache) return undefined;
  if (stored.partial !== undefined && !covers('GET', request, stored)) return undefined;
  if (request.originCondition && !originConditionsHold(request.fields, stored)) return undefined;
  const honour = honoursClient(rules);
  // RFC 9111 §5.2.1.4: not without successful validation.
  if (honour && request.noCache) return undefined;
  if (isFresh(stored, now, verdict)) return 'fresh';
  if (stored.mustRevalidate) return undefined;

  const staleness = stalenessMs(stored, now);
  const requestWindowMs = honour ? (request.staleIfErrorSeconds ?? 0) * 1000 : 0;
  if (staleness < Math.max(stored.staleIfErrorMs, requestWindowMs)) return 'stale-if-error';
  if (honour && verdict === 'valid' && withinMaxStale(request, staleness)) return 'max-stale';
  // RFC 5861 §4: beyond a named window it SHOULD NOT be used.
  if (kind !== 'unreachable' || stored.staleIfErrorMs > 0 || requestWindowMs > 0) return undefined;
  // Deviation: RFC 9111 §5.2.1.1, §5.2.1.3. A browser's reload sends max-age=0; a stale page beats an error page.
  if (rules.strict && (request.maxAgeSeconds !== undefined || request.minFreshSeconds !== undefined))
    return undefined;
  return 'disconnected';
}

/** The stored part holds every byte the request asks for (RFC 9111 §3.3). A HEAD asks for the whole. */
function covers(method: string, { fields }: RequestFacts, stored: StoredMeta): boolean {
  if (method !== 'GET' || stored.partial === undefined) return false;
  const bytes = stored.partial.end - stored.partial.start;
  return selectRanges(fields.all('range'), fields.all('if-range'), stored, bytes).kind !== 'incomplete';
}

/** The missing run, when one conditional range request can fetch it. */
function completion(method: string, { fields }: RequestFacts, stored: StoredMeta): Need | undefined {
  if (method !== 'GET' || stored.partial === undefined) return undefined;
  const wanted = wantedRun(fields.all('range'), fields.all('if-range'), stored);
  const need = wanted === undefined ? undefined : missing(stored.partial, wanted);
  return need !== undefined && completionLines(stored, need) !== undefined ? need : undefined;
}

// What a request asks of a cache (RFC 9111 §5.2.1), as numbers and flags, read once per header block. Owns the reading
// of Cache-Control, Pragma and the presence of conditions and Range; what follows from them is decide.ts's.
//
// A restriction that cannot be read (`max-age=soon`) counts as the strictest there is; a permission that cannot be read
// (`max-stale=?`) counts as none.

import type { Fields } from '../http/fields.ts';
import { type Delta, parseCacheControl } from './cache-control.ts';

/** A request's side of the decision. Durations in seconds. */
export interface RequestFacts {
  /** Nothing here restricts or changes a hit: no directive, no condition, no Range, no Authorization. */
  readonly plain: boolean;
  readonly noStore: boolean;
  /** Also Pragma: no-cache where there is no Cache-Control (RFC 9111 §5.4). */
  readonly noCache: boolean;
  readonly maxAgeSeconds: number | undefined;
  readonly minFreshSeconds: number | undefined;
  /** Infinity for `max-stale` without a value. */
  readonly maxStaleSeconds: number | undefined;
  /** RFC 5861 §4, as a request directive. */
  readonly staleIfErrorSeconds: number | undefined;
  readonly onlyIfCached: boolean;
  readonly hasAuthorization: boolean;
  readonly hasRange: boolean;
  /** Any of If-None-Match, If-Modified-Since, If-Match, If-Unmodified-Since, If-Range. */
  readonly conditional: boolean;
  /** If-Match or If-Unmodified-Since: conditions on the origin's state; such a request must not be collapsed with others. */
  readonly originCondition: boolean;
  /** The fields themselves, for the rules that read conditions and ranges. */
  readonly fields: Fields;
}

const known = new WeakMap<Fields, RequestFacts>();

/** The facts of a request; the same object for the same Fields. */
export function requestFacts(fields: Fields): RequestFacts {
  let facts = known.get(fields);
  if (facts === undefined) {
    facts = read(fields);
    known.set(fields, facts);
  }
  return facts;
}

function read(fields: Fields): RequestFacts {
  const lines = fields.all('cache-control');
  const control = parseCacheControl(lines);
  const pragma = lines.length === 0 && hasPragmaNoCache(fields.all('pragma'));
  const originCondition = fields.has('if-match') || fields.has('if-unmodified-since');
  const facts = {
    // A request's no-cache takes no argument; whatever follows it, the client asked for validation.
    noCache: control.noCache || control.noCacheFields.length > 0 || pragma,
    noStore: control.noStore,
    maxAgeSeconds: restriction(control.maxAge, 0),
    minFreshSeconds: restriction(control.minFresh, Number.POSITIVE_INFINITY),
    maxStaleSeconds: permission(control.maxStale),
    staleIfErrorSeconds: permission(control.staleIfError),
    onlyIfCached: control.onlyIfCached,
    hasAuthorization: isIdentified(fields),
    hasRange: fields.has('range'),
    conditional:
      originCondition ||
      fields.has('if-none-match') ||
      fields.has('if-modified-since') ||
      fields.has('if-range'),
    originCondition,
    fields,
  };
  return { plain: isPlain(facts), ...facts };
}

/** The origin is told who asks: by Authorization (RFC 9111 §3.5), or by the certificate of the client (RFC 9440). */
export function isIdentified(fields: Fields): boolean {
  return fields.has('authorization') || fields.has('client-cert') || fields.has('x-client-verify');
}

function isPlain(facts: Omit<RequestFacts, 'plain'>): boolean {
  return !(
    facts.noCache ||
    facts.noStore ||
    facts.onlyIfCached ||
    facts.hasAuthorization ||
    facts.hasRange ||
    facts.conditional ||
    facts.maxAgeSeconds !== undefined ||
    facts.minFreshSeconds !== undefined ||
    facts.maxStaleSeconds !== undefined ||
    facts.staleIfErrorSeconds !== undefined
  );
}

function hasPragmaNoCache(lines: readonly string[]): boolean {
  return lines.some((line) => line.split(',').some((member) => member.trim().toLowerCase() === 'no-cache'));
}

function restriction(value: Delta, unreadable: number): number | undefined {
  return value === 'invalid' ? unreadable : value;
}

function permission(value: Delta): number | undefined {
  return value === 'invalid' ? undefined : value;
}

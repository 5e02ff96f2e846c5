// What a 304 or the answer to a HEAD does to stored responses (RFC 9111 §3.2, §4.3.4, §4.3.5): which ones it speaks of,
// which fields it replaces. Freshness is worked out anew by policy.ts.

import { Fields } from '../http/fields.ts';
import type { Request } from '../http/message.ts';
import { formatHttpDate } from './http-date.ts';
import { assess, type NoStoreReason } from './policy.ts';
import type { CacheRules } from './rules.ts';
import type { StoredMeta } from './stored.ts';
import { endToEnd, singleDate } from './stored-fields.ts';
import {
  isStrong,
  sameStrongValidator,
  strongLastModified,
  strongMatch,
  type Validated,
  validatorsOf,
  weakMatch,
} from './validators.ts';

export interface Validation {
  /** The stored response that was validated. */
  readonly stored: StoredMeta;
  /** The request that was forwarded with our conditions. */
  readonly request: Request;
  /** The fields of the 304, or of the 200 to a HEAD. */
  readonly response: Fields;
  readonly requestedAt: number;
  readonly respondedAt: number;
  readonly rules: CacheRules;
  /** The purge journal's sequence under which the validation began. */
  readonly seq: number;
  /** A name for the stored bytes where they have none yet (stored.ts). */
  readonly content?: string | undefined;
}

export type Freshened =
  | { readonly kind: 'freshened'; readonly meta: StoredMeta }
  /**
   * Valid, and with these fields for the client that asked; to be served once and not stored. `remove`: the origin takes
   * back its leave to store, so what is stored goes too; otherwise only this request forbids storing, and it stays.
   */
  | {
      readonly kind: 'not-storable';
      readonly meta: StoredMeta;
      readonly reason: NoStoreReason;
      readonly remove: boolean;
    }
  /** The 304 speaks of another response: serve nothing stored, ask again without conditions (RFC 9111 §4.3.4). */
  | { readonly kind: 'unrelated' };

/** Applies a 304 to the stored response that our own conditions named. */
export function freshen(validation: Validation): Freshened {
  const { stored, response, respondedAt, rules } = validation;
  const related = freshenedBy([stored], response, respondedAt, rules.strict ? undefined : stored);
  return related.length === 0 ? { kind: 'unrelated' } : update(validation);
}

/**
 * The stored responses, of those the request could have selected, that a 304 freshens (RFC 9111 §4.3.4).
 * @param candidates most recent first
 * @param asked the one whose validators alone stood in the request; undefined when others, or a client's own, stood there
 */
export function freshenedBy(
  candidates: readonly StoredMeta[],
  response: Fields,
  respondedAt: number,
  asked?: StoredMeta,
): readonly StoredMeta[] {
  const given = validatorsOf(response, respondedAt);
  if (isStrong(given.etag) || (given.etag === undefined && strongLastModified(given) !== undefined)) {
    const same = candidates.filter((one) => sameStrong(given, one));
    if (same.length > 0) return same;
  } else if (given.etag !== undefined || given.lastModified !== undefined) {
    const weak = candidates.find((one) =>
      given.etag === undefined ? one.lastModified === given.lastModified : weakMatch(given.etag, one.etag),
    );
    if (weak !== undefined) return [weak];
  } else {
    const [only] = candidates;
    if (candidates.length === 1 && only?.etag === undefined && only?.lastModified === undefined)
      return candidates;
  }
  // Deviation: RFC 9111 §4.3.4 (not under `strict`). Where one response's validators alone were sent, a 304 that leaves
  // them out, or has the strong form of its weak tag (origins that compress do both), can only mean that one.
  return asked !== undefined && !contradicts(given, asked) ? [asked] : [];
}

function contradicts(given: Validated, asked: StoredMeta): boolean {
  if (given.etag !== undefined && asked.etag !== undefined) return !weakMatch(given.etag, asked.etag);
  if (given.lastModified === undefined || asked.lastModified === undefined) return false;
  return given.lastModified !== asked.lastModified;
}

/** A 304's strong validator is the stored one's; its Last-Modified counts where one of them has no entity tag. */
function sameStrong(given: Validated, stored: StoredMeta): boolean {
  if (given.etag !== undefined && stored.etag !== undefined) return strongMatch(given.etag, stored.etag);
  if (sameStrongValidator(given, stored)) return true;
  const modified = strongLastModified(given);
  return modified !== undefined && modified === stored.lastModified;
}

/** What an answer to HEAD says of a stored GET response that could have been selected for it (RFC 9111 §4.3.5). */
export type HeadEffect = 'freshen' | 'invalidate' | 'none';

/** @param bodyBytes length of the stored content */
export function headEffect(
  stored: StoredMeta,
  bodyBytes: number,
  status: number,
  response: Fields,
  respondedAt: number,
): HeadEffect {
  // The clause speaks of 200 only; these two say that what is stored is no more.
  if (status === 404 || status === 410) return stored.status === status ? 'none' : 'invalidate';
  if (status !== 200) return 'none';
  if (stored.status !== 200 && stored.partial === undefined) return 'invalidate';
  const given = validatorsOf(response, respondedAt);
  if (given.etag !== undefined && !weakMatch(given.etag, stored.etag)) return 'invalidate';
  if (given.lastModified !== undefined && given.lastModified !== stored.lastModified) return 'invalidate';
  const length = response.get('content-length');
  const complete = stored.partial === undefined ? bodyBytes : stored.partial.complete;
  return length === undefined || complete === undefined || length === String(complete)
    ? 'freshen'
    : 'invalidate';
}

/** Applies the fields of a 200 to HEAD, when `headEffect` says 'freshen'. */
export function freshenFromHead(validation: Validation): Exclude<Freshened, { kind: 'unrelated' }> {
  return update(validation);
}

/** Describe the stored bytes, not the message at hand: what is stored stays (RFC 9111 §3.2). */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'content-digest',
]);

/** RFC 9111 §3.2: every field of the response replaces the stored ones of its name. */
function updatedFields({ stored, response, respondedAt, rules }: Validation): Fields {
  const kept = new Set(OF_THE_BODY);
  // It differs at most in being weak, and the stored bytes were sent with this one.
  if (stored.etag !== undefined) kept.add('etag');
  // A cookie is for the client at hand, unless the route says that cookies are stored.
  if (!rules.strict && !rules.storeSetCookie) kept.add('set-cookie');
  const given = new Fields(endToEnd(response)).without(kept);
  const dated =
    singleDate(given.all('date'), respondedAt) === undefined
      ? given.with('Date', formatHttpDate(respondedAt))
      : given;
  const rest = new Fields(stored.lines).without(new Set([...dated.names(), 'age']));
  return new Fields([...rest.lines, ...dated.lines]);
}

function update(validation: Validation): Exclude<Freshened, { kind: 'unrelated' }> {
  const { stored, request, requestedAt, respondedAt, rules, seq } = validation;
  const fields = updatedFields(validation);
  const response = { status: stored.status, fields };
  // What is stored is the answer to a GET, whatever validated it.
  const asGet = { ...request, method: 'GET', body: null };
  const content = stored.content ?? validation.content;
  const assessed = assess({ request: asGet, response, requestedAt, respondedAt, rules, seq, content });
  if (!assessed.storable) {
    const lines = fields.without(new Set(['age'])).lines;
    const meta: StoredMeta = {
      ...stored,
      lines,
      requestedAt,
      respondedAt,
      initialAgeMs: 0,
      freshUntil: respondedAt,
      // What it now says may forbid its forms.
      content: undefined,
    };
    const { reason } = assessed;
    const remove = reason !== 'request-no-store' && reason !== 'authorization';
    return { kind: 'not-storable', meta, reason, remove };
  }
  const { meta } = assessed;
  const sameVary =
    meta.vary.length === stored.vary.length && meta.vary.every((name, i) => name === stored.vary[i]);
  return {
    kind: 'freshened',
    // The body is the stored one, and so is the request it was selected by.
    meta: { ...meta, partial: stored.partial, varyValues: sameVary ? stored.varyValues : meta.varyValues },
  };
}

/** Whether the fields that a response has been freshened with are of these stored bytes: their validators stay. */
export function isOfSameBytes(stored: StoredMeta, freshened: StoredMeta): boolean {
  return stored.etag !== undefined && freshened.etag !== undefined
    ? stored.etag === freshened.etag
    : stored.lastModified === freshened.lastModified;
}

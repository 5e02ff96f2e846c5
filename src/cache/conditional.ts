// Conditional requests at a cache (RFC 9110 §13, RFC 9111 §4.3): which ones a stored or just fetched response answers
// itself, what a 304 carries, and the conditions of our own validation towards the origin. If-Range is range.ts's.

import { type FieldLines, Fields } from '../http/fields.ts';
import { fieldName } from '../http/names.ts';
import { parseHttpDate } from './http-date.ts';
import type { StoredMeta } from './stored.ts';
import { singleDate } from './stored-fields.ts';
import { fieldOf, isEntityTag, strongMatch, type Validated, weakMatch } from './validators.ts';

/** A response that conditions are evaluated against: stored, or fetched a moment ago. */
export type Selected = Validated & Pick<StoredMeta, 'status'>;

/** Conditions that a cache answers; left out of a fetch that is to fill the store. */
export const stripConditionals: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since']);

/** Left out of a fetch for the whole representation. Together: Range without its If-Range would mean something else. */
export const stripRange: ReadonlySet<string> = new Set(['range', 'if-range']);

/**
 * Whether a GET or HEAD is answered by the response or by a 304, in the precedence of RFC 9110 §13.2.2 as far as it
 * applies to caches (RFC 9111 §4.3.2): If-None-Match, else If-Modified-Since. If-Match and If-Unmodified-Since speak to
 * the origin (see `originConditionsHold`). Conditions count only where the plain answer were 2xx (RFC 9110 §13.2.1).
 */
export function evaluate(method: string, request: Fields, response: Selected): 'full' | 'not-modified' {
  if (method !== 'GET' && method !== 'HEAD') return 'full';
  if (response.status < 200 || response.status > 299) return 'full';
  if (request.has('if-none-match')) {
    return listMatches(request.all('if-none-match'), response.etag, weakMatch) ? 'not-modified' : 'full';
  }
  const since = oneDate(request.all('if-modified-since'), response.respondedAt);
  if (since === undefined) return 'full';
  return (response.lastModified ?? sentAt(response)) <= since ? 'not-modified' : 'full';
}

/**
 * Whether the response satisfies If-Match, or else If-Unmodified-Since (RFC 9110 §13.1.1, §13.1.4). A cache may ignore
 * them; holdfast answers from the store while they hold, and lets the origin answer (412 or not) when they do not.
 */
export function originConditionsHold(request: Fields, response: Selected): boolean {
  if (request.has('if-match')) return listMatches(request.all('if-match'), response.etag, strongMatch);
  const until = oneDate(request.all('if-unmodified-since'), response.respondedAt);
  return until === undefined || response.lastModified === undefined || response.lastModified <= until;
}

/** `*`, or a list of entity tags in any number of lines. */
function listMatches(
  lines: readonly string[],
  etag: string | undefined,
  match: (a: string | undefined, b: string | undefined) => boolean,
): boolean {
  if (lines.length === 1 && lines[0]?.trim() === '*') return true;
  if (etag === undefined) return false;
  return lines.some((line) => entityTags(line).some((tag) => match(tag, etag)));
}

const MEMBER = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"|[^\s",]+)[ \t]*(?:,|$)|[ \t]*(?:,|$)/y;

/**
 * The entity tags of one line. An unquoted one is kept as written, for origins that send and expect theirs unquoted: it
 * matches only its own octets. What follows something that is no list member is not read: unread tags do not match.
 */
export function entityTags(line: string): readonly string[] {
  const tags: string[] = [];
  let at = 0;
  while (at < line.length) {
    MEMBER.lastIndex = at;
    const found = MEMBER.exec(line);
    if (found === null) break;
    if (found[1] !== undefined) tags.push(found[1]);
    at = MEMBER.lastIndex;
  }
  return tags;
}

/** RFC 9110 §13.1.3: a value that is no single valid date is ignored. */
function oneDate(lines: readonly string[], now: number): number | undefined {
  const [value] = lines;
  return lines.length === 1 && value !== undefined ? parseHttpDate(value, now) : undefined;
}

/** What stands in for Last-Modified: the Date, else the time of receipt, in whole seconds as a date has them (RFC 9111 §4.3.2). */
function sentAt({ lines, respondedAt }: Selected): number {
  return singleDate(new Fields(lines).all('date'), respondedAt) ?? respondedAt - (respondedAt % 1000);
}

/**
 * Representation metadata, of no use to a client that keeps its own copy (RFC 9110 §15.4.5). Content-Location, Date, ETag,
 * Vary, Cache-Control and Expires stay, as they must; so does what is no metadata of the representation.
 */
const NOT_IN_304: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-digest',
  'content-range',
  'content-type',
  'digest',
  'repr-digest',
]);

/** The field lines of the 304 in place of a response. @param age seconds; left out when the response is new. */
export function notModifiedLines(meta: Pick<StoredMeta, 'lines' | 'etag'>, age?: number): FieldLines {
  const lines: string[] = [];
  for (let i = 0; i < meta.lines.length; i += 2) {
    const name = fieldName(meta.lines[i] as string).lower;
    if (NOT_IN_304.has(name) || name === 'age') continue;
    // RFC 9110 §15.4.5: Last-Modified only guides an update where there is no ETag.
    if (name === 'last-modified' && meta.etag !== undefined) continue;
    lines.push(meta.lines[i] as string, meta.lines[i + 1] as string);
  }
  if (age !== undefined) lines.push('Age', String(age));
  return lines;
}

/** Tags in one If-None-Match of ours: enough for the variants of a page, short enough for every origin's line limit. */
const MAX_TAGS = 16;

/**
 * Our own conditions for validating the selected response, and with it other stored variants of the key (RFC 9111 §4.3.1);
 * on a vary-miss (`selected` undefined) the variants alone. Empty when nothing stored has a validator. A partial variant's
 * tag joins no list (§4.3.2): a 304 to it would complete nothing.
 */
export function revalidationLines(
  selected: StoredMeta | undefined,
  variants: readonly StoredMeta[] = [],
): FieldLines {
  const own = selected?.etag;
  const modified = selected?.lastModified === undefined ? undefined : fieldOf(selected, 'last-modified');
  const tags = new Set(own === undefined ? [] : [own]);
  // Others' tags would mute our If-Modified-Since (RFC 9110 §13.1.3), or break a list that ours does not fit.
  if (own === undefined ? modified === undefined : isEntityTag(own)) {
    for (const { etag, partial } of variants) {
      if (tags.size === MAX_TAGS) break;
      if (etag !== undefined && partial === undefined && isEntityTag(etag)) tags.add(etag);
    }
  }
  const lines: string[] = [];
  if (tags.size > 0) lines.push('If-None-Match', [...tags].join(', '));
  // RFC 9111 §4.3.1: the date too where a single stored response is validated.
  if (modified !== undefined && tags.size <= 1) lines.push('If-Modified-Since', modified);
  return lines;
}

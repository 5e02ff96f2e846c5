// Entity tags of encoded forms (RFC 9110 §8.8.3.3): a strong tag is given the coding and a mark of the encoded bytes, as in
// "abc~gzip.Xa81kQ2z", so that ranges of it can be joined and no two forms share a tag. A weak one stays as it is, for it says
// nothing of bytes. Owns making them, and undoing them where a client sends one back. Pure.

import { entityTags } from '../cache/conditional.ts';
import { isStrong } from '../cache/validators.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { type Coding, isCoding } from './coding.ts';

/** Characters of a mark: 48 bits of the SHA-256 of the encoded bytes. */
export const MARK_CHARS = 8;

const CODED = /^(?:W\/)?"([^"]*)~(zstd|br|gzip)\.([A-Za-z0-9_-]{8})"$/;

/** The tag of an encoded form; undefined where the response has none. */
export function codedTag(etag: string | undefined, coding: Coding, mark: string): string | undefined {
  return isStrong(etag) ? `${etag.slice(0, -1)}~${coding}.${mark}"` : etag;
}

/** A tag that `codedTag` made, taken apart; undefined for others. A cache on the way may have weakened it. */
export function uncoded(tag: string): { readonly etag: string; readonly coding: Coding } | undefined {
  const found = CODED.exec(tag);
  const coding = found?.[2];
  if (found === null || coding === undefined || !isCoding(coding)) return undefined;
  return { etag: `"${found[1]}"`, coding };
}

/** The tags of all lines of a condition. */
export function tagsIn(lines: readonly string[]): readonly string[] {
  return lines.length === 1 ? entityTags(lines[0] ?? '') : lines.flatMap(entityTags);
}

/**
 * A request's lines for an origin that knows nothing of our forms: to every tag of ours in If-None-Match and If-Match the
 * origin's own is added. Not with a Range, whose bytes would be the origin's and not those that the client has.
 * @param lines as they would be forwarded
 */
export function withOriginTags(lines: FieldLines): FieldLines {
  const fields = new Fields(lines);
  if (fields.has('range')) return lines;
  let result = fields;
  for (const name of ['if-none-match', 'if-match']) {
    const own = tagsIn(fields.all(name));
    const added = own.map((tag) => uncoded(tag)?.etag).filter((tag) => tag !== undefined);
    if (added.length > 0) result = result.with(name, [...new Set([...own, ...added])].join(', '));
  }
  return result.lines;
}

/**
 * The tag by which a client that sent If-None-Match has what a 304 of the origin confirms: the form it holds, not the
 * origin's. @returns undefined when the origin's own tag was among those sent, or none was ours
 */
export function confirmedTag(request: Fields, etag: string | undefined): string | undefined {
  if (etag === undefined || !request.has('if-none-match')) return undefined;
  const tags = tagsIn(request.all('if-none-match'));
  return tags.includes(etag) ? undefined : tags.find((tag) => uncoded(tag)?.etag === etag);
}

// What the clients of a fetch are shown of a response that comes as the origin sent it: that it varies by Accept-Encoding, where
// later clients may get a form of it; and a 304 by the tag that the client has. Pure.

import { parseCacheControl } from '../cache/cache-control.ts';
import type { RequestFacts } from '../cache/request-directives.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { isStrong } from '../cache/validators.ts';
import { nominated } from '../cache/vary.ts';
import type { FieldLines, Fields } from '../http/fields.ts';
import { confirmedTag, uncoded } from './coded-tag.ts';
import { acceptance } from './coding.ts';
import { renamed, shownMeta, withEtag, withVary } from './forms.ts';
import { type CompressRules, mayEncode } from './rules.ts';

/** A response that is being stored. Where the request names a form of it in If-None-Match, it has that form's tag. */
export function presentFetched(meta: StoredMeta, { conditional, fields }: RequestFacts): StoredMeta {
  if (meta.content === undefined) return meta;
  const shown = shownMeta(meta);
  if (!conditional || !isStrong(meta.etag)) return shown;
  const tag = confirmedTag(fields, meta.etag);
  const coding = tag === undefined ? undefined : uncoded(tag)?.coding;
  return tag !== undefined && coding !== undefined && acceptance(fields)[coding] > 0
    ? renamed(shown, tag)
    : shown;
}

/** The origin's lines for the client that asked, as `presentFetched` has it. */
export function presentLines(lines: FieldLines, { content, etag }: StoredMeta): FieldLines {
  return content === undefined ? lines : withVary(withEtag(lines, etag));
}

interface Passing {
  readonly method: string;
  readonly request: Fields;
  readonly status: number;
  readonly response: Fields;
  readonly rules: CompressRules;
}

/** The lines of a response that is not stored. @param lines as they would be sent */
export function presentPassed(
  lines: FieldLines,
  { method, request, status, response, rules }: Passing,
): FieldLines {
  if (rules.encodings.length === 0) return lines;
  if (status === 304) {
    const tag = confirmedTag(request, response.get('etag'));
    return tag === undefined ? lines : withVary(withEtag(lines, tag));
  }
  if (method !== 'HEAD') return lines;
  const vary = nominated(response);
  const control = parseCacheControl(response.all('cache-control'));
  return vary !== '*' && mayEncode(rules, { status, fields: response, control, vary })
    ? withVary(lines)
    : lines;
}

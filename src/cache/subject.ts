// A stored response as the purge journal sees it: its URL without the scheme, its host, its tags. The one place that says
// how the words of HTTP become the journal's.

import type { Subject } from '../../storage/journal.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { cacheGroups } from './cache-groups.ts';
import { purgeUrl } from './key.ts';
import { carriesTags, tagsOf } from './tags.ts';

const NO_TAGS: readonly string[] = [];

class KeySubject implements Subject {
  readonly url: string;
  readonly host: string;
  readonly #key: string;
  readonly #lines: FieldLines | undefined;
  #tags: readonly string[] | undefined;

  constructor(key: string, lines: FieldLines | undefined) {
    this.url = purgeUrl(key);
    const slash = this.url.indexOf('/', 2);
    this.host = slash === -1 ? this.url.slice(2) : this.url.slice(2, slash);
    this.#key = key;
    this.#lines = lines;
  }

  /** Read off the fields when they are first asked for: few responses have tags, and few purges name one. */
  get tags(): readonly string[] {
    this.#tags ??= allTags(this.#key, this.#lines);
    return this.#tags;
  }
}

/** @param lines the response's, as far as they are known; without them it has no tags */
export function subjectOf(key: string, lines?: FieldLines): Subject {
  return new KeySubject(key, lines);
}

/** A group is two tags: one that the operator purges, and one that its own origin alone can (RFC 9875 §2). */
function allTags(key: string, lines: FieldLines | undefined): readonly string[] {
  if (lines === undefined || !carriesTags(lines)) return NO_TAGS;
  const fields = new Fields(lines);
  const tags = tagsOf(fields);
  const groups = cacheGroups(fields);
  return groups.length === 0 ? tags : [...tags, ...groups.map((group) => groupTag(key, group))];
}

/** Groups of different origins never meet (RFC 9875 §2). @param key of any response of the origin */
export function groupTag(key: string, group: string): string {
  const path = key.indexOf('/', key.indexOf('://') + 3);
  return `${path === -1 ? key : key.slice(0, path)} ${group}`;
}

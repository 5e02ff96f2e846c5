// A stored response as the purge journal sees it: its URL without the scheme, its host, its groups as tags. The one place
// that says how the words of HTTP become the journal's.

import type { Subject } from '../../storage/journal.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { cacheGroups } from './cache-groups.ts';
import { purgeUrl } from './key.ts';

const NO_TAGS: readonly string[] = [];

/** @param lines the response's, as far as they are known; without them it has no tags */
export function subjectOf(key: string, lines?: FieldLines): Subject {
  const url = purgeUrl(key);
  const slash = url.indexOf('/', 2);
  const groups = lines === undefined ? NO_TAGS : cacheGroups(new Fields(lines));
  return {
    url,
    host: slash === -1 ? url.slice(2) : url.slice(2, slash),
    tags: groups.map((group) => groupTag(key, group)),
  };
}

/** Groups of different origins never meet (RFC 9875 §2). @param key of any response of the origin */
export function groupTag(key: string, group: string): string {
  const path = key.indexOf('/', key.indexOf('://') + 3);
  return `${path === -1 ? key : key.slice(0, path)} ${group}`;
}

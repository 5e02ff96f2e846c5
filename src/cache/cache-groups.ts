// Cache-Groups and Cache-Group-Invalidation (RFC 9875): the strings in them. Which stored responses an invalidation
// reaches (same origin only, after an unsafe method's success) is invalidate.ts's.

import type { Fields } from '../http/fields.ts';
import { listOf, stringsOf } from './structured.ts';

const NONE: readonly string[] = [];

/** The groups that a response belongs to, each once (RFC 9875 §2); none when the field is absent or faulty. */
export function cacheGroups(fields: Fields): readonly string[] {
  return strings(fields.all('cache-groups'));
}

/** The groups that a response invalidates, each once (RFC 9875 §3); none when the field is absent or faulty. */
export function groupInvalidations(fields: Fields): readonly string[] {
  return strings(fields.all('cache-group-invalidation'));
}

function strings(lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return NONE;
  const members = listOf(lines);
  const values = members === undefined ? undefined : stringsOf(members);
  return values === undefined ? NONE : [...new Set(values)];
}

// The tags that an origin gives a response so that it can be purged with others. Owns reading the fields that carry them
// and the bound on their size; what a purge of a tag reaches is subject.ts's, and that clients never see them respond.ts's.

import type { FieldLines, Fields } from '../http/fields.ts';
import { cacheGroups } from './cache-groups.ts';

/** A response with more bytes of tags is not stored: cut tags would make purges miss it. */
export const MAX_TAG_BYTES = 64 * 1024;

const NONE: readonly string[] = [];

/** Fields that are for caches only, with what stands between their tags. Matching is by exact bytes, case included. */
const SEPARATORS: Readonly<Record<string, RegExp>> = {
  'surrogate-key': /[\t ]+/,
  xkey: /[\t ,]+/,
  'cache-tag': /[\t ]*,[\t ]*/,
};

/** Lower-case names of the fields that stay at the edge. Cache-Groups (RFC 9875) is for every cache, the client's too. */
export const TAG_FIELDS: ReadonlySet<string> = new Set(Object.keys(SEPARATORS));

const ALL_FIELDS: readonly string[] = [...TAG_FIELDS, 'cache-groups'];
const LENGTHS: ReadonlySet<number> = new Set(ALL_FIELDS.map((name) => name.length));

/** Whether any of the lines can carry a tag. Cheap: every stored response is asked when matches are counted. */
export function carriesTags(lines: FieldLines): boolean {
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] ?? '';
    if (LENGTHS.has(name.length) && ALL_FIELDS.includes(name.toLowerCase())) return true;
  }
  return false;
}

/** The tags of a response, each once, its Cache-Groups among them. */
export function tagsOf(fields: Fields): readonly string[] {
  if (!carriesTags(fields.lines)) return NONE;
  const tags = new Set(cacheGroups(fields));
  for (const [name, separator] of Object.entries(SEPARATORS)) {
    for (const line of fields.all(name))
      for (const tag of line.split(separator)) if (tag !== '') tags.add(tag);
  }
  return [...tags];
}

/** Bytes of the values that carry tags. */
export function tagBytes(fields: Fields): number {
  let bytes = 0;
  for (const name of ALL_FIELDS) for (const line of fields.all(name)) bytes += line.length;
  return bytes;
}

/** A tag as people write it, as it stands in a field: one character a byte of its UTF-8. */
export function tagAsField(tag: string): string {
  return Buffer.from(tag, 'utf8').toString('latin1');
}

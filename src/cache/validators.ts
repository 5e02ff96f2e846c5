// Validators of stored and received responses (RFC 9110 §8.8): what an entity tag is, the two comparisons, and when a
// Last-Modified counts as strong. Knows no request field.

import { Fields } from '../http/fields.ts';
import { parseHttpDate } from './http-date.ts';
import type { StoredMeta } from './stored.ts';
import { singleDate } from './stored-fields.ts';

/** What validation looks at: a stored response, or one just received. */
export type Validated = Pick<StoredMeta, 'etag' | 'lastModified' | 'lines' | 'respondedAt'> &
  Partial<Pick<StoredMeta, 'content'>>;

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** True for a well-formed entity-tag (RFC 9110 §8.8.3). */
export function isEntityTag(value: string): boolean {
  return ENTITY_TAG.test(value);
}

export function isStrong(etag: string | undefined): etag is string {
  return etag?.startsWith('"') === true && isEntityTag(etag);
}

/** Strong comparison (RFC 9110 §8.8.3.2): both strong and the same octets. */
export function strongMatch(a: string | undefined, b: string | undefined): boolean {
  return a === b && isStrong(a);
}

/** Weak comparison (RFC 9110 §8.8.3.2): the same opaque-tag, whether weak or not. */
export function weakMatch(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return opaque(a) === opaque(b);
}

function opaque(etag: string): string {
  return etag.startsWith('W/"') ? etag.slice(2) : etag;
}

/** The first value of a field in raw lines, by lower-case name. */
export function fieldOf(meta: Pick<StoredMeta, 'lines'>, name: string): string | undefined {
  const { lines } = meta;
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]?.toLowerCase() === name) return lines[i + 1];
  }
  return undefined;
}

/**
 * Last-Modified when it may serve as a strong validator, epoch ms (RFC 9110 §8.8.2.2): the response's Date is at least
 * one second later, so that nothing can have changed within the same second unnoticed.
 */
export function strongLastModified(meta: Validated): number | undefined {
  const date = singleDate(new Fields(meta.lines).all('date'), meta.respondedAt);
  if (meta.lastModified === undefined || date === undefined) return undefined;
  return date - meta.lastModified >= 1000 ? meta.lastModified : undefined;
}

/** The validators of response fields as they came. */
export function validatorsOf(fields: Fields, receivedAt: number): Validated {
  const etag = fields.all('etag')[0];
  const lastModified = fields.all('last-modified')[0];
  return {
    etag: etag === '' ? undefined : etag,
    lastModified: lastModified === undefined ? undefined : parseHttpDate(lastModified, receivedAt),
    lines: fields.lines,
    respondedAt: receivedAt,
  };
}

/** True when both share a strong validator and no entity tag speaks against it (RFC 9111 §3.4). */
export function sameStrongValidator(a: Validated, b: Validated): boolean {
  if (a.etag !== undefined && b.etag !== undefined) return strongMatch(a.etag, b.etag);
  if (a.etag !== undefined || b.etag !== undefined) return false;
  const [first, second] = [strongLastModified(a), strongLastModified(b)];
  return first !== undefined && first === second;
}

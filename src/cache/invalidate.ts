// Which stored responses the answer to an unsafe request makes invalid (RFC 9111 §4.4). Names keys; removing what is stored
// under them, and fencing the fetches in flight, are the edge's. Which methods are unsafe is methods.ts's.

import type { Fields } from '../http/fields.ts';
import { cacheKey, spaceOf, urlOfKey } from './key.ts';
import type { KeyRules } from './rules.ts';

export interface UnsafeAnswer {
  /** The request's cache key, `scheme://authority/path?query`, perhaps in a space. */
  readonly key: string;
  readonly status: number;
  /** The response's. */
  readonly fields: Fields;
  readonly rules: KeyRules;
}

/** A longer reference is left alone. */
const MAX_REFERENCE_CHARS = 8192;

const KEY = /^(https?):\/\/([^/?#]+)(\/.*)$/s;

/**
 * The target URI first, then Location and Content-Location where they are of the same origin; nothing for an error
 * response. Every key has the scheme and authority of the request's: one origin cannot invalidate another's.
 */
export function invalidatedKeys({ key, status, fields, rules }: UnsafeAnswer): readonly string[] {
  if (status < 200 || status > 399) return [];
  const keys = new Set([key]);
  const space = spaceOf(key);
  const [, scheme, authority] = KEY.exec(urlOfKey(key)) ?? [];
  const base = URL.parse(urlOfKey(key));
  if (scheme === undefined || authority === undefined || base === null) return [key];
  // Several lines of a singleton field are the origin's fault; forgetting too much harms nobody.
  for (const reference of [...fields.all('location'), ...fields.all('content-location')]) {
    const url = reference.length > MAX_REFERENCE_CHARS ? null : URL.parse(reference, base);
    if (url === null || url.origin !== base.origin) continue;
    keys.add(cacheKey(`${space}${scheme}`, authority, url.pathname + url.search, rules).key);
    const written = asWritten(reference);
    if (written !== undefined) keys.add(cacheKey(`${space}${scheme}`, authority, written, rules).key);
  }
  return [...keys];
}

/** The path of a reference byte for byte: keys are verbatim by default, and the URL parser rewrites some characters. */
function asWritten(reference: string): string | undefined {
  const path = /^(?:https?:\/\/[^/?#]*)?(\/(?!\/)[^#]*)/i.exec(reference)?.[1];
  return path === undefined || /[^\x21-\x5b\x5d-\xff]/.test(path) ? undefined : path;
}

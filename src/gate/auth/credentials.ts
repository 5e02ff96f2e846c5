// What a request's Authorization or Proxy-Authorization holds (RFC 9110 §11.6.2, §11.7.2, RFC 7617, RFC 6750 §2.1). Pure, total.

import type { Fields } from '../../http/fields.ts';

export type Credentials =
  | { readonly kind: 'none' }
  /** Two of them, no grammar, or a scheme that is not known here. */
  | { readonly kind: 'unusable' }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  /** A signed token that came in a cookie. */
  | { readonly kind: 'cookie'; readonly token: string };

const NONE: Credentials = { kind: 'none' };
const UNUSABLE: Credentials = { kind: 'unusable' };
const LONGEST = 16 * 1024;

export function credentialsOf(
  fields: Fields,
  name: 'authorization' | 'proxy-authorization' = 'authorization',
): Credentials {
  const lines = fields.all(name);
  const [line] = lines;
  if (line === undefined) return NONE;
  if (lines.length > 1 || line.length > LONGEST) return UNUSABLE;
  const match = /^(basic|bearer) {1,9}([A-Za-z0-9\-._~+/]{1,16384}={0,2})$/i.exec(line);
  const [, scheme = '', value = ''] = match ?? [];
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: value };
  return scheme === '' ? UNUSABLE : basic(value);
}

/** RFC 7617 §2: no control characters; the user-id ends at the first colon. */
function basic(encoded: string): Credentials {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1 || /\p{Cc}/u.test(text)) return UNUSABLE;
  return { kind: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}

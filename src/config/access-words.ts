// The texts in the settings of `access`, and what they mean. Pure; each parser is total and answers undefined for what it does
// not understand.

import { parseHash } from '../gate/auth/password-hash.ts';
import { parseRange } from './units.ts';

export const RANGE = 'an address or a range such as "10.0.0.0/8" or "2001:db8::/32"';

/** Without these the exchange with the origin, or the cache, would fall apart. */
const NOT_FOR_IDENTITY =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|via|forwarded|x-forwarded-.*|cdn-loop|authorization|cookie|range|if-.*|cache-control|age|date)$/;

/** Lists of a file as they are inline. */
export const LINES = {
  range: { parse: parseRange, allowed: RANGE },
  user: { parse: userLine, allowed: 'a user with a bcrypt or scrypt hash as in "alice:$2y$10$…"' },
  token: { parse: tokenLine, allowed: 'a name and a hash as in "ci:sha256:9f86d0…"' },
};

export function method(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Z-]{1,32}$/.test(value) ? value : undefined;
}

export function fileName(value: string): string | undefined {
  return value === '' || value.includes('\0') ? undefined : value;
}

export function fieldName(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i.test(value) ? value.toLowerCase() : undefined;
}

export function identityField(value: string): string | undefined {
  const name = fieldName(value);
  return name === undefined || NOT_FOR_IDENTITY.test(name) ? undefined : name;
}

export function ruleName(value: string): string | undefined {
  return /^[\w-]{1,64}$/.test(value) ? value : undefined;
}

export function realm(value: string): string | undefined {
  return /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(value) ? value : undefined;
}

export function anyText(value: string): string | undefined {
  return value.length > 0 && value.length <= 2048 ? value : undefined;
}

export function httpUrl(value: string): string | undefined {
  return /^https?:\/\//i.test(value) && URL.canParse(value) ? value : undefined;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

export interface RateSetting {
  readonly perSecond: number;
  /** Requests in the rate's own time. */
  readonly count: number;
}

export function parseRate(value: string): RateSetting | undefined {
  const match = /^(\d{1,7})\/([smh])$/.exec(value);
  const [count, seconds] = [Number(match?.[1]), SECONDS[match?.[2] ?? '']];
  return seconds === undefined || !(count >= 1) ? undefined : { perSecond: count / seconds, count };
}

type Key = { kind: 'address' } | { kind: 'path' } | { kind: 'field'; name: string };

export function parseKey(value: string): Key | undefined {
  if (value === 'address' || value === 'path') return { kind: value };
  const name = value.startsWith('field:') ? fieldName(value.slice('field:'.length)) : undefined;
  return name === undefined ? undefined : { kind: 'field', name };
}

export function userLine(value: string): { name: string; hash: string } | undefined {
  const colon = value.indexOf(':');
  const name = value.slice(0, colon);
  const hash = parseHash(value.slice(colon + 1));
  return colon < 1 || colon > 255 || hash === undefined || /\p{Cc}/u.test(name) ? undefined : { name, hash };
}

export function tokenLine(value: string): { name: string; sha256: string } | undefined {
  const match = /^([\w.@-]{1,255}):sha256:([0-9a-f]{64})$/i.exec(value);
  return match === null ? undefined : { name: match[1] ?? '', sha256: (match[2] ?? '').toLowerCase() };
}

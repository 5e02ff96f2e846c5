// Set-Cookie: our deviation for safety, and the ways out of it (RFC 9111 §7.3).

import {
  ask,
  cc,
  deviating,
  fetched,
  later,
  now,
  optimal,
  type Row,
  required,
  STRICT,
  type Table,
  withSettings,
} from '../row.ts';

const NO_STORE = 'RFC 9111 §5.2.2.5';
const NO_CACHE = 'RFC 9111 §5.2.2.4';
const PRIVATE = 'RFC 9111 §5.2.2.7';

const cookies: readonly Row[] = [
  deviating(
    'A response with Set-Cookie is not stored unless a route says so (`storeSetCookie`, `strict`): it may be for one user.',
    optimal(
      'set-cookie',
      'RFC 9111 §7.3',
      'Set-Cookie with a lifetime',
      fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' }),
      later(1, 'asked'),
    ),
  ),
  deviating(
    'A response with Set-Cookie is not stored unless a route says so, whatever else its fields say.',
    optimal(
      'set-cookie-public',
      'RFC 9111 §7.3',
      'Set-Cookie with public',
      fetched({ 'Cache-Control': 'public, s-maxage=100', 'Set-Cookie': 'a=b' }),
      later(1, 'asked'),
    ),
  ),
  optimal(
    'set-cookie-field',
    NO_CACHE,
    'no-cache="set-cookie" allows the rest to be reused',
    fetched({ 'Cache-Control': 'max-age=100, no-cache="set-cookie"', 'Set-Cookie': 'a=b' }),
    later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } }),
  ),
  optimal(
    'set-cookie-private',
    PRIVATE,
    'so does private="set-cookie"',
    fetched({ 'Cache-Control': 'max-age=100, private="Set-Cookie"', 'Set-Cookie': 'a=b' }),
    later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } }),
  ),
  ...withSettings(
    STRICT,
    optimal(
      'set-cookie-strict',
      'RFC 9111 §7.3',
      'under strict Set-Cookie is stored as the RFC allows',
      fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': ['a=b', 'c=d'] }),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=b, c=d' } }),
    ),
    required(
      'set-cookie-strict-no-store',
      NO_STORE,
      'not where no-store forbids it',
      fetched({ 'Cache-Control': 'max-age=100, no-store', 'Set-Cookie': 'a=b' }),
      later(1, 'asked'),
    ),
    required(
      'set-cookie-strict-private',
      PRIVATE,
      'nor where private does',
      fetched({ 'Cache-Control': 'max-age=100, private', 'Set-Cookie': 'a=b' }),
      later(1, 'asked'),
    ),
    required(
      'set-cookie-strict-none',
      'RFC 9111 §4.2',
      'nor does Set-Cookie name a lifetime',
      fetched({ 'Set-Cookie': 'a=b' }),
      later(1, 'asked'),
    ),
  ),
  ...withSettings(
    { cache: { storeSetCookie: true } },
    optimal(
      'set-cookie-stored',
      'RFC 9111 §7.3',
      'under storeSetCookie too',
      fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' }),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=b' } }),
    ),
  ),
  ...withSettings(
    { cache: { stripSetCookie: true } },
    optimal(
      'set-cookie-stripped',
      'RFC 9111 §7.3',
      'under stripSetCookie the rest is stored',
      now(
        { outcome: 'fetched', headers: { 'Set-Cookie': null } },
        { origin: { headers: { 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' } } },
      ),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } }),
    ),
  ),
  optimal(
    'cookie-request',
    'RFC 9111 §4.1',
    "a request's Cookie does not keep it from the store",
    fetched(cc('max-age=100'), {}, { headers: { Cookie: 'a=b' } }),
    later(1, 'hit', ask({ Cookie: 'c=d' })),
  ),
];

export const setCookie: Table = { topic: 'Set-Cookie', rows: cookies };

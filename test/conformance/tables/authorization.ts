// Requests with Authorization at a shared cache (RFC 9111 §3.5).

import type { HeaderInput } from '../../support/wire.ts';
import { ask, cc, fetched, type Kind, later, optimal, type Row, required, type Table } from '../row.ts';

const CLAUSE = 'RFC 9111 §3.5';
const USER = { headers: { Authorization: 'Basic dXNlcjpwYXNz' } };
const OTHER = { Authorization: 'Bearer other' };

const forbidden: readonly (readonly [string, HeaderInput, string])[] = [
  ['max-age', cc('max-age=100'), 'max-age alone allows no sharing'],
  ['expires', { Expires: '{t+100}' }, 'nor does Expires'],
  ['guess', { 'Last-Modified': '{t-100000}' }, 'nor does Last-Modified'],
  ['proxy-revalidate', cc('max-age=100, proxy-revalidate'), 'nor does proxy-revalidate'],
  ['immutable', cc('max-age=100, immutable'), 'nor does immutable'],
  ['no-transform', cc('max-age=100, no-transform'), 'nor does no-transform'],
  ['must-understand', cc('max-age=100, must-understand'), 'nor does must-understand'],
  ['swr', cc('max-age=100, stale-while-revalidate=100'), 'nor does stale-while-revalidate'],
  ['in-argument', cc('max-age=100, unknown="public"'), "nor does public in another directive's argument"],
  ['name', cc('max-age=100, x-public'), 'nor does a name that ends in public'],
  ['broken-s-maxage', cc('max-age=100, s-maxage=x'), 'nor does a broken s-maxage'],
  ['public-private', cc('max-age=100, public, private'), 'private holds beside public'],
  ['public-no-store', cc('max-age=100, public, no-store'), 'no-store holds beside public'],
  ['targeted', { 'CDN-Cache-Control': 'max-age=100' }, 'nor does a lifetime in CDN-Cache-Control'],
  [
    'targeted-over-public',
    { 'CDN-Cache-Control': 'max-age=100', 'Cache-Control': 'public' },
    'public in Cache-Control does not count beside a targeted field',
  ],
];

const allowed: readonly (readonly [string, HeaderInput, string])[] = [
  ['public', cc('max-age=100, public'), 'public allows sharing'],
  ['must-revalidate', cc('max-age=100, must-revalidate'), 'so does must-revalidate'],
  ['s-maxage', cc('s-maxage=100'), 'so does s-maxage'],
  ['s-maxage-max-age', cc('max-age=1, s-maxage=100'), 's-maxage beside max-age'],
  ['public-case', cc('max-age=100, PUBLIC'), 'public in upper case'],
  ['public-expires', { Expires: '{t+100}', 'Cache-Control': 'public' }, 'public with Expires'],
  ['public-guess', { 'Last-Modified': '{t-100000}', 'Cache-Control': 'public' }, 'public with Last-Modified'],
  ['public-line', cc('max-age=100', 'public'), 'public on a second line'],
  ['targeted-public', { 'CDN-Cache-Control': 'max-age=100, public' }, 'public in CDN-Cache-Control'],
  [
    'targeted-must-revalidate',
    { 'CDN-Cache-Control': 'max-age=100, must-revalidate' },
    'must-revalidate in CDN-Cache-Control',
  ],
];

const row = (
  kind: Kind,
  expect: 'hit' | 'asked',
  [id, headers, title]: readonly [string, HeaderInput, string],
): Row => ({
  id: `auth-${id}`,
  clause: CLAUSE,
  kind,
  title,
  steps: [fetched(headers, {}, USER), later(50, expect, { request: USER })],
});

export const authorization: Table = {
  topic: 'Authorization',
  rows: [
    ...forbidden.map((one) => row('required', 'asked', one)),
    ...allowed.map((one) => row('optimal', 'hit', one)),
    optimal(
      'auth-other-user',
      CLAUSE,
      'what public allows is for everybody',
      fetched(cc('max-age=100, public'), {}, USER),
      later(1, 'hit', ask(OTHER)),
      later(1, 'hit'),
    ),
    optimal(
      'auth-anonymous-first',
      CLAUSE,
      'what was stored for a request without Authorization serves one with it',
      fetched(cc('max-age=100')),
      later(1, 'hit', { request: USER }),
    ),
    required(
      'auth-anonymous-second',
      CLAUSE,
      'what was not stored for a user is not there for others',
      fetched(cc('max-age=100'), {}, USER),
      later(1, 'asked'),
    ),
    required(
      'auth-must-revalidate-stale',
      'RFC 9111 §5.2.2.2',
      'must-revalidate is validated when stale',
      fetched({ 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' }, {}, USER),
      later(20, 'validated', { request: USER, origin: { status: 304, headers: { ETag: '"a"' } } }),
    ),
    required('auth-401-passed', 'RFC 9110 §15.5.2', 'a 401 reaches the client with its challenge', {
      origin: { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } },
      expect: { outcome: 'fetched', headers: { 'WWW-Authenticate': 'Basic realm="x"' } },
    }),
    required('auth-forwarded', CLAUSE, 'Authorization is forwarded', {
      request: USER,
      origin: { headers: {} },
      expect: { outcome: 'fetched', forwarded: { Authorization: 'Basic dXNlcjpwYXNz' } },
    }),
    required(
      'auth-validation-keeps',
      CLAUSE,
      "a user's 304 does not make what others get private",
      fetched({ 'Cache-Control': 'max-age=10', ETag: '"a"' }),
      later(20, 'validated', {
        request: USER,
        origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'max-age=100' } },
      }),
    ),
  ],
};

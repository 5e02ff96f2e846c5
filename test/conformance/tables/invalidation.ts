// Unsafe methods: what their success invalidates, and what it does not (RFC 9111 §4.4).

import { type Answer, cc, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const CLAUSE = 'RFC 9111 §4.4';
const FRESH = { headers: cc('max-age=100') };
const UNSAFE = [
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'MKCOL',
  'MOVE',
  'COPY',
  'LOCK',
  'PROPPATCH',
  'LINK',
  'M-SEARCH',
  'NOTIFY',
];
const SAFE = ['OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY', 'TRACE'];

const body = (method: string) =>
  ['POST', 'PUT', 'PATCH', 'PROPPATCH', 'QUERY', 'SEARCH'].includes(method) ? { body: 'x' } : {};
const does = (method: string, answer: Answer = { status: 200, headers: {} }, to = '') =>
  later(1, { asked: 1 }, { request: { method, to, ...body(method) }, origin: answer });

const methods = UNSAFE.flatMap((method): Row[] => {
  const id = `unsafe-${method.toLowerCase()}`;
  return [
    required(
      id,
      CLAUSE,
      `${method} invalidates its URL`,
      fetched(FRESH.headers),
      does(method),
      later(1, 'asked', { origin: FRESH }),
    ),
    optimal(
      `${id}-location`,
      CLAUSE,
      `${method} invalidates its Location`,
      fetched(FRESH.headers, {}, { to: '/l' }),
      does(method, { status: 201, headers: { Location: '{path}/l' } }),
      later(1, 'asked', { request: { to: '/l' }, origin: FRESH }),
    ),
    optimal(
      `${id}-content-location`,
      CLAUSE,
      `${method} invalidates its Content-Location`,
      fetched(FRESH.headers, {}, { to: '/l' }),
      does(method, { status: 200, headers: { 'Content-Location': '{path}/l' } }),
      later(1, 'asked', { request: { to: '/l' }, origin: FRESH }),
    ),
    required(
      `${id}-other-origin`,
      CLAUSE,
      `${method} invalidates no Location of another origin`,
      fetched(FRESH.headers, {}, { to: '/l' }),
      does(method, { status: 201, headers: { Location: 'http://other.example{path}/l' } }),
      later(1, 'hit', { request: { to: '/l' } }),
    ),
    optimal(
      `${id}-404`,
      CLAUSE,
      `${method} that fails with 404 invalidates nothing`,
      fetched(FRESH.headers),
      does(method, { status: 404, headers: {} }),
      later(1, { outcome: 'hit', from: 1 }),
    ),
    optimal(
      `${id}-500`,
      CLAUSE,
      `${method} that fails with 500 invalidates nothing`,
      fetched(FRESH.headers),
      does(method, { status: 500, headers: {} }),
      later(1, { outcome: 'hit', from: 1 }),
    ),
  ];
});

const rows: readonly Row[] = [
  ...methods,
  ...SAFE.map((method) =>
    optimal(
      `safe-${method.toLowerCase()}`,
      CLAUSE,
      `${method} is safe and invalidates nothing`,
      fetched(FRESH.headers),
      does(method),
      later(1, { outcome: 'hit', from: 1 }),
    ),
  ),
  ...[200, 201, 202, 204, 205, 301, 302, 303, 307, 308].map((status) =>
    required(
      `unsafe-by-${status}`,
      CLAUSE,
      `a POST answered with ${status} invalidates`,
      fetched(FRESH.headers),
      does('POST', { status, headers: {} }),
      later(1, 'asked', { origin: FRESH }),
    ),
  ),
  ...[400, 401, 403, 409, 412, 502, 503].map((status) =>
    optimal(
      `unsafe-not-by-${status}`,
      CLAUSE,
      `a POST answered with ${status} does not`,
      fetched(FRESH.headers),
      does('POST', { status, headers: {} }),
      later(1, { outcome: 'hit', from: 1 }),
    ),
  ),
  optimal(
    'unsafe-closed',
    CLAUSE,
    'a POST that the origin does not answer invalidates nothing',
    fetched(FRESH.headers),
    later(1, 'failed', { request: { method: 'POST', body: 'x' }, origin: { play: 'close' } }),
    later(1, { outcome: 'hit', from: 1 }),
  ),
  required(
    'unsafe-variants',
    CLAUSE,
    'all variants are invalidated',
    fetched({ ...FRESH.headers, Vary: 'X-A' }, {}, { headers: { 'X-A': '1' } }),
    later(1, 'fetched', { request: { headers: { 'X-A': '2' } } }),
    does('POST'),
    later(1, 'asked', {
      request: { headers: { 'X-A': '1' } },
      origin: { headers: { ...FRESH.headers, Vary: 'X-A' } },
    }),
    later(1, 'asked', { request: { headers: { 'X-A': '2' } } }),
  ),
  optimal(
    'unsafe-other-path',
    CLAUSE,
    'another path is not',
    fetched(FRESH.headers, {}, { to: '/a' }),
    does('POST', { headers: {} }, '/b'),
    later(1, { outcome: 'hit', from: 1 }, { request: { to: '/a' } }),
  ),
  optimal(
    'unsafe-other-query',
    CLAUSE,
    'nor another query',
    fetched(FRESH.headers, {}, { to: '?a=1' }),
    does('POST', { headers: {} }, '?a=2'),
    later(1, { outcome: 'hit', from: 1 }, { request: { to: '?a=1' } }),
  ),
  required(
    'unsafe-other-host',
    CLAUSE,
    'nor the same path of another host',
    fetched(FRESH.headers, {}, { headers: { Host: 'other.example' } }),
    does('POST'),
    later(1, { outcome: 'hit', from: 1 }, { request: { headers: { Host: 'other.example' } } }),
  ),
  optimal(
    'unsafe-location-relative',
    CLAUSE,
    'a relative Location is resolved',
    fetched(FRESH.headers, {}, { to: '/a/l' }),
    does('POST', { status: 201, headers: { Location: 'l' } }, '/a/b'),
    later(1, 'asked', { request: { to: '/a/l' }, origin: FRESH }),
  ),
  optimal(
    'unsafe-location-absolute',
    CLAUSE,
    'an absolute one of the same origin counts',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { status: 201, headers: { Location: '{url}/l' } }),
    later(1, 'asked', { request: { to: '/l' }, origin: FRESH }),
  ),
  optimal(
    'unsafe-location-fragment',
    CLAUSE,
    'a fragment in it does not',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { status: 201, headers: { Location: '{path}/l#x' } }),
    later(1, 'asked', { request: { to: '/l' }, origin: FRESH }),
  ),
  optimal(
    'unsafe-location-query',
    CLAUSE,
    'its query does',
    fetched(FRESH.headers, {}, { to: '/l?a=1' }),
    does('POST', { status: 201, headers: { Location: '{path}/l?a=1' } }),
    later(1, 'asked', { request: { to: '/l?a=1' }, origin: FRESH }),
  ),
  required(
    'unsafe-location-port',
    CLAUSE,
    'another port is another origin',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { status: 201, headers: { Location: 'http://127.0.0.1:1{path}/l' } }),
    later(1, 'hit', { request: { to: '/l' } }),
  ),
  required(
    'unsafe-location-scheme',
    CLAUSE,
    'another scheme too',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { status: 201, headers: { Location: 'https://127.0.0.1{path}/l' } }),
    later(1, 'hit', { request: { to: '/l' } }),
  ),
  required(
    'unsafe-content-location-origin',
    CLAUSE,
    'a Content-Location of another origin is left alone',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { headers: { 'Content-Location': 'http://other.example{path}/l' } }),
    later(1, 'hit', { request: { to: '/l' } }),
  ),
  optimal(
    'unsafe-failed-location',
    CLAUSE,
    'a Location of an error is left alone',
    fetched(FRESH.headers, {}, { to: '/l' }),
    does('POST', { status: 400, headers: { Location: '{path}/l' } }),
    later(1, 'hit', { request: { to: '/l' } }),
  ),
  required(
    'unsafe-not-answered',
    'RFC 9110 §9.3.3',
    'a stored GET answers no POST',
    fetched(FRESH.headers),
    later(1, 'asked', { request: { method: 'POST', body: 'x' } }),
  ),
  required(
    'unsafe-put-not-stored',
    'RFC 9111 §3',
    'the answer to a PUT answers no GET',
    now({ asked: 1 }, { request: { method: 'PUT', body: 'x' }, origin: FRESH }),
    later(1, 'fetched'),
  ),
  required(
    'unsafe-delete-not-stored',
    'RFC 9111 §3',
    'nor that to a DELETE',
    now({ asked: 1 }, { request: { method: 'DELETE' }, origin: FRESH }),
    later(1, 'fetched'),
  ),
  required(
    'unsafe-unknown-not-stored',
    'RFC 9111 §3',
    'nor that to a method that nobody has registered',
    now({ asked: 1 }, { request: { method: 'NOTIFY' }, origin: FRESH }),
    later(1, 'fetched'),
  ),
  required(
    'unsafe-status',
    'RFC 9211 §2.2',
    'Cache-Status says fwd=method',
    now(
      { asked: 1, cacheStatus: { fwd: 'method' } },
      { request: { method: 'DELETE' }, origin: { headers: {} } },
    ),
  ),
  required(
    'unsafe-body',
    'RFC 9110 §9.3.3',
    'content goes through both ways',
    now(
      { asked: 1, status: 201, body: 'created', headers: { Location: '/x' } },
      {
        request: { method: 'POST', body: 'x' },
        origin: { status: 201, body: 'created', headers: { Location: '/x' } },
      },
    ),
  ),
];

export const invalidation: Table = { topic: 'Invalidation', rows };

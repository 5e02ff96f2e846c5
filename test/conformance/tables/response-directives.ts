// The response directives of Cache-Control that restrict storing and reuse (RFC 9111 §5.2.2), and Pragma.

import {
  CLOSES,
  cc,
  fetched,
  later,
  notReused,
  now,
  optimal,
  type Row,
  required,
  reused,
  type Table,
} from '../row.ts';

const NO_STORE = 'RFC 9111 §5.2.2.5';
const NO_CACHE = 'RFC 9111 §5.2.2.4';
const PRIVATE = 'RFC 9111 §5.2.2.7';

const noStore: readonly Row[] = [
  ...notReused('no-store', NO_STORE, 0, [
    ['alone', cc('no-store'), 'no-store'],
    ['max-age', cc('no-store, max-age=100'), 'no-store with max-age'],
    ['last', cc('max-age=100, no-store'), 'no-store after max-age'],
    ['line', cc('max-age=100', 'no-store'), 'no-store on a second line'],
    ['expires', { 'Cache-Control': 'no-store', Expires: '{t+100}' }, 'no-store with Expires'],
    ['upper', cc('NO-STORE, max-age=100'), 'no-store in upper case'],
    ['mixed', cc('max-age=100, No-StOrE'), 'no-store in mixed case'],
    ['public', cc('public, s-maxage=100, no-store'), 'no-store beside public'],
    ['argument', cc('max-age=100, no-store=1'), 'no-store with an argument that it does not have'],
    ['quoted', cc('max-age=100, no-store=""'), 'no-store with an empty argument'],
    ['fields', cc('max-age=100, no-store="x-a"'), 'no-store with field names'],
    ['swr', cc('max-age=100, no-store, stale-while-revalidate=100'), 'no-store with stale-while-revalidate'],
  ]),
  required(
    'no-store-is-not-stored',
    NO_STORE,
    'Cache-Status does not say stored',
    now(
      { outcome: 'fetched', cacheStatusLacks: ['stored'] },
      { origin: { headers: cc('no-store, max-age=100') } },
    ),
  ),
  required(
    'no-store-not-for-error',
    NO_STORE,
    'nor is it there when the origin fails',
    fetched({ 'Cache-Control': 'no-store, max-age=100', ETag: '"a"' }),
    later(1, 'failed', { origin: CLOSES }),
  ),
  required(
    'no-store-replaces',
    NO_STORE,
    'no-store in place of a stale response is not reused',
    fetched(cc('max-age=10')),
    later(20, 'fetched', { origin: { headers: cc('no-store, max-age=100') } }),
    later(1, 'asked'),
  ),
  required(
    'no-store-after-304',
    NO_STORE,
    'no-store on a 304 ends the storing',
    fetched({ 'Cache-Control': 'max-age=10', ETag: '"a"' }),
    later(20, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'no-store' } },
    }),
    later(1, 'asked', { origin: { headers: {} } }),
  ),
];

const noCache: readonly Row[] = [
  ...notReused('no-cache', NO_CACHE, 0, [
    ['alone', cc('no-cache'), 'no-cache'],
    ['max-age', cc('no-cache, max-age=100'), 'no-cache with max-age'],
    ['last', cc('max-age=100, no-cache'), 'no-cache after max-age'],
    ['line', cc('max-age=100', 'no-cache'), 'no-cache on a second line'],
    ['expires', { 'Cache-Control': 'no-cache', Expires: '{t+100}' }, 'no-cache with Expires'],
    ['guess', { 'Cache-Control': 'no-cache', 'Last-Modified': '{t-100000}' }, 'no-cache with Last-Modified'],
    ['upper', cc('NO-CACHE, max-age=100'), 'no-cache in upper case'],
    ['mixed', cc('max-age=100, nO-cAcHe'), 'no-cache in mixed case'],
    ['public', cc('public, s-maxage=100, no-cache'), 'no-cache beside public'],
    ['empty', cc('max-age=100, no-cache=""'), 'an empty list of fields counts as none: no-cache'],
    ['broken', cc('max-age=100, no-cache="x a"'), 'a broken list of fields counts as none: no-cache'],
    [
      'swr',
      cc('max-age=1, no-cache, stale-while-revalidate=100'),
      'stale-while-revalidate does not lift no-cache',
    ],
    ['immutable', cc('max-age=100, no-cache, immutable'), 'immutable does not lift no-cache'],
  ]),
  optimal(
    'no-cache-validates',
    NO_CACHE,
    'no-cache is stored and validated before each reuse',
    fetched({ 'Cache-Control': 'no-cache', ETag: '"a"' }),
    later(1, { outcome: 'validated', asked: 1 }, { origin: { status: 304, headers: { ETag: '"a"' } } }),
    later(1, { outcome: 'validated', asked: 1 }),
  ),
  optimal(
    'no-cache-validates-fresh',
    NO_CACHE,
    'also with a lifetime',
    fetched({ 'Cache-Control': 'no-cache, max-age=100', ETag: '"a"' }),
    later(1, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  optimal(
    'no-cache-validates-date',
    NO_CACHE,
    'by Last-Modified too',
    fetched({ 'Cache-Control': 'no-cache', 'Last-Modified': '{t-1000}' }),
    later(1, 'validated', { origin: { status: 304, headers: { 'Last-Modified': '{t-1000}' } } }),
  ),
  required(
    'no-cache-closed',
    NO_CACHE,
    'no-cache is not reused when the origin cannot be reached',
    fetched({ 'Cache-Control': 'no-cache, max-age=100', ETag: '"a"' }),
    later(1, 'failed', { origin: CLOSES }),
  ),
  required(
    'no-cache-sie',
    NO_CACHE,
    'not even within stale-if-error',
    fetched({ 'Cache-Control': 'no-cache, max-age=100, stale-if-error=100', ETag: '"a"' }),
    later(1, 'failed', { origin: CLOSES }),
  ),
  required(
    'no-cache-503',
    NO_CACHE,
    'nor when it answers 503',
    fetched({ 'Cache-Control': 'no-cache, max-age=100, stale-if-error=100', ETag: '"a"' }),
    later(1, { outcome: 'asked', status: 503 }, { origin: { status: 503 } }),
  ),
  required(
    'no-cache-304-lifts',
    NO_CACHE,
    'no-cache on a 304 holds from then on',
    fetched({ 'Cache-Control': 'max-age=10', ETag: '"a"' }),
    later(20, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'no-cache, max-age=100' } },
    }),
    later(1, 'validated'),
  ),
  optimal(
    'no-cache-304-lifted',
    'RFC 9111 §3.2',
    'a 304 without it ends it',
    fetched({ 'Cache-Control': 'no-cache', ETag: '"a"' }),
    later(1, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'max-age=100' } },
    }),
    later(50, 'hit'),
  ),
];

const isPrivate: readonly Row[] = [
  ...notReused('private', PRIVATE, 0, [
    ['alone', cc('private'), 'private'],
    ['max-age', cc('private, max-age=100'), 'private with max-age'],
    ['last', cc('max-age=100, private'), 'private after max-age'],
    ['line', cc('max-age=100', 'private'), 'private on a second line'],
    ['expires', { 'Cache-Control': 'private', Expires: '{t+100}' }, 'private with Expires'],
    ['upper', cc('PRIVATE, max-age=100'), 'private in upper case'],
    ['mixed', cc('max-age=100, pRiVaTe'), 'private in mixed case'],
    ['s-maxage', cc('private, s-maxage=100'), 's-maxage does not lift private'],
    ['public', cc('public, private, max-age=100'), 'public does not lift private'],
    ['empty', cc('max-age=100, private=""'), 'an empty list of fields counts as none: private'],
    ['broken', cc('max-age=100, private="x a"'), 'a broken list of fields counts as none: private'],
    ['understood', cc('max-age=100, private, must-understand'), 'must-understand does not lift private'],
  ]),
];

const others: readonly Row[] = [
  ...reused('directive', 'RFC 9111 §5.2.2', 99, [
    ['public', cc('public, max-age=100'), 'public with max-age'],
    ['no-transform', cc('no-transform, max-age=100'), 'no-transform with max-age'],
    [
      'all-allowing',
      cc('public, max-age=100, must-understand, no-transform, immutable'),
      'all directives that forbid nothing',
    ],
  ]),
  ...reused('immutable', 'RFC 8246 §2', 99, [
    ['fresh', cc('max-age=100, immutable'), 'immutable is reused while fresh'],
  ]),
  ...notReused('immutable', 'RFC 8246 §2', 0, [['alone', cc('immutable'), 'immutable names no lifetime']]),
  required(
    'immutable-stale',
    'RFC 8246 §2',
    'immutable is validated when stale',
    fetched({ 'Cache-Control': 'max-age=10, immutable', ETag: '"a"' }),
    later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  optimal(
    'pragma-response',
    'RFC 9111 §5.4',
    "a response's Pragma: no-cache means nothing",
    fetched({ 'Cache-Control': 'max-age=100', Pragma: 'no-cache' }),
    later(99, 'hit'),
  ),
  optimal(
    'pragma-response-expires',
    'RFC 9111 §5.4',
    'not beside Expires either',
    fetched({ Expires: '{t+100}', Pragma: 'no-cache' }),
    later(99, 'hit'),
  ),
  optimal(
    'pragma-response-guess',
    'RFC 9111 §5.4',
    'nor where a lifetime is guessed',
    fetched({ 'Last-Modified': '{t-100000}', Pragma: 'no-cache' }),
    later(99, 'hit'),
  ),
  optimal(
    'pragma-response-other',
    'RFC 9111 §5.4',
    'nor any other Pragma',
    fetched({ 'Cache-Control': 'max-age=100', Pragma: 'x' }),
    later(99, { outcome: 'hit', headers: { Pragma: 'x' } }),
  ),
  required(
    'directives-passed-on',
    'RFC 9111 §5.2',
    'all directives are passed on',
    fetched(cc('max-age=100, unknown=1, no-transform')),
    later(1, { outcome: 'hit', headers: { 'Cache-Control': 'max-age=100, unknown=1, no-transform' } }),
  ),
  required(
    'no-transform-kept',
    'RFC 9111 §5.2.2.6',
    'content is never transformed',
    fetched(
      { 'Cache-Control': 'max-age=100, no-transform', 'Content-Type': 'text/html' },
      { body: '<p>  a  </p>' },
      { headers: { 'Accept-Encoding': 'gzip' } },
    ),
    later(
      1,
      { outcome: 'hit', headers: { 'Content-Encoding': null } },
      { request: { headers: { 'Accept-Encoding': 'gzip' } } },
    ),
  ),
];

export const responseDirectives: Table = {
  topic: 'Response directives',
  rows: [...noStore, ...noCache, ...isPrivate, ...others],
};

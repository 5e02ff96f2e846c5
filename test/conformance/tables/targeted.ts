// Targeted fields (RFC 9213): CDN-Cache-Control, and Surrogate-Control for habit.

import {
  ask,
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
  type Variation,
  withSettings,
} from '../row.ts';

const CACHES = 'RFC 9213 §2.2';

const cdn = (
  id: string,
  value: string | readonly string[],
  title: string,
  more: Record<string, string> = {},
): Variation => [id, { 'CDN-Cache-Control': value, ...more }, title];
const CC_LONG = { 'Cache-Control': 'max-age=1000' };
const CC_NO_STORE = { 'Cache-Control': 'no-store' };

const lifetimes: readonly Row[] = [
  ...reused(
    'cdn',
    CACHES,
    99,
    [
      cdn('max-age', 'max-age=100', 'max-age'),
      cdn('over-no-store', 'max-age=100', 'beats no-store in Cache-Control', CC_NO_STORE),
      cdn('over-private', 'max-age=100', 'beats private', { 'Cache-Control': 'private' }),
      cdn('over-no-cache', 'max-age=100', 'beats no-cache', { 'Cache-Control': 'no-cache' }),
      cdn('over-zero', 'max-age=100', 'beats max-age=0', { 'Cache-Control': 'max-age=0' }),
      cdn('over-s-maxage', 'max-age=100', 'beats s-maxage', { 'Cache-Control': 's-maxage=1' }),
      cdn('over-expires', 'max-age=100', 'beats Expires', { Expires: '0' }),
      cdn('over-broken', 'max-age=100', 'beats a Cache-Control that cannot be read', {
        'Cache-Control': 'no-store no-store',
      }),
    ],
    required,
  ),
  ...notReused('cdn', CACHES, 50, [
    cdn('shorter', 'max-age=10', 'a shorter lifetime holds', CC_LONG),
    cdn('zero', 'max-age=0', 'max-age=0 holds', CC_LONG),
    cdn('no-store', 'no-store', 'no-store holds', CC_LONG),
    cdn('no-store-max-age', 'max-age=100, no-store', 'no-store beside max-age', CC_LONG),
    cdn('no-cache', 'no-cache', 'no-cache holds', CC_LONG),
    cdn('no-cache-max-age', 'max-age=100, no-cache', 'no-cache beside max-age', CC_LONG),
    cdn('private', 'private, max-age=100', 'private holds', CC_LONG),
    cdn('ignores-max-age', 'must-revalidate', 'max-age of Cache-Control is not added', CC_LONG),
    cdn('ignores-expires', 'must-revalidate', 'nor is Expires', { Expires: '{t+1000}' }),
    cdn('unknown-only', 'none', 'a field with nothing known in it counts too', CC_LONG),
  ]),
  required(
    'cdn-over',
    CACHES,
    'the lifetime ends',
    fetched({ 'CDN-Cache-Control': 'max-age=100', ...CC_LONG }),
    later(100, 'asked'),
  ),
  required(
    'cdn-age',
    'RFC 9111 §4.2.3',
    'Age counts against it',
    fetched({ 'CDN-Cache-Control': 'max-age=100', Age: '40' }),
    later(60, 'asked'),
  ),
  optimal(
    'cdn-age-fresh',
    'RFC 9111 §4.2.3',
    'and leaves what is left',
    fetched({ 'CDN-Cache-Control': 'max-age=100', Age: '40' }),
    later(59, 'hit'),
  ),
  required(
    'cdn-age-all',
    'RFC 9111 §4.2.3',
    'an Age beyond it leaves nothing, whatever Cache-Control says',
    fetched({ 'CDN-Cache-Control': 'max-age=100', Age: '200', ...CC_LONG }),
    later(0, 'asked'),
  ),
  required(
    'cdn-old-date',
    'RFC 9111 §4.2.3',
    'so does an old Date',
    fetched({ 'CDN-Cache-Control': 'max-age=100', Date: '{t-60}' }),
    later(40, 'asked'),
  ),
  optimal(
    'cdn-none-guess',
    CACHES,
    'where it names no lifetime one is guessed, whatever Cache-Control says',
    fetched({ 'CDN-Cache-Control': 'none', 'Last-Modified': '{t-10000}', ...CC_NO_STORE }),
    later(999, 'hit'),
  ),
  optimal(
    'cdn-s-maxage',
    CACHES,
    's-maxage beats max-age in it too',
    fetched({ 'CDN-Cache-Control': 'max-age=1, s-maxage=100' }),
    later(99, 'hit'),
  ),
  optimal(
    'cdn-swr',
    'RFC 5861 §3',
    'stale-while-revalidate in it',
    fetched({ 'CDN-Cache-Control': 'max-age=10, stale-while-revalidate=100', ...CC_NO_STORE }),
    later(50, 'stale', { settle: true }),
  ),
  optimal(
    'cdn-sie',
    'RFC 5861 §4',
    'stale-if-error in it',
    fetched({ 'CDN-Cache-Control': 'max-age=10, stale-if-error=100', ...CC_NO_STORE }),
    later(50, 'stale', { origin: { status: 503 } }),
  ),
  required(
    'cdn-must-revalidate',
    'RFC 9111 §5.2.2.2',
    'must-revalidate in it',
    fetched({ 'CDN-Cache-Control': 'max-age=10, must-revalidate', ...CC_LONG }),
    later(50, 'failed', { origin: CLOSES }),
  ),
  optimal(
    'cdn-lifts-must-revalidate',
    CACHES,
    'must-revalidate of Cache-Control alone does not count',
    fetched({ 'CDN-Cache-Control': 'max-age=10', 'Cache-Control': 'max-age=10, must-revalidate' }),
    later(50, 'stale', { origin: CLOSES }),
  ),
  optimal(
    'cdn-no-cache-validates',
    'RFC 9111 §5.2.2.4',
    'no-cache in it: stored and validated',
    fetched({ 'CDN-Cache-Control': 'no-cache', ETag: '"a"', ...CC_LONG }),
    later(1, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  optimal(
    'cdn-private-fields',
    'RFC 9111 §5.2.2.7',
    'private="x-a" in it',
    fetched({ 'CDN-Cache-Control': 'max-age=100, private="x-a"', 'X-A': '1' }),
    later(1, { outcome: 'hit', headers: { 'X-A': null } }),
  ),
  required(
    'cdn-304',
    'RFC 9111 §3.2',
    'a 304 renews it',
    fetched({ 'CDN-Cache-Control': 'max-age=10', ETag: '"a"', ...CC_LONG }),
    later(20, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', 'CDN-Cache-Control': 'max-age=50' } },
    }),
    later(49, 'hit'),
    later(1, 'validated'),
  ),
  optimal(
    'cdn-404',
    'RFC 9111 §3',
    'it counts for a 404',
    fetched({ 'CDN-Cache-Control': 'max-age=100' }, { status: 404 }),
    later(99, 'hit'),
  ),
  required(
    'cdn-understand',
    'RFC 9111 §5.2.2.3',
    'must-understand in it',
    fetched({ 'CDN-Cache-Control': 'max-age=100, must-understand' }, { status: 599 }),
    later(1, 'asked'),
  ),
];

const others: readonly Row[] = [
  required(
    'cdn-passed-on',
    'RFC 9213 §3',
    'the field is passed on to clients',
    now(
      { outcome: 'fetched', headers: { 'CDN-Cache-Control': 'max-age=100' } },
      { origin: { headers: { 'CDN-Cache-Control': 'max-age=100' } } },
    ),
    later(1, { outcome: 'hit', headers: { 'CDN-Cache-Control': 'max-age=100' } }),
  ),
  required(
    'cdn-cc-passed-on',
    CACHES,
    'so are Cache-Control and Expires beside it',
    fetched({ 'CDN-Cache-Control': 'max-age=100', 'Cache-Control': 'max-age=5', Expires: '{t+7}' }),
    later(1, { outcome: 'hit', headers: { 'Cache-Control': 'max-age=5', Expires: '{t+7}' } }),
  ),
  ...withSettings(
    { cache: { passTargetedFields: false } },
    optimal(
      'cdn-removed',
      'RFC 9213 §3',
      'unless the operator has them removed',
      now(
        { outcome: 'fetched', headers: { 'CDN-Cache-Control': null } },
        { origin: { headers: { 'CDN-Cache-Control': 'max-age=100', ETag: '"a"' } } },
      ),
      later(1, { outcome: 'hit', headers: { 'CDN-Cache-Control': null } }),
      later(
        1,
        { status: 304, asked: 0, headers: { 'CDN-Cache-Control': null } },
        ask({ 'If-None-Match': '"a"' }),
      ),
    ),
  ),
  required(
    'cdn-request',
    'RFC 9213 §2',
    'in a request it means nothing',
    fetched(cc('max-age=100')),
    later(1, 'hit', ask({ 'CDN-Cache-Control': 'no-cache' })),
  ),
  required(
    'targeted-unlisted',
    CACHES,
    'a field for other caches means nothing',
    fetched({ 'Cache-Control': 'max-age=100', 'Other-Cache-Control': 'no-store' }),
    later(1, 'hit'),
  ),
  ...reused('surrogate', 'setting targetedFields', 99, [
    [
      'max-age',
      { 'Surrogate-Control': 'max-age=100', ...CC_NO_STORE },
      'Surrogate-Control: max-age beats Cache-Control',
    ],
    [
      'content',
      { 'Surrogate-Control': 'content="ESI/1.0", max-age=100' },
      'its content directive is ignored',
    ],
    [
      'after-cdn',
      { 'Surrogate-Control': 'no-store', 'CDN-Cache-Control': 'max-age=100' },
      'CDN-Cache-Control beats it',
    ],
    [
      'after-broken-cdn',
      { 'Surrogate-Control': 'max-age=100', 'CDN-Cache-Control': '&', ...CC_NO_STORE },
      'it counts beside a broken CDN-Cache-Control',
    ],
  ]),
  ...notReused('surrogate', 'setting targetedFields', 1, [
    ['no-store', { 'Surrogate-Control': 'no-store', ...CC_LONG }, 'Surrogate-Control: no-store holds'],
    ['zero', { 'Surrogate-Control': 'max-age=0', ...CC_LONG }, 'max-age=0 holds'],
  ]),
  ...withSettings(
    { cache: { targetedFields: ['Example-Cache-Control', 'CDN-Cache-Control'] } },
    required(
      'targeted-order',
      CACHES,
      'the first field of the list that is there counts',
      fetched({ 'Example-Cache-Control': 'max-age=10', 'CDN-Cache-Control': 'max-age=100' }),
      later(50, 'asked'),
    ),
    required(
      'targeted-order-next',
      CACHES,
      'a broken one gives way to the next',
      fetched({ 'Example-Cache-Control': '&', 'CDN-Cache-Control': 'max-age=100', ...CC_NO_STORE }),
      later(50, 'hit'),
    ),
    required(
      'targeted-not-listed',
      CACHES,
      'one that is not listed means nothing',
      fetched({ 'Surrogate-Control': 'no-store', 'Cache-Control': 'max-age=100' }),
      later(50, 'hit'),
    ),
  ),
];

export const targeted: Table = { topic: 'Targeted cache control', rows: [...lifetimes, ...others] };

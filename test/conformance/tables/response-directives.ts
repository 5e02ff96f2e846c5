// The response directives of Cache-Control that restrict storing and reuse (RFC 9111 §5.2.2), and Pragma.

import { ask, CLOSES, cc, deviating, fetched, later, notReused, now, optimal, required, reused, type Row, STRICT, type Table, withSettings } from '../row.ts';

const NO_STORE = 'RFC 9111 §5.2.2.5';
const NO_CACHE = 'RFC 9111 §5.2.2.4';
const PRIVATE = 'RFC 9111 §5.2.2.7';
const MUST_REVALIDATE = 'RFC 9111 §5.2.2.2';
const PROXY_REVALIDATE = 'RFC 9111 §5.2.2.8';

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
  required('no-store-is-not-stored', NO_STORE, 'Cache-Status does not say stored', now({ outcome: 'fetched', cacheStatusLacks: ['stored'] }, { origin: { headers: cc('no-store, max-age=100') } })),
  required('no-store-not-for-error', NO_STORE, 'nor is it there when the origin fails', fetched({ 'Cache-Control': 'no-store, max-age=100', ETag: '"a"' }), later(1, 'failed', { origin: CLOSES })),
  required('no-store-replaces', NO_STORE, 'no-store in place of a stale response is not reused', fetched(cc('max-age=10')), later(20, 'fetched', { origin: { headers: cc('no-store, max-age=100') } }), later(1, 'asked')),
  required('no-store-after-304', NO_STORE, 'no-store on a 304 ends the storing', fetched({ 'Cache-Control': 'max-age=10', ETag: '"a"' }), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'no-store' } } }), later(1, 'asked', { origin: { headers: {} } })),
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
    ['swr', cc('max-age=1, no-cache, stale-while-revalidate=100'), 'stale-while-revalidate does not lift no-cache'],
    ['immutable', cc('max-age=100, no-cache, immutable'), 'immutable does not lift no-cache'],
  ]),
  optimal('no-cache-validates', NO_CACHE, 'no-cache is stored and validated before each reuse', fetched({ 'Cache-Control': 'no-cache', ETag: '"a"' }), later(1, { outcome: 'validated', asked: 1 }, { origin: { status: 304, headers: { ETag: '"a"' } } }), later(1, { outcome: 'validated', asked: 1 })),
  optimal('no-cache-validates-fresh', NO_CACHE, 'also with a lifetime', fetched({ 'Cache-Control': 'no-cache, max-age=100', ETag: '"a"' }), later(1, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } })),
  optimal('no-cache-validates-date', NO_CACHE, 'by Last-Modified too', fetched({ 'Cache-Control': 'no-cache', 'Last-Modified': '{t-1000}' }), later(1, 'validated', { origin: { status: 304, headers: { 'Last-Modified': '{t-1000}' } } })),
  required('no-cache-closed', NO_CACHE, 'no-cache is not reused when the origin cannot be reached', fetched({ 'Cache-Control': 'no-cache, max-age=100', ETag: '"a"' }), later(1, 'failed', { origin: CLOSES })),
  required('no-cache-sie', NO_CACHE, 'not even within stale-if-error', fetched({ 'Cache-Control': 'no-cache, max-age=100, stale-if-error=100', ETag: '"a"' }), later(1, 'failed', { origin: CLOSES })),
  required('no-cache-503', NO_CACHE, 'nor when it answers 503', fetched({ 'Cache-Control': 'no-cache, max-age=100, stale-if-error=100', ETag: '"a"' }), later(1, { outcome: 'asked', status: 503 }, { origin: { status: 503 } })),
  required('no-cache-304-lifts', NO_CACHE, 'no-cache on a 304 holds from then on', fetched({ 'Cache-Control': 'max-age=10', ETag: '"a"' }), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'no-cache, max-age=100' } } }), later(1, 'validated')),
  optimal('no-cache-304-lifted', 'RFC 9111 §3.2', 'a 304 without it ends it', fetched({ 'Cache-Control': 'no-cache', ETag: '"a"' }), later(1, 'validated', { origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'max-age=100' } } }), later(50, 'hit')),
];

const qualified: readonly Row[] = (['no-cache', 'private'] as const).flatMap((directive): Row[] => {
  const clause = directive === 'private' ? PRIVATE : NO_CACHE;
  const headers = (value: string): Record<string, string> => ({ 'Cache-Control': `max-age=100, ${directive}${value}`, 'X-A': '1', 'X-B': '2' });
  const hit = (a: string | null, b: string | null) => later(1, { outcome: 'hit', headers: { 'X-A': a, 'X-B': b } });
  return [
    optimal(`${directive}-field`, clause, `${directive}="x-a": the rest is reused, the field is not`, fetched(headers('="x-a"')), hit(null, '2')),
    optimal(`${directive}-field-token`, 'RFC 9111 §5.2', `${directive}=x-a as a token`, fetched(headers('=x-a')), hit(null, '2')),
    optimal(`${directive}-field-case`, clause, `field names of ${directive} in any case`, fetched(headers('="X-a"')), hit(null, '2')),
    optimal(`${directive}-fields`, clause, `several field names of ${directive}`, fetched(headers('="x-a, X-B"')), hit(null, null)),
    optimal(`${directive}-absent-field`, clause, `a field of ${directive} that is not there`, fetched(headers('="x-c"')), hit('1', '2')),
    required(`${directive}-first-client`, clause, `the client that was fetched for gets the field of ${directive}`, now({ outcome: 'fetched', headers: { 'X-A': '1' } }, { origin: { headers: headers('="x-a"') } })),
    required(`${directive}-field-twice`, clause, `a qualified and a plain ${directive}: the plain one holds`, fetched(headers(`="x-a", ${directive}`)), later(1, 'asked')),
    required(`${directive}-field-and-no-store`, NO_STORE, `a qualified ${directive} beside no-store`, fetched(headers('="x-a", no-store')), later(1, 'asked')),
  ];
});

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

const revalidate = (
  [
    ['must-revalidate', MUST_REVALIDATE],
    ['proxy-revalidate', PROXY_REVALIDATE],
    ['s-maxage=10', 'RFC 9111 §5.2.2.10'],
  ] as const
).flatMap(([directive, clause]): Row[] => {
  const id = directive.replace('=10', '');
  const headers = (more = ''): Record<string, string> => ({ 'Cache-Control': `max-age=10, ${directive}${more}`, ETag: '"a"' });
  return [
    optimal(`stale-${id}-fresh`, clause, `${directive} is reused while fresh`, fetched(headers()), later(9, 'hit')),
    required(`stale-${id}-asks`, clause, `${directive} is validated when stale`, fetched(headers()), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } })),
    required(`stale-${id}-closed`, clause, `${directive} is not reused stale when the origin cannot be reached`, fetched(headers()), later(20, 'failed', { origin: CLOSES })),
    required(`stale-${id}-503`, clause, `${directive} is not reused stale when the origin answers 503`, fetched(headers()), later(20, { outcome: 'asked', status: 503 }, { origin: { status: 503 } })),
    required(`stale-${id}-sie-closed`, clause, `stale-if-error does not lift ${directive}`, fetched(headers(', stale-if-error=100')), later(20, 'failed', { origin: CLOSES })),
    required(`stale-${id}-sie-503`, clause, `stale-if-error does not lift ${directive} for a 503`, fetched(headers(', stale-if-error=100')), later(20, { outcome: 'asked', status: 503 }, { origin: { status: 503 } })),
    required(`stale-${id}-swr`, clause, `stale-while-revalidate does not lift ${directive}`, fetched(headers(', stale-while-revalidate=100')), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } })),
    required(`stale-${id}-max-stale`, clause, `a client's max-stale does not lift ${directive}`, fetched(headers()), later(20, 'validated', { ...ask(cc('max-stale=100')), origin: { status: 304, headers: { ETag: '"a"' } } })),
    required(`stale-${id}-client-sie`, clause, `a client's stale-if-error does not lift ${directive}`, fetched(headers()), later(20, 'failed', { ...ask(cc('stale-if-error=100')), origin: CLOSES })),
    optimal(`stale-${id}-case`, 'RFC 9111 §5.2', `${directive} in upper case`, fetched({ 'Cache-Control': `MAX-AGE=10, ${directive.toUpperCase()}` }), later(9, 'hit'), later(20, 'failed', { origin: CLOSES })),
  ];
});

const others: readonly Row[] = [
  ...reused('directive', 'RFC 9111 §5.2.2', 99, [
    ['public', cc('public, max-age=100'), 'public with max-age'],
    ['no-transform', cc('no-transform, max-age=100'), 'no-transform with max-age'],
    ['all-allowing', cc('public, max-age=100, must-understand, no-transform, immutable'), 'all directives that forbid nothing'],
  ]),
  ...reused('immutable', 'RFC 8246 §2', 99, [['fresh', cc('max-age=100, immutable'), 'immutable is reused while fresh']]),
  ...notReused('immutable', 'RFC 8246 §2', 0, [['alone', cc('immutable'), 'immutable names no lifetime']]),
  required('immutable-stale', 'RFC 8246 §2', 'immutable is validated when stale', fetched({ 'Cache-Control': 'max-age=10, immutable', ETag: '"a"' }), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } })),
  optimal('pragma-response', 'RFC 9111 §5.4', "a response's Pragma: no-cache means nothing", fetched({ 'Cache-Control': 'max-age=100', Pragma: 'no-cache' }), later(99, 'hit')),
  optimal('pragma-response-expires', 'RFC 9111 §5.4', 'not beside Expires either', fetched({ Expires: '{t+100}', Pragma: 'no-cache' }), later(99, 'hit')),
  optimal('pragma-response-guess', 'RFC 9111 §5.4', 'nor where a lifetime is guessed', fetched({ 'Last-Modified': '{t-100000}', Pragma: 'no-cache' }), later(99, 'hit')),
  optimal('pragma-response-other', 'RFC 9111 §5.4', 'nor any other Pragma', fetched({ 'Cache-Control': 'max-age=100', Pragma: 'x' }), later(99, { outcome: 'hit', headers: { Pragma: 'x' } })),
  required('directives-passed-on', 'RFC 9111 §5.2', 'all directives are passed on', fetched(cc('max-age=100, unknown=1, no-transform')), later(1, { outcome: 'hit', headers: { 'Cache-Control': 'max-age=100, unknown=1, no-transform' } })),
  required('no-transform-kept', 'RFC 9111 §5.2.2.6', 'content is never transformed', fetched({ 'Cache-Control': 'max-age=100, no-transform', 'Content-Type': 'text/html' }, { body: '<p>  a  </p>' }, { headers: { 'Accept-Encoding': 'gzip' } }), later(1, { outcome: 'hit', headers: { 'Content-Encoding': null } }, { request: { headers: { 'Accept-Encoding': 'gzip' } } })),
];

const cookies: readonly Row[] = [
  deviating(
    'A response with Set-Cookie is not stored unless a route says so (`storeSetCookie`, `strict`): it may be for one user.',
    optimal('set-cookie', 'RFC 9111 §7.3', 'Set-Cookie with a lifetime', fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' }), later(1, 'asked')),
  ),
  deviating(
    'A response with Set-Cookie is not stored unless a route says so, whatever else its fields say.',
    optimal('set-cookie-public', 'RFC 9111 §7.3', 'Set-Cookie with public', fetched({ 'Cache-Control': 'public, s-maxage=100', 'Set-Cookie': 'a=b' }), later(1, 'asked')),
  ),
  optimal('set-cookie-field', NO_CACHE, 'no-cache="set-cookie" allows the rest to be reused', fetched({ 'Cache-Control': 'max-age=100, no-cache="set-cookie"', 'Set-Cookie': 'a=b' }), later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } })),
  optimal('set-cookie-private', PRIVATE, 'so does private="set-cookie"', fetched({ 'Cache-Control': 'max-age=100, private="Set-Cookie"', 'Set-Cookie': 'a=b' }), later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } })),
  ...withSettings(
    STRICT,
    optimal('set-cookie-strict', 'RFC 9111 §7.3', 'under strict Set-Cookie is stored as the RFC allows', fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': ['a=b', 'c=d'] }), later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=b, c=d' } })),
    required('set-cookie-strict-no-store', NO_STORE, 'not where no-store forbids it', fetched({ 'Cache-Control': 'max-age=100, no-store', 'Set-Cookie': 'a=b' }), later(1, 'asked')),
    required('set-cookie-strict-private', PRIVATE, 'nor where private does', fetched({ 'Cache-Control': 'max-age=100, private', 'Set-Cookie': 'a=b' }), later(1, 'asked')),
    required('set-cookie-strict-none', 'RFC 9111 §4.2', 'nor does Set-Cookie name a lifetime', fetched({ 'Set-Cookie': 'a=b' }), later(1, 'asked')),
  ),
  ...withSettings(
    { cache: { storeSetCookie: true } },
    optimal('set-cookie-stored', 'RFC 9111 §7.3', 'under storeSetCookie too', fetched({ 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' }), later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=b' } })),
  ),
  ...withSettings(
    { cache: { stripSetCookie: true } },
    optimal('set-cookie-stripped', 'RFC 9111 §7.3', 'under stripSetCookie the rest is stored', now({ outcome: 'fetched', headers: { 'Set-Cookie': null } }, { origin: { headers: { 'Cache-Control': 'max-age=100', 'Set-Cookie': 'a=b' } } }), later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } })),
  ),
  optimal('cookie-request', 'RFC 9111 §4.1', "a request's Cookie does not keep it from the store", fetched(cc('max-age=100'), {}, { headers: { Cookie: 'a=b' } }), later(1, 'hit', ask({ Cookie: 'c=d' }))),
];

export const responseDirectives: Table = {
  topic: 'Response directives',
  rows: [...noStore, ...noCache, ...qualified, ...isPrivate, ...revalidate, ...others, ...cookies],
};

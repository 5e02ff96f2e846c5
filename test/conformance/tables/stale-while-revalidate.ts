// stale-while-revalidate: served at once, refreshed behind (RFC 5861 §3).

import {
  type Answer,
  ask,
  CLOSES,
  cc,
  fetched,
  later,
  optimal,
  type Row,
  required,
  type Table,
} from '../row.ts';

const SWR = 'RFC 5861 §3';

const swr = (value = 'stale-while-revalidate=100') => ({
  'Cache-Control': `max-age=10, ${value}`,
  ETag: '"a"',
});
const NEW: Answer = { headers: { ...swr(), ETag: '"b"' } };
const confirmed: { origin: Answer } = { origin: { status: 304, headers: { ETag: '"a"' } } };
const behind = (seconds: number, origin: Answer, more = {}) =>
  later(
    seconds,
    { outcome: 'stale', headers: { 'Cache-Status': /; hit; ttl=(?:0|-\d+);/ }, asked: 1, ...more },
    { origin, settle: true },
  );

const whileRevalidating: readonly Row[] = [
  optimal(
    'swr',
    SWR,
    'a stale response is served at once, the origin asked behind it',
    fetched(swr()),
    behind(50, confirmed.origin),
  ),
  optimal(
    'swr-new',
    SWR,
    'the next client gets what came',
    fetched(swr()),
    behind(50, NEW),
    later(1, { outcome: 'hit', from: 2 }),
  ),
  optimal(
    'swr-validates',
    SWR,
    'with a condition',
    fetched(swr()),
    behind(50, confirmed.origin, { forwarded: { 'If-None-Match': '"a"' } }),
    later(5, { outcome: 'hit', from: 1 }),
  ),
  optimal('swr-first', SWR, 'from the first stale second', fetched(swr()), behind(10, confirmed.origin)),
  optimal('swr-last', SWR, 'to the last of the window', fetched(swr()), behind(109, confirmed.origin)),
  required('swr-over', SWR, 'not beyond the window', fetched(swr()), later(110, 'validated', confirmed)),
  required(
    'swr-zero',
    SWR,
    'nor within one of nothing',
    fetched(swr('stale-while-revalidate=0')),
    later(10, 'validated', confirmed),
  ),
  optimal(
    'swr-case',
    'RFC 9111 §5.2',
    'in upper case',
    fetched(swr('STALE-WHILE-REVALIDATE=100')),
    behind(50, confirmed.origin),
  ),
  optimal(
    'swr-quoted',
    'RFC 9111 §5.2',
    'as a quoted string',
    fetched(swr('stale-while-revalidate="100"')),
    behind(50, confirmed.origin),
  ),
  required(
    'swr-broken',
    SWR,
    'a broken value opens no window',
    fetched(swr('stale-while-revalidate=x')),
    later(50, 'validated', confirmed),
  ),
  required(
    'swr-negative',
    SWR,
    'nor does a negative one',
    fetched(swr('stale-while-revalidate=-100')),
    later(50, 'validated', confirmed),
  ),
  required(
    'swr-bare',
    SWR,
    'nor none',
    fetched(swr('stale-while-revalidate')),
    later(50, 'validated', confirmed),
  ),
  required(
    'swr-age',
    'RFC 9111 §4.2.3',
    'the age that it came with counts',
    fetched({ ...swr(), Age: '90' }),
    later(20, 'validated', confirmed),
  ),
  required(
    'swr-client-no-cache',
    'RFC 9111 §5.2.1.4',
    "not against a client's no-cache",
    fetched(swr()),
    later(50, 'validated', { ...ask(cc('no-cache')), ...confirmed }),
  ),
  optimal(
    'swr-client-max-age',
    'RFC 9111 §5.2.1.1',
    "nor against a client's max-age",
    fetched(swr()),
    later(50, 'validated', { ...ask(cc('max-age=20')), ...confirmed }),
  ),
  optimal(
    'swr-head',
    SWR,
    'for a HEAD too',
    fetched(swr()),
    later(
      50,
      { status: 200, body: '', cacheStatus: { hit: true } },
      { request: { method: 'HEAD' }, origin: NEW, settle: true },
    ),
  ),
  optimal(
    'swr-conditional',
    SWR,
    'a condition is answered from the stale response',
    fetched(swr()),
    later(
      50,
      { status: 304, cacheStatus: { hit: true } },
      { ...ask({ 'If-None-Match': '"a"' }), ...confirmed, settle: true },
    ),
  ),
  optimal(
    'swr-range',
    SWR,
    'so is a range',
    fetched(swr(), { body: '0123456789' }),
    later(
      50,
      { status: 206, body: '01', cacheStatus: { hit: true } },
      { ...ask({ Range: 'bytes=0-1' }), ...confirmed, settle: true },
    ),
  ),
  optimal(
    'swr-only-if-cached',
    SWR,
    'also where only what is stored is wanted',
    fetched(swr()),
    later(50, 'stale', { ...ask(cc('only-if-cached')), ...confirmed, settle: true }),
  ),
  optimal(
    'swr-backs-off',
    SWR,
    'after a failure behind it the origin is left in peace for a while',
    fetched(swr()),
    behind(20, { status: 503 }),
    later(0, { outcome: 'stale', from: 1, asked: 0 }, { settle: true }),
  ),
  optimal(
    'swr-tries-again',
    SWR,
    'then asked again',
    fetched(swr()),
    behind(20, { status: 503 }),
    later(5, { outcome: 'stale', from: 1, asked: 1 }, { origin: NEW, settle: true }),
    later(0, { outcome: 'hit', from: 3 }),
  ),
  optimal(
    'swr-closed',
    SWR,
    'a refresh that fails leaves what is stored',
    fetched(swr()),
    later(20, 'stale', { origin: CLOSES, settle: true }),
    later(5, { outcome: 'stale', from: 1 }, { ...confirmed, settle: true }),
  ),
  optimal(
    'swr-no-store',
    'RFC 9111 §5.2.2.5',
    'a refresh that brings no-store ends the storing',
    fetched(swr()),
    behind(20, { headers: cc('no-store') }),
    later(1, 'asked', { origin: { headers: {} } }),
  ),
  required(
    'swr-404',
    SWR,
    'one that brings a 404 replaces what is stored',
    fetched(swr()),
    behind(20, { status: 404, headers: cc('max-age=100') }),
    later(1, { outcome: 'hit', from: 2 }),
  ),
  optimal(
    'swr-one',
    SWR,
    'many clients at once cause one refresh',
    fetched(swr()),
    later(50, { outcome: 'stale', asked: 1 }, { together: 5, ...confirmed, settle: true }),
  ),
];

export const staleWhileRevalidate: Table = { topic: 'stale-while-revalidate', rows: whileRevalidating };

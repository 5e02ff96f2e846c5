// Serving stale: stale-while-revalidate, stale-if-error, and an origin that cannot be reached (RFC 5861, RFC 9111 §4.2.4).

import { type Answer, ask, CLOSES, cc, deviating, fetched, later, optimal, required, type Row, type Table, withSettings } from '../row.ts';

const SWR = 'RFC 5861 §3';
const SIE = 'RFC 5861 §4';
const STALE = 'RFC 9111 §4.2.4';
const ERRORS = [500, 502, 503, 504];
const NO_ERRORS = [400, 404, 410, 429, 501, 505];

const swr = (value = 'stale-while-revalidate=100') => ({ 'Cache-Control': `max-age=10, ${value}`, ETag: '"a"' });
const NEW: Answer = { headers: { ...swr(), ETag: '"b"' } };
const confirmed: { origin: Answer } = { origin: { status: 304, headers: { ETag: '"a"' } } };
const behind = (seconds: number, origin: Answer, more = {}) => later(seconds, { outcome: 'stale', headers: { 'Cache-Status': /; hit; ttl=(?:0|-\d+);/ }, asked: 1, ...more }, { origin, settle: true });

const whileRevalidating: readonly Row[] = [
  optimal('swr', SWR, 'a stale response is served at once, the origin asked behind it', fetched(swr()), behind(50, confirmed.origin)),
  optimal('swr-new', SWR, 'the next client gets what came', fetched(swr()), behind(50, NEW), later(1, { outcome: 'hit', from: 2 })),
  optimal('swr-validates', SWR, 'with a condition', fetched(swr()), behind(50, confirmed.origin, { forwarded: { 'If-None-Match': '"a"' } }), later(5, { outcome: 'hit', from: 1 })),
  optimal('swr-first', SWR, 'from the first stale second', fetched(swr()), behind(10, confirmed.origin)),
  optimal('swr-last', SWR, 'to the last of the window', fetched(swr()), behind(109, confirmed.origin)),
  required('swr-over', SWR, 'not beyond the window', fetched(swr()), later(110, 'validated', confirmed)),
  required('swr-zero', SWR, 'nor within one of nothing', fetched(swr('stale-while-revalidate=0')), later(10, 'validated', confirmed)),
  optimal('swr-case', 'RFC 9111 §5.2', 'in upper case', fetched(swr('STALE-WHILE-REVALIDATE=100')), behind(50, confirmed.origin)),
  optimal('swr-quoted', 'RFC 9111 §5.2', 'as a quoted string', fetched(swr('stale-while-revalidate="100"')), behind(50, confirmed.origin)),
  required('swr-broken', SWR, 'a broken value opens no window', fetched(swr('stale-while-revalidate=x')), later(50, 'validated', confirmed)),
  required('swr-negative', SWR, 'nor does a negative one', fetched(swr('stale-while-revalidate=-100')), later(50, 'validated', confirmed)),
  required('swr-bare', SWR, 'nor none', fetched(swr('stale-while-revalidate')), later(50, 'validated', confirmed)),
  required('swr-age', 'RFC 9111 §4.2.3', 'the age that it came with counts', fetched({ ...swr(), Age: '90' }), later(20, 'validated', confirmed)),
  required('swr-client-no-cache', 'RFC 9111 §5.2.1.4', "not against a client's no-cache", fetched(swr()), later(50, 'validated', { ...ask(cc('no-cache')), ...confirmed })),
  optimal('swr-client-max-age', 'RFC 9111 §5.2.1.1', "nor against a client's max-age", fetched(swr()), later(50, 'validated', { ...ask(cc('max-age=20')), ...confirmed })),
  optimal('swr-head', SWR, 'for a HEAD too', fetched(swr()), later(50, { status: 200, body: '', cacheStatus: { hit: true } }, { request: { method: 'HEAD' }, origin: NEW, settle: true })),
  optimal('swr-conditional', SWR, 'a condition is answered from the stale response', fetched(swr()), later(50, { status: 304, cacheStatus: { hit: true } }, { ...ask({ 'If-None-Match': '"a"' }), ...confirmed, settle: true })),
  optimal('swr-range', SWR, 'so is a range', fetched(swr(), { body: '0123456789' }), later(50, { status: 206, body: '01', cacheStatus: { hit: true } }, { ...ask({ Range: 'bytes=0-1' }), ...confirmed, settle: true })),
  optimal('swr-only-if-cached', SWR, 'also where only what is stored is wanted', fetched(swr()), later(50, 'stale', { ...ask(cc('only-if-cached')), ...confirmed, settle: true })),
  optimal('swr-backs-off', SWR, 'after a failure behind it the origin is left in peace for a while', fetched(swr()), behind(20, { status: 503 }), later(0, { outcome: 'stale', from: 1, asked: 0 }, { settle: true })),
  optimal('swr-tries-again', SWR, 'then asked again', fetched(swr()), behind(20, { status: 503 }), later(5, { outcome: 'stale', from: 1, asked: 1 }, { ...NEW_SCRIPT(), settle: true }), later(0, { outcome: 'hit', from: 3 })),
  optimal('swr-closed', SWR, 'a refresh that fails leaves what is stored', fetched(swr()), later(20, 'stale', { origin: CLOSES, settle: true }), later(5, { outcome: 'stale', from: 1 }, { ...confirmed, settle: true })),
  required('swr-no-store', 'RFC 9111 §5.2.2.5', 'a refresh that brings no-store ends the storing', fetched(swr()), behind(20, { headers: cc('no-store') }), later(1, 'asked', { origin: { headers: {} } })),
  required('swr-404', SWR, 'one that brings a 404 replaces what is stored', fetched(swr()), behind(20, { status: 404, headers: cc('max-age=100') }), later(1, { outcome: 'hit', from: 2 })),
  optimal('swr-one', SWR, 'many clients at once cause one refresh', fetched(swr()), later(50, { outcome: 'stale', asked: 1 }, { together: 5, ...confirmed, settle: true })),
];

/** A step's script alone. */
function NEW_SCRIPT(): { origin: Answer } {
  return { origin: NEW };
}

const sie = (value = 'stale-if-error=100') => ({ 'Cache-Control': `max-age=10, ${value}`, ETag: '"a"' });
const STANDS_IN = { outcome: 'stale', from: 1, cacheStatus: { detail: 'stale-if-error' } } as const;

const ifError: readonly Row[] = [
  ...ERRORS.map((status) => optimal(`sie-${status}`, SIE, `a ${status} is replaced by the stale response`, fetched(sie()), later(50, STANDS_IN, { origin: { status } }))),
  ...NO_ERRORS.map((status) => required(`sie-not-${status}`, SIE, `a ${status} is no error of the origin's health and is passed on`, fetched(sie()), later(50, { outcome: 'fetched', status }, { origin: { status } }))),
  optimal('sie-closed', SIE, 'a connection that is closed counts as an error', fetched(sie()), later(50, STANDS_IN, { origin: CLOSES })),
  optimal('sie-garbage', SIE, 'so does an answer that is no HTTP', fetched(sie()), later(50, STANDS_IN, { origin: { play: 'bytes', bytes: 'hello\r\n\r\n' } })),
  optimal('sie-last', SIE, 'to the last second of the window', fetched(sie()), later(109, STANDS_IN, { origin: { status: 503 } })),
  required('sie-over', SIE, 'not beyond the window', fetched(sie()), later(110, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
  required('sie-over-closed', SIE, 'not beyond the window for a closed connection either', fetched(sie()), later(110, 'failed', { origin: CLOSES })),
  required('sie-zero', SIE, 'a window of nothing', fetched(sie('stale-if-error=0')), later(10, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
  required('sie-broken', SIE, 'a broken value opens no window', fetched(sie('stale-if-error=x')), later(50, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
  optimal('sie-quoted', 'RFC 9111 §5.2', 'as a quoted string', fetched(sie('stale-if-error="100"')), later(50, STANDS_IN, { origin: { status: 503 } })),
  optimal('sie-case', 'RFC 9111 §5.2', 'in upper case', fetched(sie('STALE-IF-ERROR=100')), later(50, STANDS_IN, { origin: { status: 503 } })),
  optimal('sie-asks-first', SIE, 'while the origin answers it is asked', fetched(sie()), later(50, 'validated', confirmed)),
  optimal('sie-error-not-stored', SIE, 'the error that was replaced is not stored', fetched(sie()), later(50, STANDS_IN, { origin: { status: 503, headers: cc('max-age=100') } }), later(1, 'validated', confirmed)),
  optimal('sie-head', SIE, 'for a HEAD too', fetched(sie()), later(50, { status: 200, body: '', cacheStatus: { detail: 'stale-if-error' } }, { request: { method: 'HEAD' }, origin: { status: 503 } })),
  required('sie-client-no-cache', 'RFC 9111 §5.2.1.4', "not against a client's no-cache", fetched(sie()), later(50, { outcome: 'fetched', status: 503 }, { ...ask(cc('no-cache')), origin: { status: 503 } })),
  optimal('sie-together', SIE, 'every client that waits gets it', fetched(sie()), later(50, STANDS_IN, { together: 4, origin: { status: 503 } })),
  required('sie-post', 'RFC 9111 §4', 'it answers no POST', fetched(sie()), later(50, { status: 503, asked: 1 }, { request: { method: 'POST', body: 'x' }, origin: { status: 503 } })),
  required('sie-ttl', 'RFC 9211 §2.4', 'ttl in Cache-Status is negative', fetched(sie()), later(50, { outcome: 'stale', cacheStatus: { fwd: 'stale', fwdStatus: 503, ttl: -40 } }, { origin: { status: 503 } })),
];

const unreachable: readonly Row[] = [
  optimal('stale-closed', STALE, 'where the origin cannot be reached a stale response is served if nothing forbids it', fetched(cc('max-age=10')), later(50, 'stale', { origin: CLOSES })),
  optimal('stale-closed-expires', STALE, 'by Expires too', fetched({ Expires: '{t+10}' }), later(50, 'stale', { origin: CLOSES })),
  optimal('stale-closed-guess', STALE, 'with a guessed lifetime too', fetched({ 'Last-Modified': '{t-100}' }), later(50, 'stale', { origin: CLOSES })),
  optimal('stale-closed-404', STALE, 'a stored 404 too', fetched(cc('max-age=10'), { status: 404 }), later(50, 'stale', { origin: CLOSES })),
  optimal('stale-closed-again', STALE, 'it stays for the next failure', fetched(cc('max-age=10')), later(50, 'stale', { origin: CLOSES }), later(50, { outcome: 'stale', from: 1 })),
  optimal('stale-closed-recovers', STALE, 'and is replaced when the origin is back', fetched(cc('max-age=10')), later(50, 'stale', { origin: CLOSES }), later(1, 'fetched', { origin: { headers: cc('max-age=10') } })),
  optimal('stale-closed-reset', STALE, 'a connection reset is no answer either', fetched(cc('max-age=10')), later(50, 'stale', { origin: CLOSES })),
  required('stale-closed-nothing', 'RFC 9110 §15.6.3', 'with nothing stored the client hears of the failure', { origin: CLOSES, expect: 'failed' }),
  required('stale-503-nothing', 'RFC 9110 §15.6.4', 'with nothing stored a 503 is passed on', { origin: { status: 503 }, expect: { outcome: 'fetched', status: 503 } }),
  optimal('stale-no-warning', 'RFC 9111 §5.5', 'no Warning is written', fetched(cc('max-age=10')), later(50, { outcome: 'stale', headers: { Warning: null } }, { origin: CLOSES })),
  deviating(
    'Without stale-if-error a 5xx of the origin is passed on: it may be meant (RFC 9111 §4.3.3 allows either). The setting staleIfError opens a window for all.',
    optimal('stale-503', 'RFC 9111 §4.3.3', 'a 503 where no stale-if-error names a window', fetched(cc('max-age=10')), later(50, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
  ),
  ...withSettings(
    { cache: { staleIfError: '100s', staleWhileRevalidate: '50s' } },
    optimal('stale-503-setting', SIE, 'staleIfError opens a window', fetched(cc('max-age=10')), later(80, STANDS_IN, { origin: { status: 503 } })),
    optimal('stale-swr-setting', SWR, 'staleWhileRevalidate opens one', fetched(cc('max-age=10')), later(40, { outcome: 'stale', from: 1 }, { settle: true })),
    required('stale-setting-must-revalidate', 'RFC 9111 §5.2.2.2', 'neither lifts must-revalidate', fetched(cc('max-age=10, must-revalidate')), later(40, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
    required('stale-setting-no-cache', 'RFC 9111 §5.2.2.4', 'nor no-cache', fetched({ ...cc('no-cache, max-age=10'), ETag: '"a"' }), later(40, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } })),
  ),
];

export const stale: Table = { topic: 'Serving stale', rows: [...whileRevalidating, ...ifError, ...unreachable] };

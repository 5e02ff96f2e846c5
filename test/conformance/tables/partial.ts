// Partial responses stored, reused, combined and completed (RFC 9111 §3.3, §3.4).

import { type Answer, type Expect, fetched, later, now, optimal, required, type Row, type Table } from '../row.ts';

const STORING = 'RFC 9111 §3.3';
const COMBINING = 'RFC 9111 §3.4';
const DATA = '0123456789';
const HEADERS = { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Content-Type': 'text/plain' };

/** A 206 with bytes first to last of ten. */
const part = (first: number, last: number, headers: Record<string, string> = HEADERS, complete: number | '*' = 10): Answer => ({
  status: 206,
  headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${complete}` },
  body: DATA.slice(first, last + 1),
});
const range = (value: string) => ({ request: { headers: { Range: `bytes=${value}` } } });
const gets = (answer: Answer, value: string, body?: string) => now({ status: 206, asked: 1, ...(body === undefined ? {} : { body }) }, { ...range(value), origin: answer });
const from = (first: number, last: number): Expect => ({ status: 206, asked: 0, body: DATA.slice(first, last + 1), headers: { 'Content-Range': `bytes ${first}-${last}/10` }, cacheStatus: { hit: true } });
const FULL: Expect = { status: 200, body: DATA, headers: { 'Content-Range': null, 'Content-Length': '10' } };
const WHOLE: Answer = { headers: HEADERS, body: DATA };

const reusing: readonly Row[] = [
  optimal('part-same', STORING, 'a stored part answers the same range', gets(part(0, 4), '0-4', '01234'), later(1, from(0, 4), range('0-4'))),
  optimal('part-within', STORING, 'and a range within it', gets(part(2, 8), '2-8'), later(1, from(3, 5), range('3-5'))),
  optimal('part-first-byte', STORING, 'its first byte', gets(part(2, 8), '2-8'), later(1, from(2, 2), range('2-2'))),
  optimal('part-suffix', STORING, 'a suffix that it holds', gets(part(5, 9), '5-'), later(1, from(8, 9), range('-2'))),
  optimal('part-open', STORING, 'an open range that it holds', gets(part(5, 9), '5-'), later(1, from(7, 9), range('7-'))),
  optimal('part-clipped', STORING, 'a last position beyond the end', gets(part(5, 9), '5-'), later(1, from(7, 9), range('7-100'))),
  optimal('part-by-suffix', STORING, 'one that came for a suffix', gets(part(7, 9), '-3'), later(1, from(7, 9), range('7-9'))),
  optimal('part-unsatisfiable', STORING, 'a range beyond the length that it tells is 416', gets(part(5, 9), '5-'), later(1, { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */10' } }, range('10-'))),
  optimal('part-several', STORING, 'several ranges within it', gets(part(2, 8), '2-8'), later(1, { status: 206, asked: 0, body: /\r\n23\r\n[^]*\r\n78\r\n/ }, range('2-3,7-8'))),
  optimal('part-unknown-length', STORING, 'one whose whole length is not known', gets(part(0, 4, HEADERS, '*'), '0-4'), later(1, { status: 206, asked: 0, body: '123', headers: { 'Content-Range': 'bytes 1-3/*' } }, range('1-3'))),
  optimal('part-if-range', STORING, 'If-Range with its tag', gets(part(0, 4), '0-4'), later(1, from(0, 4), { request: { headers: { Range: 'bytes=0-4', 'If-Range': '"a"' } } })),
  optimal('part-guess', 'RFC 9111 §4.2.2', 'a lifetime is guessed for 206', gets(part(0, 4, { 'Last-Modified': '{t-100000}' }), '0-4'), later(1000, from(0, 4), range('0-4'))),
  required('part-stale', 'RFC 9111 §4', 'a stale part is not reused unvalidated', gets(part(0, 4), '0-4'), later(150, { asked: 1 }, { ...range('0-4'), origin: part(0, 4) })),
  required('part-no-store', 'RFC 9111 §5.2.2.5', 'nor one with no-store', gets(part(0, 4, { ...HEADERS, 'Cache-Control': 'no-store' }), '0-4'), later(1, { asked: 1 }, range('0-4'))),
  required('part-outside', STORING, 'a range outside it is not answered from it', gets(part(0, 4), '0-4'), later(1, { status: 206, asked: 1, body: '89' }, { ...range('8-9'), origin: part(8, 9) })),
  required('part-overlapping', STORING, 'nor one that reaches beyond it, unless completed', gets(part(0, 4), '0-4'), later(1, { status: 206, asked: 1, body: '34567' }, { ...range('3-7'), origin: [part(5, 7)] })),
  required('part-not-whole', STORING, 'a part never answers a request for the whole', gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'), later(1, { ...FULL, asked: 1, forwarded: { Range: null } }, { origin: { headers: { 'Cache-Control': 'max-age=100' }, body: DATA } })),
  required('part-not-head', STORING, 'nor a HEAD', gets(part(0, 4), '0-4'), later(1, { status: 200, asked: 1 }, { request: { method: 'HEAD' }, origin: { headers: { ...HEADERS, 'Content-Length': '10' }, body: '' } })),
  required('part-without-range', STORING, 'a 206 without Content-Range is not stored', now({ asked: 1 }, { ...range('0-4'), origin: { status: 206, headers: HEADERS, body: '01234' } }), later(1, { asked: 1 }, range('0-4'))),
  required('part-broken-range', 'RFC 9110 §14.4', 'nor one with an invalid Content-Range', now({ asked: 1 }, { ...range('0-4'), origin: { status: 206, headers: { ...HEADERS, 'Content-Range': 'bytes 4-0/10' }, body: '01234' } }), later(1, { asked: 1 }, range('0-4'))),
  required('part-unit', 'RFC 9110 §14.4', 'nor one in another unit', now({ asked: 1 }, { ...range('0-4'), origin: { status: 206, headers: { ...HEADERS, 'Content-Range': 'items 0-4/10' }, body: '01234' } }), later(1, { asked: 1 }, range('0-4'))),
  required('part-multipart', STORING, 'a multipart 206 is not taken for one part', now({ asked: 1 }, { ...range('0-1,8-9'), origin: { status: 206, headers: { 'Cache-Control': 'max-age=100', 'Content-Type': 'multipart/byteranges; boundary=x' }, body: '--x--\r\n' } }), later(1, { asked: 1 }, range('0-1'))),
];

const completing: readonly Row[] = [
  optimal('part-completed', COMBINING, 'a request for the whole fetches only what is missing', gets(part(0, 4), '0-4'), later(1, { ...FULL, asked: 1, forwarded: { Range: 'bytes=5-', 'If-Range': '"a"' } }, { origin: part(5, 9) })),
  optimal('part-completed-stored', COMBINING, 'and the whole is stored', gets(part(0, 4), '0-4'), later(1, { ...FULL, asked: 1 }, { origin: part(5, 9) }), later(1, { ...FULL, asked: 0 })),
  optimal('part-completed-front', COMBINING, 'what is missing may be the beginning', gets(part(5, 9), '5-'), later(1, { ...FULL, asked: 1, forwarded: { Range: 'bytes=0-4', 'If-Range': '"a"' } }, { origin: part(0, 4) })),
  optimal('part-extended', COMBINING, 'a range that reaches beyond fetches only what is missing', gets(part(0, 4), '0-4'), later(1, { status: 206, asked: 1, body: '34567', headers: { 'Content-Range': 'bytes 3-7/10' }, forwarded: { Range: 'bytes=5-7', 'If-Range': '"a"' } }, { ...range('3-7'), origin: part(5, 7) })),
  optimal('part-extended-stored', COMBINING, 'and the combined part is stored', gets(part(0, 4), '0-4'), later(1, { status: 206, asked: 1 }, { ...range('3-7'), origin: part(5, 7) }), later(1, from(1, 6), range('1-6'))),
  optimal('part-joined', COMBINING, 'parts that clients asked for are combined where they touch', gets(part(0, 4), '0-4'), later(1, { status: 206, asked: 1 }, { ...range('5-9'), origin: part(5, 9) }), later(1, { ...FULL, asked: 0 })),
  optimal('part-overlapped', COMBINING, 'also where they overlap', gets(part(0, 5), '0-5'), later(1, { status: 206, asked: 1 }, { ...range('4-9'), origin: part(4, 9) }), later(1, { ...FULL, asked: 0 })),
  optimal('part-completed-date', COMBINING, 'by a strong Last-Modified too', gets(part(0, 4, { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' }), '0-4'), later(1, { ...FULL, asked: 1, forwarded: { Range: 'bytes=5-', 'If-Range': '{t-1000}' } }, { origin: part(5, 9, { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' }) })),
  required('part-changed', COMBINING, 'a 200 in answer to the completion is what is delivered', gets(part(0, 4), '0-4'), later(1, { status: 200, asked: 1, body: 'abcdefghij' }, { origin: { headers: { ...HEADERS, ETag: '"b"' }, body: 'abcdefghij' } }), later(1, { status: 200, asked: 0, body: 'abcdefghij' })),
  required('part-other-tag', COMBINING, 'a part with another tag is not combined', gets(part(0, 4), '0-4'), later(1, { status: 200, body: 'abcdefghij', asked: 2 }, { origin: [part(5, 9, { ...HEADERS, ETag: '"b"' }), { headers: { ...HEADERS, ETag: '"b"' }, body: 'abcdefghij' }] })),
  required('part-weak', COMBINING, 'a part with a weak tag is combined with nothing', gets(part(0, 4, { ...HEADERS, ETag: 'W/"a"' }), '0-4'), later(1, { ...FULL, asked: 1, forwarded: { Range: null } }, { origin: { ...WHOLE, headers: { ...HEADERS, ETag: 'W/"a"' } } })),
  required('part-no-validator', COMBINING, 'nor one without a validator', gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'), later(1, { status: 206, asked: 1, body: '56789' }, { ...range('5-9'), origin: part(5, 9, { 'Cache-Control': 'max-age=100' }) }), later(1, { ...FULL, asked: 1 }, { origin: WHOLE })),
  required('part-gap', COMBINING, 'parts with a gap between them are no whole', gets(part(0, 2), '0-2'), later(1, { status: 206, asked: 1 }, { ...range('7-9'), origin: part(7, 9) }), later(1, FULL, { origin: WHOLE })),
  required('part-other-length', COMBINING, 'parts that tell different lengths are not combined', gets(part(0, 4), '0-4'), later(1, { status: 206, body: '56789' }, { ...range('5-9'), origin: part(5, 9, HEADERS, 20) }), later(1, { ...FULL, asked: 1 }, { origin: WHOLE })),
  required('part-new-fields', COMBINING, 'the combined response has the newer fields', gets(part(0, 4, { ...HEADERS, 'X-A': '1' }), '0-4'), later(1, { ...FULL, headers: { 'X-A': '2' } }, { origin: part(5, 9, { ...HEADERS, 'X-A': '2' }) }), later(1, { ...FULL, asked: 0, headers: { 'X-A': '2' } })),
  optimal('part-replaced-by-whole', STORING, 'a whole response takes the place of a part', gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'), later(1, { ...FULL, asked: 1 }, { origin: { headers: { 'Cache-Control': 'max-age=100' }, body: DATA } }), later(1, from(5, 9), range('5-9'))),
  optimal('part-keeps-whole', STORING, 'a part does not take the place of a whole', fetched(HEADERS, { body: DATA }), later(1, { status: 206, asked: 0 }, range('0-4')), later(1, { ...FULL, asked: 0 })),
  optimal('part-fwd', 'RFC 9211 §2.2', 'Cache-Status says fwd=partial for a completion', gets(part(0, 4), '0-4'), later(1, { ...FULL, cacheStatus: { fwd: 'partial', fwdStatus: 206, stored: true } }, { origin: part(5, 9) })),
];

const incomplete: readonly Row[] = [
  required('cut-length', STORING, 'a response that ends before its Content-Length is cut for the client too', now({ complete: false }, { origin: { headers: { ...HEADERS, 'Content-Length': '100' }, body: '01234', cut: 'fin' } }), later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE })),
  required('cut-chunked', STORING, 'one that ends before its last chunk too', now({ complete: false }, { origin: { headers: HEADERS, body: '01234', chunked: true, cut: 'fin' } }), later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE })),
  required('cut-reset', STORING, 'one whose connection is reset too', now({ complete: false }, { origin: { headers: { ...HEADERS, 'Content-Length': '100' }, body: '01234', cut: 'reset' } }), later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE })),
  optimal('cut-keeps', STORING, 'a stale response stays when its replacement is cut', fetched({ ...HEADERS, 'Cache-Control': 'max-age=10' }, { body: DATA }), later(20, { complete: false }, { origin: { headers: { ...HEADERS, ETag: '"b"', 'Content-Length': '100' }, body: 'abc', cut: 'fin' } }), later(1, { outcome: 'validated', status: 200, body: DATA }, { origin: { status: 304, headers: { ETag: '"a"' } } })),
  optimal('complete-by-close', 'RFC 9112 §8', 'a response that runs to the close is complete', now({ status: 200, body: DATA }, { origin: { play: 'bytes', bytes: `HTTP/1.1 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\n\r\n${DATA}` } }), later(1, { status: 200, asked: 0, body: DATA, cacheStatus: { hit: true } })),
  optimal('complete-http-1.0', 'RFC 9112 §8', 'one of HTTP/1.0 too', now({ status: 200, body: DATA }, { origin: { play: 'bytes', bytes: `HTTP/1.0 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\n\r\n${DATA}` } }), later(1, { status: 200, asked: 0, body: DATA, cacheStatus: { hit: true } })),
];

export const partial: Table = { topic: 'Partial content', rows: [...reusing, ...completing, ...incomplete] };

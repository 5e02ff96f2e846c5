// Partial responses stored and reused (RFC 9111 §3.3).

import { type Answer, type Expect, later, now, optimal, type Row, required, type Table } from '../row.ts';

const STORING = 'RFC 9111 §3.3';
export const DATA = '0123456789';
export const HEADERS = { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Content-Type': 'text/plain' };

/** A 206 with bytes first to last of ten. */
export const part = (
  first: number,
  last: number,
  headers: Record<string, string> = HEADERS,
  complete: number | '*' = 10,
): Answer => ({
  status: 206,
  headers: { ...headers, 'Content-Range': `bytes ${first}-${last}/${complete}` },
  body: DATA.slice(first, last + 1),
});
export const range = (value: string) => ({ request: { headers: { Range: `bytes=${value}` } } });
export const gets = (answer: Answer, value: string, body?: string) =>
  now(
    { status: 206, asked: 1, ...(body === undefined ? {} : { body }) },
    { ...range(value), origin: answer },
  );
export const from = (first: number, last: number): Expect => ({
  status: 206,
  asked: 0,
  body: DATA.slice(first, last + 1),
  headers: { 'Content-Range': `bytes ${first}-${last}/10` },
  cacheStatus: { hit: true },
});
export const FULL: Expect = {
  status: 200,
  body: DATA,
  headers: { 'Content-Range': null, 'Content-Length': '10' },
};
export const WHOLE = { headers: HEADERS, body: DATA };

const reusing: readonly Row[] = [
  optimal(
    'part-same',
    STORING,
    'a stored part answers the same range',
    gets(part(0, 4), '0-4', '01234'),
    later(1, from(0, 4), range('0-4')),
  ),
  optimal(
    'part-within',
    STORING,
    'and a range within it',
    gets(part(2, 8), '2-8'),
    later(1, from(3, 5), range('3-5')),
  ),
  optimal(
    'part-first-byte',
    STORING,
    'its first byte',
    gets(part(2, 8), '2-8'),
    later(1, from(2, 2), range('2-2')),
  ),
  optimal(
    'part-suffix',
    STORING,
    'a suffix that it holds',
    gets(part(5, 9), '5-'),
    later(1, from(8, 9), range('-2')),
  ),
  optimal(
    'part-open',
    STORING,
    'an open range that it holds',
    gets(part(5, 9), '5-'),
    later(1, from(7, 9), range('7-')),
  ),
  optimal(
    'part-clipped',
    STORING,
    'a last position beyond the end',
    gets(part(5, 9), '5-'),
    later(1, from(7, 9), range('7-100')),
  ),
  optimal(
    'part-by-suffix',
    STORING,
    'one that came for a suffix',
    gets(part(7, 9), '-3'),
    later(1, from(7, 9), range('7-9')),
  ),
  optimal(
    'part-unsatisfiable',
    STORING,
    'a range beyond the length that it tells is 416',
    gets(part(5, 9), '5-'),
    later(1, { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */10' } }, range('10-')),
  ),
  optimal(
    'part-several',
    STORING,
    'several ranges within it',
    gets(part(2, 8), '2-8'),
    later(1, { status: 206, asked: 0, body: /\r\n23\r\n[\s\S]*\r\n78\r\n/ }, range('2-3,7-8')),
  ),
  optimal(
    'part-unknown-length',
    STORING,
    'one whose whole length is not known',
    gets(part(0, 4, HEADERS, '*'), '0-4'),
    later(
      1,
      { status: 206, asked: 0, body: '123', headers: { 'Content-Range': 'bytes 1-3/*' } },
      range('1-3'),
    ),
  ),
  optimal(
    'part-if-range',
    STORING,
    'If-Range with its tag',
    gets(part(0, 4), '0-4'),
    later(1, from(0, 4), { request: { headers: { Range: 'bytes=0-4', 'If-Range': '"a"' } } }),
  ),
  optimal(
    'part-guess',
    'RFC 9111 §4.2.2',
    'a lifetime is guessed for 206',
    gets(part(0, 4, { 'Last-Modified': '{t-100000}' }), '0-4'),
    later(1000, from(0, 4), range('0-4')),
  ),
  optimal(
    'part-stale-validated',
    'RFC 9111 §4.3.1',
    'a stale part is validated and reused',
    gets(part(0, 4), '0-4'),
    later(
      150,
      { status: 206, asked: 1, body: '01234', forwarded: { 'If-None-Match': '"a"' } },
      { ...range('0-4'), origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'max-age=100' } } },
    ),
    later(50, from(0, 4), range('0-4')),
  ),
  required(
    'part-stale-changed',
    'RFC 9111 §4.3.3',
    'one that has changed is not',
    gets(part(0, 4), '0-4'),
    later(
      150,
      { asked: 1, body: 'abcde', headers: { ETag: '"b"' } },
      {
        ...range('0-4'),
        origin: {
          status: 206,
          headers: { ...HEADERS, ETag: '"b"', 'Content-Range': 'bytes 0-4/10' },
          body: 'abcde',
        },
      },
    ),
    later(1, { status: 206, asked: 0, body: 'abcde' }, range('0-4')),
  ),
  optimal(
    'part-whole-came',
    STORING,
    'a whole response to a range request is stored whole',
    now({ asked: 1 }, { ...range('0-4'), origin: WHOLE }),
    later(1, { ...FULL, asked: 0 }),
  ),
  optimal(
    'part-whole-came-range',
    STORING,
    'and answers other ranges',
    now({ asked: 1 }, { ...range('0-4'), origin: WHOLE }),
    later(1, from(7, 9), range('7-9')),
  ),
  required(
    'part-stale',
    'RFC 9111 §4',
    'a stale part is not reused unvalidated',
    gets(part(0, 4), '0-4'),
    later(150, { asked: 1 }, { ...range('0-4'), origin: part(0, 4) }),
  ),
  required(
    'part-no-store',
    'RFC 9111 §5.2.2.5',
    'nor one with no-store',
    gets(part(0, 4, { ...HEADERS, 'Cache-Control': 'no-store' }), '0-4'),
    later(1, { asked: 1 }, range('0-4')),
  ),
  required(
    'part-outside',
    STORING,
    'a range outside it is not answered from it',
    gets(part(0, 4), '0-4'),
    later(1, { status: 206, asked: 1, body: '89' }, { ...range('8-9'), origin: part(8, 9) }),
  ),
  required(
    'part-overlapping',
    STORING,
    'nor one that reaches beyond it, unless completed',
    gets(part(0, 4), '0-4'),
    later(1, { status: 206, asked: 1, body: '34567' }, { ...range('3-7'), origin: [part(5, 7)] }),
  ),
  required(
    'part-not-whole',
    STORING,
    'a part never answers a request for the whole',
    gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'),
    later(
      1,
      { ...FULL, asked: 1, forwarded: { Range: null } },
      { origin: { headers: { 'Cache-Control': 'max-age=100' }, body: DATA } },
    ),
  ),
  required(
    'part-not-head',
    STORING,
    'nor a HEAD',
    gets(part(0, 4), '0-4'),
    later(
      1,
      { status: 200, asked: 1 },
      { request: { method: 'HEAD' }, origin: { headers: { ...HEADERS, 'Content-Length': '10' }, body: '' } },
    ),
  ),
  required(
    'part-without-range',
    STORING,
    'a 206 without Content-Range is not stored',
    now({ asked: 1 }, { ...range('0-4'), origin: { status: 206, headers: HEADERS, body: '01234' } }),
    later(1, { asked: 1 }, range('0-4')),
  ),
  required(
    'part-broken-range',
    'RFC 9110 §14.4',
    'nor one with an invalid Content-Range',
    now(
      { asked: 1 },
      {
        ...range('0-4'),
        origin: { status: 206, headers: { ...HEADERS, 'Content-Range': 'bytes 4-0/10' }, body: '01234' },
      },
    ),
    later(1, { asked: 1 }, range('0-4')),
  ),
  required(
    'part-unit',
    'RFC 9110 §14.4',
    'nor one in another unit',
    now(
      { asked: 1 },
      {
        ...range('0-4'),
        origin: { status: 206, headers: { ...HEADERS, 'Content-Range': 'items 0-4/10' }, body: '01234' },
      },
    ),
    later(1, { asked: 1 }, range('0-4')),
  ),
  required(
    'part-multipart',
    STORING,
    'a multipart 206 is not taken for one part',
    now(
      { asked: 1 },
      {
        ...range('0-1,8-9'),
        origin: {
          status: 206,
          headers: { 'Cache-Control': 'max-age=100', 'Content-Type': 'multipart/byteranges; boundary=x' },
          body: '--x--\r\n',
        },
      },
    ),
    later(1, { asked: 1 }, range('0-1')),
  ),
];

export const partial: Table = { topic: 'Partial content reused', rows: reusing };

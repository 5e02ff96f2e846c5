// Partial responses combined and completed, and responses that broke off (RFC 9111 §3.3, §3.4).

import { fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';
import { DATA, FULL, from, gets, HEADERS, part, range, WHOLE } from './partial.ts';

const STORING = 'RFC 9111 §3.3';
const COMBINING = 'RFC 9111 §3.4';

const completing: readonly Row[] = [
  optimal(
    'part-completed',
    COMBINING,
    'a request for the whole fetches only what is missing',
    gets(part(0, 4), '0-4'),
    later(
      1,
      { ...FULL, asked: 1, forwarded: { Range: 'bytes=5-', 'If-Range': '"a"' } },
      { origin: part(5, 9) },
    ),
  ),
  optimal(
    'part-completed-stored',
    COMBINING,
    'and the whole is stored',
    gets(part(0, 4), '0-4'),
    later(1, { ...FULL, asked: 1 }, { origin: part(5, 9) }),
    later(1, { ...FULL, asked: 0 }),
  ),
  optimal(
    'part-completed-front',
    COMBINING,
    'what is missing may be the beginning',
    gets(part(5, 9), '5-'),
    later(
      1,
      { ...FULL, asked: 1, forwarded: { Range: 'bytes=0-4', 'If-Range': '"a"' } },
      { origin: part(0, 4) },
    ),
  ),
  optimal(
    'part-extended',
    COMBINING,
    'a range that reaches beyond fetches only what is missing',
    gets(part(0, 4), '0-4'),
    later(
      1,
      {
        status: 206,
        asked: 1,
        body: '34567',
        headers: { 'Content-Range': 'bytes 3-7/10' },
        forwarded: { Range: 'bytes=5-7', 'If-Range': '"a"' },
      },
      { ...range('3-7'), origin: part(5, 7) },
    ),
  ),
  optimal(
    'part-extended-stored',
    COMBINING,
    'and the combined part is stored',
    gets(part(0, 4), '0-4'),
    later(1, { status: 206, asked: 1 }, { ...range('3-7'), origin: part(5, 7) }),
    later(1, from(1, 6), range('1-6')),
  ),
  optimal(
    'part-joined',
    COMBINING,
    'parts that clients asked for are combined where they touch',
    gets(part(0, 4), '0-4'),
    later(1, { status: 206, asked: 1 }, { ...range('5-9'), origin: part(5, 9) }),
    later(1, { ...FULL, asked: 0 }),
  ),
  optimal(
    'part-overlapped',
    COMBINING,
    'also where they overlap',
    gets(part(0, 5), '0-5'),
    later(1, { status: 206, asked: 1 }, { ...range('4-9'), origin: part(4, 9) }),
    later(1, { ...FULL, asked: 0 }),
  ),
  optimal(
    'part-completed-date',
    COMBINING,
    'by a strong Last-Modified too',
    gets(part(0, 4, { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' }), '0-4'),
    later(
      1,
      { ...FULL, asked: 1, forwarded: { Range: 'bytes=5-', 'If-Range': '{t-1000}' } },
      { origin: part(5, 9, { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' }) },
    ),
  ),
  required(
    'part-changed',
    COMBINING,
    'a 200 in answer to the completion is what is delivered',
    gets(part(0, 4), '0-4'),
    later(
      1,
      { status: 200, asked: 1, body: 'abcdefghij' },
      { origin: { headers: { ...HEADERS, ETag: '"b"' }, body: 'abcdefghij' } },
    ),
    later(1, { status: 200, asked: 0, body: 'abcdefghij' }),
  ),
  required(
    'part-other-tag',
    COMBINING,
    'a part with another tag is not combined',
    gets(part(0, 4), '0-4'),
    later(
      1,
      { status: 200, body: 'abcdefghij', asked: 2 },
      {
        origin: [
          part(5, 9, { ...HEADERS, ETag: '"b"' }),
          { headers: { ...HEADERS, ETag: '"b"' }, body: 'abcdefghij' },
        ],
      },
    ),
  ),
  required(
    'part-weak',
    COMBINING,
    'a part with a weak tag is combined with nothing',
    gets(part(0, 4, { ...HEADERS, ETag: 'W/"a"' }), '0-4'),
    later(
      1,
      { ...FULL, asked: 1, forwarded: { Range: null } },
      { origin: { ...WHOLE, headers: { ...HEADERS, ETag: 'W/"a"' } } },
    ),
  ),
  required(
    'part-no-validator',
    COMBINING,
    'nor one without a validator',
    gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'),
    later(
      1,
      { status: 206, asked: 1, body: '56789' },
      { ...range('5-9'), origin: part(5, 9, { 'Cache-Control': 'max-age=100' }) },
    ),
    later(1, { ...FULL, asked: 1 }, { origin: WHOLE }),
  ),
  required(
    'part-gap',
    COMBINING,
    'parts with a gap between them are no whole',
    gets(part(0, 2), '0-2'),
    later(1, { status: 206, asked: 1 }, { ...range('7-9'), origin: part(7, 9) }),
    later(1, FULL, { origin: WHOLE }),
  ),
  required(
    'part-other-length',
    COMBINING,
    'parts that tell different lengths are not combined',
    gets(part(0, 4), '0-4'),
    later(1, { status: 206, body: '56789' }, { ...range('5-9'), origin: part(5, 9, HEADERS, 20) }),
    later(1, { ...FULL, asked: 1 }, { origin: WHOLE }),
  ),
  required(
    'part-new-fields',
    COMBINING,
    'the combined response has the newer fields',
    gets(part(0, 4, { ...HEADERS, 'X-A': '1' }), '0-4'),
    later(1, { ...FULL, headers: { 'X-A': '2' } }, { origin: part(5, 9, { ...HEADERS, 'X-A': '2' }) }),
    later(1, { ...FULL, asked: 0, headers: { 'X-A': '2' } }),
  ),
  optimal(
    'part-replaced-by-whole',
    STORING,
    'a whole response takes the place of a part',
    gets(part(0, 4, { 'Cache-Control': 'max-age=100' }), '0-4'),
    later(1, { ...FULL, asked: 1 }, { origin: { headers: { 'Cache-Control': 'max-age=100' }, body: DATA } }),
    later(1, from(5, 9), range('5-9')),
  ),
  optimal(
    'part-keeps-whole',
    STORING,
    'a part does not take the place of a whole',
    fetched(HEADERS, { body: DATA }),
    later(1, { status: 206, asked: 0 }, range('0-4')),
    later(1, { ...FULL, asked: 0 }),
  ),
  optimal(
    'part-fwd',
    'RFC 9211 §2.2',
    'Cache-Status says fwd=partial for a completion',
    gets(part(0, 4), '0-4'),
    later(
      1,
      { ...FULL, cacheStatus: { fwd: 'partial', fwdStatus: 206, stored: true } },
      { origin: part(5, 9) },
    ),
  ),
];

const incomplete: readonly Row[] = [
  required(
    'cut-length',
    STORING,
    'a response that ends before its Content-Length is cut for the client too',
    now(
      { complete: false },
      { origin: { headers: { ...HEADERS, 'Content-Length': '100' }, body: '01234', cut: 'fin' } },
    ),
    later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE }),
  ),
  required(
    'cut-chunked',
    STORING,
    'one that ends before its last chunk too',
    now({ complete: false }, { origin: { headers: HEADERS, body: '01234', chunked: true, cut: 'fin' } }),
    later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE }),
  ),
  required(
    'cut-reset',
    STORING,
    'one whose connection is reset too',
    now(
      { complete: false },
      { origin: { headers: { ...HEADERS, 'Content-Length': '100' }, body: '01234', cut: 'reset' } },
    ),
    later(1, { status: 200, asked: 1, body: DATA }, { origin: WHOLE }),
  ),
  optimal(
    'cut-keeps',
    STORING,
    'a stale response stays when its replacement is cut',
    fetched({ ...HEADERS, 'Cache-Control': 'max-age=10' }, { body: DATA }),
    later(
      20,
      { complete: false },
      { origin: { headers: { ...HEADERS, ETag: '"b"', 'Content-Length': '100' }, body: 'abc', cut: 'fin' } },
    ),
    later(
      1,
      { outcome: 'validated', status: 200, body: DATA },
      { origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
  ),
  optimal(
    'complete-by-close',
    'RFC 9112 §8',
    'a response that runs to the close is complete',
    now(
      { status: 200, body: DATA },
      {
        origin: {
          play: 'bytes',
          bytes: `HTTP/1.1 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\n\r\n${DATA}`,
        },
      },
    ),
    later(1, { status: 200, asked: 0, body: DATA, cacheStatus: { hit: true } }),
  ),
  optimal(
    'complete-http-1.0',
    'RFC 9112 §8',
    'one of HTTP/1.0 too',
    now(
      { status: 200, body: DATA },
      {
        origin: {
          play: 'bytes',
          bytes: `HTTP/1.0 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\n\r\n${DATA}`,
        },
      },
    ),
    later(1, { status: 200, asked: 0, body: DATA, cacheStatus: { hit: true } }),
  ),
];

export const completingTable: Table = {
  topic: 'Partial content combined',
  rows: [...completing, ...incomplete],
};

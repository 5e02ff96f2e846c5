// If-Range, other conditions beside a Range, and the fields of a 206 (RFC 9110 §13.1.5, §15.3.7).

import { fetched, later, optimal, type Row, required, type Table } from '../row.ts';
import { BODY, BYTES, part, RANGE, row, STORED, UNSATISFIABLE, WHOLE } from './ranges.ts';

const IF_RANGE = 'RFC 9110 §13.1.5';

const DATED = { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' };
const conditions: readonly Row[] = [
  row(
    'if-tag',
    IF_RANGE,
    'If-Range with the stored strong tag',
    'bytes=0-4',
    part('01234', '0-4'),
    optimal,
    STORED,
    { 'If-Range': '"a"' },
  ),
  row(
    'if-other-tag',
    IF_RANGE,
    'If-Range with another tag: the whole',
    'bytes=0-4',
    WHOLE,
    required,
    STORED,
    { 'If-Range': '"b"' },
  ),
  row(
    'if-weak',
    IF_RANGE,
    'If-Range with a weak tag never holds',
    'bytes=0-4',
    WHOLE,
    required,
    { ...STORED, ETag: 'W/"a"' },
    { 'If-Range': 'W/"a"' },
  ),
  row('if-weak-asked', IF_RANGE, 'nor the weak form of a strong one', 'bytes=0-4', WHOLE, required, STORED, {
    'If-Range': 'W/"a"',
  }),
  row(
    'if-weak-stored',
    IF_RANGE,
    'nor the strong form of a weak one',
    'bytes=0-4',
    WHOLE,
    required,
    { ...STORED, ETag: 'W/"a"' },
    { 'If-Range': '"a"' },
  ),
  row('if-list', IF_RANGE, 'a list of tags never holds', 'bytes=0-4', WHOLE, required, STORED, {
    'If-Range': '"a", "b"',
  }),
  row('if-star', IF_RANGE, 'nor does *', 'bytes=0-4', WHOLE, required, STORED, { 'If-Range': '*' }),
  row(
    'if-date',
    IF_RANGE,
    'If-Range with the stored Last-Modified',
    'bytes=0-4',
    part('01234', '0-4'),
    optimal,
    DATED,
    { 'If-Range': '{t-1000}' },
  ),
  row('if-later-date', IF_RANGE, 'a later date is not the same', 'bytes=0-4', WHOLE, required, DATED, {
    'If-Range': '{t}',
  }),
  row('if-earlier-date', IF_RANGE, 'nor is an earlier one', 'bytes=0-4', WHOLE, required, DATED, {
    'If-Range': '{t-2000}',
  }),
  row(
    'if-young-date',
    'RFC 9110 §8.8.2.2',
    'a Last-Modified of the very second is a weak validator',
    'bytes=0-4',
    WHOLE,
    required,
    { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t}' },
    { 'If-Range': '{t}' },
  ),
  row(
    'if-nothing',
    IF_RANGE,
    'with nothing to compare it does not hold',
    'bytes=0-4',
    WHOLE,
    required,
    { 'Cache-Control': 'max-age=100' },
    { 'If-Range': '"a"' },
  ),
  row(
    'if-unsatisfiable',
    'RFC 9110 §13.2.2',
    'where it does not hold, a range beyond the end is no 416',
    'bytes=20-',
    WHOLE,
    required,
    STORED,
    { 'If-Range': '"b"' },
  ),
  row(
    'if-unsatisfiable-tag',
    'RFC 9110 §14.2',
    'where it holds, it is',
    'bytes=20-',
    UNSATISFIABLE,
    optimal,
    STORED,
    { 'If-Range': '"a"' },
  ),
  row(
    'inm',
    'RFC 9110 §13.2.2',
    'If-None-Match that matches is 304 before any range',
    'bytes=0-4',
    { status: 304, asked: 0, body: '' },
    required,
    STORED,
    { 'If-None-Match': '"a"' },
  ),
  row(
    'inm-other',
    'RFC 9110 §13.2.2',
    'one that does not leaves the range',
    'bytes=0-4',
    part('01234', '0-4'),
    optimal,
    STORED,
    { 'If-None-Match': '"b"' },
  ),
];

const OF_206 = {
  ...STORED,
  'Content-Location': '/x',
  Expires: '{t+50}',
  Vary: 'X-A',
  Date: '{t}',
  'X-B': '1',
};
const fields: readonly Row[] = [
  ...(['ETag', 'Cache-Control', 'Content-Location', 'Date', 'Expires', 'Vary'] as const).map((name) =>
    row(
      `field-${name.toLowerCase()}`,
      'RFC 9110 §15.3.7',
      `the 206 has ${name}`,
      'bytes=0-4',
      { status: 206, asked: 0, headers: { [name]: OF_206[name] } },
      required,
      OF_206,
    ),
  ),
  row(
    'field-other',
    'RFC 9110 §15.3.7',
    'without If-Range it has the other fields too',
    'bytes=0-4',
    { status: 206, asked: 0, headers: { 'Content-Type': 'text/plain', 'X-B': '1' } },
    required,
    OF_206,
  ),
  required(
    'range-head',
    RANGE,
    'Range means nothing for HEAD',
    fetched(STORED, BODY),
    later(
      1,
      { status: 200, asked: 0, headers: { 'Content-Length': '10', 'Content-Range': null } },
      { request: { method: 'HEAD', headers: { Range: 'bytes=0-4' } } },
    ),
  ),
  required(
    'range-404',
    RANGE,
    'nor for a stored 404',
    fetched(STORED, { status: 404, ...BODY }),
    later(1, { status: 404, asked: 0, body: '0123456789' }, { request: { headers: { Range: 'bytes=0-4' } } }),
  ),
  optimal(
    'range-empty',
    BYTES,
    'a range of empty content is 416',
    fetched(STORED, { body: '' }),
    later(
      1,
      { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */0' } },
      { request: { headers: { Range: 'bytes=0-4' } } },
    ),
  ),
  optimal(
    'range-stale',
    'RFC 9111 §4.3',
    'a stale response is validated, then the range is taken',
    fetched(STORED, BODY),
    later(
      150,
      { status: 206, asked: 1, body: '01234', forwarded: { 'If-None-Match': '"a"', Range: null } },
      { request: { headers: { Range: 'bytes=0-4' } }, origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
  ),
  required(
    'range-stale-changed',
    'RFC 9111 §4.3.3',
    'a new one gives the range of the new content',
    fetched(STORED, BODY),
    later(
      150,
      { status: 206, asked: 1, body: 'abcde', headers: { ETag: '"b"' } },
      {
        request: { headers: { Range: 'bytes=0-4' } },
        origin: { headers: { ...STORED, ETag: '"b"' }, body: 'abcdefghij' },
      },
    ),
  ),
  required(
    'range-encoded',
    'RFC 9110 §14.1.2',
    'ranges are of the encoded content',
    fetched({ ...STORED, 'Content-Encoding': 'x-test' }, BODY),
    later(
      1,
      { status: 206, asked: 0, body: '01234', headers: { 'Content-Encoding': 'x-test' } },
      { request: { headers: { Range: 'bytes=0-4' } } },
    ),
  ),
  optimal(
    'range-chunked',
    RANGE,
    'also of content that came without a length',
    fetched(STORED, { ...BODY, chunked: true }),
    later(1, part('56789', '5-9'), { request: { headers: { Range: 'bytes=5-' } } }),
  ),
];

export const ifRange: Table = { topic: 'Ranges with conditions', rows: [...conditions, ...fields] };

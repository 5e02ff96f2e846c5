// Ranges of a complete stored response (RFC 9110 §14).

import type { HeaderInput } from '../../support/wire.ts';
import { type Expect, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

export const RANGE = 'RFC 9110 §14.2';
export const BYTES = 'RFC 9110 §14.1.2';
export const BODY = { body: '0123456789' };
export const STORED = { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Content-Type': 'text/plain' };

export const part = (bytes: string, contentRange: string): Expect => ({
  status: 206,
  asked: 0,
  body: bytes,
  headers: { 'Content-Range': `bytes ${contentRange}/10`, 'Content-Length': String(bytes.length) },
  cacheStatus: { hit: true },
});
export const WHOLE: Expect = {
  status: 200,
  asked: 0,
  body: '0123456789',
  headers: { 'Content-Range': null },
  cacheStatus: { hit: true },
};
export const UNSATISFIABLE: Expect = { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */10' } };

export const row = (
  id: string,
  clause: string,
  title: string,
  range: string | readonly string[],
  expect: Expect,
  kind = optimal,
  stored: HeaderInput = STORED,
  more: Record<string, string> = {},
): Row =>
  kind(
    `range-${id}`,
    clause,
    title,
    fetched(stored, BODY),
    later(2, expect, { request: { headers: { Range: range, ...more } } }),
  );

const single: readonly Row[] = [
  row('first', BYTES, 'first and last position', 'bytes=0-4', part('01234', '0-4')),
  row('middle', BYTES, 'in the middle', 'bytes=3-6', part('3456', '3-6')),
  row('one', BYTES, 'one byte', 'bytes=0-0', part('0', '0-0')),
  row('last-one', BYTES, 'the last byte', 'bytes=9-9', part('9', '9-9')),
  row('open', BYTES, 'to the end', 'bytes=5-', part('56789', '5-9')),
  row('open-all', BYTES, 'all of it', 'bytes=0-', part('0123456789', '0-9')),
  row('suffix', BYTES, 'the last bytes', 'bytes=-3', part('789', '7-9')),
  row('suffix-one', BYTES, 'the last byte as a suffix', 'bytes=-1', part('9', '9-9')),
  row(
    'suffix-long',
    BYTES,
    'a suffix longer than the content is all of it',
    'bytes=-100',
    part('0123456789', '0-9'),
  ),
  row('clipped', BYTES, 'a last position beyond the end is the end', 'bytes=5-100', part('56789', '5-9')),
  row('huge', BYTES, 'also one beyond every integer', 'bytes=5-99999999999999999999', part('56789', '5-9')),
  row('unit-case', 'RFC 9110 §14.1', 'the unit in upper case', 'BYTES=0-4', part('01234', '0-4')),
  row('blank', BYTES, 'an empty member beside it', 'bytes=, 0-4', part('01234', '0-4')),
  row('beyond', BYTES, 'beyond the end is 416', 'bytes=10-', UNSATISFIABLE),
  row('beyond-both', BYTES, 'both positions beyond the end', 'bytes=20-30', UNSATISFIABLE),
  row('suffix-zero', BYTES, 'a suffix of nothing is 416', 'bytes=-0', UNSATISFIABLE),
];

const several: readonly Row[] = [
  row('two', 'RFC 9110 §14.6', 'two ranges come as multipart/byteranges', 'bytes=0-1,8-9', {
    status: 206,
    asked: 0,
    headers: { 'Content-Type': /^multipart\/byteranges; ?boundary=/, 'Content-Range': null },
    body: /^(?:\r\n)?--[^\r\n]+\r\nContent-Type: text\/plain\r\nContent-Range: bytes 0-1\/10\r\n\r\n01\r\n--[^\r\n]+\r\nContent-Type: text\/plain\r\nContent-Range: bytes 8-9\/10\r\n\r\n89\r\n--[^\r\n]+--\r\n$/,
  }),
  row('two-blanks', 'RFC 9110 §14.6', 'blanks around the comma', 'bytes=0-1 , -1', {
    status: 206,
    asked: 0,
    body: /\r\n01\r\n[\s\S]*\r\n9\r\n/,
  }),
  row('two-order', 'RFC 9110 §15.3.7.2', 'in the order that was asked for', 'bytes=8-9, 0-1', {
    status: 206,
    asked: 0,
    body: /\r\n89\r\n[\s\S]*\r\n01\r\n/,
  }),
  row(
    'overlap',
    'RFC 9110 §15.3.7.2',
    'ranges that overlap become one',
    'bytes=0-4, 3-6',
    part('0123456', '0-6'),
  ),
  row(
    'touch',
    'RFC 9110 §15.3.7.2',
    'ranges that touch become one',
    'bytes=0-4,5-9',
    part('0123456789', '0-9'),
  ),
  row(
    'one-beyond',
    'RFC 9110 §14.2',
    'of two ranges the one beyond the end is left out',
    'bytes=0-1, 20-30',
    part('01', '0-1'),
  ),
  row('all-beyond', 'RFC 9110 §14.2', 'both beyond the end are 416', 'bytes=20-30, 40-', UNSATISFIABLE),
  row(
    'many',
    'RFC 9110 §14.2',
    'a set of many small ranges is not honoured',
    `bytes=${Array.from({ length: 40 }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`,
    WHOLE,
  ),
];

const ignored: readonly Row[] = (
  [
    ['unit', 'another unit', 'items=0-4'],
    ['no-unit', 'no unit', '0-4'],
    ['reversed', 'a last position before the first', 'bytes=4-0'],
    ['negative', 'two minus signs', 'bytes=--4'],
    ['word', 'no number', 'bytes=a-b'],
    ['hex', 'hexadecimal', 'bytes=0x0-0x4'],
    ['float', 'decimals', 'bytes=0.0-4.0'],
    ['plus', 'a plus sign', 'bytes=+0-4'],
    ['one-broken', 'one broken member of two', 'bytes=0-4, x'],
    ['empty', 'no range at all', 'bytes='],
    ['dash', 'a dash alone', 'bytes=-'],
    ['colon', 'a colon for the equals sign', 'bytes:0-4'],
  ] as const
).map(([id, title, range]) =>
  row(`bad-${id}`, RANGE, `${title} is ignored: the whole is sent`, range, WHOLE, required),
);

export const ranges: Table = {
  topic: 'Ranges of a stored response',
  rows: [...single, ...several, ...ignored],
};

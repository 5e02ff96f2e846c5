// Range requests answered from a complete stored response (RFC 9110 §14, RFC 9111 §3.3).

import { fetched, later, optimal, required, type Row, type Table } from '../row.ts';
import type { Expect } from '../row.ts';
import type { HeaderInput } from '../../support/wire.ts';

const RANGE = 'RFC 9110 §14.2';
const BYTES = 'RFC 9110 §14.1.2';
const IF_RANGE = 'RFC 9110 §13.1.5';
const BODY = { body: '0123456789' };
const STORED = { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Content-Type': 'text/plain' };

const part = (bytes: string, contentRange: string): Expect => ({ status: 206, asked: 0, body: bytes, headers: { 'Content-Range': `bytes ${contentRange}/10`, 'Content-Length': String(bytes.length) }, cacheStatus: { hit: true } });
const WHOLE: Expect = { status: 200, asked: 0, body: '0123456789', headers: { 'Content-Range': null }, cacheStatus: { hit: true } };
const UNSATISFIABLE: Expect = { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */10' } };

const row = (id: string, clause: string, title: string, range: string | readonly string[], expect: Expect, kind = optimal, stored: HeaderInput = STORED, more: Record<string, string> = {}): Row =>
  kind(`range-${id}`, clause, title, fetched(stored, BODY), later(2, expect, { request: { headers: { Range: range, ...more } } }));

const single: readonly Row[] = [
  row('first', BYTES, 'first and last position', 'bytes=0-4', part('01234', '0-4')),
  row('middle', BYTES, 'in the middle', 'bytes=3-6', part('3456', '3-6')),
  row('one', BYTES, 'one byte', 'bytes=0-0', part('0', '0-0')),
  row('last-one', BYTES, 'the last byte', 'bytes=9-9', part('9', '9-9')),
  row('open', BYTES, 'to the end', 'bytes=5-', part('56789', '5-9')),
  row('open-all', BYTES, 'all of it', 'bytes=0-', part('0123456789', '0-9')),
  row('suffix', BYTES, 'the last bytes', 'bytes=-3', part('789', '7-9')),
  row('suffix-one', BYTES, 'the last byte as a suffix', 'bytes=-1', part('9', '9-9')),
  row('suffix-long', BYTES, 'a suffix longer than the content is all of it', 'bytes=-100', part('0123456789', '0-9')),
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
    status: 206, asked: 0, headers: { 'Content-Type': /^multipart\/byteranges; ?boundary=/, 'Content-Range': null },
    body: /^(?:\r\n)?--[^\r\n]+\r\nContent-Type: text\/plain\r\nContent-Range: bytes 0-1\/10\r\n\r\n01\r\n--[^\r\n]+\r\nContent-Type: text\/plain\r\nContent-Range: bytes 8-9\/10\r\n\r\n89\r\n--[^\r\n]+--\r\n$/,
  }),
  row('two-blanks', 'RFC 9110 §14.6', 'blanks around the comma', 'bytes=0-1 , -1', { status: 206, asked: 0, body: /\r\n01\r\n[^]*\r\n9\r\n/ }),
  row('two-order', 'RFC 9110 §15.3.7.2', 'in the order that was asked for', 'bytes=8-9, 0-1', { status: 206, asked: 0, body: /\r\n89\r\n[^]*\r\n01\r\n/ }),
  row('overlap', 'RFC 9110 §15.3.7.2', 'ranges that overlap become one', 'bytes=0-4, 3-6', part('0123456', '0-6')),
  row('touch', 'RFC 9110 §15.3.7.2', 'ranges that touch become one', 'bytes=0-4,5-9', part('0123456789', '0-9')),
  row('one-beyond', 'RFC 9110 §14.2', 'of two ranges the one beyond the end is left out', 'bytes=0-1, 20-30', part('01', '0-1')),
  row('all-beyond', 'RFC 9110 §14.2', 'both beyond the end are 416', 'bytes=20-30, 40-', UNSATISFIABLE),
  row('many', 'RFC 9110 §14.2', 'a set of many small ranges is not honoured', `bytes=${Array.from({ length: 40 }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`, WHOLE),
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
).map(([id, title, range]) => row(`bad-${id}`, RANGE, `${title} is ignored: the whole is sent`, range, WHOLE, required));

const DATED = { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' };
const conditions: readonly Row[] = [
  row('if-tag', IF_RANGE, 'If-Range with the stored strong tag', 'bytes=0-4', part('01234', '0-4'), optimal, STORED, { 'If-Range': '"a"' }),
  row('if-other-tag', IF_RANGE, 'If-Range with another tag: the whole', 'bytes=0-4', WHOLE, required, STORED, { 'If-Range': '"b"' }),
  row('if-weak', IF_RANGE, 'If-Range with a weak tag never holds', 'bytes=0-4', WHOLE, required, { ...STORED, ETag: 'W/"a"' }, { 'If-Range': 'W/"a"' }),
  row('if-weak-asked', IF_RANGE, 'nor the weak form of a strong one', 'bytes=0-4', WHOLE, required, STORED, { 'If-Range': 'W/"a"' }),
  row('if-weak-stored', IF_RANGE, 'nor the strong form of a weak one', 'bytes=0-4', WHOLE, required, { ...STORED, ETag: 'W/"a"' }, { 'If-Range': '"a"' }),
  row('if-list', IF_RANGE, 'a list of tags never holds', 'bytes=0-4', WHOLE, required, STORED, { 'If-Range': '"a", "b"' }),
  row('if-star', IF_RANGE, 'nor does *', 'bytes=0-4', WHOLE, required, STORED, { 'If-Range': '*' }),
  row('if-date', IF_RANGE, 'If-Range with the stored Last-Modified', 'bytes=0-4', part('01234', '0-4'), optimal, DATED, { 'If-Range': '{t-1000}' }),
  row('if-later-date', IF_RANGE, 'a later date is not the same', 'bytes=0-4', WHOLE, required, DATED, { 'If-Range': '{t}' }),
  row('if-earlier-date', IF_RANGE, 'nor is an earlier one', 'bytes=0-4', WHOLE, required, DATED, { 'If-Range': '{t-2000}' }),
  row('if-young-date', 'RFC 9110 §8.8.2.2', 'a Last-Modified of the very second is a weak validator', 'bytes=0-4', WHOLE, required, { 'Cache-Control': 'max-age=100', 'Last-Modified': '{t}' }, { 'If-Range': '{t}' }),
  row('if-nothing', IF_RANGE, 'with nothing to compare it does not hold', 'bytes=0-4', WHOLE, required, { 'Cache-Control': 'max-age=100' }, { 'If-Range': '"a"' }),
  row('if-unsatisfiable', 'RFC 9110 §13.2.2', 'where it does not hold, a range beyond the end is no 416', 'bytes=20-', WHOLE, required, STORED, { 'If-Range': '"b"' }),
  row('if-unsatisfiable-tag', 'RFC 9110 §14.2', 'where it holds, it is', 'bytes=20-', UNSATISFIABLE, optimal, STORED, { 'If-Range': '"a"' }),
  row('inm', 'RFC 9110 §13.2.2', 'If-None-Match that matches is 304 before any range', 'bytes=0-4', { status: 304, asked: 0, body: '' }, required, STORED, { 'If-None-Match': '"a"' }),
  row('inm-other', 'RFC 9110 §13.2.2', 'one that does not leaves the range', 'bytes=0-4', part('01234', '0-4'), optimal, STORED, { 'If-None-Match': '"b"' }),
];

const OF_206 = { ...STORED, 'Content-Location': '/x', Expires: '{t+50}', Vary: 'X-A', Date: '{t}', 'X-B': '1' };
const fields: readonly Row[] = [
  ...(['ETag', 'Cache-Control', 'Content-Location', 'Date', 'Expires', 'Vary'] as const).map((name) =>
    row(`field-${name.toLowerCase()}`, 'RFC 9110 §15.3.7', `the 206 has ${name}`, 'bytes=0-4', { status: 206, asked: 0, headers: { [name]: OF_206[name] } }, required, OF_206),
  ),
  row('field-other', 'RFC 9110 §15.3.7', 'without If-Range it has the other fields too', 'bytes=0-4', { status: 206, asked: 0, headers: { 'Content-Type': 'text/plain', 'X-B': '1' } }, required, OF_206),
  required('range-head', RANGE, 'Range means nothing for HEAD', fetched(STORED, BODY), later(1, { status: 200, asked: 0, headers: { 'Content-Length': '10', 'Content-Range': null } }, { request: { method: 'HEAD', headers: { Range: 'bytes=0-4' } } })),
  required('range-404', RANGE, 'nor for a stored 404', fetched(STORED, { status: 404, ...BODY }), later(1, { status: 404, asked: 0, body: '0123456789' }, { request: { headers: { Range: 'bytes=0-4' } } })),
  optimal('range-empty', BYTES, 'a range of empty content is 416', fetched(STORED, { body: '' }), later(1, { status: 416, asked: 0, headers: { 'Content-Range': 'bytes */0' } }, { request: { headers: { Range: 'bytes=0-4' } } })),
  optimal('range-stale', 'RFC 9111 §4.3', 'a stale response is validated, then the range is taken', fetched(STORED, BODY), later(150, { status: 206, asked: 1, body: '01234', forwarded: { 'If-None-Match': '"a"', Range: null } }, { request: { headers: { Range: 'bytes=0-4' } }, origin: { status: 304, headers: { ETag: '"a"' } } })),
  required('range-stale-changed', 'RFC 9111 §4.3.3', 'a new one gives the range of the new content', fetched(STORED, BODY), later(150, { status: 206, asked: 1, body: 'abcde', headers: { ETag: '"b"' } }, { request: { headers: { Range: 'bytes=0-4' } }, origin: { headers: { ...STORED, ETag: '"b"' }, body: 'abcdefghij' } })),
  required('range-encoded', 'RFC 9110 §14.1.2', 'ranges are of the encoded content', fetched({ ...STORED, 'Content-Encoding': 'x-test' }, BODY), later(1, { status: 206, asked: 0, body: '01234', headers: { 'Content-Encoding': 'x-test' } }, { request: { headers: { Range: 'bytes=0-4' } } })),
  optimal('range-chunked', RANGE, 'also of content that came without a length', fetched(STORED, { ...BODY, chunked: true }), later(1, part('56789', '5-9'), { request: { headers: { Range: 'bytes=5-' } } })),
];

export const ranges: Table = { topic: 'Ranges of a stored response', rows: [...single, ...several, ...ignored, ...conditions, ...fields] };

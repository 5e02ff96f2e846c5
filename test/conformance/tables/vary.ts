// Vary: whether a request matches a stored response (RFC 9111 §4.1).

import type { HeaderInput } from '../../support/wire.ts';
import { ask, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const VARY = 'RFC 9111 §4.1';

/** Stored for the first request's fields; then the second's. */
const pair = (
  vary: string | readonly string[],
  first: HeaderInput,
  second: HeaderInput,
  expect: 'hit' | 'asked',
  more: Record<string, string> = {},
) => [
  fetched({ 'Cache-Control': 'max-age=100', Vary: vary, ...more }, {}, { headers: first }),
  later(1, expect, ask(second)),
];
const same = (
  id: string,
  title: string,
  vary: string | readonly string[],
  first: HeaderInput,
  second: HeaderInput = first,
  more = {},
): Row => optimal(`vary-${id}`, VARY, title, ...pair(vary, first, second, 'hit', more));
const differs = (
  id: string,
  title: string,
  vary: string | readonly string[],
  first: HeaderInput,
  second: HeaderInput,
  more = {},
): Row => required(`vary-${id}`, VARY, title, ...pair(vary, first, second, 'asked', more));

const A1 = { 'X-A': '1' };
const A2 = { 'X-A': '2' };
const A1B1 = { 'X-A': '1', 'X-B': '1' };
const A1B2 = { 'X-A': '1', 'X-B': '2' };

const matching: readonly Row[] = [
  same('match', 'the same value', 'X-A', A1),
  same('absent-both', 'the field absent from both', 'X-A', {}),
  same('case-of-name', 'field names in any case', 'x-a', A1),
  same('case-in-request', "the request's field name in any case", 'X-A', A1, { 'x-a': '1' }),
  same('two', 'two fields, both the same', 'X-A, X-B', A1B1),
  same('two-lines', 'two Vary lines', ['X-A', 'X-B'], A1B1),
  same('order', 'the order of the fields in the request', 'X-A, X-B', A1B1, { 'X-B': '1', 'X-A': '1' }),
  same('no-blank', 'no blank after the comma', 'X-A,X-B', A1B1),
  same('blanks', 'blanks and empty members', ' X-A , , X-B ,', A1B1),
  same('repeated', 'a field named twice', 'X-A, x-a', A1),
  same('others', 'fields that Vary does not name may differ', 'X-A', A1B1, A1B2),
  same('empty', 'an empty Vary names nothing', '', A1, A2),
  same('user-agent', 'User-Agent with blanks and commas', 'User-Agent', { 'User-Agent': 'A/1 (x, y;  z)' }),
  same('list-blanks', 'blanks around the commas of a list', 'X-A', { 'X-A': '1,2' }, { 'X-A': '1 ,  2' }),
  same('list-lines', 'a list on one line or two', 'X-A', { 'X-A': '1, 2' }, { 'X-A': ['1', '2'] }),
  same('long', 'a long value', 'X-A', { 'X-A': 'x'.repeat(4000) }),
  differs('mismatch', 'another value', 'X-A', A1, A2),
  differs('absent-second', 'the field absent from the second request', 'X-A', A1, {}),
  differs('absent-first', 'the field absent from the first request', 'X-A', {}, A1),
  differs('empty-second', 'an empty value is not an absent one', 'X-A', {}, { 'X-A': '' }),
  differs('two-one', 'two fields, one of them another', 'X-A, X-B', A1B1, A1B2),
  differs('two-lines-one', 'two Vary lines, one of the fields another', ['X-A', 'X-B'], A1B1, A1B2),
  differs('blanks-one', 'blanks and empty members hide no name', ' X-A , , X-B ,', A1B1, A1B2),
  differs('two-swapped', 'two fields, their values exchanged', 'X-A, X-B', A1B2, { 'X-A': '2', 'X-B': '1' }),
  differs('case-of-value', 'a value in another case', 'X-A', { 'X-A': 'a' }, { 'X-A': 'A' }),
  differs(
    'list-order',
    'a list in another order, of a field with no known meaning',
    'X-A',
    { 'X-A': '1, 2' },
    { 'X-A': '2, 1' },
  ),
  differs('quoted-blanks', 'blanks within quotes', 'X-A', { 'X-A': '"a,b"' }, { 'X-A': '"a, b"' }),
  differs('prefix', 'a longer value', 'X-A', { 'X-A': '1' }, { 'X-A': '11' }),
  differs('cookie', 'Cookie', 'Cookie', { Cookie: 'a=1' }, { Cookie: 'a=2' }),
  differs(
    'authorization',
    'Authorization',
    'Authorization',
    { Authorization: 'a 1' },
    { Authorization: 'a 2' },
    { 'Cache-Control': 'public, max-age=100' },
  ),
  differs('origin', 'Origin', 'Origin', { Origin: 'https://a.example' }, { Origin: 'https://b.example' }),
  differs('star', 'Vary: * matches nothing', '*', A1, A1),
  differs('star-member', '* among names matches nothing', 'X-A, *', A1, A1),
  differs('star-line', '* on a second line matches nothing', ['X-A', '*'], A1, A1),
  differs('star-first', '* before names matches nothing', '*, X-A', A1, A1),
  differs('broken', 'a member that is no field name matches nothing', 'X-A X-B', A1, A1),
  differs('quoted', 'a quoted name matches nothing', '"X-A"', A1, A1),
  required(
    'vary-head',
    VARY,
    'a HEAD is selected like a GET',
    fetched({ 'Cache-Control': 'max-age=100', Vary: 'X-A' }, {}, { headers: A1 }),
    later(1, 'asked', { request: { method: 'HEAD', headers: A2 } }),
  ),
  optimal(
    'vary-head-hit',
    VARY,
    'and matches like one',
    fetched({ 'Cache-Control': 'max-age=100', Vary: 'X-A' }, {}, { headers: A1 }),
    later(1, 'hit', { request: { method: 'HEAD', headers: A1 } }),
  ),
];

const negotiated: readonly Row[] = [
  same(
    'encoding-order',
    'the order of codings',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip, br' },
    { 'Accept-Encoding': 'br, gzip' },
  ),
  same(
    'encoding-blanks',
    'blanks between codings',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip,br' },
    { 'Accept-Encoding': 'gzip,  br' },
  ),
  same(
    'encoding-case',
    'codings in any case',
    'Accept-Encoding',
    { 'Accept-Encoding': 'GZIP' },
    { 'Accept-Encoding': 'gzip' },
  ),
  same(
    'encoding-weight',
    'q=1 is the default',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip;q=1.0' },
    { 'Accept-Encoding': 'gzip' },
  ),
  same(
    'encoding-alias',
    'x-gzip is gzip',
    'Accept-Encoding',
    { 'Accept-Encoding': 'x-gzip' },
    { 'Accept-Encoding': 'gzip' },
  ),
  differs(
    'encoding-less',
    'fewer codings',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip, br' },
    { 'Accept-Encoding': 'gzip' },
  ),
  differs(
    'encoding-refused',
    'q=0 is another wish',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip' },
    { 'Accept-Encoding': 'gzip;q=0' },
  ),
  differs(
    'encoding-weights',
    'other weights are another wish',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip;q=0.5, br' },
    { 'Accept-Encoding': 'gzip, br;q=0.5' },
  ),
  differs(
    'encoding-absent',
    'no Accept-Encoding is another wish',
    'Accept-Encoding',
    { 'Accept-Encoding': 'gzip' },
    {},
  ),
  differs('encoding-none', 'an empty one too', 'Accept-Encoding', {}, { 'Accept-Encoding': '' }),
  same(
    'language-order',
    'the order of languages of one weight',
    'Accept-Language',
    { 'Accept-Language': 'en, de' },
    { 'Accept-Language': 'de, en' },
  ),
  same(
    'language-case',
    'languages in any case',
    'Accept-Language',
    { 'Accept-Language': 'en-US' },
    { 'Accept-Language': 'EN-us' },
  ),
  same(
    'language-weights',
    'weights written otherwise',
    'Accept-Language',
    { 'Accept-Language': 'en;q=1.0, de;q=0.50' },
    { 'Accept-Language': 'de;q=0.5,en' },
  ),
  same(
    'language-chosen',
    'the stored language is the most wanted',
    'Accept-Language',
    { 'Accept-Language': 'en, de;q=0.5' },
    { 'Accept-Language': 'en, fr;q=0.9' },
    { 'Content-Language': 'en' },
  ),
  differs(
    'language-other',
    'the stored language is wanted less',
    'Accept-Language',
    { 'Accept-Language': 'en, de;q=0.5' },
    { 'Accept-Language': 'en;q=0.5, de' },
    { 'Content-Language': 'en' },
  ),
  differs(
    'language-unwanted',
    'the stored language is not wanted',
    'Accept-Language',
    { 'Accept-Language': 'en' },
    { 'Accept-Language': 'fr' },
    { 'Content-Language': 'en' },
  ),
  differs(
    'language-refused',
    'the stored language is refused',
    'Accept-Language',
    { 'Accept-Language': 'en' },
    { 'Accept-Language': '*, en;q=0' },
    { 'Content-Language': 'en' },
  ),
  differs(
    'language-unnamed',
    'the stored response names no language',
    'Accept-Language',
    { 'Accept-Language': 'en, de;q=0.5' },
    { 'Accept-Language': 'en, fr;q=0.9' },
  ),
];

export const vary: Table = { topic: 'Vary', rows: [...matching, ...negotiated] };

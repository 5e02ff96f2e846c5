// Targeted fields as structured fields: what is read, what is ignored (RFC 9213 §2.1, RFC 9651).

import { fetched, later, notReused, type Row, required, reused, type Table, type Variation } from '../row.ts';

const PARSING = 'RFC 9213 §2.1';

const cdn = (
  id: string,
  value: string | readonly string[],
  title: string,
  more: Record<string, string> = {},
): Variation => [id, { 'CDN-Cache-Control': value, ...more }, title];
const CC_LONG = { 'Cache-Control': 'max-age=1000' };
const CC_NO_STORE = { 'Cache-Control': 'no-store' };

const parsing: readonly Row[] = [
  ...reused('cdn', PARSING, 99, [
    cdn('parameter', 'max-age=100;x=1', 'parameters are ignored'),
    cdn('parameters', 'max-age=100;a;b="c";d=?0', 'several of them'),
    cdn('unknown', 'foo, max-age=100', 'an unknown directive is ignored'),
    cdn('unknown-value', 'max-age=100, foo="no-store"', 'one with a value'),
    cdn('unknown-list', 'foo=(a b), max-age=100', 'one with an inner list'),
    cdn('lines', ['public', 'max-age=100'], 'on two lines'),
    cdn('last-counts', 'max-age=1, max-age=100', 'of two members of a name the last counts'),
    cdn('leading-zeros', 'max-age=000100', 'leading zeros'),
    cdn('spaces', '  max-age=100  ,   public  ', 'blanks around members'),
    cdn('true', 'max-age=100, public=?1', 'a directive written as a boolean'),
    cdn('large', 'max-age=999999999999999', 'the largest Integer'),
  ]),
  ...notReused('cdn', PARSING, 50, [
    cdn(
      'last-counts-short',
      'max-age=1000, max-age=1',
      'of two members of a name the last counts, also the shorter',
      CC_LONG,
    ),
    cdn('string', 'max-age="100"', 'a String is no lifetime'),
    cdn('decimal', 'max-age=100.0', 'a Decimal is no lifetime'),
    cdn('token', 'max-age=x', 'a Token is no lifetime'),
    cdn('boolean', 'max-age', 'a Boolean is no lifetime'),
    cdn('negative', 'max-age=-100', 'a negative one is none'),
    cdn('list', 'max-age=(100)', 'a list is none'),
    cdn('wrong-type-no-fallback', 'max-age="100"', 'and Cache-Control does not stand in', CC_LONG),
    cdn('no-store-value', 'max-age=100, no-store="x"', 'no-store with a value still restricts'),
    cdn('private-token', 'max-age=100, private=?1', 'private as a boolean'),
  ]),
  ...reused(
    'cdn',
    PARSING,
    99,
    (
      [
        ['empty', '', 'an empty field'],
        ['blank', '   ', 'a field of blanks'],
        ['upper-case', 'Max-Age=1', 'a key with capitals'],
        ['upper-no-store', 'NO-STORE', 'NO-STORE'],
        ['trailing-comma', 'max-age=1,', 'a comma at the end'],
        ['two-commas', 'max-age=1,,public', 'two commas'],
        ['blank-equals', 'max-age =1', 'a blank before the equals sign'],
        ['no-comma', 'max-age=1 public', 'a missing comma'],
        ['open-quote', 'max-age=1, foo="x', 'an open quote'],
        ['too-large', 'max-age=9999999999999999', 'an Integer of 16 digits'],
        ['semicolon', 'max-age=1;', 'a semicolon at the end'],
        ['letters', 'max-age=1s', 'a value that is no item'],
        ['non-ascii', 'foo="\xe4", max-age=1', 'octets beyond ASCII'],
        ['one-line-broken', ['max-age=1', '&&'] as const, 'one broken line of two'],
      ] as const
    ).map(([id, value, title]) =>
      cdn(`bad-${id}`, value, `${title} is ignored, Cache-Control counts`, {
        'Cache-Control': 'max-age=100',
      }),
    ),
    required,
  ),
  required(
    'cdn-bad-no-store',
    PARSING,
    'beside a broken field no-store in Cache-Control holds',
    fetched({ 'CDN-Cache-Control': 'max-age=100,', ...CC_NO_STORE }),
    later(1, 'asked'),
  ),
  required(
    'cdn-bad-expires',
    PARSING,
    'beside a broken field Expires holds',
    fetched({ 'CDN-Cache-Control': '&', Expires: '{t-1}' }),
    later(1, 'asked'),
  ),
];

export const targetedParsing: Table = { topic: 'Targeted fields as structured fields', rows: parsing };

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/cache/http-date.ts';

const NOW = Date.parse('2033-06-15T12:00:00Z');
const EXAMPLE = Date.parse('1994-11-06T08:49:37Z');

describe('parseHttpDate', () => {
  it.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', EXAMPLE],
    ['RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT', EXAMPLE],
    ['asctime', 'Sun Nov  6 08:49:37 1994', EXAMPLE],
    ['asctime with a two-digit day', 'Wed Nov 16 08:49:37 1994', Date.parse('1994-11-16T08:49:37Z')],
    ['any case of names and zone', 'sUN, 06 NOV 1994 08:49:37 gmt', EXAMPLE],
    ['a day name that does not fit', 'Mon, 06 Nov 1994 08:49:37 GMT', EXAMPLE],
    ['a leap day', 'Thu, 29 Feb 2024 00:00:00 GMT', Date.parse('2024-02-29T00:00:00Z')],
    [
      'a leap second, as the second before',
      'Sat, 31 Dec 2016 23:59:60 GMT',
      Date.parse('2016-12-31T23:59:59Z'),
    ],
    ['the last year', 'Fri, 31 Dec 9999 23:59:59 GMT', Date.parse('9999-12-31T23:59:59Z')],
    ['a year below 100', 'Sun, 06 Nov 0094 08:49:37 GMT', Date.parse('0094-11-06T08:49:37Z')],
  ])('reads %s', (_, text, at) => {
    expect(parseHttpDate(text, NOW)).toBe(at);
  });

  it.each([
    ['50 years ahead stays ahead', '15-Jun-83 12:00:00', '2083-06-15T12:00:00Z'],
    ['a second more than 50 years ahead is the past', '15-Jun-83 12:00:01', '1983-06-15T12:00:01Z'],
    ['the near future', '18-Aug-50 02:01:18', '2050-08-18T02:01:18Z'],
    ['the near past', '01-Jan-33 00:00:00', '2033-01-01T00:00:00Z'],
    ['the last century', '06-Nov-94 08:49:37', '1994-11-06T08:49:37Z'],
  ])('two-digit years: %s', (_, text, iso) => {
    expect(parseHttpDate(`Monday, ${text} GMT`, NOW)).toBe(Date.parse(iso));
  });

  it('takes a two-digit year over the turn of a century', () => {
    const late = Date.parse('2090-01-01T00:00:00Z');
    expect(parseHttpDate('Monday, 01-Mar-05 00:00:00 GMT', late)).toBe(Date.parse('2105-03-01T00:00:00Z'));
  });

  it.each([
    '',
    '0',
    '-1',
    '784111777',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 AEST',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun,06 Nov 1994 08:49:37 GMT',
    'Sun, 06  Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    'Xyz, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov 06  08:49:37 1994',
    'Sun Nov  6 08:49:37 1994 GMT',
  ])('takes %j for no date', (text) => {
    expect(parseHttpDate(text, NOW)).toBeUndefined();
  });
});

describe('formatHttpDate', () => {
  it('writes IMF-fixdate and cuts off fractions', () => {
    expect(formatHttpDate(EXAMPLE + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  });

  it('stays within four-digit years', () => {
    expect(formatHttpDate(Number.MAX_SAFE_INTEGER)).toBe('Fri, 31 Dec 9999 23:59:59 GMT');
    expect(formatHttpDate(-Number.MAX_SAFE_INTEGER)).toBe('Sat, 01 Jan 0000 00:00:00 GMT');
  });

  it('is read back as the same second', () => {
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (second) => {
        expect(parseHttpDate(formatHttpDate(second * 1000), NOW)).toBe(second * 1000);
      }),
    );
  });
});

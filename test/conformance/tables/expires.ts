// Expires and Date: the lifetime they name together, and every form of a date.

import {
  fetched,
  later,
  notReused,
  optimal,
  type Row,
  required,
  reused,
  type Table,
  type Variation,
} from '../row.ts';

const EXPIRES = 'RFC 9111 §5.3';
const LIFETIME = 'RFC 9111 §4.2.1';
const DATES = 'RFC 9111 §4.2';

const expires = (id: string, value: string | readonly string[], title: string): Variation => [
  id,
  { Expires: value },
  title,
];

const rows: readonly Row[] = [
  required(
    'expires-over',
    EXPIRES,
    'Expires is over at its instant',
    fetched({ Expires: '{t+100}' }),
    later(100, 'asked'),
  ),
  ...reused('expires', EXPIRES, 99, [
    expires('future', '{t+100}', 'fresh until Expires'),
    expires('far', 'Thu, 18 Aug 2050 02:01:18 GMT', 'Expires in a far year'),
    expires('very-far', 'Fri, 31 Dec 9999 23:59:59 GMT', 'Expires in the last year a date can have'),
    [
      'with-public',
      { Expires: '{t+100}', 'Cache-Control': 'public' },
      'Expires counts beside a Cache-Control without a lifetime',
    ],
    [
      'with-unknown-cc',
      { Expires: '{t+100}', 'Cache-Control': 'unknown="max-age=0"' },
      'Expires counts beside unknown directives',
    ],
    [
      'bad-last-modified',
      { Expires: '{t+100}', 'Last-Modified': 'x' },
      'a broken Last-Modified does not touch Expires',
    ],
  ]),
  ...reused(
    'expires',
    'RFC 9110 §5.6.7',
    99,
    [
      expires('850', '{t+100|850}', 'Expires in the form of RFC 850'),
      expires('asctime', '{t+100|asctime}', 'Expires in the form of asctime()'),
      ['date-850', { Expires: '{t+100}', Date: '{t|850}' }, 'Date in the form of RFC 850'],
      ['date-asctime', { Expires: '{t+100}', Date: '{t|asctime}' }, 'Date in the form of asctime()'],
    ],
    required,
  ),
  ...reused('expires', DATES, 99, [
    expires('lower', '{t+100|lower}', 'Expires in lower case'),
    expires('upper', '{t+100|upper}', 'Expires in upper case'),
    ['date-lower', { Expires: '{t+100}', Date: '{t|lower}' }, 'Date in lower case'],
  ]),
  ...notReused('expires', EXPIRES, 0, [
    expires('past', '{t-100}', 'Expires in the past'),
    expires('now', '{t}', 'Expires equal to Date'),
    expires('zero', '0', 'Expires: 0 is in the past'),
    expires('minus-one', '-1', 'Expires: -1 is in the past'),
    expires('number', '100', 'a number is no date'),
    expires('epoch-number', '4102444800', 'seconds since the epoch are no date'),
    expires('empty', '', 'an empty Expires is in the past'),
    expires('word', 'never', 'a word is no date'),
    expires('iso', '2050-08-18T02:01:18Z', 'an ISO 8601 date is none of the three forms'),
    expires('quoted', '"Thu, 18 Aug 2050 02:01:18 GMT"', 'a quoted date is no date'),
    expires('parameters', 'Thu, 18 Aug 2050 02:01:18 GMT; x=1', 'a date with parameters is no date'),
  ]),
  ...notReused('expires', DATES, 0, [
    expires('utc', 'Thu, 18 Aug 2050 02:01:18 UTC', 'zone UTC is invalid'),
    expires('est', 'Thu, 18 Aug 2050 02:01:18 EST', 'zone EST is invalid'),
    expires('pdt', 'Thu, 18 Aug 2050 02:01:18 PDT', 'zone PDT is invalid'),
    expires('offset', 'Thu, 18 Aug 2050 02:01:18 +0000', 'a numeric zone is invalid'),
    expires('no-zone', 'Thu, 18 Aug 2050 02:01:18', 'a missing zone is invalid'),
  ]),
  ...notReused('expires', 'RFC 9110 §5.6.7', 0, [
    expires('one-digit-hour', 'Thu, 18 Aug 2050 2:01:18 GMT', 'an hour of one digit'),
    expires('one-digit-day', 'Mon, 8 Aug 2050 02:01:18 GMT', 'a day of one digit'),
    expires('two-digit-year', 'Thu, 18 Aug 50 02:01:18 GMT', 'a year of two digits in the fixed form'),
    expires('five-digit-year', 'Thu, 18 Aug 12050 02:01:18 GMT', 'a year of five digits'),
    expires('dashes', 'Thu, 18-Aug-2050 02:01:18 GMT', 'dashes in the fixed form'),
    expires('dots', 'Thu, 18 Aug 2050 02.01.18 GMT', 'dots in the time'),
    expires('two-blanks', 'Thu, 18  Aug  2050 02:01:18 GMT', 'several blanks'),
    expires('no-comma', 'Thu 18 Aug 2050 02:01:18 GMT', 'no comma after the day name'),
    expires('no-blank', 'Thu,18 Aug 2050 02:01:18 GMT', 'no blank after the comma'),
    expires('no-seconds', 'Thu, 18 Aug 2050 02:01 GMT', 'a time without seconds'),
    expires('am-pm', 'Thu, 18 Aug 2050 02:01:18 PM GMT', 'a time with PM'),
    expires('hour-24', 'Thu, 18 Aug 2050 24:01:18 GMT', 'an hour that no day has'),
    expires('day-31', 'Thu, 31 Feb 2050 02:01:18 GMT', 'a day that the month does not have'),
    expires('month', 'Thu, 18 Agu 2050 02:01:18 GMT', 'a month that does not exist'),
    expires('day-name', 'Xyz, 18 Aug 2050 02:01:18 GMT', 'a day name that does not exist'),
  ]),
  required(
    'expires-twice-stale-first',
    LIFETIME,
    'of two Expires the second never counts',
    fetched({ Expires: ['{t-100}', '{t+100}'] }),
    later(10, 'asked'),
  ),
  required(
    'expires-twice-invalid-first',
    LIFETIME,
    'an invalid first Expires is not mended by a second',
    fetched({ Expires: ['0', '{t+100}'] }),
    later(10, 'asked'),
  ),
  optimal(
    'expires-twice-same',
    LIFETIME,
    'Expires twice the same',
    fetched({ Expires: ['{t+100}', '{t+100}'] }),
    later(99, 'hit'),
  ),
  optimal(
    'expires-twice-fresh-first',
    LIFETIME,
    'of two Expires the first counts',
    fetched({ Expires: ['{t+100}', '{t-100}'] }),
    later(99, 'hit'),
  ),
  required(
    'expires-from-date',
    LIFETIME,
    'the lifetime is Expires less Date, not less the time of receipt',
    fetched({ Date: '{t+1000}', Expires: '{t+1100}' }),
    later(100, 'asked'),
  ),
  optimal(
    'expires-date-ahead',
    LIFETIME,
    "an origin's clock that is ahead changes nothing between Date and Expires",
    fetched({ Date: '{t+1000}', Expires: '{t+1100}' }),
    later(99, 'hit'),
  ),
  required(
    'expires-date-behind',
    'RFC 9111 §4.2.3',
    'an old Date makes the response old',
    fetched({ Date: '{t-80}', Expires: '{t+20}' }),
    later(20, 'asked'),
  ),
  optimal(
    'expires-date-behind-fresh',
    'RFC 9111 §4.2.3',
    'an old Date leaves what is left',
    fetched({ Date: '{t-80}', Expires: '{t+20}' }),
    later(19, 'hit'),
  ),
  required(
    'expires-no-date',
    LIFETIME,
    'without Date the lifetime counts from receipt',
    fetched({ Expires: '{t+100}' }, { date: false }),
    later(100, 'asked'),
  ),
  optimal(
    'expires-no-date-fresh',
    LIFETIME,
    'without Date Expires still names a lifetime',
    fetched({ Expires: '{t+100}' }, { date: false }),
    later(99, 'hit'),
  ),
  required(
    'expires-bad-date',
    'RFC 9110 §6.6.1',
    'a broken Date counts as absent',
    fetched({ Expires: '{t+100}', Date: 'yesterday' }),
    later(100, 'asked'),
  ),
  optimal(
    'expires-bad-date-fresh',
    'RFC 9110 §6.6.1',
    'a broken Date does not spoil Expires',
    fetched({ Expires: '{t+100}', Date: 'yesterday' }),
    later(99, 'hit'),
  ),
  required(
    'expires-no-heuristic',
    'RFC 9111 §4.2.2',
    'nothing is guessed in place of an invalid Expires',
    fetched({ Expires: '0', 'Last-Modified': '{t-1000000}' }),
    later(10, 'asked'),
  ),
];

export const expiresTable: Table = { topic: 'Expires', rows };

// Age: how the received one is read, how age is calculated, and the one that hits carry.

import {
  cc,
  fetched,
  later,
  notReused,
  now,
  optimal,
  type Row,
  required,
  reused,
  type Table,
  type Variation,
} from '../row.ts';

const AGE = 'RFC 9111 §5.1';
const CALCULATION = 'RFC 9111 §4.2.3';

const withAge = (id: string, value: string | readonly string[], title: string): Variation => [
  id,
  { 'Cache-Control': 'max-age=100', Age: value },
  title,
];

const reading: readonly Row[] = [
  ...reused('age', CALCULATION, 69, [
    withAge('counts-fresh', '30', 'what is left of the lifetime after Age is used'),
  ]),
  ...notReused('age', CALCULATION, 70, [withAge('counts', '30', 'Age shortens the lifetime')]),
  ...notReused('age', AGE, 0, [
    withAge('all', '100', 'Age equal to the lifetime'),
    withAge('more', '7200', 'Age beyond the lifetime'),
    withAge('leading-zeros', '0000100', 'Age with leading zeros'),
    withAge('2-31', '2147483648', 'Age of 2^31'),
    withAge('huge', '99999999999999999999', 'Age beyond every integer'),
    withAge('list-old-first', '100, 0', 'the first member of a list counts'),
    withAge('lines-old-first', ['100', '0'], 'the first of several lines counts'),
  ]),
  ...reused('age', AGE, 99, [
    withAge('zero', '0', 'Age: 0'),
    withAge('list-young-first', '0, 100', 'later members of a list are discarded'),
    withAge('lines-young-first', ['0', '100'], 'later lines are discarded'),
    withAge('negative', '-100', 'a negative Age is ignored'),
    withAge('plus', '+100', 'Age with a plus sign is ignored'),
    withAge('float', '100.0', 'Age with a decimal point is ignored'),
    withAge('word', 'old', 'Age that is no number is ignored'),
    withAge('letters', '100s', 'Age with a unit is ignored'),
    withAge('parameter', '100;x=1', 'Age with parameters is ignored'),
    withAge('quoted', '"100"', 'a quoted Age is ignored'),
    withAge('empty', '', 'an empty Age is ignored'),
    withAge('two-numbers', '100 100', 'Age with a blank in it is ignored'),
  ]),
  required(
    'age-expires',
    CALCULATION,
    'Age counts against Expires',
    fetched({ Expires: '{t+100}', Age: '30' }),
    later(70, 'asked'),
  ),
  required(
    'age-s-maxage',
    CALCULATION,
    'Age counts against s-maxage',
    fetched({ 'Cache-Control': 's-maxage=100', Age: '30' }),
    later(70, 'asked'),
  ),
  required(
    'age-heuristic',
    CALCULATION,
    'Age counts against a guessed lifetime',
    fetched({ 'Last-Modified': '{t-1000}', Age: '7200' }),
    later(0, 'asked'),
  ),
];

const calculation: readonly Row[] = [
  required(
    'age-apparent',
    CALCULATION,
    'an old Date counts as age',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t-80}' }),
    later(20, 'asked'),
  ),
  optimal(
    'age-apparent-fresh',
    CALCULATION,
    'and leaves what is left',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t-80}' }),
    later(19, 'hit'),
  ),
  required(
    'age-larger-counts',
    CALCULATION,
    'of Age and the age by Date the larger counts',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t-80}', Age: '10' }),
    later(20, 'asked'),
  ),
  required(
    'age-larger-counts-2',
    CALCULATION,
    'of Age and the age by Date the larger counts, the other way round',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t-10}', Age: '80' }),
    later(20, 'asked'),
  ),
  optimal(
    'age-date-ahead',
    CALCULATION,
    'a Date in the future is no negative age',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t+1000}' }),
    later(99, 'hit'),
  ),
  required(
    'age-date-ahead-over',
    CALCULATION,
    'and lengthens no lifetime',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t+1000}' }),
    later(100, 'asked'),
  ),
  optimal(
    'age-no-date',
    CALCULATION,
    'without Date the age counts from receipt',
    fetched(cc('max-age=100'), { date: false }),
    later(99, 'hit'),
  ),
  required(
    'age-delay',
    CALCULATION,
    'the time that the origin took is added to Age',
    fetched({ 'Cache-Control': 'max-age=100', Age: '10' }, { takes: 40 }),
    later(50, 'asked'),
  ),
  optimal(
    'age-delay-fresh',
    CALCULATION,
    'and leaves what is left',
    fetched({ 'Cache-Control': 'max-age=100', Age: '10' }, { takes: 40 }),
    later(49, 'hit'),
  ),
  required(
    'age-of-304',
    'RFC 9111 §4.3.4',
    'the Age of a 304 is the age of the freshened response',
    fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"' }),
    later(200, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', 'Cache-Control': 'max-age=100', Age: '90' } },
    }),
    later(10, 'asked', { origin: { headers: cc('max-age=100') } }),
  ),
  optimal(
    'age-not-kept',
    'RFC 9111 §4.3.4',
    'a 304 without Age ends the age that the stored response came with',
    fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"', Age: '90' }),
    later(50, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
    later(99, 'hit'),
  ),
];

const onHits: readonly Row[] = [
  required(
    'age-on-hit',
    'RFC 9111 §4',
    'a hit carries Age',
    fetched(cc('max-age=100')),
    later(37, { outcome: 'hit', headers: { Age: '37' } }),
  ),
  required(
    'age-on-hit-zero',
    'RFC 9111 §4',
    'a hit in the same second carries Age: 0',
    fetched(cc('max-age=100')),
    later(0, { outcome: 'hit', headers: { Age: '0' } }),
  ),
  required(
    'age-on-hit-sum',
    'RFC 9111 §4',
    'Age counts on from the received one',
    fetched({ 'Cache-Control': 'max-age=100', Age: '30' }),
    later(37, { outcome: 'hit', headers: { Age: '67' } }),
  ),
  required(
    'age-on-hit-date',
    'RFC 9111 §4',
    'Age counts from an old Date',
    fetched({ 'Cache-Control': 'max-age=100', Date: '{t-30}' }),
    later(37, { outcome: 'hit', headers: { Age: '67' } }),
  ),
  required(
    'age-on-hit-delay',
    'RFC 9111 §4',
    'Age has the time that the origin took',
    fetched({ 'Cache-Control': 'max-age=100', Age: '0' }, { takes: 20 }),
    later(30, { outcome: 'hit', headers: { Age: '50' } }),
  ),
  required(
    'age-on-hit-list',
    'RFC 9111 §5.1',
    'one Age for several received',
    fetched({ 'Cache-Control': 'max-age=100', Age: ['10', '20'] }),
    later(5, { outcome: 'hit', headers: { Age: '15' } }),
  ),
  required(
    'age-on-hit-broken',
    'RFC 9111 §5.1',
    'a broken received Age is replaced',
    fetched({ 'Cache-Control': 'max-age=100', Age: 'x' }),
    later(5, { outcome: 'hit', headers: { Age: '5' } }),
  ),
  required(
    'age-after-304',
    'RFC 9111 §4.3.4',
    'Age starts anew after a validation',
    fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"' }),
    later(150, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
    later(20, { outcome: 'hit', headers: { Age: '20' } }),
  ),
  required(
    'age-of-stale',
    'RFC 9111 §4',
    'a stale response carries its Age too',
    fetched(cc('max-age=100, stale-while-revalidate=100')),
    later(150, { outcome: 'stale', headers: { Age: '150' } }, { settle: true }),
  ),
  required(
    'age-of-206',
    'RFC 9111 §4',
    'a range from the store carries Age',
    fetched(cc('max-age=100')),
    later(
      40,
      { status: 206, asked: 0, headers: { Age: '40' } },
      { request: { headers: { Range: 'bytes=0-1' } } },
    ),
  ),
  required(
    'age-of-own-304',
    'RFC 9111 §4',
    'a 304 from the store carries Age',
    fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"' }),
    later(
      40,
      { status: 304, asked: 0, headers: { Age: '40' } },
      { request: { headers: { 'If-None-Match': '"a"' } } },
    ),
  ),
  required(
    'age-of-head',
    'RFC 9111 §4',
    'so does the answer to a HEAD',
    fetched(cc('max-age=100')),
    later(40, { outcome: 'hit', headers: { Age: '40' } }, { request: { method: 'HEAD' } }),
  ),
  required(
    'age-forwarded',
    'RFC 9111 §5.1',
    'the Age of an upstream cache reaches the client that was fetched for',
    now(
      { outcome: 'fetched', headers: { Age: '30' } },
      { origin: { headers: { 'Cache-Control': 'max-age=100', Age: '30' } } },
    ),
  ),
];

export const age: Table = { topic: 'Age', rows: [...reading, ...calculation, ...onHits] };

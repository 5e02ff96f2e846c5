// Which status codes are stored, with a lifetime that is named and with one that is guessed (RFC 9111 §3, §4.2.2).

import { cc, deviating, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const STORING = 'RFC 9111 §3';
const GUESSING = 'RFC 9111 §4.2.2';

/** All final codes of the registry that a plain GET may get, and some that nobody has registered. */
const EXPLICIT = [
  200, 201, 202, 203, 204, 205, 207, 226, 299, 300, 301, 302, 303, 305, 307, 308, 399, 400, 401, 402, 403,
  404, 405, 406, 409, 410, 411, 414, 415, 418, 422, 423, 424, 426, 451, 499, 500, 501, 502, 503, 504, 505,
  506, 507, 508, 599,
];
const UNKNOWN = [299, 399, 418, 499, 599];
/** RFC 9110 §15.1; 206 is in the table of partial content. */
const GUESSED = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
const NOT_GUESSED = [
  201, 202, 299, 302, 303, 307, 399, 400, 401, 402, 403, 406, 409, 411, 415, 418, 422, 451, 499, 500, 502,
  503, 504, 505, 599,
];

const OLD = '{t-100000}';

const explicit = EXPLICIT.flatMap((status): Row[] => [
  optimal(
    `status-${status}-fresh`,
    STORING,
    `${status} with max-age is reused`,
    fetched(cc('max-age=100'), { status }),
    later(99, 'hit'),
  ),
  required(
    `status-${status}-stale`,
    'RFC 9111 §4.2',
    `${status} is not reused beyond max-age`,
    fetched(cc('max-age=100'), { status }),
    later(100, 'asked'),
  ),
  required(
    `status-${status}-no-store`,
    STORING,
    `${status} with no-store is not reused`,
    fetched(cc('no-store, max-age=100'), { status }),
    later(1, 'asked'),
  ),
]);

const understood = [
  ...[200, 204, 301, 404, 503].map((status) =>
    optimal(
      `must-understand-${status}`,
      'RFC 9111 §5.2.2.3',
      `no-store beside must-understand is ignored for ${status}`,
      fetched(cc('no-store, must-understand, max-age=100'), { status }),
      later(99, 'hit'),
    ),
  ),
  ...UNKNOWN.flatMap((status) => [
    required(
      `must-understand-${status}`,
      'RFC 9111 §5.2.2.3',
      `must-understand keeps ${status} from being stored`,
      fetched(cc('must-understand, max-age=100'), { status }),
      later(1, 'asked'),
    ),
    required(
      `must-understand-no-store-${status}`,
      'RFC 9111 §5.2.2.3',
      `no-store beside must-understand holds for ${status}`,
      fetched(cc('no-store, must-understand, max-age=100'), { status }),
      later(1, 'asked'),
    ),
  ]),
  optimal(
    'must-understand-alone',
    'RFC 9111 §5.2.2.3',
    'must-understand alone allows 200',
    fetched(cc('must-understand, max-age=100')),
    later(99, 'hit'),
  ),
  required(
    'must-understand-private',
    'RFC 9111 §5.2.2.3',
    'must-understand lifts nothing but no-store',
    fetched(cc('must-understand, private, max-age=100')),
    later(1, 'asked'),
  ),
];

const guessed: readonly Row[] = [
  ...GUESSED.map((status) =>
    optimal(
      `guess-${status}`,
      GUESSING,
      `a lifetime is guessed for ${status} with Last-Modified`,
      fetched({ 'Last-Modified': OLD }, { status }),
      later(1000, 'hit'),
    ),
  ),
  ...GUESSED.map((status) =>
    required(
      `guess-${status}-nothing`,
      GUESSING,
      `none for ${status} without Last-Modified`,
      fetched({}, { status }),
      later(0, 'asked'),
    ),
  ),
  ...NOT_GUESSED.map((status) =>
    required(
      `guess-${status}`,
      GUESSING,
      `none for ${status}, whatever its Last-Modified`,
      fetched({ 'Last-Modified': OLD }, { status }),
      later(0, 'asked'),
    ),
  ),
  ...NOT_GUESSED.map((status) =>
    optimal(
      `guess-${status}-public`,
      GUESSING,
      `but for ${status} with public`,
      fetched({ 'Last-Modified': OLD, 'Cache-Control': 'public' }, { status }),
      later(1000, 'hit'),
    ),
  ),
  optimal(
    'guess-tenth',
    GUESSING,
    'the guess is a tenth of the age that the content had',
    fetched({ 'Last-Modified': '{t-1000}' }),
    later(99, 'hit'),
    later(1, 'asked'),
  ),
  optimal(
    'guess-capped',
    GUESSING,
    'and no more than the setting heuristicMax',
    fetched({ 'Last-Modified': 'Sat, 01 Jan 2000 00:00:00 GMT' }),
    later(86_399, 'hit'),
    later(1, 'asked'),
  ),
  optimal(
    'guess-query',
    GUESSING,
    'also for a URL with a query',
    fetched({ 'Last-Modified': OLD }, {}, { to: '?a=1' }),
    later(1000, 'hit', { request: { to: '?a=1' } }),
  ),
  optimal(
    'guess-no-date',
    GUESSING,
    'also without Date',
    fetched({ 'Last-Modified': OLD }, { date: false }),
    later(1000, 'hit'),
  ),
  optimal(
    'guess-etag',
    GUESSING,
    'also beside an ETag',
    fetched({ 'Last-Modified': OLD, ETag: '"a"' }),
    later(1000, 'hit'),
  ),
  optimal(
    'guess-unknown-cc',
    GUESSING,
    'also beside directives that say nothing of it',
    fetched({ 'Last-Modified': OLD, 'Cache-Control': 'no-transform, unknown=1' }),
    later(1000, 'hit'),
  ),
  optimal(
    'guess-850',
    'RFC 9110 §5.6.7',
    'Last-Modified in the form of RFC 850',
    fetched({ 'Last-Modified': '{t-100000|850}' }),
    later(1000, 'hit'),
  ),
  optimal(
    'guess-asctime',
    'RFC 9110 §5.6.7',
    'Last-Modified in the form of asctime()',
    fetched({ 'Last-Modified': '{t-100000|asctime}' }),
    later(1000, 'hit'),
  ),
  required(
    'guess-future',
    GUESSING,
    'none by a Last-Modified in the future',
    fetched({ 'Last-Modified': '{t+100000}' }),
    later(0, 'asked'),
  ),
  required(
    'guess-now',
    GUESSING,
    'none by a Last-Modified of this second',
    fetched({ 'Last-Modified': '{t}' }),
    later(0, 'asked'),
  ),
  required(
    'guess-broken',
    GUESSING,
    'none by a broken Last-Modified',
    fetched({ 'Last-Modified': 'yesterday' }),
    later(0, 'asked'),
  ),
  required(
    'guess-etag-only',
    GUESSING,
    'none by an ETag',
    fetched({ ETag: '"a"' }),
    later(0, 'asked', { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  required(
    'guess-not-no-store',
    STORING,
    'no-store forbids it',
    fetched({ 'Last-Modified': OLD, 'Cache-Control': 'no-store' }),
    later(0, 'asked'),
  ),
  required(
    'guess-not-private',
    STORING,
    'private forbids it',
    fetched({ 'Last-Modified': OLD, 'Cache-Control': 'private' }),
    later(0, 'asked'),
  ),
  required(
    'guess-not-max-age',
    GUESSING,
    'not in place of a max-age that is over',
    fetched({ 'Last-Modified': OLD, 'Cache-Control': 'max-age=1' }),
    later(10, 'asked'),
  ),
  required(
    'guess-not-expires',
    GUESSING,
    'not in place of an Expires that is over',
    fetched({ 'Last-Modified': OLD, Expires: '{t+1}' }),
    later(10, 'asked'),
  ),
  optimal(
    'guess-no-warning',
    'RFC 9111 §5.5',
    'no Warning is written, however old it grows',
    fetched({ 'Last-Modified': 'Sat, 01 Jan 2000 00:00:00 GMT' }),
    later(86_398, { outcome: 'hit', headers: { Warning: null } }),
  ),
];

const deviations = [412, 416].map((status) =>
  deviating(
    `${status} answers a condition or a range of one request, and the cache key has neither.`,
    optimal(
      `status-${status}`,
      STORING,
      `${status} with max-age`,
      fetched(cc('max-age=100'), { status }),
      later(1, 'asked'),
    ),
  ),
);

const blaming = [413, 417, 421, 425].map((status) =>
  deviating(
    `${status} says what was wrong with one request, and the cache key does not have that.`,
    optimal(
      `status-${status}`,
      STORING,
      `${status} with max-age`,
      fetched(cc('max-age=100'), { status }),
      later(1, 'asked'),
    ),
  ),
);

const never = [
  [428, '3'],
  [429, '4'],
  [431, '5'],
  [511, '6'],
].map(([status, section]) =>
  required(
    `status-${status}-never`,
    `RFC 6585 §${section}`,
    `${status} is not stored, whatever it says of itself`,
    fetched(cc('public, max-age=100'), { status: Number(status) }),
    later(1, 'asked'),
  ),
);

export const statuses: Table = {
  topic: 'Status codes',
  rows: [...explicit, ...understood, ...guessed, ...never, ...deviations, ...blaming],
};

// stale-if-error, and an origin that cannot be reached (RFC 5861 §4, RFC 9111 §4.2.4).

import {
  type Answer,
  ask,
  CLOSES,
  cc,
  deviating,
  fetched,
  later,
  optimal,
  type Row,
  required,
  STRICT,
  type Table,
  withSettings,
} from '../row.ts';

const SWR = 'RFC 5861 §3';
const SIE = 'RFC 5861 §4';
const STALE = 'RFC 9111 §4.2.4';
const ERRORS = [500, 502, 503, 504];
const NO_ERRORS = [400, 404, 410, 429, 501, 505];

const confirmed: { origin: Answer } = { origin: { status: 304, headers: { ETag: '"a"' } } };
const sie = (value = 'stale-if-error=100') => ({ 'Cache-Control': `max-age=10, ${value}`, ETag: '"a"' });
const STANDS_IN = { outcome: 'stale', from: 1, cacheStatus: { detail: 'stale-if-error' } } as const;

const ifError: readonly Row[] = [
  ...ERRORS.map((status) =>
    optimal(
      `sie-${status}`,
      SIE,
      `a ${status} is replaced by the stale response`,
      fetched(sie()),
      later(50, STANDS_IN, { origin: { status } }),
    ),
  ),
  ...NO_ERRORS.map((status) =>
    required(
      `sie-not-${status}`,
      SIE,
      `a ${status} is no error of the origin's health and is passed on`,
      fetched(sie()),
      later(50, { outcome: 'fetched', status }, { origin: { status } }),
    ),
  ),
  optimal(
    'sie-closed',
    SIE,
    'a connection that is closed counts as an error',
    fetched(sie()),
    later(50, STANDS_IN, { origin: CLOSES }),
  ),
  optimal(
    'sie-garbage',
    SIE,
    'so does an answer that is no HTTP',
    fetched(sie()),
    later(50, STANDS_IN, { origin: { play: 'bytes', bytes: 'hello\r\n\r\n' } }),
  ),
  optimal(
    'sie-last',
    SIE,
    'to the last second of the window',
    fetched(sie()),
    later(109, STANDS_IN, { origin: { status: 503 } }),
  ),
  required(
    'sie-over',
    SIE,
    'not beyond the window',
    fetched(sie()),
    later(110, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
  ),
  required(
    'sie-over-closed',
    SIE,
    'not beyond the window for a closed connection either',
    fetched(sie()),
    later(110, 'failed', { origin: CLOSES }),
  ),
  required(
    'sie-zero',
    SIE,
    'a window of nothing',
    fetched(sie('stale-if-error=0')),
    later(10, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
  ),
  required(
    'sie-broken',
    SIE,
    'a broken value opens no window',
    fetched(sie('stale-if-error=x')),
    later(50, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
  ),
  optimal(
    'sie-quoted',
    'RFC 9111 §5.2',
    'as a quoted string',
    fetched(sie('stale-if-error="100"')),
    later(50, STANDS_IN, { origin: { status: 503 } }),
  ),
  optimal(
    'sie-case',
    'RFC 9111 §5.2',
    'in upper case',
    fetched(sie('STALE-IF-ERROR=100')),
    later(50, STANDS_IN, { origin: { status: 503 } }),
  ),
  optimal(
    'sie-asks-first',
    SIE,
    'while the origin answers it is asked',
    fetched(sie()),
    later(50, 'validated', confirmed),
  ),
  optimal(
    'sie-error-not-stored',
    SIE,
    'the error that was replaced is not stored',
    fetched(sie()),
    later(50, STANDS_IN, { origin: { status: 503, headers: cc('max-age=100') } }),
    later(1, 'validated', confirmed),
  ),
  optimal(
    'sie-head',
    SIE,
    'for a HEAD too',
    fetched(sie()),
    later(
      50,
      { status: 200, body: '', cacheStatus: { detail: 'stale-if-error' } },
      { request: { method: 'HEAD' }, origin: { status: 503 } },
    ),
  ),
  required(
    'sie-client-no-cache',
    'RFC 9111 §5.2.1.4',
    "not against a client's no-cache",
    fetched(sie()),
    later(50, { outcome: 'fetched', status: 503 }, { ...ask(cc('no-cache')), origin: { status: 503 } }),
  ),
  optimal(
    'sie-together',
    SIE,
    'every client that waits gets it',
    fetched(sie()),
    later(50, STANDS_IN, { together: 4, origin: { status: 503 } }),
  ),
  required(
    'sie-post',
    'RFC 9111 §4',
    'it answers no POST',
    fetched(sie()),
    later(50, { status: 503, asked: 1 }, { request: { method: 'POST', body: 'x' }, origin: { status: 503 } }),
  ),
  required(
    'sie-ttl',
    'RFC 9211 §2.4',
    'ttl in Cache-Status is negative',
    fetched(sie()),
    later(
      50,
      { outcome: 'stale', cacheStatus: { fwd: 'stale', fwdStatus: 503, ttl: -40 } },
      { origin: { status: 503 } },
    ),
  ),
];

const unreachable: readonly Row[] = [
  deviating(
    'A reload sends max-age=0, and a stale page beats an error page; under `strict` the wish holds.',
    optimal(
      'stale-closed-reload',
      'RFC 9111 §5.2.1.1',
      'a client that wants nothing older, and an origin that cannot be reached',
      fetched(cc('max-age=10')),
      later(50, 'stale', { ...ask(cc('max-age=0')), origin: CLOSES }),
    ),
  ),
  ...withSettings(
    STRICT,
    optimal(
      'stale-closed-max-age',
      'RFC 9111 §5.2.1.1',
      "under strict nothing stale is served against a client's max-age",
      fetched(cc('max-age=10')),
      later(50, 'failed', { ...ask(cc('max-age=0')), origin: CLOSES }),
    ),
    optimal(
      'stale-closed-min-fresh',
      'RFC 9111 §5.2.1.3',
      'nor against its min-fresh',
      fetched(cc('max-age=10')),
      later(50, 'failed', { ...ask(cc('min-fresh=1')), origin: CLOSES }),
    ),
  ),
  optimal(
    'stale-closed-fresh',
    STALE,
    'a fresh response that a client wants validated is served where the origin cannot be reached',
    fetched(cc('max-age=100')),
    later(
      50,
      { outcome: 'stale', cacheStatus: { detail: 'fresh' } },
      { ...ask(cc('max-age=20')), origin: CLOSES },
    ),
  ),
  optimal(
    'stale-closed',
    STALE,
    'where the origin cannot be reached a stale response is served if nothing forbids it',
    fetched(cc('max-age=10')),
    later(50, 'stale', { origin: CLOSES }),
  ),
  optimal(
    'stale-closed-expires',
    STALE,
    'by Expires too',
    fetched({ Expires: '{t+10}' }),
    later(50, 'stale', { origin: CLOSES }),
  ),
  optimal(
    'stale-closed-guess',
    STALE,
    'with a guessed lifetime too',
    fetched({ 'Last-Modified': '{t-100}' }),
    later(50, 'stale', { origin: CLOSES }),
  ),
  optimal(
    'stale-closed-404',
    STALE,
    'a stored 404 too',
    fetched(cc('max-age=10'), { status: 404 }),
    later(50, 'stale', { origin: CLOSES }),
  ),
  optimal(
    'stale-closed-again',
    STALE,
    'it stays for the next failure',
    fetched(cc('max-age=10')),
    later(50, 'stale', { origin: CLOSES }),
    later(50, { outcome: 'stale', from: 1 }),
  ),
  optimal(
    'stale-closed-recovers',
    STALE,
    'and is replaced when the origin is back',
    fetched(cc('max-age=10')),
    later(50, 'stale', { origin: CLOSES }),
    later(1, 'fetched', { origin: { headers: cc('max-age=10') } }),
  ),
  optimal(
    'stale-closed-reset',
    STALE,
    'a connection reset is no answer either',
    fetched(cc('max-age=10')),
    later(50, 'stale', { origin: { play: 'reset' } }),
  ),
  required(
    'stale-closed-nothing',
    'RFC 9110 §15.6.3',
    'with nothing stored the client hears of the failure',
    { origin: CLOSES, expect: 'failed' },
  ),
  required('stale-503-nothing', 'RFC 9110 §15.6.4', 'with nothing stored a 503 is passed on', {
    origin: { status: 503 },
    expect: { outcome: 'fetched', status: 503 },
  }),
  optimal(
    'stale-no-warning',
    'RFC 9111 §5.5',
    'no Warning is written',
    fetched(cc('max-age=10')),
    later(50, { outcome: 'stale', headers: { Warning: null } }, { origin: CLOSES }),
  ),
  deviating(
    'Without stale-if-error a 5xx of the origin is passed on: it may be meant (RFC 9111 §4.3.3 allows either). The setting staleIfError opens a window for all.',
    optimal(
      'stale-503',
      'RFC 9111 §4.3.3',
      'a 503 where no stale-if-error names a window',
      fetched(cc('max-age=10')),
      later(50, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
    ),
  ),
  ...withSettings(
    { cache: { staleIfError: '100s', staleWhileRevalidate: '50s' } },
    optimal(
      'stale-503-setting',
      SIE,
      'staleIfError opens a window',
      fetched(cc('max-age=10')),
      later(80, STANDS_IN, { origin: { status: 503 } }),
    ),
    optimal(
      'stale-swr-setting',
      SWR,
      'staleWhileRevalidate opens one',
      fetched(cc('max-age=10')),
      later(40, { outcome: 'stale', from: 1 }, { settle: true }),
    ),
    required(
      'stale-setting-must-revalidate',
      'RFC 9111 §5.2.2.2',
      'neither lifts must-revalidate',
      fetched(cc('max-age=10, must-revalidate')),
      later(40, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
    ),
    required(
      'stale-setting-no-cache',
      'RFC 9111 §5.2.2.4',
      'nor no-cache',
      fetched({ ...cc('no-cache, max-age=10'), ETag: '"a"' }),
      later(40, { outcome: 'fetched', status: 503 }, { origin: { status: 503 } }),
    ),
  ),
];

export const staleIfError: Table = { topic: 'Failing origins', rows: [...ifError, ...unreachable] };

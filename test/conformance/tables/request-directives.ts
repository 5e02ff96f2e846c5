// What else a client may ask of the cache: no-cache, no-store, only-if-cached, Pragma (RFC 9111 §5.2.1). All of it is advisory.

import {
  ask,
  CLOSES,
  cc,
  fetched,
  later,
  now,
  optimal,
  type Row,
  required,
  type Table,
  withSettings,
} from '../row.ts';

const stored = (more = ''): ReturnType<typeof fetched> =>
  fetched({ 'Cache-Control': `max-age=100${more}`, ETag: '"a"' });
const CONFIRMED = { origin: { status: 304, headers: { ETag: '"a"' } } } as const;
const validated = (seconds: number, value: string) =>
  later(seconds, 'validated', { ...ask(cc(value)), ...CONFIRMED });
const hit = (seconds: number, value: string) => later(seconds, 'hit', ask(cc(value)));
const stale = (seconds: number, value: string) =>
  later(seconds, { outcome: 'stale', asked: 0 }, ask(cc(value)));

const NO_CACHE = 'RFC 9111 §5.2.1.4';
const NO_STORE = 'RFC 9111 §5.2.1.5';
const ONLY = 'RFC 9111 §5.2.1.7';

const noCache: readonly Row[] = [
  optimal(
    'ask-no-cache',
    NO_CACHE,
    'no-cache asks for validation, with what is stored',
    stored(),
    validated(1, 'no-cache'),
  ),
  optimal(
    'ask-no-cache-date',
    NO_CACHE,
    'by Last-Modified too',
    fetched({ 'Cache-Control': 'max-age=100', 'Last-Modified': '{t-1000}' }),
    later(1, 'validated', {
      ...ask(cc('no-cache')),
      origin: { status: 304, headers: { 'Last-Modified': '{t-1000}' } },
    }),
  ),
  optimal(
    'ask-no-cache-plain',
    NO_CACHE,
    'without a validator it is fetched anew',
    fetched(cc('max-age=100')),
    later(1, 'fetched', ask(cc('no-cache'))),
  ),
  optimal(
    'ask-no-cache-replaces',
    NO_CACHE,
    'and what came is stored',
    fetched(cc('max-age=100')),
    later(1, 'fetched', ask(cc('no-cache'))),
    later(50, 'hit'),
  ),
  optimal(
    'ask-no-cache-freshens',
    NO_CACHE,
    'the 304 freshens what is stored',
    stored(),
    validated(90, 'no-cache'),
    later(90, 'hit'),
  ),
  optimal('ask-no-cache-case', 'RFC 9111 §5.2', 'in upper case', stored(), validated(1, 'NO-CACHE')),
  optimal(
    'ask-no-cache-line',
    'RFC 9110 §5.3',
    'on a second line',
    stored(),
    later(1, 'validated', { ...ask(cc('max-age=1000', 'no-cache')), ...CONFIRMED }),
  ),
  optimal(
    'ask-pragma',
    'RFC 9111 §5.4',
    'Pragma: no-cache asks for it too, as HTTP/1.0 clients do',
    stored(),
    later(1, 'validated', { ...ask({ Pragma: 'no-cache' }), ...CONFIRMED }),
  ),
  optimal(
    'ask-pragma-case',
    'RFC 9111 §5.4',
    'in upper case',
    stored(),
    later(1, 'validated', { ...ask({ Pragma: 'NO-CACHE' }), ...CONFIRMED }),
  ),
  optimal(
    'ask-pragma-overruled',
    'RFC 9111 §5.4',
    'Pragma means nothing beside Cache-Control',
    stored(),
    later(1, 'hit', ask({ Pragma: 'no-cache', 'Cache-Control': 'max-age=1000' })),
  ),
  optimal(
    'ask-pragma-other',
    'RFC 9111 §5.4',
    'another Pragma means nothing',
    stored(),
    later(1, 'hit', ask({ Pragma: 'x' })),
  ),
  required(
    'ask-no-cache-forwarded',
    'RFC 9111 §5.2',
    'the directive is forwarded',
    stored(),
    later(
      1,
      { outcome: 'validated', forwarded: { 'Cache-Control': 'no-cache' } },
      { ...ask(cc('no-cache')), ...CONFIRMED },
    ),
  ),
  required(
    'ask-no-cache-closed',
    NO_CACHE,
    'with no-cache nothing is reused without validation',
    stored(),
    later(1, 'failed', { ...ask(cc('no-cache')), origin: CLOSES }),
  ),
];

const noStore: readonly Row[] = [
  required(
    'ask-no-store',
    NO_STORE,
    'the response to a request with no-store is not stored',
    fetched(cc('max-age=100'), {}, { headers: cc('no-store') }),
    later(1, 'asked'),
  ),
  required(
    'ask-no-store-case',
    NO_STORE,
    'in upper case',
    fetched(cc('max-age=100'), {}, { headers: cc('NO-STORE') }),
    later(1, 'asked'),
  ),
  optimal('ask-no-store-stored', NO_STORE, 'what is stored already is reused', stored(), hit(1, 'no-store')),
  required(
    'ask-no-store-stale',
    NO_STORE,
    'what replaces a stale response is not stored',
    fetched(cc('max-age=100')),
    later(150, 'asked', ask(cc('no-store'))),
    later(1, 'asked'),
  ),
];

const only: readonly Row[] = [
  optimal(
    'ask-only-if-cached',
    ONLY,
    'only-if-cached with nothing stored is 504',
    now({ status: 504, asked: 0 }, { ...ask(cc('only-if-cached')), origin: { headers: {} } }),
  ),
  optimal(
    'ask-only-if-cached-stored',
    ONLY,
    'with a fresh response it is a hit',
    stored(),
    hit(50, 'only-if-cached'),
  ),
  optimal(
    'ask-only-if-cached-stale',
    ONLY,
    'with a stale one it is 504',
    stored(),
    later(150, { status: 504, asked: 0 }, ask(cc('only-if-cached'))),
  ),
  optimal(
    'ask-only-if-cached-max-stale',
    ONLY,
    'with a stale one that max-stale accepts it is served',
    stored(),
    stale(150, 'only-if-cached, max-stale=50'),
  ),
  optimal(
    'ask-only-if-cached-case',
    'RFC 9111 §5.2',
    'in upper case',
    now({ status: 504, asked: 0 }, { ...ask(cc('ONLY-IF-CACHED')), origin: { headers: {} } }),
  ),
  optimal(
    'ask-only-if-cached-vary',
    ONLY,
    'another variant than those stored is 504',
    fetched({ 'Cache-Control': 'max-age=100', Vary: 'X-A' }, {}, { headers: { 'X-A': '1' } }),
    later(1, { status: 504, asked: 0 }, ask({ 'Cache-Control': 'only-if-cached', 'X-A': '2' })),
  ),
];

const others: readonly Row[] = [
  optimal(
    'ask-unknown',
    'RFC 9111 §5.2.3',
    'an unknown directive means nothing',
    stored(),
    hit(1, 'unknown, x="no-cache"'),
  ),
  optimal(
    'ask-no-transform',
    'RFC 9111 §5.2.1.6',
    'no-transform does not keep from the store',
    stored(),
    hit(1, 'no-transform'),
  ),
  optimal(
    'ask-stale-if-error',
    'RFC 5861 §4',
    "a client's stale-if-error allows a stale response",
    stored(),
    later(150, 'stale', { ...ask(cc('stale-if-error=51')), origin: { status: 503 } }),
  ),
  required(
    'ask-stale-if-error-over',
    'RFC 5861 §4',
    'within its window only',
    stored(),
    later(
      150,
      { outcome: 'asked', status: 503 },
      { ...ask(cc('stale-if-error=50')), origin: { status: 503 } },
    ),
  ),
  ...withSettings(
    { cache: { honourClient: false } },
    optimal(
      'ask-ignored-no-cache',
      'RFC 9111 §5.2.1',
      'without honourClient no-cache is a hit',
      stored(),
      hit(1, 'no-cache'),
    ),
    optimal('ask-ignored-max-age', 'RFC 9111 §5.2.1', 'and max-age=0', stored(), hit(1, 'max-age=0')),
    optimal(
      'ask-ignored-pragma',
      'RFC 9111 §5.2.1',
      'and Pragma',
      stored(),
      later(1, 'hit', ask({ Pragma: 'no-cache' })),
    ),
    optimal(
      'ask-ignored-no-store',
      'RFC 9111 §5.2.1',
      'and no-store does not keep from storing',
      fetched(cc('max-age=100'), {}, { headers: cc('no-store') }),
      later(1, 'hit'),
    ),
    required(
      'ask-ignored-stale',
      'RFC 9111 §4.2.4',
      'a stale response is validated all the same',
      stored(),
      validated(150, 'max-stale'),
    ),
  ),
];

export const requestDirectives: Table = {
  topic: 'Request directives',
  rows: [...noCache, ...noStore, ...only, ...others],
};

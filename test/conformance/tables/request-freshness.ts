// How fresh a client wants it: max-age, min-fresh, max-stale (RFC 9111 §5.2.1). All of it is advisory.

import { ask, cc, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const stored = (more = ''): ReturnType<typeof fetched> =>
  fetched({ 'Cache-Control': `max-age=100${more}`, ETag: '"a"' });
const CONFIRMED = { origin: { status: 304, headers: { ETag: '"a"' } } } as const;
const validated = (seconds: number, value: string) =>
  later(seconds, 'validated', { ...ask(cc(value)), ...CONFIRMED });
const hit = (seconds: number, value: string) => later(seconds, 'hit', ask(cc(value)));
const stale = (seconds: number, value: string) =>
  later(seconds, { outcome: 'stale', asked: 0 }, ask(cc(value)));

const MAX_AGE = 'RFC 9111 §5.2.1.1';
const MAX_STALE = 'RFC 9111 §5.2.1.2';
const MIN_FRESH = 'RFC 9111 §5.2.1.3';

const ages: readonly Row[] = [
  optimal('ask-max-age-0', MAX_AGE, 'max-age=0 asks for validation', stored(), validated(1, 'max-age=0')),
  optimal(
    'ask-max-age-0-now',
    MAX_AGE,
    'also in the second of the storing',
    stored(),
    validated(0, 'max-age=0'),
  ),
  optimal(
    'ask-max-age-older',
    MAX_AGE,
    'a response older than max-age is validated',
    stored(),
    validated(50, 'max-age=49'),
  ),
  optimal('ask-max-age-young', MAX_AGE, 'a younger one is reused', stored(), hit(50, 'max-age=50')),
  optimal(
    'ask-max-age-greater',
    MAX_AGE,
    'max-age beyond its own lifetime changes nothing',
    stored(),
    hit(99, 'max-age=1000'),
  ),
  required(
    'ask-max-age-no-more',
    MAX_AGE,
    'and does not lengthen it',
    stored(),
    validated(100, 'max-age=1000'),
  ),
  optimal(
    'ask-max-age-received',
    MAX_AGE,
    'the age that it came with counts',
    fetched({ 'Cache-Control': 'max-age=100', Age: '40', ETag: '"a"' }),
    validated(20, 'max-age=50'),
  ),
  optimal('ask-max-age-case', 'RFC 9111 §5.2', 'in upper case', stored(), validated(1, 'MAX-AGE=0')),
  optimal(
    'ask-max-age-quoted',
    'RFC 9111 §5.2',
    'as a quoted string',
    stored(),
    validated(50, 'max-age="49"'),
  ),
  optimal(
    'ask-max-age-plain',
    MAX_AGE,
    'without a validator it is fetched anew',
    fetched(cc('max-age=100')),
    later(1, 'asked', ask(cc('max-age=0'))),
  ),
  optimal(
    'ask-min-fresh-short',
    MIN_FRESH,
    'what is fresh for too short is validated',
    stored(),
    validated(50, 'min-fresh=51'),
  ),
  optimal(
    'ask-min-fresh-long',
    MIN_FRESH,
    'what is fresh for longer is reused',
    stored(),
    hit(50, 'min-fresh=50'),
  ),
  optimal(
    'ask-min-fresh-received',
    MIN_FRESH,
    'the age that it came with counts',
    fetched({ 'Cache-Control': 'max-age=100', Age: '40', ETag: '"a"' }),
    validated(20, 'min-fresh=41'),
  ),
  optimal(
    'ask-min-fresh-more',
    MIN_FRESH,
    'min-fresh beyond its whole lifetime',
    stored(),
    validated(0, 'min-fresh=1000'),
  ),
];

const stales: readonly Row[] = [
  optimal(
    'ask-max-stale',
    MAX_STALE,
    'a response that is stale for no longer is served',
    stored(),
    stale(150, 'max-stale=50'),
  ),
  optimal(
    'ask-max-stale-any',
    MAX_STALE,
    'max-stale without a value accepts any',
    stored(),
    stale(5000, 'max-stale'),
  ),
  required(
    'ask-max-stale-over',
    MAX_STALE,
    'one that is stale for longer is validated',
    stored(),
    validated(150, 'max-stale=49'),
  ),
  required('ask-max-stale-0', MAX_STALE, 'max-stale=0 accepts none', stored(), validated(101, 'max-stale=0')),
  required(
    'ask-max-stale-broken',
    MAX_STALE,
    'a broken max-stale accepts none',
    stored(),
    validated(101, 'max-stale=x'),
  ),
  required(
    'ask-max-stale-negative',
    MAX_STALE,
    'a negative one neither',
    stored(),
    validated(101, 'max-stale=-1000'),
  ),
  optimal(
    'ask-max-stale-received',
    MAX_STALE,
    'the age that it came with counts',
    fetched({ 'Cache-Control': 'max-age=100', Age: '90' }),
    stale(50, 'max-stale=40'),
  ),
  required(
    'ask-max-stale-received-over',
    MAX_STALE,
    'the age that it came with counts against it',
    fetched({ 'Cache-Control': 'max-age=100', Age: '90', ETag: '"a"' }),
    validated(50, 'max-stale=39'),
  ),
  required(
    'ask-max-stale-no-cache',
    'RFC 9111 §5.2.2.4',
    'it does not lift no-cache',
    fetched({ 'Cache-Control': 'max-age=100, no-cache', ETag: '"a"' }),
    validated(1, 'max-stale=1000'),
  ),
  optimal('ask-max-stale-fresh', MAX_STALE, 'a fresh response is a hit', stored(), hit(50, 'max-stale=50')),
  optimal(
    'ask-max-stale-max-age',
    MAX_AGE,
    'max-age beside max-stale holds',
    stored(),
    validated(150, 'max-age=120, max-stale=100'),
  ),
  optimal(
    'ask-max-stale-max-age-within',
    MAX_AGE,
    'within both it is served',
    stored(),
    stale(150, 'max-age=150, max-stale=50'),
  ),
  required(
    'ask-max-stale-not-refreshed',
    MAX_STALE,
    'serving it makes it no fresher',
    stored(),
    stale(150, 'max-stale=50'),
    later(0, 'validated', CONFIRMED),
  ),
];

export const requestFreshness: Table = {
  topic: 'Freshness that clients ask for',
  rows: [...ages, ...stales],
};

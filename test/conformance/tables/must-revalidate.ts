// must-revalidate, proxy-revalidate and s-maxage: nothing stale without validation (RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10).

import { ask, CLOSES, cc, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const MUST_REVALIDATE = 'RFC 9111 §5.2.2.2';
const PROXY_REVALIDATE = 'RFC 9111 §5.2.2.8';

const revalidate = (
  [
    ['must-revalidate', MUST_REVALIDATE],
    ['proxy-revalidate', PROXY_REVALIDATE],
    ['s-maxage=10', 'RFC 9111 §5.2.2.10'],
  ] as const
).flatMap(([directive, clause]): Row[] => {
  const id = directive.replace('=10', '');
  const headers = (more = ''): Record<string, string> => ({
    'Cache-Control': `max-age=10, ${directive}${more}`,
    ETag: '"a"',
  });
  return [
    optimal(
      `stale-${id}-fresh`,
      clause,
      `${directive} is reused while fresh`,
      fetched(headers()),
      later(9, 'hit'),
    ),
    required(
      `stale-${id}-asks`,
      clause,
      `${directive} is validated when stale`,
      fetched(headers()),
      later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
    ),
    required(
      `stale-${id}-closed`,
      clause,
      `${directive} is not reused stale when the origin cannot be reached`,
      fetched(headers()),
      later(20, 'failed', { origin: CLOSES }),
    ),
    required(
      `stale-${id}-503`,
      clause,
      `${directive} is not reused stale when the origin answers 503`,
      fetched(headers()),
      later(20, { outcome: 'asked', status: 503 }, { origin: { status: 503 } }),
    ),
    required(
      `stale-${id}-sie-closed`,
      clause,
      `stale-if-error does not lift ${directive}`,
      fetched(headers(', stale-if-error=100')),
      later(20, 'failed', { origin: CLOSES }),
    ),
    required(
      `stale-${id}-sie-503`,
      clause,
      `stale-if-error does not lift ${directive} for a 503`,
      fetched(headers(', stale-if-error=100')),
      later(20, { outcome: 'asked', status: 503 }, { origin: { status: 503 } }),
    ),
    required(
      `stale-${id}-swr`,
      clause,
      `stale-while-revalidate does not lift ${directive}`,
      fetched(headers(', stale-while-revalidate=100')),
      later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
    ),
    required(
      `stale-${id}-max-stale`,
      clause,
      `a client's max-stale does not lift ${directive}`,
      fetched(headers()),
      later(20, 'validated', {
        ...ask(cc('max-stale=100')),
        origin: { status: 304, headers: { ETag: '"a"' } },
      }),
    ),
    required(
      `stale-${id}-client-sie`,
      clause,
      `a client's stale-if-error does not lift ${directive}`,
      fetched(headers()),
      later(20, 'failed', { ...ask(cc('stale-if-error=100')), origin: CLOSES }),
    ),
    optimal(
      `stale-${id}-case`,
      'RFC 9111 §5.2',
      `${directive} in upper case`,
      fetched({ 'Cache-Control': `MAX-AGE=10, ${directive.toUpperCase()}` }),
      later(9, 'hit'),
      later(20, 'failed', { origin: CLOSES }),
    ),
  ];
});

export const mustRevalidate: Table = { topic: 'Validation that is demanded', rows: revalidate };

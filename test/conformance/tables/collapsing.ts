// Requests that wait for one fetch (RFC 9111 §4).

import { cc, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const LIFE = { 'Cache-Control': 'max-age=100', ETag: '"a"' };
const COLLAPSING = 'RFC 9111 §4';
const collapsed: readonly Row[] = [
  optimal(
    'collapse',
    COLLAPSING,
    'many requests for what is not stored are one to the origin',
    now({ outcome: 'fetched', asked: 1 }, { together: 6, origin: { headers: LIFE } }),
  ),
  optimal(
    'collapse-status',
    'RFC 9211 §2.6',
    'those that waited are marked collapsed',
    now(
      { outcome: 'fetched', asked: 1, someCacheStatus: { fwd: 'uri-miss', collapsed: true } },
      { together: 6, origin: { headers: LIFE } },
    ),
  ),
  optimal(
    'collapse-status-first',
    'RFC 9211 §2.5',
    'the one that fetched is marked stored',
    now(
      { outcome: 'fetched', asked: 1, someCacheStatus: { fwd: 'uri-miss', stored: true, collapsed: false } },
      { together: 6, origin: { headers: LIFE } },
    ),
  ),
  optimal(
    'collapse-stale',
    COLLAPSING,
    'many for what is stale are one validation',
    fetched(LIFE),
    later(
      150,
      { outcome: 'validated', asked: 1 },
      { together: 6, origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
  ),
  optimal(
    'collapse-guess',
    COLLAPSING,
    'also where the lifetime is guessed',
    now(
      { outcome: 'fetched', asked: 1 },
      { together: 4, origin: { headers: { 'Last-Modified': '{t-10000}' } } },
    ),
  ),
  required(
    'collapse-no-store',
    'RFC 9111 §5.2.2.5',
    'each gets its own where it may not be stored',
    now({ asked: 4, status: 200 }, { together: 4, origin: { headers: cc('no-store') } }),
  ),
  required(
    'collapse-private',
    'RFC 9111 §5.2.2.7',
    'or where it is private',
    now({ asked: 4, status: 200 }, { together: 4, origin: { headers: cc('private, max-age=100') } }),
  ),
  required(
    'collapse-zero',
    'RFC 9111 §4.2',
    'or where it is stale at once',
    now({ asked: 4, status: 200 }, { together: 4, origin: { headers: cc('max-age=0') } }),
  ),
  required(
    'collapse-no-cache',
    'RFC 9111 §5.2.2.4',
    'or where each reuse needs a validation',
    now({ asked: 4, status: 200 }, { together: 4, origin: { headers: { ...cc('no-cache'), ETag: '"a"' } } }),
  ),
  required(
    'collapse-nothing',
    'RFC 9111 §4.2',
    'or where it names no lifetime',
    now({ asked: 4, status: 200 }, { together: 4, origin: { headers: {} } }),
  ),
  required(
    'collapse-post',
    'RFC 9110 §9.3.3',
    'requests that are not safe are never one',
    now(
      { asked: 3, status: 200 },
      { together: 3, request: { method: 'POST', body: 'x' }, origin: { headers: LIFE } },
    ),
  ),
  required(
    'collapse-authorization',
    'RFC 9111 §3.5',
    'nor are users',
    now(
      { asked: 3, status: 200 },
      { together: 3, request: { headers: { Authorization: 'x' } }, origin: { headers: LIFE } },
    ),
  ),
  optimal(
    'collapse-authorization-public',
    'RFC 9111 §3.5',
    'unless the response is for all',
    now(
      { asked: 1, status: 200 },
      {
        together: 3,
        request: { headers: { Authorization: 'x' } },
        origin: { headers: cc('public, max-age=100') },
      },
    ),
  ),
  required(
    'collapse-vary-star',
    'RFC 9111 §4.1',
    'nor where nothing can match',
    now({ asked: 3, status: 200 }, { together: 3, origin: { headers: { ...LIFE, Vary: '*' } } }),
  ),
];

export const collapsing: Table = { topic: 'Collapsing', rows: collapsed };

// Cache-Status (RFC 9211) on every kind of answer.

import {
  ask,
  CLOSES,
  cc,
  type Expect,
  fetched,
  later,
  now,
  optimal,
  type Row,
  required,
  type Table,
  withSettings,
} from '../row.ts';

const FWD = 'RFC 9211 §2.2';
const LIFE = { 'Cache-Control': 'max-age=100', ETag: '"a"' };
const says = (
  cacheStatus: NonNullable<Expect['cacheStatus']>,
  lacks: NonNullable<Expect['cacheStatusLacks']> = [],
): Expect => ({ cacheStatus: { name: 'holdfast', ...cacheStatus }, cacheStatusLacks: lacks });

const status: readonly Row[] = [
  required(
    'cs-miss',
    FWD,
    'a miss',
    now(says({ hit: false, fwd: 'uri-miss', fwdStatus: 200, stored: true }, ['ttl', 'collapsed']), {
      origin: { headers: LIFE },
    }),
  ),
  required(
    'cs-miss-status',
    'RFC 9211 §2.3',
    "with the origin's status",
    now(says({ fwd: 'uri-miss', fwdStatus: 404 }), { origin: { status: 404, headers: LIFE } }),
  ),
  required(
    'cs-not-stored',
    'RFC 9211 §2.5',
    'stored is not said of what is not stored',
    now(says({ fwd: 'uri-miss' }, ['stored']), { origin: { headers: cc('no-store') } }),
  ),
  required(
    'cs-hit',
    'RFC 9211 §2.1',
    'a hit',
    fetched(LIFE),
    later(30, says({ hit: true, ttl: 70 }, ['fwd', 'fwdStatus', 'stored', 'collapsed'])),
  ),
  required(
    'cs-hit-last',
    'RFC 9211 §2.4',
    'in its last second',
    fetched(LIFE),
    later(99, says({ hit: true, ttl: 1 })),
  ),
  required(
    'cs-hit-age',
    'RFC 9211 §2.4',
    'ttl counts the age that it came with',
    fetched({ ...LIFE, Age: '40' }),
    later(10, says({ hit: true, ttl: 50 })),
  ),
  required(
    'cs-stale',
    'RFC 9211 §2.4',
    'a stale response has a negative ttl',
    fetched(cc('max-age=10, stale-while-revalidate=100')),
    later(50, says({ hit: true, ttl: -40, detail: 'stale-while-revalidate' }, ['fwd']), { settle: true }),
  ),
  required(
    'cs-validated',
    FWD,
    'a validation',
    fetched(LIFE),
    later(150, says({ fwd: 'stale', fwdStatus: 304 }), { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  required(
    'cs-replaced',
    FWD,
    'a stale response that is replaced',
    fetched(LIFE),
    later(150, says({ fwd: 'stale', fwdStatus: 200, stored: true })),
  ),
  required(
    'cs-request',
    FWD,
    "by the client's wish",
    fetched(LIFE),
    later(1, says({ fwd: 'request', fwdStatus: 304 }), {
      ...ask(cc('no-cache')),
      origin: { status: 304, headers: { ETag: '"a"' } },
    }),
  ),
  required(
    'cs-no-cache',
    FWD,
    'by its own no-cache',
    fetched({ ...LIFE, 'Cache-Control': 'no-cache' }),
    later(1, says({ fwd: 'stale', fwdStatus: 304 }), { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  required(
    'cs-method',
    FWD,
    'by its method',
    now(says({ fwd: 'method', fwdStatus: 200 }, ['stored']), {
      request: { method: 'POST', body: 'x' },
      origin: { headers: LIFE },
    }),
  ),
  required(
    'cs-vary',
    FWD,
    'another variant',
    fetched({ ...LIFE, Vary: 'X-A' }, {}, { headers: { 'X-A': '1' } }),
    later(1, says({ fwd: 'vary-miss', fwdStatus: 200, stored: true }), ask({ 'X-A': '2' })),
  ),
  required(
    'cs-failed',
    FWD,
    'an origin that fails',
    now(says({ fwd: 'uri-miss' }, ['fwdStatus', 'stored']), { origin: CLOSES }),
  ),
  required(
    'cs-only-if-cached',
    'RFC 9211 §2',
    'neither hit nor forwarded',
    now(says({ hit: false, detail: 'only-if-cached' }, ['fwd']), {
      ...ask(cc('only-if-cached')),
      origin: { headers: LIFE },
    }),
  ),
  required(
    'cs-304',
    'RFC 9211 §2.1',
    'a 304 from the store is a hit',
    fetched(LIFE),
    later(1, says({ hit: true }), ask({ 'If-None-Match': '"a"' })),
  ),
  required(
    'cs-206',
    'RFC 9211 §2.1',
    'so is a range',
    fetched(LIFE),
    later(1, says({ hit: true }), ask({ Range: 'bytes=0-1' })),
  ),
  required(
    'cs-upstream',
    'RFC 9211 §2',
    "an upstream cache's stays in front",
    now(
      { headers: { 'Cache-Status': /^Other; hit; ttl=5, holdfast; fwd=uri-miss/ } },
      { origin: { headers: { ...LIFE, 'Cache-Status': 'Other; hit; ttl=5' } } },
    ),
  ),
  required(
    'cs-upstream-hit',
    'RFC 9211 §2',
    'also on hits',
    fetched({ ...LIFE, 'Cache-Status': ['A; hit', '"B c"; fwd=miss'] }),
    later(1, {
      outcome: 'hit',
      headers: { 'Cache-Status': /^A; hit, "B c"; fwd=miss, holdfast; hit; ttl=99$/ },
    }),
  ),
  required(
    'cs-upstream-broken',
    'RFC 9211 §2',
    'a broken one is dropped',
    now(
      { headers: { 'Cache-Status': /^holdfast; fwd=uri-miss/ } },
      { origin: { headers: { ...LIFE, 'Cache-Status': 'Other; hit; ttl=' } } },
    ),
  ),
  optimal(
    'cs-no-key',
    'RFC 9211 §2.7',
    'the key is not told',
    fetched(LIFE),
    later(1, says({ hit: true }, ['key'])),
  ),
  ...withSettings(
    { cache: { debug: true } },
    optimal(
      'cs-key',
      'RFC 9211 §2.7',
      'unless the operator asks for it',
      fetched(LIFE),
      later(1, { headers: { 'Cache-Status': /; key="http:\/\/127\.0\.0\.1:\d+\/c\/cs-key"/ } }),
    ),
  ),
  ...withSettings(
    { forwarding: { via: 'edge-1' } },
    optimal(
      'cs-name',
      'RFC 9211 §2',
      'the name is the one of the settings',
      fetched(LIFE),
      later(1, { cacheStatus: { name: 'edge-1', hit: true } }),
    ),
  ),
];

export const cacheStatusTable: Table = { topic: 'Cache-Status', rows: status };

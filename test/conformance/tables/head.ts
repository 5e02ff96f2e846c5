// HEAD: answered by stored responses to GET, and what an origin's answer to it says of them (RFC 9111 §4.3.5).

import { cc, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const FRESHENING = 'RFC 9111 §4.3.5';
const STORED = { 'Cache-Control': 'max-age=100', ETag: '"a"', 'Last-Modified': '{t-1000}', 'X-A': '1' };
const HEAD = { method: 'HEAD' };
/** A HEAD that a fresh response may not answer. */
const ASKING = { method: 'HEAD', headers: { 'Cache-Control': 'no-cache' } };
const BODY = { body: '0123456789' };
const answered = (headers: Record<string, string>, status = 200) => ({
  request: ASKING,
  origin: { status, headers, body: '' },
});

const rows: readonly Row[] = [
  optimal(
    'head-hit',
    'RFC 9111 §4',
    'a stored GET answers a HEAD',
    fetched(STORED, BODY),
    later(1, { outcome: 'hit', headers: { 'X-A': '1', ETag: '"a"' } }, { request: HEAD }),
  ),
  optimal(
    'head-hit-length',
    'RFC 9110 §9.3.2',
    'with the Content-Length that the GET has',
    fetched(STORED, BODY),
    later(1, { outcome: 'hit', headers: { 'Content-Length': '10' } }, { request: HEAD }),
  ),
  required(
    'head-stale',
    'RFC 9111 §4',
    'not when stale',
    fetched(STORED, BODY),
    later(150, { asked: 1 }, { request: HEAD, origin: { headers: STORED, body: '' } }),
  ),
  required(
    'head-not-get',
    'RFC 9111 §4',
    'the answer to a HEAD answers no GET',
    now(
      { asked: 1 },
      { request: HEAD, origin: { headers: { ...STORED, 'Content-Length': '10' }, body: '' } },
    ),
    later(1, 'fetched', { origin: { headers: STORED, body: '0123456789' } }),
  ),
  required(
    'head-forwarded',
    'RFC 9110 §9.3.2',
    'a HEAD with nothing stored is forwarded as such, its answer without content',
    now(
      { asked: 1, status: 200, body: '', headers: { 'X-A': '1', 'Content-Length': '10' } },
      { request: HEAD, origin: { headers: { ...STORED, 'Content-Length': '10' }, body: '' } },
    ),
  ),
  optimal(
    'head-freshens',
    FRESHENING,
    'an answer that agrees with what is stored freshens it',
    fetched(STORED, BODY),
    later(90, { asked: 1 }, answered({ ...STORED, 'Content-Length': '10' })),
    later(90, { outcome: 'hit', from: 1 }),
  ),
  optimal(
    'head-updates',
    FRESHENING,
    'and replaces its fields',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, 'X-A': '2', 'X-New': '3', 'Content-Length': '10' })),
    later(1, { outcome: 'hit', from: 1, headers: { 'X-A': '2', 'X-New': '3' } }),
  ),
  optimal(
    'head-updates-lifetime',
    FRESHENING,
    'and its lifetime',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, 'Cache-Control': 'max-age=1000', 'Content-Length': '10' })),
    later(500, { outcome: 'hit', from: 1 }),
  ),
  optimal(
    'head-freshens-stale',
    FRESHENING,
    'also a stale one',
    fetched(STORED, BODY),
    later(
      150,
      { asked: 1 },
      { request: HEAD, origin: { headers: { ...STORED, 'Content-Length': '10' }, body: '' } },
    ),
    later(50, { outcome: 'hit', from: 1 }),
  ),
  required(
    'head-other-tag',
    FRESHENING,
    'an answer with another ETag makes it stale',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, ETag: '"b"' })),
    later(1, 'asked', { origin: { headers: STORED } }),
  ),
  required(
    'head-other-date',
    FRESHENING,
    'one with another Last-Modified too',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, 'Last-Modified': '{t-500}' })),
    later(1, 'asked', { origin: { headers: STORED } }),
  ),
  required(
    'head-other-length',
    FRESHENING,
    'one with another Content-Length too',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, 'Content-Length': '11' })),
    later(1, 'asked', { origin: { headers: STORED } }),
  ),
  required(
    'head-410',
    FRESHENING,
    'a 410 too',
    fetched(STORED, BODY),
    later(1, { asked: 1, status: 410 }, answered(cc('no-store') as Record<string, string>, 410)),
    later(1, 'asked', { origin: { headers: STORED } }),
  ),
  optimal(
    'head-503',
    FRESHENING,
    'a 503 says nothing of it',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({}, 503)),
    later(1, { outcome: 'hit', from: 1 }),
  ),
  required(
    'head-no-store',
    'RFC 9111 §5.2.2.5',
    'an answer with no-store ends its storing',
    fetched(STORED, BODY),
    later(1, { asked: 1 }, answered({ ...STORED, 'Cache-Control': 'no-store', 'Content-Length': '10' })),
    later(1, 'asked', { origin: { headers: STORED } }),
  ),
  optimal(
    'head-safe',
    'RFC 9111 §4.4',
    'a HEAD invalidates nothing by its method',
    fetched(STORED, BODY),
    later(1, 'hit', { request: HEAD }),
    later(1, 'hit'),
  ),
  optimal(
    'head-404-hit',
    'RFC 9111 §4',
    'a stored 404 answers it too',
    fetched(cc('max-age=100'), { status: 404 }),
    later(1, 'hit', { request: HEAD }),
  ),
  required(
    'head-other-variant',
    FRESHENING,
    'it speaks of the variant it selects only',
    fetched({ ...STORED, Vary: 'X-V' }, BODY, { headers: { 'X-V': '1' } }),
    later(1, 'fetched', {
      request: { headers: { 'X-V': '2' } },
      origin: { headers: { ...STORED, ETag: '"v2"', Vary: 'X-V' } },
    }),
    later(
      1,
      { asked: 1 },
      {
        request: { method: 'HEAD', headers: { 'X-V': '2', 'Cache-Control': 'no-cache' } },
        origin: { headers: { ...STORED, ETag: '"v3"', Vary: 'X-V' }, body: '' },
      },
    ),
    later(1, { outcome: 'hit', from: 1 }, { request: { headers: { 'X-V': '1' } } }),
  ),
];

export const head: Table = { topic: 'HEAD', rows };

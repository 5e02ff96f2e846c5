// Conditional requests: precedence, what a 304 carries, stale responses, misses (RFC 9111 §4.3.2, RFC 9110 §13.2.2).

import { ask, cc, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const CACHE = 'RFC 9111 §4.3.2';
const FRESH = { 'Cache-Control': 'max-age=100' };
const LM = { ...FRESH, 'Last-Modified': '{t-1000}' };
const NOT_MODIFIED = { status: 304, asked: 0, body: '' } as const;

const BOTH = { ...LM, ETag: '"a"' };
const OF_304 = {
  ...BOTH,
  'Content-Location': '/x',
  Expires: '{t+50}',
  Vary: 'X-A',
  'Content-Type': 'text/plain',
  'Content-Language': 'en',
  'X-B': '1',
};

const rules: readonly Row[] = [
  required(
    'cond-both-tag',
    'RFC 9110 §13.2.2',
    'If-None-Match that does not match overrules If-Modified-Since',
    fetched(BOTH),
    later(1, 'hit', ask({ 'If-None-Match': '"b"', 'If-Modified-Since': '{t-1000}' })),
  ),
  required(
    'cond-both-date',
    'RFC 9110 §13.2.2',
    'If-None-Match that matches overrules it too',
    fetched(BOTH),
    later(1, NOT_MODIFIED, ask({ 'If-None-Match': '"a"', 'If-Modified-Since': '{t-5000}' })),
  ),
  required(
    'cond-no-etag',
    'RFC 9110 §13.2.2',
    'also where no ETag is stored',
    fetched(LM),
    later(1, 'hit', ask({ 'If-None-Match': '"a"', 'If-Modified-Since': '{t-1000}' })),
  ),
  ...(['ETag', 'Cache-Control', 'Content-Location', 'Date', 'Expires', 'Vary'] as const).map((name) =>
    required(
      `cond-304-${name.toLowerCase()}`,
      'RFC 9110 §15.4.5',
      `the 304 has ${name}`,
      fetched({ ...OF_304, Date: '{t}' }),
      later(
        1,
        { ...NOT_MODIFIED, headers: { [name]: name === 'Date' ? '{t}' : OF_304[name] } },
        ask({ 'If-None-Match': '"a"' }),
      ),
    ),
  ),
  optimal(
    'cond-304-slim',
    'RFC 9110 §15.4.5',
    'and no metadata of the representation besides',
    fetched(OF_304),
    later(
      1,
      {
        ...NOT_MODIFIED,
        headers: {
          'Content-Type': null,
          'Content-Language': null,
          'Content-Length': null,
          'Last-Modified': null,
        },
      },
      ask({ 'If-None-Match': '"a"' }),
    ),
  ),
  optimal(
    'cond-304-date-only',
    'RFC 9110 §15.4.5',
    'Last-Modified where there is no ETag',
    fetched(LM),
    later(
      1,
      { ...NOT_MODIFIED, headers: { 'Last-Modified': '{t-1000}' } },
      ask({ 'If-Modified-Since': '{t-1000}' }),
    ),
  ),
  required(
    'cond-404',
    'RFC 9110 §13.2.1',
    'a stored 404 is no answer to a condition',
    fetched({ ...FRESH, ETag: '"a"' }, { status: 404 }),
    later(1, 'hit', ask({ 'If-None-Match': '"a"' })),
  ),
  required(
    'cond-301',
    'RFC 9110 §13.2.1',
    'nor is a stored redirection',
    fetched({ ...FRESH, ETag: '"a"', Location: '/x' }, { status: 301 }),
    later(1, 'hit', ask({ 'If-None-Match': '*' })),
  ),
  required(
    'cond-post',
    'RFC 9110 §13.1.2',
    'a POST with If-None-Match is for the origin',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      1,
      { asked: 1, forwarded: { 'If-None-Match': '"a"' } },
      { request: { method: 'POST', headers: { 'If-None-Match': '"a"' } } },
    ),
  ),
  required(
    'cond-put',
    'RFC 9111 §4.3.2',
    'a PUT with If-Match too',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      1,
      { asked: 1, status: 412, forwarded: { 'If-Match': '"b"' } },
      { request: { method: 'PUT', headers: { 'If-Match': '"b"' }, body: 'x' }, origin: { status: 412 } },
    ),
  ),
  optimal(
    'cond-if-match',
    'RFC 9110 §13.1.1',
    'If-Match that holds for what is stored is a hit',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(1, 'hit', ask({ 'If-Match': '"a"' })),
  ),
  required(
    'cond-if-match-not',
    'RFC 9111 §4.3.2',
    'where it does not hold the origin answers',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      1,
      { outcome: 'asked', status: 412, forwarded: { 'If-Match': '"b"' } },
      { ...ask({ 'If-Match': '"b"' }), origin: { status: 412 } },
    ),
  ),
  required(
    'cond-if-match-weak',
    'RFC 9110 §13.1.1',
    'its comparison is strong',
    fetched({ ...FRESH, ETag: 'W/"a"' }),
    later(1, { outcome: 'asked', status: 412 }, { ...ask({ 'If-Match': 'W/"a"' }), origin: { status: 412 } }),
  ),
  required(
    'cond-if-unmodified-since',
    'RFC 9111 §4.3.2',
    'If-Unmodified-Since that does not hold is for the origin',
    fetched(LM),
    later(
      1,
      { outcome: 'asked', status: 412, forwarded: { 'If-Unmodified-Since': '{t-2000}' } },
      { ...ask({ 'If-Unmodified-Since': '{t-2000}' }), origin: { status: 412 } },
    ),
  ),
  required(
    'cond-412-not-stored',
    'RFC 9111 §4.3.2',
    'the 412 replaces nothing',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(1, { status: 412 }, { ...ask({ 'If-Match': '"b"' }), origin: { status: 412, headers: FRESH } }),
    later(1, { outcome: 'hit', from: 1 }),
  ),
];

const stale: readonly Row[] = [
  required(
    'cond-stale-asks',
    'RFC 9111 §4.3',
    'a stale response answers no condition before it is validated',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      150,
      { status: 304, asked: 1 },
      { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
  ),
  optimal(
    'cond-stale-freshens',
    'RFC 9111 §4.3.3',
    'the 304 to it freshens what is stored',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      150,
      { status: 304, asked: 1 },
      { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
    later(50, 'hit'),
  ),
  required(
    'cond-stale-other',
    'RFC 9111 §4.3.3',
    'a client that has another version gets the stored one after its validation',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      150,
      { outcome: 'validated', status: 200 },
      { ...ask({ 'If-None-Match': '"b"' }), origin: { status: 304, headers: { ETag: '"a"' } } },
    ),
  ),
  required(
    'cond-stale-changed',
    'RFC 9111 §4.3.3',
    'a client that has the old version gets the new one',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(150, 'fetched', {
      ...ask({ 'If-None-Match': '"a"' }),
      origin: { headers: { ...FRESH, ETag: '"b"' } },
    }),
  ),
  optimal(
    'cond-stale-new',
    'RFC 9110 §13.1.2',
    'one that has the new version already gets a 304',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(
      150,
      { status: 304, asked: 1 },
      { ...ask({ 'If-None-Match': '"b"' }), origin: { headers: { ...FRESH, ETag: '"b"' } } },
    ),
    later(1, { outcome: 'hit', from: 2 }),
  ),
];

const misses: readonly Row[] = [
  optimal(
    'cond-miss-fills',
    CACHE,
    'with nothing stored the whole is fetched, stored, and the condition answered',
    now(
      { status: 304, asked: 1, forwarded: { 'If-None-Match': null } },
      { ...ask({ 'If-None-Match': '"a"' }), origin: { headers: { ...FRESH, ETag: '"a"' } } },
    ),
    later(1, { outcome: 'hit', from: 1 }),
  ),
  optimal(
    'cond-miss-date',
    CACHE,
    'by date too',
    now(
      { status: 304, asked: 1, forwarded: { 'If-Modified-Since': null } },
      { ...ask({ 'If-Modified-Since': '{t-1000}' }), origin: { headers: LM } },
    ),
    later(1, { outcome: 'hit', from: 1 }),
  ),
  required(
    'cond-miss-other',
    CACHE,
    'a client with another version gets the whole',
    now('fetched', { ...ask({ 'If-None-Match': '"b"' }), origin: { headers: { ...FRESH, ETag: '"a"' } } }),
  ),
  required(
    'cond-304-not-stored',
    'RFC 9111 §4.3.2',
    "an origin's 304 to a client is not stored as a response",
    now(
      { status: 304 },
      { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ...FRESH, ETag: '"a"' } } },
    ),
    later(1, 'fetched', { origin: { headers: { ...FRESH, ETag: '"a"' } } }),
  ),
  required(
    'cond-no-store',
    'RFC 9111 §5.2.2.5',
    'a response that is not stored answers the condition of its own client only',
    now(
      { status: 304 },
      { ...ask({ 'If-None-Match': '"a"' }), origin: { headers: { ...cc('no-store'), ETag: '"a"' } } },
    ),
    later(1, 'fetched'),
  ),
];

export const conditionalRules: Table = {
  topic: 'Rules of conditions',
  rows: [...rules, ...stale, ...misses],
};

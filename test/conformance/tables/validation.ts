// The cache's own validation of stored responses (RFC 9111 §4.3).

import { type Answer, deviating, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const SENDING = 'RFC 9111 §4.3.1';
const HANDLING = 'RFC 9111 §4.3.3';
const FRESHENING = 'RFC 9111 §4.3.4';
const UPDATING = 'RFC 9111 §3.2';
const LIFE = { 'Cache-Control': 'max-age=10' };
const TAGGED = { ...LIFE, ETag: '"a"' };

const confirmed = (
  headers: Record<string, string | readonly string[]> = { ETag: '"a"' },
): { origin: Answer } => ({ origin: { status: 304, headers } });

const sending: readonly Row[] = [
  required(
    'val-etag',
    SENDING,
    'a stored ETag goes in If-None-Match',
    fetched(TAGGED),
    later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"a"' } }, confirmed()),
  ),
  required(
    'val-etag-weak',
    SENDING,
    'a weak one as it is',
    fetched({ ...LIFE, ETag: 'W/"a"' }),
    later(
      20,
      { outcome: 'validated', forwarded: { 'If-None-Match': 'W/"a"' } },
      confirmed({ ETag: 'W/"a"' }),
    ),
  ),
  optimal(
    'val-etag-unquoted',
    SENDING,
    'an unquoted one too',
    fetched({ ...LIFE, ETag: 'abc' }),
    later(20, { outcome: 'validated', forwarded: { 'If-None-Match': 'abc' } }, confirmed({ ETag: 'abc' })),
  ),
  required(
    'val-etag-odd',
    SENDING,
    'one with commas and backslashes too',
    fetched({ ...LIFE, ETag: '"a,\\b"' }),
    later(
      20,
      { outcome: 'validated', forwarded: { 'If-None-Match': '"a,\\b"' } },
      confirmed({ ETag: '"a,\\b"' }),
    ),
  ),
  optimal(
    'val-date',
    SENDING,
    'a stored Last-Modified goes in If-Modified-Since',
    fetched({ ...LIFE, 'Last-Modified': '{t-1000}' }),
    later(
      20,
      { outcome: 'validated', forwarded: { 'If-Modified-Since': '{t-1000}', 'If-None-Match': null } },
      confirmed({ 'Last-Modified': '{t-1000}' }),
    ),
  ),
  optimal(
    'val-date-exact',
    SENDING,
    'in the form that it came in',
    fetched({ ...LIFE, 'Last-Modified': '{t-1000|850}' }),
    later(
      20,
      { outcome: 'validated', forwarded: { 'If-Modified-Since': '{t-1000|850}' } },
      confirmed({ 'Last-Modified': '{t-1000|850}' }),
    ),
  ),
  optimal(
    'val-both',
    SENDING,
    'both where both are stored',
    fetched({ ...TAGGED, 'Last-Modified': '{t-1000}' }),
    later(
      20,
      { outcome: 'validated', forwarded: { 'If-None-Match': '"a"', 'If-Modified-Since': '{t-1000}' } },
      confirmed(),
    ),
  ),
  required(
    'val-none',
    SENDING,
    'none where none is stored',
    fetched(LIFE),
    later(20, { outcome: 'fetched', forwarded: { 'If-None-Match': null, 'If-Modified-Since': null } }),
  ),
  required(
    'val-broken-date',
    SENDING,
    'none by a broken Last-Modified',
    fetched({ ...LIFE, 'Last-Modified': 'x' }),
    later(20, { outcome: 'fetched', forwarded: { 'If-Modified-Since': null } }),
  ),
  required(
    'val-client-fields',
    SENDING,
    "the client's other fields go along",
    fetched(TAGGED),
    later(
      20,
      { outcome: 'validated', forwarded: { 'X-A': '1', Accept: 'text/html' } },
      { ...confirmed(), request: { headers: { 'X-A': '1', Accept: 'text/html' } } },
    ),
  ),
  required(
    'val-get',
    SENDING,
    'the request is a GET without content',
    fetched(TAGGED),
    later(
      20,
      { outcome: 'validated', forwarded: { 'Content-Length': null, 'Transfer-Encoding': null } },
      confirmed(),
    ),
  ),
];

const handling: readonly Row[] = [
  required(
    'val-304',
    HANDLING,
    'a 304 makes what is stored the answer',
    fetched(TAGGED),
    later(20, { outcome: 'validated', status: 200, body: 'val-304 1' }, confirmed()),
  ),
  required(
    'val-304-status',
    HANDLING,
    'with the status that is stored',
    fetched({ ...TAGGED }, { status: 404 }),
    later(20, { outcome: 'validated', status: 404, body: 'val-304-status 1' }, confirmed()),
  ),
  optimal(
    'val-304-fresh',
    FRESHENING,
    'and fresh again',
    fetched(TAGGED),
    later(20, 'validated', confirmed()),
    later(9, 'hit'),
    later(1, 'validated'),
  ),
  required(
    'val-200',
    HANDLING,
    'a 200 is the answer',
    fetched(TAGGED),
    later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } }),
  ),
  required(
    'val-200-replaces',
    HANDLING,
    'and replaces what is stored',
    fetched(TAGGED),
    later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } }),
    later(1, 'hit'),
  ),
  required(
    'val-200-validators',
    HANDLING,
    'with its validators',
    fetched(TAGGED),
    later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } }),
    later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"b"' } }, confirmed({ ETag: '"b"' })),
  ),
  required(
    'val-404',
    HANDLING,
    'a 404 is the answer',
    fetched(TAGGED),
    later(20, 'fetched', { origin: { status: 404, headers: LIFE } }),
    later(1, 'hit'),
  ),
  required(
    'val-500-passed',
    HANDLING,
    'a 500 is passed on where stale is forbidden',
    fetched({ 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' }),
    later(20, 'fetched', { origin: { status: 500 } }),
  ),
  optimal(
    'val-500-keeps',
    HANDLING,
    'and what is stored stays for the next validation',
    fetched({ 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' }),
    later(20, 'fetched', { origin: { status: 500 } }),
    later(1, { outcome: 'validated', from: 1 }, confirmed()),
  ),
  required(
    'val-other-tag',
    FRESHENING,
    'a 304 with another strong tag says nothing of what is stored: the origin is asked anew',
    fetched(TAGGED),
    later(
      20,
      { outcome: 'asked', asked: 2, status: 200, body: 'new', forwarded: { 'If-None-Match': null } },
      {
        origin: [
          { status: 304, headers: { ETag: '"b"' } },
          { headers: { ...LIFE, ETag: '"b"' }, body: 'new' },
        ],
      },
    ),
  ),
  required(
    'val-other-date',
    FRESHENING,
    'a 304 with another Last-Modified too',
    fetched({ ...LIFE, 'Last-Modified': '{t-1000}' }),
    later(
      20,
      { outcome: 'asked', asked: 2, status: 200, body: 'new' },
      {
        origin: [
          { status: 304, headers: { 'Last-Modified': '{t-500}' } },
          { headers: LIFE, body: 'new' },
        ],
      },
    ),
  ),
  deviating(
    'RFC 9111 §4.3.4 lets such a 304 update nothing; where one response alone was offered it can only mean that one. Under `strict` the origin is asked anew.',
    optimal(
      'val-304-bare',
      FRESHENING,
      'a 304 without validators can only mean what was asked for',
      fetched(TAGGED),
      later(20, 'validated', confirmed({})),
      later(5, 'hit'),
    ),
  ),
  optimal(
    'val-304-weak',
    FRESHENING,
    'a 304 with the weak form of the tag too',
    fetched({ ...LIFE, ETag: 'W/"a"' }),
    later(20, 'validated', confirmed({ ETag: 'W/"a"' })),
    later(5, 'hit'),
  ),
  optimal(
    'val-304-date',
    FRESHENING,
    'a 304 with the Last-Modified alone too',
    fetched({ ...TAGGED, 'Last-Modified': '{t-1000}' }),
    later(20, 'validated', confirmed({ 'Last-Modified': '{t-1000}' })),
    later(5, 'hit'),
  ),
  optimal(
    'val-304-lifetime',
    UPDATING,
    'the lifetime of the 304 holds',
    fetched(TAGGED),
    later(20, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'max-age=100' })),
    later(99, 'hit'),
    later(1, 'validated'),
  ),
  required(
    'val-304-shorter',
    UPDATING,
    'also a shorter one',
    fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"' }),
    later(150, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'max-age=1' })),
    later(2, 'validated'),
  ),
  optimal(
    'val-304-expires',
    UPDATING,
    'by Expires too',
    fetched({ Expires: '{t+10}', ETag: '"a"' }),
    later(20, 'validated', confirmed({ ETag: '"a"', Expires: '{now+50}' })),
    later(49, 'hit'),
  ),
  required(
    'val-304-expires-old',
    UPDATING,
    'an Expires that the 304 does not renew stays over',
    fetched({ Expires: '{t+10}', ETag: '"a"' }),
    later(20, 'validated', confirmed()),
    later(1, 'validated'),
  ),
  required(
    'val-304-private',
    'RFC 9111 §5.2.2.7',
    'private on a 304 ends the sharing',
    fetched(TAGGED),
    later(20, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'private, max-age=100' })),
    later(1, 'asked', { origin: { headers: {} } }),
  ),
  required(
    'val-304-date-field',
    UPDATING,
    "the 304's Date replaces the stored one",
    fetched(TAGGED),
    later(20, { outcome: 'validated', headers: { Date: '{t+20}' } }, confirmed()),
    later(1, { outcome: 'hit', headers: { Date: '{t+20}' } }),
  ),
  required(
    'val-304-content',
    HANDLING,
    'the whole content is delivered, its length announced',
    fetched(TAGGED, { body: '0123456789' }),
    later(20, { outcome: 'validated', headers: { 'Content-Length': '10' }, body: '0123456789' }, confirmed()),
  ),
];

export const validation: Table = { topic: 'Validation', rows: [...sending, ...handling] };

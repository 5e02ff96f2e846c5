// What the fields of a 304 make of a stored response (RFC 9111 §3.2, §4.3.4).

import {
  type Answer,
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

const FRESHENING = 'RFC 9111 §4.3.4';
const UPDATING = 'RFC 9111 §3.2';
const LIFE = { 'Cache-Control': 'max-age=10' };
const TAGGED = { ...LIFE, ETag: '"a"' };

const confirmed = (
  headers: Record<string, string | readonly string[]> = { ETag: '"a"' },
): { origin: Answer } => ({ origin: { status: 304, headers } });

/** Name, stored value, value in the 304. */
const REPLACED: readonly (readonly [string, string, string])[] = [
  ['X-Test', '1', '2'],
  ['Test', '1', '2'],
  ['Content-Foo', '1', '2'],
  ['X-Content-Foo', '1', '2'],
  ['Content-Type', 'text/plain', 'text/html'],
  ['Content-Language', 'en', 'de'],
  ['Content-Location', '/a', '/b'],
  ['Content-Disposition', 'inline', 'attachment'],
  ['Content-Security-Policy', "default-src 'self'", "default-src 'none'"],
  ['X-Content-Type-Options', 'x', 'nosniff'],
  ['X-Frame-Options', 'DENY', 'SAMEORIGIN'],
  ['X-XSS-Protection', '1', '0'],
  ['Strict-Transport-Security', 'max-age=1', 'max-age=2'],
  ['Access-Control-Allow-Origin', '*', 'https://a.example'],
  ['Cache-Control', 'max-age=10', 'max-age=20'],
  ['CDN-Cache-Control', 'max-age=10', 'max-age=20'],
  ['Surrogate-Control', 'max-age=10', 'max-age=20'],
  ['Expires', '{t+10}', '{t+1000}'],
  ['Last-Modified', '{t-2000}', '{t-1000}'],
  ['Link', '</a>; rel=x', '</b>; rel=x'],
  ['Location', '/a', '/b'],
  ['Server', 'a', 'b'],
  ['Retry-After', '1', '2'],
  ['Alt-Svc', 'clear', 'h3=":443"'],
  ['Allow', 'GET', 'GET, PUT'],
  ['Accept-Ranges', 'none', 'bytes'],
  ['P3P', 'CP="a"', 'CP="b"'],
  ['Referrer-Policy', 'origin', 'no-referrer'],
  ['Server-Timing', 'a', 'b'],
  ['Clear-Site-Data', '"cache"', '"cookies"'],
  ['Public-Key-Pins', 'a', 'b'],
  ['WWW-Authenticate', 'Basic realm="a"', 'Basic realm="b"'],
];
/** They describe the stored bytes. */
const KEPT: readonly (readonly [string, string, string])[] = [
  ['Content-Encoding', 'x-a', 'x-b'],
  ['Content-Range', 'bytes 0-1/2', 'bytes 0-3/4'],
  ['Content-Digest', 'sha-256=:YQ==:', 'sha-256=:Yg==:'],
];

const fields: readonly Row[] = [
  ...REPLACED.flatMap(([name, before, after]): Row[] => [
    required(
      `update-${name.toLowerCase()}`,
      UPDATING,
      `a 304 replaces ${name}, for the client at hand and for later hits`,
      fetched({ ...LIFE, ETag: '"a"', [name]: before }),
      later(
        20,
        { outcome: 'validated', headers: { [name]: after } },
        confirmed({ ETag: '"a"', ...LIFE, [name]: after }),
      ),
      later(1, { outcome: 'hit', headers: { [name]: after } }),
    ),
  ]),
  ...KEPT.map(([name, before, after]) =>
    required(
      `update-not-${name.toLowerCase()}`,
      UPDATING,
      `${name} describes the stored bytes and stays`,
      fetched({ ...TAGGED, [name]: before }),
      later(
        20,
        { outcome: 'validated', headers: { [name]: before } },
        confirmed({ ETag: '"a"', [name]: after }),
      ),
      later(1, { outcome: 'hit', headers: { [name]: before } }),
    ),
  ),
  required(
    'update-not-content-length',
    UPDATING,
    'Content-Length stays that of the stored bytes',
    fetched(TAGGED, { body: '0123456789' }),
    later(
      20,
      { outcome: 'validated', headers: { 'Content-Length': '10' }, body: '0123456789' },
      confirmed({ ETag: '"a"', 'Content-Length': '36' }),
    ),
    later(1, { outcome: 'hit', headers: { 'Content-Length': '10' } }),
  ),
  required(
    'update-not-weak-etag',
    UPDATING,
    'the stored ETag stays where the 304 has its other form',
    fetched({ ...LIFE, ETag: 'W/"a"' }),
    later(20, { outcome: 'validated', headers: { ETag: 'W/"a"' } }, confirmed({ ETag: 'W/"a"' })),
    later(1, { outcome: 'hit', headers: { ETag: 'W/"a"' } }),
  ),
  required(
    'update-adds',
    UPDATING,
    'a 304 adds fields that are new',
    fetched(TAGGED),
    later(20, { outcome: 'validated', headers: { 'X-New': '1' } }, confirmed({ ETag: '"a"', 'X-New': '1' })),
    later(1, { outcome: 'hit', headers: { 'X-New': '1' } }),
  ),
  required(
    'update-keeps',
    UPDATING,
    'fields that it does not name stay',
    fetched({ ...TAGGED, 'X-Old': '1' }),
    later(20, { outcome: 'validated', headers: { 'X-Old': '1' } }, confirmed()),
    later(1, { outcome: 'hit', headers: { 'X-Old': '1' } }),
  ),
  required(
    'update-lines',
    UPDATING,
    'all lines of a name are replaced',
    fetched({ ...TAGGED, 'X-A': ['1', '2'] }),
    later(20, { outcome: 'validated', headers: { 'X-A': '3' } }, confirmed({ ETag: '"a"', 'X-A': '3' })),
  ),
  required(
    'update-more-lines',
    UPDATING,
    'by as many as come',
    fetched({ ...TAGGED, 'X-A': '1' }),
    later(
      20,
      { outcome: 'validated', headers: { 'X-A': '2, 3' } },
      confirmed({ ETag: '"a"', 'X-A': ['2', '3'] }),
    ),
    later(1, { outcome: 'hit', headers: { 'X-A': '2, 3' } }),
  ),
  required(
    'update-connection',
    'RFC 9111 §3.1',
    'fields that the 304 lists in Connection update nothing',
    fetched({ ...TAGGED, 'X-A': '1' }),
    later(
      20,
      { outcome: 'validated', headers: { 'X-A': '1' } },
      confirmed({ ETag: '"a"', 'X-A': '2', Connection: 'X-A' }),
    ),
    later(1, { outcome: 'hit', headers: { 'X-A': '1' } }),
  ),
  required(
    'update-vary',
    UPDATING,
    'a new Vary holds',
    fetched({ ...TAGGED, Vary: 'X-A' }, {}, { headers: { 'X-A': '1', 'X-B': '1' } }),
    later(20, 'validated', {
      request: { headers: { 'X-A': '1', 'X-B': '1' } },
      ...confirmed({ ETag: '"a"', Vary: 'X-A, X-B' }),
    }),
    later(1, 'asked', { request: { headers: { 'X-A': '1', 'X-B': '2' } }, origin: { headers: {} } }),
  ),
  deviating(
    'A cookie is for the client at hand: a Set-Cookie on a 304 is not stored unless a route says so (`storeSetCookie`, `strict`).',
    optimal(
      'update-no-cookie',
      'RFC 9111 §7.3',
      'a Set-Cookie on a 304 is not given to others',
      fetched(TAGGED),
      later(20, 'validated', confirmed({ ETag: '"a"', 'Set-Cookie': 'a=b' })),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } }),
    ),
  ),
  ...withSettings(
    STRICT,
    required(
      'update-set-cookie',
      UPDATING,
      'under strict a 304 replaces Set-Cookie too',
      fetched({ ...TAGGED, 'Set-Cookie': 'a=1' }),
      later(
        20,
        { outcome: 'validated', headers: { 'Set-Cookie': 'a=2' } },
        confirmed({ ETag: '"a"', 'Set-Cookie': 'a=2' }),
      ),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=2' } }),
    ),
    required(
      'val-304-strong-for-weak',
      FRESHENING,
      'under strict a 304 with a strong tag updates nothing that was stored with its weak form',
      fetched({ ...LIFE, ETag: 'W/"a"' }),
      later(
        20,
        { outcome: 'asked', asked: 2, status: 200, body: 'new' },
        {
          origin: [
            { status: 304, headers: { ETag: '"a"' } },
            { headers: LIFE, body: 'new' },
          ],
        },
      ),
    ),
  ),
  optimal(
    'update-cc-lines',
    UPDATING,
    'Cache-Control on several lines of a 304',
    fetched(TAGGED),
    later(20, 'validated', {
      origin: { status: 304, headers: { ETag: '"a"', ...cc('public', 'max-age=100') } },
    }),
    later(99, 'hit'),
  ),
];

export const freshening: Table = { topic: 'Fields of a 304', rows: fields };

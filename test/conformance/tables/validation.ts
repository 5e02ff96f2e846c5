// The cache's own validation of stored responses, and what a 304 makes of them (RFC 9111 §4.3, §3.2).

import { type Answer, cc, fetched, later, optimal, required, type Row, STRICT, type Table, withSettings } from '../row.ts';

const SENDING = 'RFC 9111 §4.3.1';
const HANDLING = 'RFC 9111 §4.3.3';
const FRESHENING = 'RFC 9111 §4.3.4';
const UPDATING = 'RFC 9111 §3.2';
const LIFE = { 'Cache-Control': 'max-age=10' };
const TAGGED = { ...LIFE, ETag: '"a"' };

const confirmed = (headers: Record<string, string | readonly string[]> = { ETag: '"a"' }): { origin: Answer } => ({ origin: { status: 304, headers } });

const sending: readonly Row[] = [
  required('val-etag', SENDING, 'a stored ETag goes in If-None-Match', fetched(TAGGED), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"a"' } }, confirmed())),
  required('val-etag-weak', SENDING, 'a weak one as it is', fetched({ ...LIFE, ETag: 'W/"a"' }), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': 'W/"a"' } }, confirmed({ ETag: 'W/"a"' }))),
  optimal('val-etag-unquoted', SENDING, 'an unquoted one too', fetched({ ...LIFE, ETag: 'abc' }), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': 'abc' } }, confirmed({ ETag: 'abc' }))),
  required('val-etag-odd', SENDING, 'one with commas and backslashes too', fetched({ ...LIFE, ETag: '"a,\\b"' }), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"a,\\b"' } }, confirmed({ ETag: '"a,\\b"' }))),
  optimal('val-date', SENDING, 'a stored Last-Modified goes in If-Modified-Since', fetched({ ...LIFE, 'Last-Modified': '{t-1000}' }), later(20, { outcome: 'validated', forwarded: { 'If-Modified-Since': '{t-1000}', 'If-None-Match': null } }, confirmed({ 'Last-Modified': '{t-1000}' }))),
  optimal('val-date-exact', SENDING, 'in the form that it came in', fetched({ ...LIFE, 'Last-Modified': '{t-1000|850}' }), later(20, { outcome: 'validated', forwarded: { 'If-Modified-Since': '{t-1000|850}' } }, confirmed({ 'Last-Modified': '{t-1000|850}' }))),
  optimal('val-both', SENDING, 'both where both are stored', fetched({ ...TAGGED, 'Last-Modified': '{t-1000}' }), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"a"', 'If-Modified-Since': '{t-1000}' } }, confirmed())),
  required('val-none', SENDING, 'none where none is stored', fetched(LIFE), later(20, { outcome: 'fetched', forwarded: { 'If-None-Match': null, 'If-Modified-Since': null } })),
  required('val-broken-date', SENDING, 'none by a broken Last-Modified', fetched({ ...LIFE, 'Last-Modified': 'x' }), later(20, { outcome: 'fetched', forwarded: { 'If-Modified-Since': null } })),
  required('val-client-fields', SENDING, "the client's other fields go along", fetched(TAGGED), later(20, { outcome: 'validated', forwarded: { 'X-A': '1', Accept: 'text/html' } }, { ...confirmed(), request: { headers: { 'X-A': '1', Accept: 'text/html' } } })),
  required('val-get', SENDING, 'the request is a GET without content', fetched(TAGGED), later(20, { outcome: 'validated', forwarded: { 'Content-Length': null, 'Transfer-Encoding': null } }, confirmed())),
];

const handling: readonly Row[] = [
  required('val-304', HANDLING, 'a 304 makes what is stored the answer', fetched(TAGGED), later(20, { outcome: 'validated', status: 200, body: 'val-304 1' }, confirmed())),
  required('val-304-status', HANDLING, 'with the status that is stored', fetched({ ...TAGGED }, { status: 404 }), later(20, { outcome: 'validated', status: 404, body: 'val-304-status 1' }, confirmed())),
  optimal('val-304-fresh', FRESHENING, 'and fresh again', fetched(TAGGED), later(20, 'validated', confirmed()), later(9, 'hit'), later(1, 'validated')),
  required('val-200', HANDLING, 'a 200 is the answer', fetched(TAGGED), later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } })),
  required('val-200-replaces', HANDLING, 'and replaces what is stored', fetched(TAGGED), later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } }), later(1, 'hit')),
  required('val-200-validators', HANDLING, 'with its validators', fetched(TAGGED), later(20, 'fetched', { origin: { headers: { ...LIFE, ETag: '"b"' } } }), later(20, { outcome: 'validated', forwarded: { 'If-None-Match': '"b"' } }, confirmed({ ETag: '"b"' }))),
  required('val-404', HANDLING, 'a 404 is the answer', fetched(TAGGED), later(20, 'fetched', { origin: { status: 404, headers: LIFE } }), later(1, 'hit')),
  required('val-500-passed', HANDLING, 'a 500 is passed on where stale is forbidden', fetched({ 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' }), later(20, 'fetched', { origin: { status: 500 } })),
  optimal('val-500-keeps', HANDLING, 'and what is stored stays for the next validation', fetched({ 'Cache-Control': 'max-age=10, must-revalidate', ETag: '"a"' }), later(20, 'fetched', { origin: { status: 500 } }), later(1, { outcome: 'validated', from: 1 }, confirmed())),
  required('val-other-tag', FRESHENING, 'a 304 with another strong tag says nothing of what is stored: the origin is asked anew', fetched(TAGGED), later(20, { outcome: 'asked', asked: 2, status: 200, body: 'new', forwarded: { 'If-None-Match': null } }, { origin: [{ status: 304, headers: { ETag: '"b"' } }, { headers: { ...LIFE, ETag: '"b"' }, body: 'new' }] })),
  required('val-other-date', FRESHENING, 'a 304 with another Last-Modified too', fetched({ ...LIFE, 'Last-Modified': '{t-1000}' }), later(20, { outcome: 'asked', asked: 2, status: 200, body: 'new' }, { origin: [{ status: 304, headers: { 'Last-Modified': '{t-500}' } }, { headers: LIFE, body: 'new' }] })),
  optimal('val-304-bare', FRESHENING, 'a 304 without validators can only mean what was asked for', fetched(TAGGED), later(20, 'validated', confirmed({})), later(5, 'hit')),
  optimal('val-304-weak', FRESHENING, 'a 304 with the weak form of the tag too', fetched({ ...LIFE, ETag: 'W/"a"' }), later(20, 'validated', confirmed({ ETag: 'W/"a"' })), later(5, 'hit')),
  optimal('val-304-date', FRESHENING, 'a 304 with the Last-Modified alone too', fetched({ ...TAGGED, 'Last-Modified': '{t-1000}' }), later(20, 'validated', confirmed({ 'Last-Modified': '{t-1000}' })), later(5, 'hit')),
  optimal('val-304-lifetime', UPDATING, 'the lifetime of the 304 holds', fetched(TAGGED), later(20, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'max-age=100' })), later(99, 'hit'), later(1, 'validated')),
  required('val-304-shorter', UPDATING, 'also a shorter one', fetched({ 'Cache-Control': 'max-age=100', ETag: '"a"' }), later(150, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'max-age=1' })), later(2, 'validated')),
  optimal('val-304-expires', UPDATING, 'by Expires too', fetched({ Expires: '{t+10}', ETag: '"a"' }), later(20, 'validated', confirmed({ ETag: '"a"', Expires: '{now+50}' })), later(49, 'hit')),
  required('val-304-expires-old', UPDATING, 'an Expires that the 304 does not renew stays over', fetched({ Expires: '{t+10}', ETag: '"a"' }), later(20, 'validated', confirmed()), later(1, 'validated')),
  required('val-304-private', 'RFC 9111 §5.2.2.7', 'private on a 304 ends the sharing', fetched(TAGGED), later(20, 'validated', confirmed({ ETag: '"a"', 'Cache-Control': 'private, max-age=100' })), later(1, 'asked', { origin: { headers: {} } })),
  required('val-304-date-field', UPDATING, "the 304's Date replaces the stored one", fetched(TAGGED), later(20, { outcome: 'validated', headers: { Date: '{t+20}' } }, confirmed()), later(1, { outcome: 'hit', headers: { Date: '{t+20}' } })),
  required('val-304-content', HANDLING, 'the whole content is delivered, its length announced', fetched(TAGGED, { body: '0123456789' }), later(20, { outcome: 'validated', headers: { 'Content-Length': '10' }, body: '0123456789' }, confirmed())),
];

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
    required(`update-${name.toLowerCase()}`, UPDATING, `a 304 replaces ${name}, for the client at hand and for later hits`,
      fetched({ ...LIFE, ETag: '"a"', [name]: before }),
      later(20, { outcome: 'validated', headers: { [name]: after } }, confirmed({ ETag: '"a"', ...LIFE, [name]: after })),
      later(1, { outcome: 'hit', headers: { [name]: after } })),
  ]),
  ...KEPT.map(([name, before, after]) =>
    required(`update-not-${name.toLowerCase()}`, UPDATING, `${name} describes the stored bytes and stays`,
      fetched({ ...TAGGED, [name]: before }),
      later(20, { outcome: 'validated', headers: { [name]: before } }, confirmed({ ETag: '"a"', [name]: after })),
      later(1, { outcome: 'hit', headers: { [name]: before } })),
  ),
  required('update-not-content-length', UPDATING, 'Content-Length stays that of the stored bytes',
    fetched(TAGGED, { body: '0123456789' }),
    later(20, { outcome: 'validated', headers: { 'Content-Length': '10' }, body: '0123456789' }, confirmed({ ETag: '"a"', 'Content-Length': '36' })),
    later(1, { outcome: 'hit', headers: { 'Content-Length': '10' } })),
  required('update-not-weak-etag', UPDATING, 'the stored ETag stays where the 304 has its other form',
    fetched({ ...LIFE, ETag: 'W/"a"' }), later(20, { outcome: 'validated', headers: { ETag: 'W/"a"' } }, confirmed({ ETag: 'W/"a"' })), later(1, { outcome: 'hit', headers: { ETag: 'W/"a"' } })),
  required('update-adds', UPDATING, 'a 304 adds fields that are new', fetched(TAGGED), later(20, { outcome: 'validated', headers: { 'X-New': '1' } }, confirmed({ ETag: '"a"', 'X-New': '1' })), later(1, { outcome: 'hit', headers: { 'X-New': '1' } })),
  required('update-keeps', UPDATING, 'fields that it does not name stay', fetched({ ...TAGGED, 'X-Old': '1' }), later(20, { outcome: 'validated', headers: { 'X-Old': '1' } }, confirmed()), later(1, { outcome: 'hit', headers: { 'X-Old': '1' } })),
  required('update-lines', UPDATING, 'all lines of a name are replaced', fetched({ ...TAGGED, 'X-A': ['1', '2'] }), later(20, { outcome: 'validated', headers: { 'X-A': '3' } }, confirmed({ ETag: '"a"', 'X-A': '3' }))),
  required('update-more-lines', UPDATING, 'by as many as come', fetched({ ...TAGGED, 'X-A': '1' }), later(20, { outcome: 'validated', headers: { 'X-A': '2, 3' } }, confirmed({ ETag: '"a"', 'X-A': ['2', '3'] })), later(1, { outcome: 'hit', headers: { 'X-A': '2, 3' } })),
  required('update-connection', 'RFC 9111 §3.1', 'fields that the 304 lists in Connection update nothing', fetched({ ...TAGGED, 'X-A': '1' }), later(20, { outcome: 'validated', headers: { 'X-A': '1' } }, confirmed({ ETag: '"a"', 'X-A': '2', Connection: 'X-A' })), later(1, { outcome: 'hit', headers: { 'X-A': '1' } })),
  required('update-vary', UPDATING, 'a new Vary holds', fetched({ ...TAGGED, Vary: 'X-A' }, {}, { headers: { 'X-A': '1', 'X-B': '1' } }), later(20, 'validated', { request: { headers: { 'X-A': '1', 'X-B': '1' } }, ...confirmed({ ETag: '"a"', Vary: 'X-A, X-B' }) }), later(1, 'asked', { request: { headers: { 'X-A': '1', 'X-B': '2' } }, origin: { headers: {} } })),
  required('update-no-cookie', 'RFC 9111 §7.3', 'a Set-Cookie on a 304 is not given to others', fetched(TAGGED), later(20, 'validated', confirmed({ ETag: '"a"', 'Set-Cookie': 'a=b' })), later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } })),
  ...withSettings(
    STRICT,
    required('update-set-cookie', UPDATING, 'under strict a 304 replaces Set-Cookie too', fetched({ ...TAGGED, 'Set-Cookie': 'a=1' }), later(20, { outcome: 'validated', headers: { 'Set-Cookie': 'a=2' } }, confirmed({ ETag: '"a"', 'Set-Cookie': 'a=2' })), later(1, { outcome: 'hit', headers: { 'Set-Cookie': 'a=2' } })),
    required('val-304-strong-for-weak', FRESHENING, 'under strict a 304 with a strong tag updates nothing that was stored with its weak form', fetched({ ...LIFE, ETag: 'W/"a"' }), later(20, { outcome: 'asked', asked: 2, status: 200, body: 'new' }, { origin: [{ status: 304, headers: { ETag: '"a"' } }, { headers: LIFE, body: 'new' }] })),
  ),
  optimal('update-cc-lines', UPDATING, 'Cache-Control on several lines of a 304', fetched(TAGGED), later(20, 'validated', { origin: { status: 304, headers: { ETag: '"a"', ...cc('public', 'max-age=100') } } }), later(99, 'hit')),
];

export const validation: Table = { topic: 'Validation and freshening', rows: [...sending, ...handling, ...fields] };

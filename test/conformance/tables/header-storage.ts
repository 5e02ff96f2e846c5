// Which fields are stored and delivered with a hit, which are not (RFC 9111 §3.1), trailers and interim responses.

import { cc, deviating, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const STORING = 'RFC 9111 §3.1';
const LIFE = cc('max-age=100');

const KEPT: readonly (readonly [string, string])[] = [
  ['Test', '1'],
  ['X-Test', '1'],
  ['Content-Foo', '1'],
  ['X-Content-Foo', '1'],
  ['Accept-Ranges', 'bytes'],
  ['Access-Control-Allow-Origin', '*'],
  ['Allow', 'GET, HEAD'],
  ['Alt-Svc', 'h3=":443"'],
  ['Content-Disposition', 'inline; filename="a b"'],
  ['Content-Encoding', 'x-test'],
  ['Content-Language', 'en'],
  ['Content-Location', '/x'],
  ['Content-MD5', 'Q2hlY2s='],
  ['Content-Range', 'bytes 0-1/2'],
  ['Content-Security-Policy', "default-src 'self'; img-src *"],
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Clear-Site-Data', '"cache"'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Digest', 'sha-256=x'],
  ['ETag', '"a"'],
  ['Expires', '{t+10}'],
  ['Feature-Policy', 'x'],
  ['Last-Modified', '{t-1000}'],
  ['Link', '</a>; rel=preload, </b>; rel=next'],
  ['Location', '/x'],
  ['NEL', '{}'],
  ['Origin-Trial', 'x'],
  ['P3P', 'CP="x"'],
  ['Permissions-Policy', 'x=()'],
  ['Pragma', 'x'],
  ['Public-Key-Pins', 'x'],
  ['Referrer-Policy', 'origin'],
  ['Report-To', '{}'],
  ['Retry-After', '5'],
  ['Server', 'x/1'],
  ['Server-Timing', 'a;dur=1'],
  ['SourceMap', '/x'],
  ['Strict-Transport-Security', 'max-age=1'],
  ['Timing-Allow-Origin', '*'],
  ['Tk', 'N'],
  ['Vary', 'X-Unasked'],
  ['WWW-Authenticate', 'Basic realm="x"'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['X-Powered-By', 'x'],
  ['X-XSS-Protection', '0'],
];
const HOP_BY_HOP: readonly (readonly [string, string])[] = [
  ['Keep-Alive', 'timeout=5'],
  ['Proxy-Connection', 'close'],
  ['TE', 'trailers'],
  ['Upgrade', 'x/1'],
  ['Proxy-Authenticate', 'Basic realm="x"'],
  ['Proxy-Authentication-Info', 'x=1'],
  ['Proxy-Authorization', 'Basic eA=='],
];

const rows: readonly Row[] = [
  ...KEPT.map(([name, value]) =>
    required(
      `store-${name.toLowerCase()}`,
      STORING,
      `${name} is stored`,
      fetched({ ...LIFE, [name]: value }),
      later(1, { outcome: 'hit', headers: { [name]: value } }),
    ),
  ),
  ...HOP_BY_HOP.map(([name, value]) =>
    required(
      `hop-${name.toLowerCase()}`,
      STORING,
      `${name} is neither forwarded nor stored`,
      now(
        { outcome: 'fetched', headers: { [name]: null } },
        { origin: { headers: { ...LIFE, [name]: value } } },
      ),
      later(1, { outcome: 'hit', headers: { [name]: null } }),
    ),
  ),
  required(
    'hop-connection',
    STORING,
    'a field that Connection names is neither forwarded nor stored',
    now(
      { outcome: 'fetched', headers: { 'X-A': null, 'X-B': '2' } },
      { origin: { headers: { ...LIFE, Connection: 'X-A', 'X-A': '1', 'X-B': '2' } } },
    ),
    later(1, { outcome: 'hit', headers: { 'X-A': null, 'X-B': '2' } }),
  ),
  required(
    'hop-connection-several',
    STORING,
    'nor several',
    fetched({ ...LIFE, Connection: 'x-a , X-C', 'X-A': '1', 'X-B': '2', 'X-C': '3' }),
    later(1, { outcome: 'hit', headers: { 'X-A': null, 'X-B': '2', 'X-C': null } }),
  ),
  required(
    'hop-connection-lines',
    STORING,
    'nor on several Connection lines',
    fetched({ ...LIFE, Connection: ['X-A', 'X-B'], 'X-A': '1', 'X-B': '2' }),
    later(1, { outcome: 'hit', headers: { 'X-A': null, 'X-B': null } }),
  ),
  required(
    'hop-connection-request',
    'RFC 9110 §7.6.1',
    "nor are a request's",
    now(
      { outcome: 'fetched', forwarded: { 'X-A': null, 'X-B': '2' } },
      { request: { headers: { Connection: 'X-A', 'X-A': '1', 'X-B': '2' } }, origin: { headers: {} } },
    ),
  ),
  required(
    'store-lines',
    STORING,
    'several lines of a name',
    fetched({ ...LIFE, 'X-A': ['1', '2', '3'] }),
    later(1, { outcome: 'hit', headers: { 'X-A': '1, 2, 3' } }),
  ),
  required(
    'store-empty',
    STORING,
    'an empty field',
    fetched({ ...LIFE, 'X-A': '' }),
    later(1, { outcome: 'hit', headers: { 'X-A': '' } }),
  ),
  required(
    'store-long',
    STORING,
    'a field of 4 KB',
    fetched({ ...LIFE, 'X-A': 'x'.repeat(4096) }),
    later(1, { outcome: 'hit', headers: { 'X-A': 'x'.repeat(4096) } }),
  ),
  required(
    'store-many',
    STORING,
    'a hundred fields',
    fetched({ ...LIFE, ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`X-${i}`, String(i)])) }),
    later(1, { outcome: 'hit', headers: { 'X-0': '0', 'X-99': '99' } }),
  ),
  required(
    'store-date',
    'RFC 9110 §6.6.1',
    'Date stays as it was',
    fetched({ ...LIFE, Date: '{t-5}' }),
    later(10, { outcome: 'hit', headers: { Date: '{t-5}' } }),
  ),
  required(
    'store-no-date',
    'RFC 9110 §6.6.1',
    'a missing Date is added, that of the receipt',
    now({ outcome: 'fetched', headers: { Date: '{t}' } }, { origin: { headers: LIFE, date: false } }),
    later(10, { outcome: 'hit', headers: { Date: '{t}' } }),
  ),
  optimal(
    'store-no-warning',
    'RFC 9111 §5.5',
    'Warning is obsolete and not stored',
    fetched({ ...LIFE, Warning: '110 - "x"' }),
    later(1, { outcome: 'hit', headers: { Warning: null } }),
  ),
  required(
    'store-via',
    'RFC 9110 §7.6.3',
    "the edge's name is added to Via",
    fetched({ ...LIFE, Via: '1.0 x' }),
    later(1, { outcome: 'hit', headers: { Via: /^1\.0 x, 1\.1 \S+$/ } }),
  ),
  required(
    'store-length',
    STORING,
    'Content-Length is that of the content',
    fetched(LIFE, { body: '0123456789' }),
    later(1, { outcome: 'hit', headers: { 'Content-Length': '10' } }),
  ),
  required(
    'store-chunked',
    STORING,
    'content that came chunked is delivered whole',
    fetched(LIFE, { body: '0123456789', chunked: true }),
    later(1, { outcome: 'hit', body: '0123456789', headers: { 'Transfer-Encoding': null } }),
  ),
  required(
    'store-204',
    'RFC 9110 §8.6',
    'a 204 has no Content-Length',
    fetched(LIFE, { status: 204 }),
    later(1, { outcome: 'hit', headers: { 'Content-Length': null } }),
  ),
  required(
    'store-empty-body',
    STORING,
    'empty content',
    fetched(LIFE, { body: '' }),
    later(1, { outcome: 'hit', body: '', headers: { 'Content-Length': '0' } }),
  ),
  required(
    'store-binary',
    STORING,
    'every octet',
    fetched(LIFE, { body: Buffer.from(Array.from({ length: 256 }, (_, i) => i)) }),
    later(1, {
      status: 200,
      asked: 0,
      body: String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)),
    }),
  ),
  required(
    'trailers',
    'RFC 9110 §6.5.1',
    'trailer fields are not merged into the header',
    now(
      { outcome: 'fetched', headers: { 'X-T': null, ETag: null } },
      { origin: { headers: LIFE, trailers: { 'X-T': '1', ETag: '"t"' } } },
    ),
    later(1, { outcome: 'hit', headers: { 'X-T': null, ETag: null } }),
  ),
  required(
    'trailers-cc',
    'RFC 9110 §6.5.1',
    'nor does Cache-Control in a trailer count',
    fetched({}, { trailers: { 'Cache-Control': 'max-age=100' } }),
    later(1, 'asked'),
  ),
];

const tags = ['Cache-Tag', 'Surrogate-Key', 'xkey'].map((name) =>
  deviating(
    'Tags are for caches: they stay at the edge, which purges by them.',
    optimal(
      `tag-${name.toLowerCase()}`,
      STORING,
      `${name} reaches no client`,
      now(
        { outcome: 'fetched', headers: { [name]: null } },
        { origin: { headers: { ...LIFE, [name]: 'a' } } },
      ),
      later(1, { outcome: 'hit', headers: { [name]: null } }),
    ),
  ),
);

const interim: readonly Row[] = [102, 103, 104, 199].flatMap((status): Row[] => [
  required(
    `interim-${status}`,
    'RFC 9110 §15.2',
    `a ${status} is forwarded`,
    now(
      { outcome: 'fetched', interim: [status] },
      { origin: { headers: LIFE, informational: [{ status, headers: { Link: '</a>; rel=preload' } }] } },
    ),
  ),
  required(
    `interim-${status}-not-stored`,
    'RFC 9111 §3',
    `the final response after a ${status} is what is stored`,
    fetched(LIFE, { informational: [{ status, headers: { 'X-Interim': '1' } }] }),
    later(1, { outcome: 'hit', status: 200, interim: [], headers: { 'X-Interim': null } }),
  ),
]);

const moreInterim: readonly Row[] = [
  required(
    'interim-fields',
    'RFC 8297 §2',
    'the fields of a 103 are not those of the final response',
    now(
      { outcome: 'fetched', headers: { Link: null } },
      { origin: { headers: LIFE, informational: [{ status: 103, headers: { Link: '</a>; rel=preload' } }] } },
    ),
  ),
  required(
    'interim-cc',
    'RFC 9111 §3',
    'nor does its Cache-Control count',
    fetched({}, { informational: [{ status: 103, headers: cc('max-age=100') }] }),
    later(1, 'asked'),
  ),
  required(
    'interim-several',
    'RFC 9110 §15.2',
    'several are forwarded in order',
    now(
      { outcome: 'fetched', interim: [102, 103, 103] },
      { origin: { headers: LIFE, informational: [{ status: 102 }, { status: 103 }, { status: 103 }] } },
    ),
  ),
  required(
    'interim-no-store',
    'RFC 9110 §15.2',
    'also before a response that is not stored',
    now(
      { outcome: 'fetched', interim: [103] },
      { origin: { headers: cc('no-store'), informational: [{ status: 103 }] } },
    ),
  ),
  required(
    'interim-304',
    'RFC 9110 §15.2',
    'also before a 304',
    fetched({ ...cc('max-age=10'), ETag: '"a"' }),
    later(
      20,
      { outcome: 'validated', interim: [103] },
      { origin: { status: 304, headers: { ETag: '"a"' }, informational: [{ status: 103 }] } },
    ),
  ),
];

export const headerStorage: Table = {
  topic: 'Fields that are stored',
  rows: [...rows, ...tags, ...interim, ...moreInterim],
};

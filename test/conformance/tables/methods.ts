// Methods: what is stored of POST, what no cache may store, OPTIONS and TRACE at their last hop.

import { type Answer, cc, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const POST = 'RFC 9110 §9.3.3';
const posts = (headers: Record<string, string>, more: Answer = {}) =>
  now({ asked: 1 }, { request: { method: 'POST', body: 'x' }, origin: { ...more, headers } as Answer });
/** What a POST left is the response of step 1. */
const FROM_POST = { outcome: 'hit', from: 1 } as const;
const OWN = { 'Cache-Control': 'max-age=100', 'Content-Location': '{path}' };

const post: readonly Row[] = [
  optimal(
    'post-stored',
    POST,
    'a POST with a lifetime and its own URL as Content-Location answers a later GET',
    posts(OWN),
    later(50, FROM_POST),
  ),
  optimal(
    'post-stored-expires',
    POST,
    'by Expires too',
    posts({ Expires: '{t+100}', 'Content-Location': '{path}' }),
    later(50, FROM_POST),
  ),
  optimal(
    'post-stored-head',
    POST,
    'and a HEAD',
    posts(OWN),
    later(50, FROM_POST, { request: { method: 'HEAD' } }),
  ),
  optimal(
    'post-stored-absolute',
    POST,
    'Content-Location as an absolute URL',
    posts({ ...OWN, 'Content-Location': '{url}' }),
    later(50, FROM_POST),
  ),
  optimal(
    'post-stored-replaces',
    POST,
    'it replaces what was stored',
    fetched(cc('max-age=100')),
    later(1, { asked: 1 }, { request: { method: 'POST', body: 'x' }, origin: { headers: OWN } }),
    later(1, { outcome: 'hit', from: 2 }),
  ),
  optimal(
    'post-stored-validates',
    POST,
    'and is validated like any other',
    posts({ ...OWN, ETag: '"a"' }),
    later(150, { outcome: 'validated', from: 1 }, { origin: { status: 304, headers: { ETag: '"a"' } } }),
  ),
  required(
    'post-no-location',
    POST,
    'not without Content-Location',
    posts({ 'Cache-Control': 'max-age=100' }),
    later(1, 'asked'),
  ),
  required(
    'post-other-location',
    POST,
    'not with that of another URL',
    posts({ ...OWN, 'Content-Location': '{path}/x' }),
    later(1, 'asked'),
  ),
  required(
    'post-other-origin',
    POST,
    'nor with that of another origin',
    posts({ ...OWN, 'Content-Location': 'http://other.example{path}' }),
    later(1, 'asked'),
  ),
  required(
    'post-no-lifetime',
    POST,
    'not without a lifetime that is named',
    posts({ 'Content-Location': '{path}', 'Last-Modified': '{t-100000}' }),
    later(1, 'asked'),
  ),
  required(
    'post-no-store',
    'RFC 9111 §5.2.2.5',
    'not with no-store',
    posts({ 'Cache-Control': 'max-age=100, no-store', 'Content-Location': '{path}' }),
    later(1, 'asked'),
  ),
  required(
    'post-private',
    'RFC 9111 §5.2.2.7',
    'not with private',
    posts({ 'Cache-Control': 'max-age=100, private', 'Content-Location': '{path}' }),
    later(1, 'asked'),
  ),
  required(
    'post-error',
    POST,
    'not that of a POST that failed',
    posts(OWN, { status: 500 }),
    later(1, 'asked'),
  ),
  required(
    'post-post',
    POST,
    'what is stored answers no second POST',
    posts(OWN),
    later(1, { asked: 1 }, { request: { method: 'POST', body: 'x' } }),
  ),
];

const NOT_STORED = ['OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'SEARCH', 'QUERY'];

const others: readonly Row[] = [
  ...NOT_STORED.map((method) =>
    required(
      `method-${method.toLowerCase()}`,
      'RFC 9111 §3',
      `the answer to ${method} answers no GET`,
      now({ asked: 1 }, { request: { method }, origin: { headers: OWN } }),
      later(1, 'asked'),
    ),
  ),
  ...NOT_STORED.map((method) =>
    required(
      `method-${method.toLowerCase()}-goes`,
      'RFC 9111 §4',
      `a stored GET answers no ${method}`,
      fetched(cc('max-age=100')),
      later(1, { asked: 1 }, { request: { method } }),
    ),
  ),
  optimal('get', 'RFC 9111 §4', 'a stored GET answers a GET', fetched(cc('max-age=100')), later(1, 'hit')),
  required(
    'get-content',
    'RFC 9110 §9.3.1',
    'a GET with content of its own is not answered to one without',
    now({ asked: 1 }, { request: { body: 'x' }, origin: { headers: cc('max-age=100') } }),
    later(1, 'asked'),
  ),
  required(
    'options-last-hop',
    'RFC 9110 §7.6.2',
    'OPTIONS with Max-Forwards: 0 is answered here',
    now(
      { status: 200, asked: 0, headers: { Allow: /GET/ } },
      { request: { method: 'OPTIONS', headers: { 'Max-Forwards': '0' } }, origin: { headers: {} } },
    ),
  ),
  required(
    'options-hops',
    'RFC 9110 §7.6.2',
    'with more it is forwarded with one less',
    now(
      { asked: 1, forwarded: { 'Max-Forwards': '4' } },
      { request: { method: 'OPTIONS', headers: { 'Max-Forwards': '5' } }, origin: { headers: {} } },
    ),
  ),
  required(
    'trace-last-hop',
    'RFC 9110 §7.6.2',
    'TRACE with Max-Forwards: 0 is answered here',
    now(
      {
        status: 200,
        asked: 0,
        headers: { 'Content-Type': 'message/http' },
        body: /^TRACE \/c\/trace-last-hop HTTP\/1\.1\r\n/,
      },
      { request: { method: 'TRACE', headers: { 'Max-Forwards': '0' } }, origin: { headers: {} } },
    ),
  ),
  required(
    'trace-withheld',
    'RFC 9110 §9.3.8',
    'without what is secret in it',
    now(
      { status: 200, body: /^(?![\s\S]*(?:secret|cookie))/i },
      {
        request: {
          method: 'TRACE',
          headers: { 'Max-Forwards': '0', Authorization: 'secret', Cookie: 'secret' },
        },
        origin: { headers: {} },
      },
    ),
  ),
  optimal(
    'get-hops',
    'RFC 9110 §7.6.2',
    'Max-Forwards means nothing for GET',
    fetched(cc('max-age=100')),
    later(1, 'hit', { request: { headers: { 'Max-Forwards': '0' } } }),
  ),
];

export const methods: Table = { topic: 'Methods', rows: [...post, ...others] };

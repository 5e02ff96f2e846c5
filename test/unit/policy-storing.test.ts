import { describe, expect, it } from 'vitest';
import { NO_STORE_REASONS } from '../../src/cache/policy.ts';
import { type Case, type FieldTable, linesNamed, metaOf, outcome } from './assessing.ts';

const FRESH = { 'Cache-Control': 'max-age=60' };
const LAST_MODIFIED = 'Sun, 06 Nov 2033 07:09:37 GMT';

type Row = readonly [string, FieldTable, Case, string];

function check(rows: readonly Row[]): void {
  it.each(rows)('%s', (_, response, given, expected) => {
    expect(outcome(response, given)).toBe(expected);
  });
}

describe('methods (RFC 9111 §3)', () => {
  check([
    ['GET is stored', FRESH, {}, 'stored'],
    ['HEAD is not', FRESH, { method: 'HEAD' }, 'head'],
    ['PUT is not', FRESH, { method: 'PUT' }, 'method'],
    ['DELETE is not', FRESH, { method: 'DELETE' }, 'method'],
    ['an unknown method is not', FRESH, { method: 'FOO' }, 'method'],
    ['a method in other case is unknown', FRESH, { method: 'get' }, 'method'],
  ]);
});

describe('POST (RFC 9110 §9.3.3)', () => {
  const post = { method: 'POST', target: '/a?b=c' };
  check([
    [
      'with freshness and its own Content-Location',
      { ...FRESH, 'Content-Location': '/a?b=c' },
      post,
      'stored',
    ],
    ['by an absolute one', { ...FRESH, 'Content-Location': 'http://example.test/a?b=c' }, post, 'stored'],
    ['not without Content-Location', FRESH, post, 'post-not-for-get'],
    ['not for another URL', { ...FRESH, 'Content-Location': '/a' }, post, 'post-not-for-get'],
    [
      'not for another host',
      { ...FRESH, 'Content-Location': 'http://other.test/a?b=c' },
      post,
      'post-not-for-get',
    ],
    ['not for two', { ...FRESH, 'Content-Location': ['/a?b=c', '/a?b=c'] }, post, 'post-not-for-get'],
    ['not for none', { ...FRESH, 'Content-Location': 'http://[' }, post, 'post-not-for-get'],
    [
      'not a part',
      { ...FRESH, 'Content-Location': '/a?b=c', 'Content-Range': 'bytes 0-4/10' },
      { ...post, status: 206 },
      'post-not-for-get',
    ],
    [
      'not an error',
      { ...FRESH, 'Content-Location': '/a?b=c' },
      { ...post, status: 404 },
      'post-not-for-get',
    ],
    [
      'not by a heuristic',
      { 'Content-Location': '/a?b=c', 'Last-Modified': LAST_MODIFIED },
      post,
      'no-freshness',
    ],
    [
      'not by a lifetime of the operator',
      { 'Content-Location': '/a?b=c' },
      { ...post, rules: { negativeTtlMs: { 200: 1000 } } },
      'no-freshness',
    ],
  ]);
});

describe('status codes (RFC 9111 §3, RFC 9110 §15.1)', () => {
  const finals = [
    200, 201, 202, 203, 204, 206, 299, 300, 301, 302, 303, 307, 308, 401, 403, 404, 405, 410, 414, 499, 500,
    501, 502, 503, 504, 599,
  ];
  it.each(finals)('%i is stored with explicit freshness', (status) => {
    const range = { 'Content-Range': 'bytes 0-4/10' };
    expect(metaOf({ ...FRESH, ...range }, { status }).lifetimeMs).toBe(60_000);
    expect(metaOf({ Expires: 'Sun, 06 Nov 2033 08:50:37 GMT', ...range }, { status }).lifetimeMs).toBe(
      60_000,
    );
  });

  const byDefault = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501];
  it.each(byDefault)('%i is stored by a heuristic', (status) => {
    const meta = metaOf({ 'Last-Modified': LAST_MODIFIED, 'Content-Range': 'bytes 0-4/10' }, { status });
    expect(meta).toMatchObject({ heuristic: true, lifetimeMs: 600_000, status });
  });

  it.each(finals.filter((status) => !byDefault.includes(status)))('%i is not', (status) => {
    expect(outcome({ 'Last-Modified': LAST_MODIFIED }, { status })).toBe('no-freshness');
  });

  it.each([201, 299, 302, 403, 500, 599])('%i is with public, by a heuristic', (status) => {
    expect(metaOf({ 'Cache-Control': 'public', 'Last-Modified': LAST_MODIFIED }, { status }).lifetimeMs).toBe(
      600_000,
    );
  });

  check([
    ['100 is interim', FRESH, { status: 100 }, 'interim'],
    ['103 is interim', FRESH, { status: 103 }, 'interim'],
    ['304 updates', FRESH, { status: 304 }, 'not-modified'],
    ['412 answers a condition', FRESH, { status: 412 }, 'for-this-request-only'],
    ['416 answers a range', FRESH, { status: 416 }, 'for-this-request-only'],
    ['413 blames the request', FRESH, { status: 413 }, 'for-this-request-only'],
    ['429 is for nobody else', FRESH, { status: 429 }, 'status-never-stored'],
  ]);
});

describe('206 (RFC 9111 §3.3)', () => {
  it.each([
    ['bytes 0-4/10', { start: 0, end: 5, complete: 10 }],
    ['bytes 5-9/*', { start: 5, end: 10, complete: undefined }],
  ])('%s is stored as that part', (range, partial) => {
    expect(metaOf({ ...FRESH, 'Content-Range': range }, { status: 206 }).partial).toEqual(partial);
  });

  check([
    ['without Content-Range', FRESH, { status: 206 }, 'partial-unreadable'],
    [
      'in several parts',
      { ...FRESH, 'Content-Type': 'multipart/byteranges; boundary=x' },
      { status: 206 },
      'partial-unreadable',
    ],
    ['in another unit', { ...FRESH, 'Content-Range': 'items 0-4/10' }, { status: 206 }, 'partial-unreadable'],
    [
      'that contradicts itself',
      { ...FRESH, 'Content-Range': 'bytes 4-0/10' },
      { status: 206 },
      'partial-unreadable',
    ],
    [
      'beyond its length',
      { ...FRESH, 'Content-Range': 'bytes 0-10/10' },
      { status: 206 },
      'partial-unreadable',
    ],
  ]);

  it('a Content-Range on another status makes no part', () => {
    expect(metaOf({ ...FRESH, 'Content-Range': 'bytes 0-4/10' }).partial).toBeUndefined();
  });
});

describe('directives', () => {
  const ok = 'stored';
  check([
    ['no-store', { 'Cache-Control': 'max-age=60, no-store' }, {}, 'no-store'],
    ['private', { 'Cache-Control': 'private, max-age=60' }, {}, 'private'],
    ['private beats public', { 'Cache-Control': 'public, private, max-age=60' }, {}, 'private'],
    ['an unknown directive changes nothing', { 'Cache-Control': 'foo="no-store", bar, max-age=60' }, {}, ok],
    ['a broken field', { 'Cache-Control': 'max-age=60 private' }, {}, 'malformed'],
    [
      'must-understand overrides no-store',
      { 'Cache-Control': 'no-store, must-understand, max-age=60' },
      {},
      ok,
    ],
    ['but not private', { 'Cache-Control': 'no-store, private, must-understand, max-age=60' }, {}, 'private'],
    [
      'must-understand with an unknown status',
      { 'Cache-Control': 'must-understand, max-age=60' },
      { status: 599 },
      'status-not-understood',
    ],
    [
      'must-understand with a known status',
      { 'Cache-Control': 'must-understand, no-store, max-age=60' },
      { status: 404 },
      ok,
    ],
    ['no-cache with a validator is stored', { 'Cache-Control': 'no-cache', ETag: '"a"' }, {}, ok],
    [
      'no-cache without one is of no use',
      { 'Cache-Control': 'no-cache, max-age=60' },
      {},
      'nothing-to-reuse',
    ],
    ['Pragma of a response means nothing', { ...FRESH, Pragma: 'no-cache' }, {}, ok],
    ['nor where there is no Cache-Control', { Pragma: 'no-cache', 'Last-Modified': LAST_MODIFIED }, {}, ok],
    ['the request forbids', FRESH, { request: { 'Cache-Control': 'No-Store' } }, 'request-no-store'],
    [
      'unless it is not honoured',
      FRESH,
      { request: { 'Cache-Control': 'no-store' }, rules: { honourClient: false } },
      ok,
    ],
    [
      'which strict does always',
      FRESH,
      { request: { 'Cache-Control': 'no-store' }, rules: { honourClient: false, strict: true } },
      'request-no-store',
    ],
    [
      'other request directives forbid nothing',
      FRESH,
      { request: { 'Cache-Control': 'no-cache, max-age=0' } },
      ok,
    ],
    ['bypass', FRESH, { rules: { bypass: true } }, 'bypass'],
  ]);

  it('the qualified forms store the rest (RFC 9111 §5.2.2.4, §5.2.2.7)', () => {
    const meta = metaOf({
      'Cache-Control': 'max-age=60, private="X-User, Set-Cookie", no-cache="X-Token, ETag"',
      'X-User': 'u',
      'Set-Cookie': 'a=b',
      'X-Token': 't',
      ETag: '"a"',
      'X-Kept': 'k',
    });
    expect(linesNamed(meta)).toEqual(['cache-control', 'x-kept', 'date']);
    expect(meta).toMatchObject({ noCache: false, etag: undefined, lifetimeMs: 60_000 });
  });
});

describe('Authorization (RFC 9111 §3.5)', () => {
  const request = { Authorization: 'Basic eDp5' };
  check([
    ['max-age', FRESH, { request }, 'authorization'],
    ['heuristic', { 'Last-Modified': LAST_MODIFIED }, { request }, 'authorization'],
    ['proxy-revalidate', { 'Cache-Control': 'proxy-revalidate, max-age=60' }, { request }, 'authorization'],
    ['public', { 'Cache-Control': 'public, max-age=60' }, { request }, 'stored'],
    ['must-revalidate', { 'Cache-Control': 'must-revalidate, max-age=60' }, { request }, 'stored'],
    ['s-maxage', { 'Cache-Control': 's-maxage=60' }, { request }, 'stored'],
    [
      'a broken s-maxage',
      { 'Cache-Control': 's-maxage=x, max-age=60', ETag: '"a"' },
      { request },
      'authorization',
    ],
    ['public with an argument', { 'Cache-Control': 'public=1, max-age=60' }, { request }, 'authorization'],
    ['targeted public', { 'CDN-Cache-Control': 'public, max-age=60' }, { request }, 'stored'],
    [
      'public that a targeted field takes back',
      { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'public' },
      { request },
      'authorization',
    ],
  ]);

  it('is remembered', () => {
    expect(metaOf({ 'Cache-Control': 'public, max-age=60' }, { request }).authorized).toBe(true);
    expect(metaOf(FRESH).authorized).toBe(false);
  });
});

describe('Set-Cookie (RFC 9111 §7.3)', () => {
  const cookie = { 'Cache-Control': 'public, max-age=60', 'Set-Cookie': ['a=b', 'c=d'] };
  check([
    ['by default', cookie, {}, 'set-cookie'],
    ['where the route says so', cookie, { rules: { storeSetCookie: true } }, 'stored'],
    ['by the strict reading', cookie, { rules: { strict: true } }, 'stored'],
    ['where it is removed', cookie, { rules: { stripSetCookie: true } }, 'stored'],
  ]);

  it('is kept or removed as the route says', () => {
    expect(linesNamed(metaOf(cookie, { rules: { strict: true } }))).toContain('set-cookie');
    expect(linesNamed(metaOf(cookie, { rules: { stripSetCookie: true } }))).not.toContain('set-cookie');
    expect(metaOf(cookie, { rules: { storeSetCookie: true } }).lifetimeMs).toBe(60_000);
  });
});

describe('Vary (RFC 9111 §4.1)', () => {
  check([
    ['*', { ...FRESH, Vary: '*' }, {}, 'vary-star'],
    ['* among others', { ...FRESH, Vary: ['Accept', 'Foo, *'] }, {}, 'vary-star'],
    ['no field name', { ...FRESH, Vary: 'Accept Encoding' }, {}, 'vary-star'],
    ['several fields', { ...FRESH, Vary: 'Accept, Foo' }, {}, 'stored'],
  ]);

  it('names and values are kept, with the extra key fields among them', () => {
    const meta = metaOf(
      { ...FRESH, Vary: 'Foo, Accept-Encoding' },
      {
        request: { 'Accept-Encoding': 'gzip , BR', 'X-Device': 'tv' },
        rules: {
          key: {
            query: 'keep',
            allowParams: undefined,
            denyParams: [],
            path: 'verbatim',
            extraFields: ['x-device', 'foo'],
          },
        },
      },
    );
    expect(meta.vary).toEqual(['accept-encoding', 'foo', 'x-device']);
    expect(meta.varyValues).toEqual(['br,gzip', undefined, 'tv']);
  });
});

describe('content of a GET request', () => {
  const body = { stream: null as never };
  check([
    ['is not in the key', FRESH, { body: { ...body, length: 5 } }, 'request-content'],
    ['of unknown length neither', FRESH, { body: { ...body, length: undefined } }, 'request-content'],
    ['of no length is none', FRESH, { body: { ...body, length: 0 } }, 'stored'],
  ]);
});

describe('what is of no use', () => {
  check([
    ['nothing at all', {}, {}, 'nothing-to-reuse'],
    ['max-age=0', { 'Cache-Control': 'max-age=0' }, {}, 'nothing-to-reuse'],
    ['stale by its Age', { ...FRESH, Age: '60' }, {}, 'nothing-to-reuse'],
    ['max-age=0 with a validator', { 'Cache-Control': 'max-age=0', ETag: '"a"' }, {}, 'stored'],
    ['only a validator', { ETag: '"a"' }, {}, 'stored'],
    [
      'max-age=0 with a stale window',
      { 'Cache-Control': 'max-age=0, stale-while-revalidate=5' },
      {},
      'stored',
    ],
  ]);
});

it('each reason has a sentence', () => {
  for (const sentence of Object.values(NO_STORE_REASONS)) expect(sentence).toMatch(/^[A-Z"].{20,}\.$/);
});

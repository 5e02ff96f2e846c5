import { describe, expect, it } from 'vitest';
import {
  freshen,
  freshenedBy,
  freshenFromHead,
  headEffect,
  type Validation,
} from '../../src/cache/freshen.ts';
import { type CacheRules, DEFAULT_RULES } from '../../src/cache/rules.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { type FieldLines, Fields } from '../../src/http/fields.ts';
import type { Request } from '../../src/http/message.ts';
import { storedMeta, T0, T0_DATE } from '../support/stored-meta.ts';

const LATER = T0 + 3_600_000;
const LATER_DATE = 'Sun, 09 Sep 2001 02:46:40 GMT';
const MODIFIED = 'Sun, 09 Sep 2001 00:00:00 GMT';
const MODIFIED_AT = Date.UTC(2001, 8, 9);

function request(fields: Readonly<Record<string, string>> = {}, method = 'GET'): Request {
  const peer = { address: '192.0.2.1', port: 1 };
  return {
    method,
    target: '/x',
    scheme: 'http',
    authority: 'a.example',
    version: '1.1',
    fields: Fields.from(fields),
    body: null,
    peer,
    receivedAt: LATER,
  };
}

function stored(lines: FieldLines, changes: Partial<StoredMeta> = {}): StoredMeta {
  return storedMeta({ etag: '"a"', lines: ['Date', T0_DATE, 'ETag', '"a"', ...lines], ...changes });
}

function validation(
  meta: StoredMeta,
  response: Readonly<Record<string, string>>,
  more: { readonly rules?: Partial<CacheRules>; readonly request?: Request } = {},
): Validation {
  return {
    stored: meta,
    request: more.request ?? request(),
    response: Fields.from(response),
    requestedAt: LATER,
    respondedAt: LATER,
    rules: { ...DEFAULT_RULES, ...more.rules },
    seq: 7,
  };
}

function freshened(...given: Parameters<typeof validation>): StoredMeta {
  const result = freshen(validation(...given));
  if (result.kind !== 'freshened') throw new Error(result.kind);
  return result.meta;
}

describe('fields after a 304 (RFC 9111 §3.2)', () => {
  const old = ['Cache-Control', 'max-age=60', 'X-A', '1', 'x-a', '2', 'Content-Type', 'text/plain'];

  it('replaces every line of a name, adds new names, keeps the others', () => {
    const meta = freshened(stored([...old, 'X-B', 'kept']), {
      ETag: '"a"',
      Date: LATER_DATE,
      'X-A': '3',
      'X-New': '4',
    });
    const fields = new Fields(meta.lines);
    expect(fields.all('x-a')).toEqual(['3']);
    expect(fields.all('x-b')).toEqual(['kept']);
    expect(fields.all('x-new')).toEqual(['4']);
    expect(fields.all('date')).toEqual([LATER_DATE]);
  });

  it('works freshness out anew', () => {
    const meta = freshened(stored(old), {
      ETag: '"a"',
      Date: LATER_DATE,
      'Cache-Control': 'max-age=100',
      Age: '10',
    });
    expect(meta).toMatchObject({
      lifetimeMs: 100_000,
      freshUntil: LATER + 90_000,
      respondedAt: LATER,
      seq: 7,
    });
    expect(new Fields(meta.lines).has('age')).toBe(false);
  });

  it('counts from now when the 304 has no Date', () => {
    const meta = freshened(stored(old), { ETag: '"a"' });
    expect(meta.freshUntil).toBe(LATER + 60_000);
    expect(new Fields(meta.lines).all('date')).toEqual([LATER_DATE]);
  });

  it.each(['Content-Length', 'Content-Encoding', 'Content-Range', 'Content-Digest'])(
    '%s describes the stored bytes and stays',
    (name) => {
      const with304 = new Fields(
        freshened(stored([...old, name, 'old']), { ETag: '"a"', [name]: 'new' }).lines,
      );
      expect(with304.all(name.toLowerCase())).not.toContain('new');
      const added = new Fields(freshened(stored(old), { ETag: '"a"', [name]: 'new' }).lines);
      expect(added.has(name.toLowerCase())).toBe(false);
    },
  );

  it.each(['Content-Type', 'Content-Language', 'Content-Location', 'Content-Security-Policy', 'Content-Foo'])(
    '%s is replaced: the prefix means nothing',
    (name) => {
      const fields = new Fields(
        freshened(stored([name, 'old', 'Cache-Control', 'max-age=60']), { ETag: '"a"', [name]: 'new' }).lines,
      );
      expect(fields.all(name.toLowerCase())).toEqual(['new']);
    },
  );

  it('stores no hop-by-hop field, nor what Connection names', () => {
    const response = {
      ETag: '"a"',
      Connection: 'x-hop',
      'X-Hop': '1',
      'Keep-Alive': '1',
      'Proxy-Authenticate': 'x',
    };
    const fields = new Fields(freshened(stored(old), response).lines);
    for (const name of ['connection', 'x-hop', 'keep-alive', 'proxy-authenticate'])
      expect(fields.has(name)).toBe(false);
  });

  it('keeps the tag that the stored bytes were sent with', () => {
    const weak = stored(old, { etag: 'W/"a"', lines: ['ETag', 'W/"a"', ...old] });
    expect(freshened(weak, { ETag: '"a"' })).toMatchObject({ etag: 'W/"a"' });
  });

  it('adds a tag where there was none', () => {
    const meta = storedMeta({
      lastModified: MODIFIED_AT,
      lines: ['Last-Modified', MODIFIED, 'Date', T0_DATE, 'Cache-Control', 'max-age=60'],
    });
    expect(freshened(meta, { ETag: '"a"', 'Last-Modified': MODIFIED, Date: LATER_DATE })).toMatchObject({
      etag: '"a"',
    });
  });

  it("gives one client's cookie to no other, unless the route stores cookies", () => {
    const response = { ETag: '"a"', 'Set-Cookie': 's=1' };
    expect(new Fields(freshened(stored(old), response).lines).has('set-cookie')).toBe(false);
    const strict = freshened(stored(old), response, { rules: { strict: true } });
    expect(new Fields(strict.lines).all('set-cookie')).toEqual(['s=1']);
  });

  it('keeps what the body covers and which request selected it', () => {
    const part = { start: 0, end: 5, complete: 10 };
    const meta = freshened(
      stored([...old, 'Vary', 'Accept-Language', 'Content-Range', 'bytes 0-4/10'], {
        status: 206,
        partial: part,
        vary: ['accept-language'],
        varyValues: ['de'],
      }),
      { ETag: '"a"' },
      { request: request({ 'Accept-Language': 'de, en;q=0.5' }) },
    );
    expect(meta).toMatchObject({ status: 206, partial: part, varyValues: ['de'] });
  });
});

describe('a stored 200 that was cut short', () => {
  it('stays a part after a 304', () => {
    const part = { start: 0, end: 5, complete: 10 };
    const meta = freshened(stored(['Cache-Control', 'max-age=60'], { partial: part }), { ETag: '"a"' });
    expect(meta.partial).toEqual(part);
  });
});

describe('a 304 that takes back the leave to store', () => {
  it.each<[string, Readonly<Record<string, string>>, Request, string, boolean]>([
    ['no-store', { 'Cache-Control': 'no-store' }, request(), 'no-store', true],
    ['private', { 'Cache-Control': 'private' }, request(), 'private', true],
    ['Vary: *', { Vary: '*' }, request(), 'vary-star', true],
    [
      "the client's no-store touches nothing",
      {},
      request({ 'Cache-Control': 'no-store' }),
      'request-no-store',
      false,
    ],
    [
      "the client's Authorization touches nothing",
      {},
      request({ Authorization: 'x' }),
      'authorization',
      false,
    ],
  ])('%s', (_name, fields, by, reason, remove) => {
    const meta = stored(['Cache-Control', 'max-age=60']);
    const result = freshen(validation(meta, { ETag: '"a"', ...fields }, { request: by }));
    expect(result).toMatchObject({ kind: 'not-storable', reason, remove, meta: { freshUntil: LATER } });
  });
});

describe('which stored responses a 304 freshens (RFC 9111 §4.3.4)', () => {
  const tag = (etag: string) => storedMeta({ etag });
  const dated = storedMeta({ lastModified: MODIFIED_AT });
  const [a, b, weakA, bare] = [tag('"a"'), tag('"b"'), tag('W/"a"'), storedMeta()];
  const at = { Date: LATER_DATE };
  const rows: readonly (readonly [
    string,
    readonly StoredMeta[],
    Readonly<Record<string, string>>,
    readonly StoredMeta[],
  ])[] = [
    ['all with the same strong tag', [a, b, tag('"a"')], { ETag: '"a"' }, [a, tag('"a"')]],
    ['none with another strong tag', [a, b], { ETag: '"c"' }, []],
    ['a strong tag does not match a weak one', [weakA], { ETag: '"a"' }, []],
    ['the most recent with the same weak tag', [b, weakA, a], { ETag: 'W/"a"' }, [weakA]],
    ['a weak tag that matches none', [b], { ETag: 'W/"a"' }, []],
    ['a strong date', [dated, bare], { 'Last-Modified': MODIFIED, ...at }, [dated]],
    [
      'a weak date, the most recent',
      [dated, storedMeta({ lastModified: MODIFIED_AT })],
      { 'Last-Modified': MODIFIED, Date: MODIFIED },
      [dated],
    ],
    ['a date beside a tag that differs', [tag('"b"')], { ETag: '"a"', 'Last-Modified': MODIFIED, ...at }, []],
    ['no validators: the only one, if it has none', [bare], {}, [bare]],
    ['no validators, and it has one', [a], {}, []],
    ['no validators, and two', [bare, storedMeta()], {}, []],
  ];
  it.each(rows)('%s', (_name, candidates, response, expected) => {
    expect(freshenedBy(candidates, Fields.from(response), LATER)).toEqual(expected);
  });

  const own: readonly (readonly [string, StoredMeta, Readonly<Record<string, string>>, boolean])[] = [
    ['no validators', a, {}, true],
    ['the strong form of its weak tag', weakA, { ETag: '"a"' }, true],
    ['only a date where it has only a tag', a, { 'Last-Modified': MODIFIED, ...at }, true],
    ['another tag', a, { ETag: '"b"' }, false],
    ['another date', dated, { 'Last-Modified': T0_DATE, ...at }, false],
  ];
  it.each(own)('the one we asked about, except under strict: %s', (_name, asked, response, related) => {
    const meta = { ...asked, lines: ['Cache-Control', 'max-age=60'] };
    const kind = (strict: boolean) => freshen(validation(meta, response, { rules: { strict } })).kind;
    expect(kind(false)).toBe(related ? 'freshened' : 'unrelated');
    expect(kind(true)).toBe('unrelated');
  });
});

describe('a response to HEAD (RFC 9111 §4.3.5)', () => {
  const meta = stored(['Cache-Control', 'max-age=60'], { lastModified: MODIFIED_AT });
  it.each<[string, number, Readonly<Record<string, string>>, string, StoredMeta?]>([
    ['nothing speaks against it', 200, {}, 'freshen'],
    ['the same tag and length', 200, { ETag: '"a"', 'Content-Length': '10' }, 'freshen'],
    ['another tag', 200, { ETag: '"b"' }, 'invalidate'],
    ['another date', 200, { 'Last-Modified': T0_DATE }, 'invalidate'],
    ['another length', 200, { ETag: '"a"', 'Content-Length': '11' }, 'invalidate'],
    ['a tag where none is stored', 200, { ETag: '"a"' }, 'invalidate', storedMeta()],
    ['it is gone', 410, {}, 'invalidate'],
    ['it is not found', 404, {}, 'invalidate'],
    ['it was not found before', 404, {}, 'none', storedMeta({ status: 404 })],
    ['it was not found before, and is now', 200, {}, 'invalidate', storedMeta({ status: 404 })],
    ['the origin fails', 503, {}, 'none'],
    ['a redirect', 302, {}, 'none'],
    [
      "a part's whole length",
      200,
      { 'Content-Length': '50' },
      'freshen',
      storedMeta({ status: 206, partial: { start: 0, end: 10, complete: 50 } }),
    ],
  ])('%s', (_name, status, response, expected, other) => {
    expect(headEffect(other ?? meta, 10, status, Fields.from(response), LATER)).toBe(expected);
  });

  it('updates the stored GET', () => {
    const response = { ETag: '"a"', 'Cache-Control': 'max-age=100', 'X-New': '1', Date: LATER_DATE };
    const result = freshenFromHead(validation(meta, response, { request: request({}, 'HEAD') }));
    expect(result).toMatchObject({ kind: 'freshened', meta: { status: 200, lifetimeMs: 100_000 } });
    expect(new Fields(result.meta.lines).get('x-new')).toBe('1');
  });
});

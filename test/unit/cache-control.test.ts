import { describe, expect, it } from 'vitest';
import { type CacheControl, parseCacheControl } from '../../src/cache/cache-control.ts';

/** What differs from an absent field. */
function said(...lines: string[]): Partial<CacheControl> {
  const blank = parseCacheControl([]);
  const control = parseCacheControl(lines);
  return Object.fromEntries(
    Object.entries(control).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(blank[name as keyof CacheControl]),
    ),
  );
}

describe('parseCacheControl reads', () => {
  it.each<[string, Partial<CacheControl>]>([
    ['', {}],
    [',', {}],
    ['max-age=3600', { maxAge: 3600 }],
    ['max-age=3600, , public', { maxAge: 3600, public: true }],
    ['max-age=3600,', { maxAge: 3600 }],
    [', max-age=3600', { maxAge: 3600 }],
    ['public,max-age=3600\t,\tno-transform', { public: true, maxAge: 3600, noTransform: true }],
    ['MaX-aGe=60, PUBLIC', { maxAge: 60, public: true }],
    ['max-age="60"', { maxAge: 60 }],
    ['max-age="6\\0"', { maxAge: 60 }],
    ['max-age=0060', { maxAge: 60 }],
    ['s-maxage=10, max-age=20', { sMaxage: 10, maxAge: 20 }],
    ['max-age=2147483648', { maxAge: 2 ** 31 }],
    ['max-age=99999999999999999999999999999', { maxAge: 2 ** 31 }],
    ['PRIVATE', { private: true }],
    ['No-Store', { noStore: true }],
    [
      'must-revalidate, Proxy-Revalidate, must-understand',
      { mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true },
    ],
    ['immutable, only-if-cached', { immutable: true, onlyIfCached: true }],
    ['stale-while-revalidate=5, stale-if-error=6', { staleWhileRevalidate: 5, staleIfError: 6 }],
    ['max-stale', { maxStale: Number.POSITIVE_INFINITY }],
    ['max-stale=5, min-fresh=6', { maxStale: 5, minFresh: 6 }],
  ])('%j', (line, expected) => {
    expect(said(line)).toEqual(expected);
  });

  it('unknown directives as nothing, whatever their argument', () => {
    expect(said('foo, foo=bar, x="a, b", y="\\"no-store", z=a/b:c@d(e), &&&=1, max-age=5')).toEqual({
      maxAge: 5,
    });
  });

  it('directives inside a quoted string as text', () => {
    expect(said('x="no-store, private", max-age=60')).toEqual({ maxAge: 60 });
    expect(said('x="max-age=1", max-age=60')).toEqual({ maxAge: 60 });
  });

  it('several lines as one list', () => {
    expect(said('max-age=60', 'private')).toEqual({ maxAge: 60, private: true });
  });
});

describe('parseCacheControl takes a lifetime that is no delta-seconds for invalid', () => {
  it.each([
    'max-age',
    'max-age=',
    'max-age=""',
    'max-age=-1',
    'max-age=+1',
    'max-age=60.0',
    'max-age=60.5',
    'max-age=1e3',
    'max-age=0x10',
    'max-age=a60',
    'max-age=60a',
    "max-age='60'",
    'max-age=" 60"',
    'max-age="60a"',
    'max-age = 60',
    'max-age =60',
    'max-age= 60',
    'max-age=\t"60"',
    'max-age=٣',
  ])('%s', (line) => {
    const latin1 = Buffer.from(line).toString('latin1');
    expect(said(latin1)).toEqual({ maxAge: 'invalid' });
    expect(said(latin1.replace('max-age', 's-maxage'))).toEqual({ sMaxage: 'invalid' });
  });
});

describe('parseCacheControl counts the first of several values', () => {
  it.each<[string[], Partial<CacheControl>]>([
    [['max-age=60, max-age=5'], { maxAge: 60 }],
    [['max-age=0, max-age=60'], { maxAge: 0 }],
    [['max-age=0', 'max-age=60'], { maxAge: 0 }],
    [['max-age=x, max-age=60'], { maxAge: 'invalid' }],
  ])('%j', (lines, expected) => {
    expect(said(...lines)).toEqual(expected);
  });
});

describe('parseCacheControl never reads a restriction away', () => {
  it.each<[string, Partial<CacheControl>]>([
    ['no-store=""', { noStore: true }],
    ['no-store="foo"', { noStore: true }],
    ['no-store=1', { noStore: true }],
    ['no-store = x', { noStore: true }],
    ['private=""', { private: true }],
    ['private=', { private: true }],
    ['private="a b"', { private: true }],
    ['private="a,"', { private: true }],
    ['private="vary"', { private: true }],
    ['private="Content-Type"', { private: true }],
    ['no-cache=""', { noCache: true }],
    ['no-cache="cache-control"', { noCache: true }],
    ['private, private="set-cookie"', { private: true, privateFields: ['set-cookie'] }],
    ['private="Set-Cookie, X-User"', { privateFields: ['set-cookie', 'x-user'] }],
    ['private=Set-Cookie', { privateFields: ['set-cookie'] }],
    ['no-cache="a", no-cache=b', { noCacheFields: ['a', 'b'] }],
    ['must-revalidate=1', { mustRevalidate: true }],
  ])('%s', (line, expected) => {
    expect(said(line)).toEqual(expected);
  });

  it('ignores a permission with an argument that it does not take', () => {
    expect(said('public=1, must-understand="x"')).toEqual({});
  });
});

describe('parseCacheControl calls a field malformed', () => {
  it.each([
    'max-age=60 private',
    'private max-age=60',
    'max-age=60; private',
    'public; max-age=60',
    'x="unterminated, no-store',
    'x="a"b',
    '"no-store"',
    '=60',
    'no store',
    'max-age=60, {',
    'x="a\u0001b"',
    'max-age=60\u0000',
    'a"b',
    'x="a\\',
  ])('%j', (line) => {
    expect(parseCacheControl([line]).malformed).toBe(true);
    expect(parseCacheControl(['max-age=60', line]).malformed).toBe(true);
  });

  it('and still sees the members around the fault', () => {
    expect(said('a b, no-store, x"y, max-age=5')).toEqual({ malformed: true, noStore: true, maxAge: 5 });
  });

  it('when a quoted string is left open at the end of a line, and reads the next line by itself', () => {
    expect(said('x="', 'no-store', '"')).toEqual({ malformed: true, noStore: true });
  });
});

it('reads a hostile field in linear time', () => {
  const started = performance.now();
  for (const piece of ['a="', '",', 'a=",', '\\"', ' ', '= ', 'a ', '"a"b,']) {
    parseCacheControl([piece.repeat(20_000)]);
  }
  expect(performance.now() - started).toBeLessThan(2_000);
});

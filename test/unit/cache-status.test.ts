import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  appendCacheStatus,
  type CacheStatus,
  DETAILS,
  formatCacheStatus,
  xCache,
} from '../../src/cache/cache-status.ts';
import { bareValue, listOf, textOf } from '../../src/cache/structured.ts';
import { OUTCOMES, type OutcomeName } from '../../src/observe/outcome.ts';
import { cacheStatusList } from '../support/cache-status.ts';

describe('our member of Cache-Status (RFC 9211 §2)', () => {
  it.each<[CacheStatus, string]>([
    [{ hit: true, ttl: 30 }, 'holdfast; hit; ttl=30'],
    [
      { hit: true, ttl: -5, detail: 'stale-while-revalidate' },
      'holdfast; hit; ttl=-5; detail=stale-while-revalidate',
    ],
    [{ hit: true, ttl: -0 }, 'holdfast; hit; ttl=0'],
    [{ hit: true, ttl: Number.POSITIVE_INFINITY }, 'holdfast; hit; ttl=999999999999999'],
    [{ fwd: 'bypass' }, 'holdfast; fwd=bypass'],
    [{ fwd: 'uri-miss', fwdStatus: 200, stored: true }, 'holdfast; fwd=uri-miss; fwd-status=200; stored'],
    [
      { fwd: 'vary-miss', fwdStatus: 200, stored: false, collapsed: true },
      'holdfast; fwd=vary-miss; fwd-status=200; collapsed',
    ],
    [
      { fwd: 'stale', fwdStatus: 304, ttl: 60, stored: true },
      'holdfast; fwd=stale; fwd-status=304; ttl=60; stored',
    ],
    [
      { fwd: 'stale', ttl: -7, detail: 'stale-if-error' },
      'holdfast; fwd=stale; ttl=-7; detail=stale-if-error',
    ],
    [{ detail: 'only-if-cached' }, 'holdfast; detail=only-if-cached'],
    [{ hit: true, ttl: 1, key: 'http://a/b?c=d' }, 'holdfast; hit; ttl=1; key="http://a/b?c=d"'],
    [{ hit: true, ttl: 1, key: 'a"b\\c\xe9\n' }, 'holdfast; hit; ttl=1; key="a\\"b\\\\c%E9%0A"'],
    [{ fwd: 'miss', detail: 'two words' }, 'holdfast; fwd=miss; detail="two words"'],
  ])('%j', (status, expected) => {
    expect(formatCacheStatus('holdfast', status)).toBe(expected);
  });

  it('names a cache whose name is no token as a string', () => {
    expect(formatCacheStatus('my cache', { hit: true, ttl: 1 })).toBe('"my cache"; hit; ttl=1');
  });

  const common = {
    detail: fc.option(fc.string(), { nil: undefined }),
    key: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
  };
  const status: fc.Arbitrary<CacheStatus> = fc.oneof(
    fc.record({ hit: fc.constant(true as const), ttl: fc.integer(), ...common }),
    fc.record({
      fwd: fc.constantFrom(
        'bypass',
        'method',
        'uri-miss',
        'vary-miss',
        'miss',
        'request',
        'stale',
        'partial',
      ),
      fwdStatus: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
      ttl: fc.option(fc.integer(), { nil: undefined }),
      stored: fc.boolean(),
      collapsed: fc.boolean(),
      ...common,
    }),
  );

  it('is a structured field that says what it was given, whatever key and detail hold', () => {
    fc.assert(
      fc.property(status, (given) => {
        const text = formatCacheStatus('holdfast', given);
        const members = listOf([text]);
        expect(members).toHaveLength(1);
        const [read] = cacheStatusList(text);
        expect(read).toMatchObject({ name: 'holdfast', hit: given.hit === true });
        expect(read?.fwd).toBe(given.fwd);
        expect(read?.ttl).toBe('ttl' in given ? given.ttl : undefined);
        expect(read?.fwdStatus).toBe(given.fwd === undefined ? undefined : given.fwdStatus);
        if (given.detail !== undefined && /^[\x20-\x7e]*$/.test(given.detail))
          expect(read?.detail).toBe(given.detail);
      }),
    );
  });
});

describe('behind an upstream cache (RFC 9211 §2)', () => {
  const own = 'holdfast; hit; ttl=1';
  it.each<[string, readonly string[], string]>([
    ['nothing upstream', [], own],
    ['one', ['Origin; fwd=uri-miss; stored'], `Origin; fwd=uri-miss; stored, ${own}`],
    ['several lines', ['a; hit', '"b c"; fwd=miss'], `a; hit, "b c"; fwd=miss, ${own}`],
    ['empty', [' '], own],
    ['no structured field', ['HIT from cache(1)'], own],
    ['an open quote', ['a; key="x'], own],
    ['a comma at the end', ['a; hit,'], own],
    ['too long', [`a; key="${'x'.repeat(5000)}"`], own],
  ])('%s', (_name, upstream, expected) => {
    expect(appendCacheStatus(upstream, own)).toBe(expected);
  });

  it('ends with our member and can be read, whatever was upstream', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 3 }), (upstream) => {
        const last = listOf([appendCacheStatus(upstream, own)])?.at(-1);
        expect(last === undefined ? undefined : textOf(bareValue(last))).toBe('holdfast');
      }),
    );
  });
});

describe('the words', () => {
  it('details are tokens with a sentence', () => {
    for (const [word, sentence] of Object.entries(DETAILS)) {
      expect(word).toMatch(/^[a-z][a-z-]*$/);
      expect(sentence).toMatch(/^[A-Z].*\.$/);
    }
  });

  it('X-Cache has one of five words for every outcome', () => {
    const words = Object.keys(OUTCOMES).map((name) => xCache(name as OutcomeName));
    expect(new Set(words)).toEqual(new Set(['HIT', 'STALE', 'REVALIDATED', 'MISS', 'BYPASS']));
  });
});

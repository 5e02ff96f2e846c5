import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_RULES } from '../../src/cache/rules.ts';
import { canonicalPath, matchesPattern, parsePathPattern } from '../../src/config/patterns.ts';
import { matchRoute, parseConfig, rulesFor } from '../../src/config.ts';

const config = (routes: unknown, cache: unknown = {}) =>
  parseConfig({ origin: 'demo', routes, cache }, 'test');

function matches(match: unknown, method: string, authority: string, target: string): boolean {
  return matchRoute(config([{ match }]).routes, method, { authority, target }) !== undefined;
}

describe('a path pattern', () => {
  it.each([
    ['/', '/', true],
    ['/', '/a', false],
    ['/*', '/', true],
    ['/static/*', '/static/a/b.css', true],
    ['/static/*', '/static/', true],
    ['/static/*', '/static', false],
    ['/static/*', '/Static/a', false],
    ['*.css', '/a/b.css', true],
    ['*.css', '/a/b.css/c', false],
    ['*.css', '/a/b.css?x=.js', true],
    ['*.css', '/a/b.js?x=.css', false],
    ['/a*a', '/a', false],
    ['/a*a', '/aa', true],
    ['/*/x/*/y', '/1/x/2/y', true],
    ['/*/x/*/y', '/1/x/y', false],
    ['/ab*bc', '/abc', false],
    ['/a.c', '/abc', false],
    ['/caf%c3%a9', '/caf%C3%A9', true],
    ['/%7euser/*', '/~user/x', true],
  ])('%s on %s: %s', (path, target, expected) => {
    expect(matches({ path }, 'GET', 'a', target)).toBe(expected);
  });

  it.each([
    '//admin/x',
    '/%61dmin/x',
    '/./admin/x',
    '/a/../admin/x',
    '/a/%2e%2e/admin/x',
    '/admin//x',
    '/admin/x?y',
  ])('/admin/* is not got round by %s', (target) => {
    expect(matches({ path: '/admin/*' }, 'GET', 'a', target)).toBe(true);
  });

  it('/static/* is not entered by a path that leads out of it', () => {
    expect(matches({ path: '/static/*' }, 'GET', 'a', '/static/../admin')).toBe(false);
  });

  it('agrees with the same pattern as a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*'), maxLength: 8 });
    const path = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 12 });
    fc.assert(
      fc.property(text, path, (rest, tail) => {
        const pattern = parsePathPattern(`/${rest}`);
        const seen = canonicalPath(`/${tail}`);
        const expression = new RegExp(`^${canonicalPath(`/${rest}`).replace(/\*+/g, '.*')}$`);
        expect(pattern !== undefined && matchesPattern(pattern, seen)).toBe(expression.test(seen));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a host pattern', () => {
  it.each([
    ['example.org', 'example.org', true],
    ['Example.ORG', 'example.org', true],
    ['example.org', 'example.org:8080', true],
    ['example.org', 'www.example.org', false],
    ['*.example.org', 'www.example.org', true],
    ['*.example.org', 'a.b.example.org:81', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'badexample.org', false],
    ['example.org:8443', 'example.org:8443', true],
    ['example.org:8443', 'example.org', false],
    ['example.org:80', 'example.org', true],
    ['example.org:80', 'example.org:8080', false],
    ['[::1]', '[::1]:8080', true],
    ['[::1]', '[::2]', false],
    ['example.org', '', false],
  ])('%s on %s: %s', (host, authority, expected) => {
    expect(matches({ host }, 'GET', authority, '/')).toBe(expected);
  });
});

describe('methods', () => {
  it.each([
    ['GET', true],
    ['HEAD', true],
    ['PURGE', true],
    ['POST', false],
    ['get', false],
  ])('GET holds for %s: %s', (method, expected) => {
    expect(matches({ methods: ['GET'] }, method, 'a', '/')).toBe(expected);
  });

  it('HEAD alone does not hold for GET', () => {
    expect(matches({ methods: ['HEAD'] }, 'GET', 'a', '/')).toBe(false);
  });
});

describe('routes', () => {
  it('hold where all conditions do', () => {
    const match = { host: '*.example.org', path: '/api/*', methods: ['GET'] };
    expect(matches(match, 'GET', 'a.example.org', '/api/x')).toBe(true);
    expect(matches(match, 'POST', 'a.example.org', '/api/x')).toBe(false);
    expect(matches(match, 'GET', 'example.com', '/api/x')).toBe(false);
    expect(matches(match, 'GET', 'a.example.org', '/x')).toBe(false);
  });

  it('are tried in order, the first that matches is the one', () => {
    const settings = config([
      { match: { path: '/a/b' }, cache: { ttl: '1s' } },
      { match: { path: '/a/*' }, cache: { ttl: '2s' } },
      { match: {}, cache: { ttl: '3s' } },
    ]);
    const ttls = ['/a/b', '/a/c', '/d'].map(
      (target) => rulesFor(settings, 'GET', { authority: 'a', target }).ttlMs,
    );
    expect(ttls).toEqual([1000, 2000, 3000]);
  });

  it('override the cache settings one by one, inside `key` too', () => {
    const settings = config(
      [
        {
          match: { path: '/x' },
          cache: { ttl: 'origin', bypass: true, key: { denyParams: ['utm_*'], allowParams: 'all' } },
        },
      ],
      { ttl: '9s', maxVariants: 3, key: { query: 'sort', allowParams: ['a'] } },
    );
    expect(rulesFor(settings, 'GET', { authority: 'a', target: '/x' })).toEqual({
      ...DEFAULT_RULES,
      bypass: true,
      maxVariants: 3,
      key: { ...DEFAULT_RULES.key, query: 'sort', denyParams: ['utm_*'] },
    });
    expect(rulesFor(settings, 'GET', { authority: 'a', target: '/y' })).toBe(settings.cache.rules);
  });

  it('are none where none are set', () => {
    expect(matchRoute([], 'GET', { authority: 'a', target: '/' })).toBeUndefined();
  });

  it('take targets that are no path', () => {
    expect(matches({ path: '*' }, 'OPTIONS', 'a', '*')).toBe(true);
    expect(matches({ path: '/*' }, 'OPTIONS', 'a', '*')).toBe(false);
  });
});

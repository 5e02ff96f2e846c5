import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cacheKey, normaliseTarget, purgeUrl } from '../../src/cache/key.ts';
import { DEFAULT_RULES, type KeyRules } from '../../src/cache/rules.ts';

const VERBATIM = DEFAULT_RULES.key;

function target(sent: string, rules: Partial<KeyRules>): string {
  return cacheKey('http', 'a.test', sent, { ...VERBATIM, ...rules }).target;
}

describe('cacheKey', () => {
  it('has scheme, authority and target, which stays as sent by default', () => {
    expect(cacheKey('https', 'a.test:8443', '/%7ea/../b//?z=1&a=2&', VERBATIM)).toEqual({
      key: 'https://a.test:8443/%7ea/../b//?z=1&a=2&',
      target: '/%7ea/../b//?z=1&a=2&',
    });
  });

  it('is made of the very target that is forwarded', () => {
    const rules: KeyRules = { ...VERBATIM, query: 'sort', denyParams: ['utm_*'], path: 'normalize' };
    const { key, target: forwarded } = cacheKey('http', 'a.test', '/x/../y?b=2&utm_a=1&a=1', rules);
    expect(forwarded).toBe('/y?a=1&b=2');
    expect(key).toBe(`http://a.test${forwarded}`);
  });

  it('takes no extra fields, so that a purge by URL finds every variant', () => {
    expect(cacheKey('http', 'a.test', '/', { ...VERBATIM, extraFields: ['x-device'] }).key).toBe(
      'http://a.test/',
    );
  });
});

describe('the query', () => {
  it.each<[string, Partial<KeyRules>, string]>([
    ['/p?b=2&a=1', { query: 'sort' }, '/p?a=1&b=2'],
    ['/p?a=2&b=1&a=1', { query: 'sort' }, '/p?a=2&a=1&b=1'],
    ['/p?b&a=&&a', { query: 'sort' }, '/p?a=&a&b'],
    ['/p?', { query: 'sort' }, '/p'],
    ['/p?a=1', { query: 'drop' }, '/p'],
    ['/p?', { query: 'drop' }, '/p'],
    ['/p', { query: 'drop' }, '/p'],
    ['/p?b=1&utm_source=x&a=2&utm_=', { denyParams: ['utm_*'] }, '/p?b=1&a=2'],
    ['/p?utm%5Fsource=x&a=1', { denyParams: ['utm_source'] }, '/p?a=1'],
    ['/p?utm_source=x', { denyParams: ['utm_source'] }, '/p'],
    ['/p?a+b=1&c=2', { denyParams: ['a b'] }, '/p?c=2'],
    ['/p?%ff=1&c=2', { denyParams: ['c'] }, '/p?%ff=1'],
    ['/p?UTM_source=x', { denyParams: ['utm_*'] }, '/p?UTM_source=x'],
    ['/p?a=1&b=2&c=3', { allowParams: ['c', 'a'] }, '/p?a=1&c=3'],
    ['/p?a=1', { allowParams: [] }, '/p'],
    ['/p?ab=1&ac=2', { allowParams: ['a*'], denyParams: ['ac'] }, '/p?ab=1'],
    ['/p?a=1?b=2', { denyParams: ['b'] }, '/p?a=1?b=2'],
    ['/p?__proto__=1&a=2', { query: 'sort', denyParams: ['a'] }, '/p?__proto__=1'],
  ])('%s %j', (sent, rules, expected) => {
    expect(target(sent, rules)).toBe(expected);
  });
});

describe('the path (RFC 3986 §6.2.2)', () => {
  it.each([
    ['/', '/'],
    ['//', '/'],
    ['/a/./b/../c', '/a/c'],
    ['/a//b', '/a/b'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/a/', '/a/'],
    ['/..', '/'],
    ['/../../a', '/a'],
    ['/%7Ea%2d', '/~a-'],
    ['/%2e%2E/a', '/a'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%252fb', '/a%252fb'],
    ['/%c3%a4', '/%C3%A4'],
    ['/a%zz', '/a%zz'],
    ['/a/../b?x=/../%7e', '/b?x=/../%7e'],
  ])('%s', (sent, expected) => {
    expect(target(sent, { path: 'normalize' })).toBe(expected);
  });

  it('targets that are no path stay', () => {
    expect(target('*', { path: 'normalize', query: 'drop' })).toBe('*');
  });
});

const visible = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
});
const path = fc
  .array(
    fc.constantFrom(
      '/',
      '.',
      '..',
      '%2e',
      '%2F',
      '%7e',
      '%',
      'a',
      '?',
      '&',
      '=',
      'b',
      '+',
      '%26',
      'utm_x',
      '*',
      '//',
      ':',
    ),
  )
  .map((parts) => `/${parts.join('')}`);
const targets = fc.oneof(
  path,
  visible.map((text) => `/${text}`),
);
const authority = fc.stringMatching(/^[a-z0-9.-]{1,8}(:[0-9]{1,5})?$/);
const rules = fc.record<KeyRules>({
  query: fc.constantFrom('keep', 'sort', 'drop'),
  allowParams: fc.constantFrom(undefined, ['a', 'b*']),
  denyParams: fc.constantFrom([], ['utm_*', 'b']),
  path: fc.constantFrom('verbatim', 'normalize'),
  extraFields: fc.constant([]),
});

describe('keys', () => {
  it('cannot be made equal by what stands in authority or target', () => {
    const whole = fc.tuple(fc.constantFrom('http', 'https'), authority, targets);
    fc.assert(
      fc.property(whole, whole, (one, other) => {
        const same = one.every((part, i) => part === other[i]);
        expect(cacheKey(...one, VERBATIM).key === cacheKey(...other, VERBATIM).key).toBe(same);
      }),
    );
  });

  it('give back their authority and target', () => {
    fc.assert(
      fc.property(authority, targets, rules, (host, sent, how) => {
        const { key, target: forwarded } = cacheKey('http', host, sent, how);
        const slash = key.indexOf('/', 'http://'.length);
        expect(key.slice('http://'.length, slash)).toBe(host);
        expect(key.slice(slash)).toBe(forwarded);
        expect(purgeUrl(key)).toBe(`//${host}${forwarded}`);
      }),
    );
  });

  it('are normalised at one go', () => {
    fc.assert(
      fc.property(targets, rules, (sent, how) => {
        const once = normaliseTarget(sent, how);
        expect(normaliseTarget(once, how)).toBe(once);
      }),
    );
  });

  it('never leave the root or gain characters that a request line cannot hold', () => {
    fc.assert(
      fc.property(targets, rules, (sent, how) => {
        const made = normaliseTarget(sent, how);
        expect(made).toMatch(/^\/[\x21-\x7e]*$/);
        if (how.path === 'normalize') expect(made.split('?', 1)[0]).not.toMatch(/\/\/|\/\.{1,2}(\/|$)/);
      }),
    );
  });
});

it('purgeUrl names http and https alike', () => {
  expect(purgeUrl('http://a.test/x?y')).toBe('//a.test/x?y');
  expect(purgeUrl('https://a.test/x?y')).toBe('//a.test/x?y');
});

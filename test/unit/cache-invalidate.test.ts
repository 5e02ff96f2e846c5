import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { invalidatedKeys } from '../../src/cache/invalidate.ts';
import { maxForwards } from '../../src/cache/max-forwards.ts';
import { isSafe } from '../../src/cache/methods.ts';
import { DEFAULT_RULES, type KeyRules } from '../../src/cache/rules.ts';
import { Fields } from '../../src/http/fields.ts';

const KEY = 'http://a.example/dir/page?x=1';

describe('what a successful unsafe request invalidates (RFC 9111 §4.4)', () => {
  const keys = (
    fields: Readonly<Record<string, string | readonly string[]>>,
    status = 200,
    { key = KEY, rules = DEFAULT_RULES.key }: { key?: string; rules?: KeyRules } = {},
  ) => invalidatedKeys({ key, status, fields: Fields.from(fields), rules });

  it.each([200, 201, 204, 301, 303, 304])('the target on %i', (status) => {
    expect(keys({}, status)).toEqual([KEY]);
  });

  it.each([100, 199, 400, 404, 412, 500, 503])('nothing on %i', (status) => {
    expect(keys({ Location: '/y' }, status)).toEqual([]);
  });

  it.each<[string, string, string | undefined]>([
    ['a path', '/y', 'http://a.example/y'],
    ['a path with a query', '/y?z=%7e#frag', 'http://a.example/y?z=%7e'],
    ['a relative reference', 'y', 'http://a.example/dir/y'],
    ['dot segments', '../y', 'http://a.example/y'],
    ['a query alone', '?q', 'http://a.example/dir/page?q'],
    ['an absolute URL', 'http://a.example/y', 'http://a.example/y'],
    ['an absolute URL, host in capitals, default port', 'HTTP://A.EXAMPLE:80/y', 'http://a.example/y'],
    ['the authority alone', 'http://a.example', 'http://a.example/'],
    ['no scheme', '//a.example/y', 'http://a.example/y'],
    ['user information does not hide the host', 'http://a.example@b.example/y', undefined],
    ['another host', 'http://b.example/y', undefined],
    ['another scheme', 'https://a.example/y', undefined],
    ['another port', 'http://a.example:8080/y', undefined],
    ['another host without a scheme', '//b.example/y', undefined],
    ['another host behind a backslash', '/\\b.example/y', undefined],
    ['no URL', 'http://[', undefined],
    ['a scheme without a host', 'mailto:a@a.example', undefined],
    ['a longer one than any URL', `/${'x'.repeat(9000)}`, undefined],
  ])('Location and Content-Location: %s', (_name, reference, expected) => {
    const all = expected === undefined ? [KEY] : [KEY, expected];
    expect(keys({ Location: reference })).toEqual(all);
    expect(keys({ 'Content-Location': reference })).toEqual(all);
  });

  it('both fields, and several lines', () => {
    const all = keys({ Location: ['/1', '/2'], 'Content-Location': '/3' });
    expect(all).toEqual([KEY, 'http://a.example/1', 'http://a.example/2', 'http://a.example/3']);
  });

  it('a path is also taken as it is written, as keys are', () => {
    expect(keys({ Location: '/a/../"b"' })).toEqual([
      KEY,
      'http://a.example/%22b%22',
      'http://a.example/a/../"b"',
    ]);
  });

  it('keys follow the rules of the route', () => {
    const rules: KeyRules = { ...DEFAULT_RULES.key, query: 'drop' };
    expect(keys({ Location: '/y?z' }, 200, { rules })).toEqual([KEY, 'http://a.example/y']);
  });

  it('without a host, the target alone', () => {
    const key = 'http:///b.example/x';
    expect(keys({ Location: 'http://b.example/y' }, 200, { key })).toEqual([key]);
  });

  it('never names a key of another origin', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl()), (reference) => {
        for (const key of keys({ Location: reference }))
          expect(key.startsWith('http://a.example/')).toBe(true);
      }),
    );
  });
});

describe('safe methods (RFC 9110 §9.2.1)', () => {
  it.each([
    ['GET', true],
    ['HEAD', true],
    ['OPTIONS', true],
    ['TRACE', true],
    ['SEARCH', true],
    ['POST', false],
    ['PURGE', false],
    ['Get', false],
    ['M-SEARCH', false],
    ['', false],
    ['constructor', false],
  ])('%s: %s', (method, safe) => {
    expect(isSafe(method)).toBe(safe);
  });
});

describe('Max-Forwards (RFC 9110 §7.6.2)', () => {
  it.each<[string, string | readonly string[] | undefined, unknown]>([
    ['OPTIONS', '0', { kind: 'answer' }],
    ['TRACE', '000', { kind: 'answer' }],
    ['TRACE', '1', { kind: 'forward', value: 0 }],
    ['OPTIONS', '10', { kind: 'forward', value: 9 }],
    ['OPTIONS', '99999999999999999999999', { kind: 'forward', value: 2 ** 31 - 1 }],
    ['OPTIONS', undefined, { kind: 'ignore' }],
    ['OPTIONS', '', { kind: 'ignore' }],
    ['OPTIONS', '-1', { kind: 'ignore' }],
    ['OPTIONS', '1.5', { kind: 'ignore' }],
    ['OPTIONS', ['1', '1'], { kind: 'ignore' }],
    ['GET', '0', { kind: 'ignore' }],
    ['POST', '3', { kind: 'ignore' }],
  ])('%s with %j', (method, value, expected) => {
    const fields = value === undefined ? Fields.empty : Fields.from({ 'Max-Forwards': value });
    expect(maxForwards(method, fields)).toEqual(expected);
  });
});

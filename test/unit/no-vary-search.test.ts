import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalTarget,
  equivalent,
  type NoVarySearch,
  noVarySearch,
} from '../../src/cache/no-vary-search.ts';
import { Fields } from '../../src/http/fields.ts';

function rule(value: string | readonly string[]): NoVarySearch | undefined {
  return noVarySearch(Fields.from({ 'No-Vary-Search': value }));
}

const names = (...list: string[]): { names: Set<string> } => ({ names: new Set(list) });

describe('the field', () => {
  it.each<[string | readonly string[], NoVarySearch | undefined]>([
    ['key-order', { ignoreOrder: true, ignored: names() }],
    ['params', { ignoreOrder: false, ignored: { allBut: new Set() } }],
    ['params=("a" "b")', { ignoreOrder: false, ignored: names('a', 'b') }],
    ['params, except=("id")', { ignoreOrder: false, ignored: { allBut: new Set(['id']) } }],
    ['params, except=()', { ignoreOrder: false, ignored: { allBut: new Set() } }],
    ['key-order, params=("a")', { ignoreOrder: true, ignored: names('a') }],
    [['key-order', 'params=("a")'], { ignoreOrder: true, ignored: names('a') }],
    ['params=("a+b" "%C3%A9"), foo=1', { ignoreOrder: false, ignored: names('a b', '\u00c3\u00a9') }],
    ['key-order=?0, params=("a")', { ignoreOrder: false, ignored: names('a') }],
    ['key-order, params=?0', { ignoreOrder: true, ignored: names() }],
    ['', undefined],
    ['foo', undefined],
    ['key-order=?0', undefined],
    ['params=?0', undefined],
    ['params=()', undefined],
    ['key-order=1', undefined],
    ['key-order=("a")', undefined],
    ['params="a"', undefined],
    ['params=a', undefined],
    ['params=(a)', undefined],
    ['params=("a" 1)', undefined],
    ['except=("a")', undefined],
    ['params=("a"), except=("b")', undefined],
    ['params=?0, except=("b")', undefined],
    ['params, except', undefined],
    ['params, except="a"', undefined],
    ['params=("a"', undefined],
    ['Params', undefined],
  ])('%j', (value, expected) => {
    expect(rule(value)).toEqual(expected);
  });

  it('absent is no rule', () => {
    expect(noVarySearch(Fields.empty)).toBeUndefined();
  });
});

describe('equivalent', () => {
  it.each<[string, string, string, boolean]>([
    ['params=("a")', '/p?a=1&b=2', '/p?b=2&a=9', true],
    ['params=("a")', '/p?a=1', '/p', true],
    ['params=("a")', '/p?', '/p', true],
    ['params=("a")', '/p?b=1&c=2', '/p?c=2&b=1', false],
    ['params=("a")', '/p?b=1', '/p?b=2', false],
    ['params=("a")', '/p?a=1', '/q?a=1', false],
    ['params=("a")', '/p?A=1', '/p', false],
    ['params=("a")', '/p?%61=1', '/p', true],
    ['params', '/p?a=1&b=2', '/p', true],
    ['params, except=("id")', '/p?id=1&b=2', '/p?c=3&id=1', true],
    ['params, except=("id")', '/p?id=1', '/p?id=2', false],
    ['params, except=("id")', '/p?id=1', '/p', false],
    ['key-order', '/p?a=1&b=2', '/p?b=2&a=1', true],
    ['key-order', '/p?a=1&a=2', '/p?a=2&a=1', false],
    ['key-order', '/p?a=1&b=2&a=2', '/p?b=2&a=1&a=2', true],
    ['key-order', '/p?a=%20b', '/p?a=+b', true],
    ['key-order', '/p?a', '/p?a=', true],
    ['key-order', '/p?a=%26b', '/p?a=&b', false],
    ['key-order', '/p?a=%ff', '/p?a=%fe', false],
    ['key-order', '/p?a=%EF%BB%BF', '/p?a=', false],
  ])('%s: %s and %s', (value, a, b, expected) => {
    const read = rule(value);
    expect(read).toBeDefined();
    if (read !== undefined) {
      expect(equivalent(read, a, b)).toBe(expected);
      expect(equivalent(read, b, a)).toBe(expected);
    }
  });

  it('holds between a target and its canonical form, which is its own', () => {
    const part = fc.constantFrom('a', 'b', '=', '&', '%41', '%', '+', '?', '%26', '1', '#', '~');
    const read = rule('key-order, params=("b")');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        if (read === undefined) throw new Error('no rule');
        const target = `/p?${parts.join('')}`;
        const canonical = canonicalTarget(read, target);
        expect(equivalent(read, target, canonical)).toBe(true);
        expect(canonicalTarget(read, canonical)).toBe(canonical);
      }),
    );
  });
});

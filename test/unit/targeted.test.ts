import { describe, expect, it } from 'vitest';
import { targetedControl } from '../../src/cache/targeted.ts';
import { Fields } from '../../src/http/fields.ts';
import { type FieldTable, linesNamed, metaOf, NOW, outcome } from './assessing.ts';

const NAMES = ['cdn-cache-control', 'surrogate-control'];

function control(value: string | readonly string[]) {
  return targetedControl(Fields.from({ 'CDN-Cache-Control': value }), NAMES)?.control;
}

describe('the choice of the field (RFC 9213 §2.2)', () => {
  it('takes the first in the order of the list, not of the message', () => {
    const fields = Fields.from({ 'Surrogate-Control': 'max-age=1', 'CDN-Cache-Control': 'max-age=2' });
    expect(targetedControl(fields, NAMES)).toMatchObject({
      field: 'cdn-cache-control',
      control: { maxAge: 2 },
    });
    expect(targetedControl(fields, [...NAMES].reverse())).toMatchObject({ field: 'surrogate-control' });
    expect(targetedControl(fields, [])).toBeUndefined();
  });

  it.each([
    ['empty', ''],
    ['an upper-case key', 'Max-Age=60'],
    ['garbage', 'max-age=60, &&&&'],
    ['a trailing comma', 'max-age=60,'],
    ['blanks around =', 'max-age = 60'],
    ['an open string', 'x="a'],
    ['an old-style sum', 'max-age=60+60'],
  ])('passes over a field that is invalid: %s', (_, value) => {
    const fields = Fields.from({ 'CDN-Cache-Control': value, 'Surrogate-Control': 'max-age=5' });
    expect(targetedControl(fields, NAMES)).toMatchObject({
      field: 'surrogate-control',
      control: { maxAge: 5 },
    });
  });

  it('reads several lines as one dictionary, where the last of a key counts', () => {
    expect(control(['max-age=60', 'public, max-age=5'])).toMatchObject({ maxAge: 5, public: true });
  });
});

describe('values (RFC 9213 §2.1)', () => {
  it.each([
    ['max-age=60;foo=bar', { maxAge: 60 }],
    ['max-age=99999999999', { maxAge: 2 ** 31 }],
    ['max-age=60, x=("a" b);c, y=:AA==:, z=?0', { maxAge: 60 }],
    ['max-age=60.0', { maxAge: 'invalid' }],
    ['max-age=60.5', { maxAge: 'invalid' }],
    ['max-age=-1', { maxAge: 'invalid' }],
    ['max-age="60"', { maxAge: 'invalid' }],
    ['max-age=sixty', { maxAge: 'invalid' }],
    ['max-age', { maxAge: 'invalid' }],
    ['max-age=(60)', { maxAge: 'invalid' }],
    ['no-store', { noStore: true }],
    ['no-store=?1', { noStore: true }],
    ['no-store=?0', { noStore: false }],
    ['no-store=0', { noStore: true }],
    ['no-store="x"', { noStore: true }],
    ['public', { public: true }],
    ['public=1', { public: false }],
    ['must-understand=yes', { mustUnderstand: false }],
    ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
    ['stale-while-revalidate=5, stale-if-error=6', { staleWhileRevalidate: 5, staleIfError: 6 }],
    ['private', { private: true }],
    ['private=?0', { private: false }],
    ['private="set-cookie, x-a"', { private: false, privateFields: ['set-cookie', 'x-a'] }],
    ['private=("set-cookie" x-a)', { privateFields: ['set-cookie', 'x-a'] }],
    ['private=set-cookie', { privateFields: ['set-cookie'] }],
    ['private=""', { private: true }],
    ['private=()', { private: true }],
    ['private=5', { private: true }],
    ['private=("a" 5)', { private: true }],
    ['no-cache', { noCache: true }],
    ['no-cache=("x-a")', { noCache: false, noCacheFields: ['x-a'] }],
    ['content="ESI/1.0", max-age=5', { maxAge: 5 }],
  ])('%s', (value, expected) => {
    expect(control(value)).toMatchObject(expected);
  });
});

describe('a targeted field in the policy', () => {
  const later = 'Mon, 07 Nov 2033 08:49:37 GMT';
  it.each<[string, FieldTable, number | string]>([
    ['beats Cache-Control', { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' }, 60_000],
    [
      'beats a broken Cache-Control',
      { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'max-age=1 private' },
      60_000,
    ],
    ['beats Expires', { 'CDN-Cache-Control': 'max-age=0', Expires: later, ETag: '"a"' }, 0],
    [
      'makes Expires nothing even without a lifetime',
      { 'CDN-Cache-Control': 'none', Expires: later, ETag: '"a"' },
      0,
    ],
    [
      'of the wrong type is stale, not Cache-Control',
      { 'CDN-Cache-Control': 'max-age="9"', 'Cache-Control': 'max-age=60', ETag: '"a"' },
      0,
    ],
    ['forbids', { 'CDN-Cache-Control': 'no-store', 'Cache-Control': 'max-age=60' }, 'no-store'],
    [
      'keeps private',
      { 'CDN-Cache-Control': 'private, max-age=60', 'Cache-Control': 'max-age=60' },
      'private',
    ],
    [
      'when invalid leaves Cache-Control its say',
      { 'CDN-Cache-Control': 'max-age=9,', 'Cache-Control': 'max-age=60' },
      60_000,
    ],
    [
      'when invalid leaves no-store its say',
      { 'CDN-Cache-Control': 'max-age=9,', 'Cache-Control': 'no-store' },
      'no-store',
    ],
    [
      'Surrogate-Control, for habit',
      { 'Surrogate-Control': 'content="ESI/1.0", max-age=60', 'Cache-Control': 'no-store' },
      60_000,
    ],
    [
      'Surrogate-Control: no-store',
      { 'Surrogate-Control': 'no-store', 'Cache-Control': 'max-age=60' },
      'no-store',
    ],
  ])('%s', (_, fields, expected) => {
    if (typeof expected === 'string') expect(outcome(fields)).toBe(expected);
    else expect(metaOf(fields).lifetimeMs).toBe(expected);
  });

  it('counts Age against the targeted lifetime', () => {
    const meta = metaOf({
      'CDN-Cache-Control': 'max-age=60',
      'Cache-Control': 'max-age=9999',
      Age: '61',
      ETag: '"a"',
    });
    expect(meta.freshUntil).toBe(NOW - 1000);
  });

  it('is stored, whoever may see it (what goes out is decided then)', () => {
    const fields = { 'CDN-Cache-Control': 'max-age=60', 'Cache-Control': 'no-store' };
    for (const passTargetedFields of [true, false])
      expect(linesNamed(metaOf(fields, { rules: { passTargetedFields } }))).toContain('cdn-cache-control');
  });
});

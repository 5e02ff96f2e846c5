import { describe, expect, it } from 'vitest';
import { cacheGroups, groupInvalidations } from '../../src/cache/cache-groups.ts';
import { Fields } from '../../src/http/fields.ts';

describe.each([
  ['Cache-Groups', cacheGroups],
  ['Cache-Group-Invalidation', groupInvalidations],
])('%s (RFC 9875)', (name, read) => {
  it.each<[string | readonly string[], readonly string[]]>([
    ['"a"', ['a']],
    ['"a", "B c";x=1 , "a"', ['a', 'B c']],
    [
      ['"a"', '"b"'],
      ['a', 'b'],
    ],
    ['""', ['']],
    ['', []],
    ['a', []],
    ['"a", b', []],
    ['"a", 5', []],
    ['("a" "b")', []],
    ['"a",', []],
    ['"a', []],
  ])('%j', (value, groups) => {
    expect(read(Fields.from({ [name]: value }))).toEqual(groups);
  });

  it('absent names none', () => {
    expect(read(Fields.empty)).toEqual([]);
  });
});

// The fields that carry tags, and what a subject makes of them.

import { describe, expect, it } from 'vitest';
import { subjectOf } from '../../src/cache/subject.ts';
import { carriesTags, MAX_TAG_BYTES, tagAsField, tagBytes, tagsOf } from '../../src/cache/tags.ts';
import { Fields } from '../../src/http/fields.ts';
import { outcome } from './assessing.ts';

describe('tagsOf', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['Surrogate-Key at blanks only', ['Surrogate-Key', ' a/1  b,c '], ['a/1', 'b,c']],
    ['xkey at blanks and commas', ['xkey', 'a, b c'], ['a', 'b', 'c']],
    ['Cache-Tag at commas only', ['Cache-Tag', 'a, b c ,d'], ['a', 'b c', 'd']],
    ['Cache-Groups as a list of strings', ['Cache-Groups', '"a", "b c"'], ['a', 'b c']],
    [
      'several lines and fields, each tag once',
      ['xkey', 'a', 'xkey', 'b', 'Surrogate-Key', 'b a'],
      ['b', 'a'],
    ],
    ['names in any case', ['SURROGATE-KEY', 'A a'], ['A', 'a']],
    ['nothing in empty fields', ['xkey', '', 'Cache-Tag', ', ,'], []],
    ['no group of a broken Cache-Groups', ['Cache-Groups', 'a b'], []],
    ['nothing of other fields', ['X-Tag', 'a', 'Date', 'b'], []],
  ])('reads %s', (_, lines, tags) => {
    expect([...tagsOf(new Fields(lines))].sort()).toEqual([...tags].sort());
  });

  it('has nothing to read where no field carries tags', () => {
    expect(carriesTags(['Date', 'x', 'xkez', 'a'])).toBe(false);
    expect(carriesTags(['Date', 'x', 'XKey', 'a'])).toBe(true);
  });
});

describe('a subject', () => {
  it('has its groups as tags of anybody, and as tags of its own origin', () => {
    const { tags, url, host } = subjectOf('http://a.test:81/p?q', ['Cache-Groups', '"g"', 'xkey', 'k']);
    expect({ url, host }).toEqual({ url: '//a.test:81/p?q', host: 'a.test:81' });
    expect([...tags].sort()).toEqual(['g', 'http://a.test:81 g', 'k']);
  });

  it('has no tags where its fields are not known', () => {
    expect(subjectOf('http://a.test/').tags).toEqual([]);
  });
});

describe('a response with too many tags', () => {
  const tagged = (bytes: number): string =>
    outcome({ 'Cache-Control': 'max-age=60', xkey: 'a'.repeat(bytes) });

  it('is not stored', () => {
    expect(tagged(MAX_TAG_BYTES + 1)).toBe('too-many-tags');
    expect(tagged(MAX_TAG_BYTES)).toBe('stored');
  });

  it('counts the tags of all fields together', () => {
    expect(
      tagBytes(new Fields(['xkey', 'abc', 'Cache-Tag', 'de', 'Cache-Groups', '"f"', 'Other', 'xyz'])),
    ).toBe(8);
  });
});

it('looks for a tag by its bytes in UTF-8', () => {
  expect(tagAsField('é')).toBe('\xc3\xa9');
  expect(tagAsField('a/1')).toBe('a/1');
});

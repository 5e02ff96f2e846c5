import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEntityTag } from '../../src/cache/validators.ts';
import { codedTag, confirmedTag, uncoded, withOriginTags } from '../../src/compress/coded-tag.ts';
import { CODINGS } from '../../src/compress/coding.ts';
import { Fields } from '../../src/http/fields.ts';

const MARK = 'AbC-_123';

describe('the entity tag of an encoded form', () => {
  it.each([
    ['"abc"', `"abc~gzip.${MARK}"`],
    ['""', `"~gzip.${MARK}"`],
    ['"a~gzip.AbC-_123"', `"a~gzip.AbC-_123~gzip.${MARK}"`],
    ['W/"abc"', 'W/"abc"'],
    ['abc', 'abc'],
    [undefined, undefined],
  ])('of %s is %s', (etag, coded) => {
    expect(codedTag(etag, 'gzip', MARK)).toBe(coded);
  });

  it('is a strong tag that can be undone, weakened on the way or not', () => {
    const opaque = fc.stringMatching(/^[\x21\x23-\x7e\x80-\xff]{0,20}$/);
    const mark = fc.stringMatching(/^[A-Za-z0-9_-]{8}$/);
    fc.assert(
      fc.property(opaque, mark, fc.constantFrom(...CODINGS), (text, bytes, coding) => {
        const etag = `"${text}"`;
        const coded = codedTag(etag, coding, bytes) ?? '';
        expect(isEntityTag(coded)).toBe(true);
        expect(uncoded(coded)).toEqual({ etag, coding });
        expect(uncoded(`W/${coded}`)).toEqual({ etag, coding });
      }),
    );
  });

  it.each([
    '"abc"',
    '"abc-gzip"',
    '"abc~gzip"',
    '"abc~gzip.short"',
    '"abc~gzip.toolong12"',
    '"abc~deflate.AbC-_123"',
    'abc~gzip.AbC-_123',
    '',
  ])('is not what %s is', (tag) => {
    expect(uncoded(tag)).toBeUndefined();
  });
});

describe('conditions that go to the origin', () => {
  const ours = `"abc~br.${MARK}"`;
  it.each([
    [['If-None-Match', ours], `${ours}, "abc"`],
    [['If-None-Match', `"x", W/${ours}`], `"x", W/${ours}, "abc"`],
    [['If-None-Match', `"abc", ${ours}`], `"abc", ${ours}`],
    [['If-Match', ours], `${ours}, "abc"`],
    [['If-None-Match', '"x"'], '"x"'],
    [['If-None-Match', '*'], '*'],
  ])('%j → %s', (lines, expected) => {
    expect(new Fields(withOriginTags(lines)).get((lines[0] ?? '').toLowerCase())).toBe(expected);
  });

  it('keep their tags with a Range: its bytes are not the origin’s', () => {
    const lines = ['If-Match', ours, 'Range', 'bytes=0-1'];
    expect(withOriginTags(lines)).toBe(lines);
    const resumed = ['If-Range', ours, 'Range', 'bytes=0-1'];
    expect(withOriginTags(resumed)).toBe(resumed);
  });
});

describe('a 304 of the origin', () => {
  const ours = `"abc~br.${MARK}"`;
  it.each([
    [ours, '"abc"', ours],
    [`"x", ${ours}`, '"abc"', ours],
    [`"abc", ${ours}`, '"abc"', undefined],
    [ours, '"other"', undefined],
    [ours, undefined, undefined],
    ['*', '"abc"', undefined],
  ])('to If-None-Match %s with %s confirms %s', (sent, etag, tag) => {
    expect(confirmedTag(Fields.from({ 'If-None-Match': sent }), etag)).toBe(tag);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canCombine,
  combinedRange,
  completionLines,
  formatContentRange,
  isComplete,
  missing,
  type Part,
  parseContentRange,
} from '../../src/cache/content-range.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { storedMeta, T0, T0_DATE } from '../support/stored-meta.ts';

describe('Content-Range (RFC 9110 §14.4)', () => {
  const rows: readonly (readonly [string | readonly string[], unknown])[] = [
    ['bytes 0-4/10', { kind: 'part', start: 0, end: 5, complete: 10 }],
    ['bytes 0-4/*', { kind: 'part', start: 0, end: 5, complete: undefined }],
    ['Bytes 5-9/10', { kind: 'part', start: 5, end: 10, complete: 10 }],
    ['bytes */10', { kind: 'unsatisfied', complete: 10 }],
    ['bytes 5-4/10', undefined],
    ['bytes 0-10/10', undefined],
    ['bytes */*', undefined],
    ['bytes=0-4/10', undefined],
    ['bytes 0-4', undefined],
    ['bytes -4/10', undefined],
    ['bytes 0-4/10, bytes 5-9/10', undefined],
    ['lines 0-4/10', undefined],
    ['bytes 0-99999999999999999999/*', undefined],
    [['bytes 0-4/10', 'bytes 0-4/10'], undefined],
    [[], undefined],
  ];
  it.each(rows)('%j', (value, expected) => {
    expect(parseContentRange(typeof value === 'string' ? [value] : value)).toEqual(expected);
  });

  it('is read as it is written', () => {
    const part = fc
      .tuple(fc.nat(), fc.integer({ min: 1, max: 1e9 }), fc.option(fc.nat(), { nil: undefined }))
      .map(
        ([start, bytes, more]): Part => ({
          start,
          end: start + bytes,
          complete: more === undefined ? undefined : start + bytes + more,
        }),
      );
    fc.assert(
      fc.property(part, (one) => {
        expect(parseContentRange([formatContentRange(one)])).toEqual({ kind: 'part', ...one });
      }),
    );
  });
});

describe('combining parts (RFC 9111 §3.4)', () => {
  const part = (start: number, end: number, complete?: number): Part => ({ start, end, complete });

  it.each<[string, Partial<StoredMeta>, Partial<StoredMeta>, Part, Part, boolean]>([
    ['the same strong tag', { etag: '"a"' }, { etag: '"a"' }, part(0, 5, 10), part(5, 10, 10), true],
    ['one length unknown', { etag: '"a"' }, { etag: '"a"' }, part(0, 5), part(5, 10, 10), true],
    ['lengths that differ', { etag: '"a"' }, { etag: '"a"' }, part(0, 5, 10), part(5, 10, 11), false],
    ['another tag', { etag: '"a"' }, { etag: '"b"' }, part(0, 5, 10), part(5, 10, 10), false],
    ['the same weak tag', { etag: 'W/"a"' }, { etag: 'W/"a"' }, part(0, 5, 10), part(5, 10, 10), false],
    ['a tag on one side', { etag: '"a"' }, {}, part(0, 5, 10), part(5, 10, 10), false],
    ['no validator', {}, {}, part(0, 5, 10), part(5, 10, 10), false],
    [
      'the same strong date',
      { lastModified: T0 - 1000 },
      { lastModified: T0 - 1000 },
      part(0, 5, 10),
      part(5, 10, 10),
      true,
    ],
    [
      'the same weak date',
      { lastModified: T0 },
      { lastModified: T0 },
      part(0, 5, 10),
      part(5, 10, 10),
      false,
    ],
  ])('%s', (_name, a, b, first, second, expected) => {
    expect(canCombine({ ...storedMeta(a), part: first }, { ...storedMeta(b), part: second })).toBe(expected);
  });

  it.each<[string, Part, Part, Part | undefined]>([
    ['touching', part(0, 5, 10), part(5, 10, 10), part(0, 10, 10)],
    ['the other way round', part(5, 10, 10), part(0, 5), part(0, 10, 10)],
    ['overlapping', part(0, 6), part(4, 8), part(0, 8)],
    ['within', part(0, 10, 10), part(4, 6, 10), part(0, 10, 10)],
    ['a gap', part(0, 4, 10), part(5, 10, 10), undefined],
    ['a gap before', part(5, 10, 10), part(0, 4, 10), undefined],
    ['lengths that differ', part(0, 5, 10), part(5, 10, 11), undefined],
    ['beyond the length', part(0, 12), part(5, 10, 10), undefined],
  ])('%s', (_name, stored, received, expected) => {
    expect(combinedRange(stored, received)?.part).toEqual(expected);
  });

  it('joins the right bytes, the received ones where both have them', () => {
    const part = fc
      .tuple(fc.nat(30), fc.integer({ min: 1, max: 30 }))
      .map(([start, bytes]) => ({ start, end: start + bytes, complete: undefined }));
    fc.assert(
      fc.property(part, part, (stored, received) => {
        const combined = combinedRange(stored, received);
        fc.pre(combined !== undefined);
        if (combined === undefined) return;
        const bodies = { stored, received };
        const joined = combined.pieces.flatMap(({ from, start, end }) =>
          Array.from({ length: end - start }, (_, i) => ({ from, at: bodies[from].start + start + i })),
        );
        const { start, end } = combined.part;
        expect(joined.map(({ at }) => at)).toEqual(Array.from({ length: end - start }, (_, i) => start + i));
        for (const { from, at } of joined) {
          expect(from).toBe(at >= received.start && at < received.end ? 'received' : 'stored');
        }
      }),
    );
  });

  it('completes a response when it reaches from the first byte to the last', () => {
    expect(isComplete(part(0, 10, 10))).toBe(true);
    expect(isComplete(part(0, 10))).toBe(false);
    expect(isComplete(part(1, 10, 10))).toBe(false);
  });
});

describe('asking for what is missing (RFC 9111 §3.3)', () => {
  it.each<[string, Part, { start: number; end: number | undefined }, unknown]>([
    [
      'the tail',
      { start: 0, end: 5, complete: 10 },
      { start: 0, end: undefined },
      { start: 5, end: undefined },
    ],
    ['the head', { start: 5, end: 10, complete: 10 }, { start: 0, end: undefined }, { start: 0, end: 5 }],
    ['some of the tail', { start: 0, end: 5, complete: 10 }, { start: 2, end: 7 }, { start: 5, end: 7 }],
    ['both sides', { start: 3, end: 6, complete: 10 }, { start: 0, end: undefined }, undefined],
    ['nothing', { start: 0, end: 10, complete: 10 }, { start: 0, end: undefined }, undefined],
    ['what does not touch, after', { start: 0, end: 5, complete: 10 }, { start: 6, end: 8 }, undefined],
    ['what does not touch, before', { start: 5, end: 9, complete: 10 }, { start: 0, end: 2 }, undefined],
    [
      'length unknown',
      { start: 0, end: 5, complete: undefined },
      { start: 0, end: undefined },
      { start: 5, end: undefined },
    ],
  ])('%s', (_name, stored, wanted, expected) => {
    expect(missing(stored, wanted)).toEqual(expected);
  });

  it.each<[string, Partial<StoredMeta>, readonly string[] | undefined]>([
    ['a strong tag', { etag: '"a"' }, ['Range', 'bytes=5-', 'If-Range', '"a"']],
    ['a weak tag', { etag: 'W/"a"' }, undefined],
    ['nothing', {}, undefined],
    [
      'a strong date',
      { lastModified: T0 - 1000, lines: ['Date', T0_DATE, 'Last-Modified', 'Sun, 09 Sep 2001 01:46:39 GMT'] },
      ['Range', 'bytes=5-', 'If-Range', 'Sun, 09 Sep 2001 01:46:39 GMT'],
    ],
  ])('with %s', (_name, meta, expected) => {
    expect(completionLines(storedMeta(meta), { start: 5, end: undefined })).toEqual(expected);
  });

  it('names the last position of a run that ends', () => {
    expect(completionLines(storedMeta({ etag: '"a"' }), { start: 0, end: 5 })?.[1]).toBe('bytes=0-4');
  });
});

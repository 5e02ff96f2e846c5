import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sizeOfMeta, storedMetaCodec } from '../../src/cache/codec.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { CODINGS } from '../../src/compress/coding.ts';
import { metaOf } from './assessing.ts';

const { encode, decode } = storedMetaCodec;

const code = fc.oneof(
  fc.constant(9),
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0x80, max: 0xff }),
);
const text = fc.string({ unit: code.map((one) => String.fromCharCode(one)) });
const span = fc.integer({ min: 0, max: 2 ** 41 });
const instant = fc.integer({ min: -(2 ** 42), max: 2 ** 42 });
const perhaps = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });

const partial = fc.tuple(fc.nat(), fc.nat(), perhaps(fc.nat())).map(([start, length, more]) => ({
  start,
  end: start + length + 1,
  complete: more === undefined ? undefined : start + length + 1 + more,
}));

const meta: fc.Arbitrary<StoredMeta> = fc
  .record({
    status: fc.integer({ min: 200, max: 999 }),
    lines: fc.array(fc.tuple(text, text)).map((pairs) => pairs.flat()),
    requestedAt: instant,
    respondedAt: instant,
    initialAgeMs: span,
    lifetimeMs: span,
    freshUntil: instant,
    heuristic: fc.boolean(),
    staleWhileRevalidateMs: span,
    staleIfErrorMs: span,
    mustRevalidate: fc.boolean(),
    noCache: fc.boolean(),
    varied: fc.array(fc.tuple(text, perhaps(text))),
    etag: perhaps(text),
    lastModified: perhaps(instant),
    seq: fc.nat(),
    partial: perhaps(partial),
    authorized: fc.boolean(),
    content: perhaps(text),
    coded: perhaps(
      fc
        .tuple(fc.constantFrom(...CODINGS), fc.stringMatching(/^[A-Za-z0-9_-]{8}$/))
        .map(([coding, mark]) => ({ coding, mark })),
    ),
  })
  .map(({ varied, coded, ...rest }) => ({
    ...rest,
    coded: rest.content === undefined ? undefined : coded,
    vary: varied.map(([name]) => name),
    varyValues: varied.map(([, value]) => value),
  }));

const SAMPLE = metaOf(
  {
    'Cache-Control': 'max-age=60',
    ETag: '"a"',
    Vary: 'Accept-Encoding',
    'Content-Type': 'text/html',
    'Last-Modified': 'Sun, 06 Nov 1994 08:49:37 GMT',
  },
  { request: { 'Accept-Encoding': 'gzip, br' } },
);

/** The encoded sample with one element of its array replaced. */
function damaged(index: number, value: unknown): Buffer {
  const bytes = encode(SAMPLE);
  const elements: unknown[] = JSON.parse(bytes.toString('utf8', 1));
  elements[index] = value;
  return Buffer.concat([bytes.subarray(0, 1), Buffer.from(JSON.stringify(elements))]);
}

describe('storedMetaCodec', () => {
  it('gives back what it was given', () => {
    expect(decode(encode(SAMPLE))).toEqual(SAMPLE);
    fc.assert(
      fc.property(meta, (one) => {
        expect(decode(encode(one))).toStrictEqual(one);
      }),
    );
  });

  it('gives nothing for bytes that are cut short', () => {
    const bytes = encode(SAMPLE);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decode(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  it('never throws on bytes that are not its own', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decode(Buffer.from([2, ...bytes]))).toBeUndefined();
        expect(decode(Buffer.concat([Buffer.from([2]), Buffer.from(bytes)]))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(decode(Buffer.from(`\u0002${json}`))).toBeUndefined();
      }),
    );
  });

  it('gives nothing for another version', () => {
    const bytes = encode(SAMPLE);
    bytes[0] = 1;
    expect(decode(bytes)).toBeUndefined();
    expect(decode(Buffer.alloc(0))).toBeUndefined();
  });

  it.each<[string, number, unknown]>([
    ['a status that is no final one', 0, 103],
    ['a status in text', 0, '200'],
    ['lines without a value', 1, ['a']],
    ['lines that are no strings', 1, ['a', 1]],
    ['a line that splits the message', 1, ['a', 'b\r\nSet-Cookie: c=d']],
    ['a line that is no latin1', 1, ['a', '€']],
    ['lines as an object', 1, { length: 0 }],
    ['an instant that is none', 2, null],
    ['an instant in text', 3, '0'],
    ['a negative age', 4, -1],
    ['a lifetime that is none', 5, null],
    ['an end of freshness that is none', 6, null],
    ['a flag as a number', 7, 1],
    ['a negative window', 8, -1],
    ['a window that is none', 9, null],
    ['a flag that is none', 10, null],
    ['another flag that is none', 11, 'true'],
    ['names without values', 12, ['a', 'b']],
    ['values without names', 13, []],
    ['a value that is no string', 13, [5]],
    ['an entity tag with a line break', 14, '"a\n"'],
    ['an entity tag that is a number', 14, 5],
    ['a Last-Modified in text', 15, 'x'],
    ['a fraction of a sequence', 16, 1.5],
    ['a negative sequence', 16, -1],
    ['a part of no length', 17, [5, 5, 9]],
    ['a part beyond its whole', 17, [0, 10, 9]],
    ['a part that is cut short', 17, [0, 5]],
    ['a part that is an object', 17, {}],
    ['a flag that is missing', 18, null],
    ['a name that is a number', 19, 5],
    ['a form of nothing', 20, ['gzip', 'AbCdEf12']],
    ['more than there is', 21, 0],
  ])('gives nothing for %s', (_, index, value) => {
    expect(decode(damaged(index, value))).toBeUndefined();
  });

  it('takes an element that was not damaged', () => {
    expect(decode(damaged(0, 404))).toEqual({ ...SAMPLE, status: 404 });
  });
});

describe('sizeOfMeta', () => {
  it('counts every string', () => {
    const bare = sizeOfMeta({ ...SAMPLE, lines: [], vary: [], varyValues: [], etag: undefined });
    expect(bare).toBeGreaterThan(0);
    fc.assert(
      fc.property(meta, text, (one, more) => {
        const grown = { ...one, lines: [...one.lines, 'x', more] };
        expect(sizeOfMeta(grown)).toBeGreaterThan(sizeOfMeta(one) + more.length);
      }),
    );
  });
});

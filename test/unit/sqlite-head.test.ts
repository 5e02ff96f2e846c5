// The head record's binary form.

import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeHead, encodeHead, headName } from '../../storage/sqlite-head.ts';

const text = fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
const variant = fc.record({
  variant: text,
  bodyId: fc.maxSafeNat(),
  length: fc.maxSafeNat(),
  checksums: fc.array(fc.nat({ max: 0xffffffff })),
  meta: fc.uint8Array(),
});
const head = fc.record({ key: text, variants: fc.array(variant) });

it('decodes what it encoded', () => {
  fc.assert(
    fc.property(head, (one) => {
      const decoded = decodeHead(encodeHead(one));
      expect(decoded?.key).toBe(one.key);
      expect(decoded?.variants.map((each) => ({ ...each, meta: new Uint8Array(each.meta) }))).toEqual(
        one.variants,
      );
    }),
  );
});

it('knows damage of any one byte, and an early end', () => {
  fc.assert(
    fc.property(head, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, place, flip) => {
      const bytes = encodeHead(one);
      expect(decodeHead(bytes.subarray(0, place % bytes.length))).toBeUndefined();
      const at = place % bytes.length;
      bytes.writeUInt8((bytes[at] ?? 0) ^ flip, at);
      expect(decodeHead(bytes)).toBeUndefined();
    }),
  );
});

it('takes no arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeHead(bytes)).toBeUndefined();
    }),
  );
});

it('names heads by fixed-size names that differ with the key', () => {
  const keys = ['', 'a', '\ud800', '\ud801', '\ufffd', 'x'.repeat(10_000)];
  const names = keys.map(headName);
  expect(new Set(names).size).toBe(keys.length);
  for (const name of names) expect(name).toMatch(/^[\w-]{43}$/);
});

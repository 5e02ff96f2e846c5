import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SharedBlocks, shareBytes } from '../../storage/shared-bytes.ts';
import { bytesOf } from './bytes.ts';

const MB = 1024 ** 2;

describe('bytes that all threads see', () => {
  it('are those that were given, in shared memory without much to spare', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3000 })), fc.boolean(), (lengths, shared) => {
        const given = lengths.map((length, i) => {
          const chunk = Buffer.from(
            shared ? new SharedArrayBuffer(length + 7) : new ArrayBuffer(length + 7),
            3,
            length,
          );
          bytesOf(length, i).copy(chunk);
          return chunk;
        });
        const pieces = shareBytes(given);
        expect(Buffer.concat(pieces).equals(Buffer.concat(given))).toBe(true);
        expect(pieces.every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true);
      }),
    );
  });

  it('are not copied when they fill shared memory already, in views one behind the other too', () => {
    const whole = Buffer.from(new SharedArrayBuffer(1000));
    const [one, ...more] = shareBytes([whole.subarray(0, 400), whole.subarray(400, 990)]);
    expect(more).toEqual([]);
    expect(one?.buffer).toBe(whole.buffer);
    expect(one?.length).toBe(990);
  });

  it('are copied from a small part of a large shared memory', () => {
    const whole = Buffer.from(new SharedArrayBuffer(1000));
    expect(shareBytes([whole.subarray(0, 100)])[0]?.buffer.byteLength).toBe(100);
  });

  it('lie in pieces of 4 MB', () => {
    expect(shareBytes([bytesOf(9 * MB)]).map(({ length }) => length)).toEqual([4 * MB, 4 * MB, MB]);
  });
});

describe('bytes that come piece by piece', () => {
  it('are shared as they come, and joined without a copy where they fill their blocks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 90_000 }), { maxLength: 30 }),
        fc.boolean(),
        (lengths, announced) => {
          const given = lengths.map((length, i) => bytesOf(length, i));
          const whole = Buffer.concat(given);
          const blocks = new SharedBlocks(announced ? whole.length : undefined);
          const views = given.flatMap((chunk) => blocks.put(chunk));
          expect(Buffer.concat(views).equals(whole)).toBe(true);
          expect(views.every(({ buffer }) => buffer instanceof SharedArrayBuffer)).toBe(true);
          const kept = shareBytes(views);
          expect(Buffer.concat(kept).equals(whole)).toBe(true);
          if (announced)
            expect(new Set(kept.map(({ buffer }) => buffer))).toEqual(
              new Set(views.map(({ buffer }) => buffer)),
            );
          const held = kept.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
          expect(held).toBeLessThanOrEqual(whole.length * 1.07);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('may be more than was announced', () => {
    const blocks = new SharedBlocks(10);
    expect(Buffer.concat(blocks.put(bytesOf(5000)))).toEqual(bytesOf(5000));
  });
});

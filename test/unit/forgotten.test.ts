import { describe, expect, it } from 'vitest';
import { Forgotten } from '../../src/workers/forgotten.ts';

describe('what another worker sends to be stored', () => {
  it('is overtaken by an invalidation of its key that the sender had not heard of', () => {
    const forgotten = new Forgotten();
    forgotten.note(5, ['a', 'b']);
    expect(forgotten.overtaken('a', 4)).toBe(true);
    expect(forgotten.overtaken('a', 5)).toBe(false);
    expect(forgotten.overtaken('c', 4)).toBe(false);
  });

  it('is overtaken when it is too old to be known', () => {
    const forgotten = new Forgotten();
    for (let at = 1; at <= 2000; at += 1) forgotten.note(at, [`key ${at}`]);
    expect(forgotten.overtaken('a', 1)).toBe(true);
    expect(forgotten.overtaken('a', 1900)).toBe(false);
    expect(forgotten.overtaken('key 1950', 1900)).toBe(true);
  });

  it('is told apart where the count wraps around', () => {
    const forgotten = new Forgotten();
    forgotten.note(-(2 ** 31), ['a']);
    expect(forgotten.overtaken('a', 2 ** 31 - 1)).toBe(true);
    expect(forgotten.overtaken('a', -(2 ** 31) + 1)).toBe(false);
  });
});

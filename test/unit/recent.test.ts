import { describe, expect, it } from 'vitest';
import { Recent } from '../../src/recent.ts';

describe('what came of late', () => {
  it('is counted within a second of the clock, not beyond it', () => {
    const recent = new Recent();
    expect(recent.count(7, 5_000)).toBe(1);
    expect(recent.count(7, 5_999)).toBe(2);
    expect(recent.count(7, 6_000)).toBe(1);
  });

  it('is never taken for another at its place', () => {
    const recent = new Recent();
    recent.count(7, 5_000);
    expect(recent.count(7 + 16_384, 5_000)).toBe(1);
    expect(recent.count(7 + 16_384, 5_000)).toBe(1);
    expect(recent.count(7 + 16_384, 5_000)).toBe(2);
  });

  it('keeps most of its count where others come now and then', () => {
    const recent = new Recent();
    let last = 0;
    for (let round = 1; round <= 10; round++) {
      for (let i = 0; i < 4; i++) last = recent.count(7, 5_000);
      recent.count(7 + 16_384 * round, 5_000);
    }
    expect(last).toBe(4 * 10 - 9);
  });

  it('is told from nothing, whatever its number', () => {
    expect(new Recent().count(0, 5_000)).toBe(1);
    expect(new Recent().count(-1, 5_000)).toBe(1);
  });

  it('begins anew when the clock was set back', () => {
    const recent = new Recent();
    recent.count(7, 5_000);
    expect(recent.count(7, 4_000)).toBe(1);
  });

  it('has a largest count', () => {
    const recent = new Recent();
    for (let i = 0; i < 0xffff; i++) recent.count(7, 5_000);
    expect(recent.count(7, 5_000)).toBe(0xffff);
  });
});

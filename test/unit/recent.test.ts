import { describe, expect, it } from 'vitest';
import { Recent } from '../../src/recent.ts';

describe('what came of late', () => {
  it('comes again within a second, not after it', () => {
    const recent = new Recent();
    expect(recent.again(7, 5_000)).toBe(false);
    expect(recent.again(7, 5_999)).toBe(true);
    expect(recent.again(7, 6_999)).toBe(false);
  });

  it('is forgotten for another at its place, and never taken for it', () => {
    const recent = new Recent();
    recent.again(7, 5_000);
    expect(recent.again(7 + 4096, 5_000)).toBe(false);
    expect(recent.again(7, 5_000)).toBe(false);
  });

  it('is told from nothing, whatever its number', () => {
    expect(new Recent().again(0, 5_000)).toBe(false);
    expect(new Recent().again(-1, 5_000)).toBe(false);
  });

  it('does not come again when the clock was set back', () => {
    const recent = new Recent();
    recent.again(7, 5_000);
    expect(recent.again(7, 4_000)).toBe(false);
  });
});

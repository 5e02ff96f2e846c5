import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/cache/backoff.ts';

/** How long a key is held back after so many failures in a row, ms. */
function pauses(failures: number): readonly number[] {
  const backoff = new Backoff();
  const found: number[] = [];
  let now = 1_000_000;
  for (let i = 0; i < failures; i++) {
    backoff.failed('k', now);
    let low = 0;
    let high = 10 * 60_000;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (backoff.allows('k', now + middle)) high = middle;
      else low = middle + 1;
    }
    found.push(low);
    now += low;
  }
  return found;
}

describe('backoff', () => {
  it('doubles from one second to a minute', () => {
    expect(pauses(9)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('allows what has not failed, each key for itself', () => {
    const backoff = new Backoff();
    expect(backoff.allows('k', 0)).toBe(true);
    backoff.failed('k', 0);
    expect(backoff.allows('k', 0)).toBe(false);
    expect(backoff.allows('other', 0)).toBe(true);
  });

  it('begins anew after a success', () => {
    const backoff = new Backoff();
    for (let i = 0; i < 5; i++) backoff.failed('k', 0);
    backoff.succeeded('k');
    expect(backoff.allows('k', 0)).toBe(true);
    backoff.failed('k', 0);
    expect(backoff.allows('k', 999)).toBe(false);
    expect(backoff.allows('k', 1_000)).toBe(true);
  });

  it('stays at a minute after a great many failures', () => {
    const backoff = new Backoff();
    for (let i = 0; i < 5_000; i++) backoff.failed('k', 0);
    expect(backoff.allows('k', 59_999)).toBe(false);
    expect(backoff.allows('k', 60_000)).toBe(true);
  });

  it('remembers ten thousand keys, and lets go of the one that failed longest ago', () => {
    const backoff = new Backoff();
    for (let i = 0; i < 10_000; i++) backoff.failed(`k${i}`, 0);
    backoff.failed('k0', 0);
    backoff.failed('new', 0);
    expect([backoff.allows('k0', 0), backoff.allows('k1', 0), backoff.allows('k2', 0)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('never allows before the pause of the last failure is over, and always after a minute', () => {
    const steps = fc.array(fc.record({ waitMs: fc.nat(100_000), fails: fc.boolean() }), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (all) => {
        const backoff = new Backoff();
        let now = 0;
        for (const { waitMs, fails } of all) {
          now += waitMs;
          if (fails) backoff.failed('k', now);
          else backoff.succeeded('k');
          expect(backoff.allows('k', now + (fails ? 999 : 0))).toBe(!fails);
          expect(backoff.allows('k', now + 60_000)).toBe(true);
        }
      }),
    );
  });
});

import { expect, it } from 'vitest';
import { TokenBucket } from '../../src/admin/token-bucket.ts';
import { manualClock } from '../support/clock.ts';

it('gives a burst, then so many a second', () => {
  const clock = manualClock();
  const bucket = new TokenBucket(10, 3, clock.now);
  expect([1, 1, 1].map((count) => bucket.take(count))).toEqual([0, 0, 0]);
  expect(bucket.take(1)).toBe(100);
  clock.advance(99);
  expect(bucket.take(1)).toBeGreaterThan(0);
  clock.advance(1);
  expect(bucket.take(1)).toBe(0);
  expect(bucket.take(1)).toBe(100);
});

it('never holds more than the burst', () => {
  const clock = manualClock();
  const bucket = new TokenBucket(10, 2, clock.now);
  clock.advance(3_600_000);
  expect([1, 1].map((count) => bucket.take(count))).toEqual([0, 0]);
  expect(bucket.take(1)).toBe(100);
});

it('lets one large request through, and makes the next wait until it is paid', () => {
  const clock = manualClock();
  const bucket = new TokenBucket(10, 5, clock.now);
  expect(bucket.take(25)).toBe(0);
  expect(bucket.take(1)).toBe(2100);
  clock.advance(2100);
  expect(bucket.take(1)).toBe(0);
});

it('is not filled by a clock that is set back', () => {
  const clock = manualClock();
  const bucket = new TokenBucket(10, 1, clock.now);
  bucket.take(1);
  clock.set(clock.now() - 60_000);
  expect(bucket.take(1)).toBe(100);
});

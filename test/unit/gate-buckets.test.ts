import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/admin/token-bucket.ts';
import { Buckets, bucketMemory } from '../../src/gate/buckets.ts';

const AT = 1_800_000_000_000;

describe('a bucket', () => {
  it('gives its burst at once, then one by one', () => {
    const buckets = new Buckets(bucketMemory(), 'r', { perSecond: 10, burst: 3 });
    expect([0, 0, 0, 0].map(() => buckets.take('a', AT))).toEqual([0, 0, 0, 100]);
    expect(buckets.take('a', AT + 99)).toBe(1);
    expect(buckets.take('a', AT + 100)).toBe(0);
    expect(buckets.take('a', AT + 100)).toBe(100);
  });

  it('is each client its own, and each rule its own', () => {
    const memory = bucketMemory();
    const [one, other] = ['one', 'other'].map(
      (name) => new Buckets(memory, name, { perSecond: 1, burst: 1 }),
    );
    expect(one?.take('a', AT)).toBe(0);
    expect(one?.take('b', AT)).toBe(0);
    expect(other?.take('a', AT)).toBe(0);
    expect(one?.take('a', AT)).toBe(1000);
  });

  it('can be looked into without taking', () => {
    const buckets = new Buckets(bucketMemory(), 'r', { perSecond: 1, burst: 1 });
    expect([buckets.waitMs('a', AT), buckets.waitMs('a', AT), buckets.take('a', AT)]).toEqual([0, 0, 0]);
    expect(buckets.waitMs('a', AT)).toBe(1000);
  });

  it('does not punish for longer than a burst takes when the clock is set back', () => {
    const buckets = new Buckets(bucketMemory(), 'r', { perSecond: 1, burst: 2 });
    buckets.take('a', AT);
    expect(buckets.take('a', AT - 3_600_000)).toBeLessThanOrEqual(2000);
  });

  it('lets through what a token bucket with a clock lets through', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 8 }),
        (waits, perSecond, burst) => {
          const buckets = new Buckets(bucketMemory(), 'r', { perSecond, burst });
          let now = AT;
          const reference = new TokenBucket(perSecond, burst, () => now);
          for (const wait of waits) {
            now += wait;
            const [ours, theirs] = [buckets.take('a', now), reference.take(1)];
            expect(ours === 0).toBe(theirs === 0);
          }
        },
      ),
      // In the example a whole token is there, in a sum of fractions.
      { numRuns: 50, examples: [[[0, 241, 115, 2, 2, 376, 194, 70], 1, 5]] },
    );
  });
});

describe('a flood of addresses', () => {
  it('takes no more memory, and those who owe the most are not forgotten', () => {
    const memory = bucketMemory();
    const bytes = memory.byteLength;
    const buckets = new Buckets(memory, 'r', { perSecond: 1, burst: 50 });
    for (let i = 0; i < 50; i++) buckets.take('abuser', AT);
    for (let i = 0; i < 400_000; i++) buckets.take(`10.${i}`, AT);
    expect(memory.byteLength).toBe(bytes);
    expect(buckets.take('abuser', AT)).toBeGreaterThan(0);
  });
});

describe('several workers', () => {
  it('count together: so many as one would let through', async () => {
    const memory = bucketMemory();
    const url = new URL('../../src/gate/buckets.ts', import.meta.url).href;
    const code = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { Buckets } = await import(${JSON.stringify(url)});
      const buckets = new Buckets(workerData, 'r', { perSecond: 1, burst: 5000 });
      let taken = 0;
      for (let i = 0; i < 4000; i++) if (buckets.take('a', ${AT}) === 0) taken++;
      parentPort.postMessage(taken);`;
    const taken = await Promise.all(
      Array.from({ length: 3 }, () => {
        const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
          workerData: memory,
        });
        return new Promise<number>((resolve, reject) =>
          worker.once('message', resolve).once('error', reject),
        );
      }),
    );
    expect(taken.reduce((sum, one) => sum + one)).toBe(5000);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { catalogue, MAX_BYTES, MIN_BYTES } from '../../bench/catalogue.ts';
import { type Figures, table } from '../../bench/report.ts';
import { normal, seeded, seededFor, zipf } from '../../bench/zipf.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the seeded source', () => {
  it('gives the same numbers for the same seed, others for another', () => {
    expect(draws(5, seeded(7))).toEqual(draws(5, seeded(7)));
    expect(draws(5, seeded(7))).not.toEqual(draws(5, seeded(8)));
    expect(draws(5, seededFor(7, 1))).not.toEqual(draws(5, seededFor(7, 2)));
  });

  it('is uniform in [0, 1)', () => {
    const values = draws(100_000, seeded(1));
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(mean(values)).toBeCloseTo(0.5, 2);
  });

  it('gives normal deviates of mean 0 and variance 1', () => {
    const random = seeded(3);
    const values = draws(100_000, () => normal(random));
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(mean(values.map((value) => value ** 2))).toBeCloseTo(1, 1);
  });
});

describe('zipf', () => {
  it('draws each rank as often as its weight says', () => {
    const [count, exponent, total] = [50, 0.9, 200_000];
    const seen = new Array<number>(count).fill(0);
    const draw = zipf(count, exponent, seeded(11));
    for (let i = 0; i < total; i++) {
      const rank = draw();
      seen[rank] = (seen[rank] ?? 0) + 1;
    }
    const weights = seen.map((_, rank) => (rank + 1) ** -exponent);
    const sum = weights.reduce((a, b) => a + b, 0);
    for (const [rank, weight] of weights.entries()) {
      const expected = (total * weight) / sum;
      expect(Math.abs((seen[rank] ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it('never leaves its range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (count, exponent, number) => {
          const rank = zipf(count, exponent, () => number)();
          expect(Number.isInteger(rank) && rank >= 0 && rank < count).toBe(true);
        },
      ),
    );
  });

  it.each([
    [0, 1],
    [1.5, 1],
    [10, -1],
    [10, Number.NaN],
  ])('refuses %d items with exponent %d', (count, exponent) => {
    expect(() => zipf(count, exponent, seeded(1))).toThrow(RangeError);
  });
});

describe('the catalogue', () => {
  it('depends on the seed alone, and not on its length', () => {
    expect(catalogue(5, 10)).toEqual(catalogue(5, 20).slice(0, 10));
    expect(catalogue(5, 10)).not.toEqual(catalogue(6, 10));
  });

  it('keeps sizes and delays in bounds, half of the sizes below 8 KiB', () => {
    const items = catalogue(1, 5000);
    for (const { sizeBytes, delayMs } of items) {
      expect(sizeBytes).toBeGreaterThanOrEqual(MIN_BYTES);
      expect(sizeBytes).toBeLessThanOrEqual(MAX_BYTES);
      expect(delayMs).toBeGreaterThanOrEqual(20);
      expect(delayMs).toBeLessThan(50);
    }
    const small = items.filter(({ sizeBytes }) => sizeBytes < 8192).length;
    expect(small / items.length).toBeCloseTo(0.5, 1);
    expect(new Set(items.map(({ path }) => path)).size).toBe(5000);
  });
});

describe('the table', () => {
  const figures: Figures = {
    seconds: 10,
    responses: 12_345,
    bytes: 50_000_000,
    hits: 9876,
    hitBytes: 25_000_000,
    outcomes: { MISS: 2469, HIT: 9876 },
    wrong: 0,
    errors: 2,
    latencyMs: { p50: 0.4321, p90: 9.99, p99: 55.55, max: 1234 },
    originRequests: 2469,
    originBytes: 25_000_000,
    cpuMicrosPerRequest: undefined,
    peakRssBytes: 123_456_789,
  };

  it('aligns its columns and shows units', () => {
    const lines = table({
      edge: figures,
      'origin alone': { ...figures, outcomes: { '-': 5 }, hits: 0 },
    }).split('\n');
    const cells = (label: string) =>
      lines
        .find((line) => line.startsWith(`${label}  `))
        ?.slice(label.length)
        .trim()
        .split(/\s{2,}/);
    expect(cells('requests')).toEqual(['12,345', '12,345']);
    expect(cells('requests/s')).toEqual(['1,235', '1,235']);
    expect(cells('object hit ratio')).toEqual(['80.0 %', '0.0 %']);
    expect(cells('byte hit ratio')).toEqual(['50.0 %', '50.0 %']);
    expect(cells('latency p50')).toEqual(['0.43 ms', '0.43 ms']);
    expect(cells('edge CPU/request')).toEqual(['-', '-']);
    expect(cells('edge peak RSS')).toEqual(['123 MB', '123 MB']);
    expect(new Set(lines.slice(0, 16).map((line) => line.length)).size).toBe(1);
    expect(lines.at(-1)).toBe('X-Cache, edge: HIT 9,876 · MISS 2,469');
  });

  it('shows no ratio of nothing', () => {
    expect(table({ edge: { ...figures, responses: 0, bytes: 0, hits: 0, hitBytes: 0 } })).not.toMatch(/NaN/);
  });
});

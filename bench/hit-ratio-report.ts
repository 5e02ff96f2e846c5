// What the runs of the hit ratio bench come to: tables of means, and the bars that the default policy has to clear.

import type { Ratios } from './simulate.ts';

export interface Run {
  readonly seed: number;
  readonly exponent: number;
  /** Of the footprint. */
  readonly share: number;
  readonly maxBytes: number;
  /** By policy. */
  readonly ratios: Record<string, Ratios>;
}

export interface Bar {
  readonly met: boolean;
  readonly sentence: string;
}

/** Where the bars hold. */
const BAR_SHARES: ReadonlySet<number> = new Set([0.05, 0.1]);

export function namesOf(runs: readonly Run[]): readonly string[] {
  return Object.keys(runs[0]?.ratios ?? {});
}

export function sharesOf(runs: readonly Run[]): readonly number[] {
  return [...new Set(runs.map(({ share }) => share))];
}

/** Mean over all runs of a share, in percent. */
export function meanOf(
  runs: readonly Run[],
  share: number,
  name: string,
  of: 'objectRatio' | 'byteRatio',
): number {
  return mean(runs.filter((run) => run.share === share).map(({ ratios }) => (ratios[name]?.[of] ?? 0) * 100));
}

/** A Markdown table: policies down, shares across. */
export function meanTable(runs: readonly Run[], of: 'objectRatio' | 'byteRatio'): string {
  const shares = sharesOf(runs);
  const rows = namesOf(runs).map((name) => [
    name,
    ...shares.map((share) => meanOf(runs, share, name, of).toFixed(1)),
  ]);
  const head = ['policy', ...shares.map((share) => `${share * 100} %`)];
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

export function barsOf(runs: readonly Run[]): readonly Bar[] {
  const counted = runs.filter(({ share }) => BAR_SHARES.has(share));
  if (counted.length === 0) return [];
  const gain = (of: 'objectRatio' | 'byteRatio'): readonly number[] =>
    counted.map(({ ratios }) => 100 * ((ratios.GDSF?.[of] ?? 0) - (ratios.LRU?.[of] ?? 0)));
  const objects = gain('objectRatio');
  const held = Math.max(...runs.map(({ ratios, maxBytes }) => (ratios.GDSF?.peakBytes ?? 0) / maxBytes));
  const least = Math.min(...objects);
  const average = mean(objects);
  const leastBytes = Math.min(...gain('byteRatio'));
  return [
    {
      met: least >= 4,
      sentence: `object hit ratio: LRU ${signed(least)} at the least, bar + 4 in every run`,
    },
    { met: average >= 8, sentence: `object hit ratio: LRU ${signed(average)} on average, bar + 8` },
    {
      met: leastBytes >= -0.5,
      sentence: `byte hit ratio: LRU ${signed(leastBytes)} at the least, bar - 0.5`,
    },
    { met: held <= 1.05, sentence: `bytes held: ${held.toFixed(3)} of the budget at the most, bar 1.05` },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'} ${Math.abs(value).toFixed(1)}`;
}

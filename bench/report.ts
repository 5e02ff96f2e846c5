// The figures of a bench run, and the table that shows them. Pure: numbers in, text out.

import type { LoadResult } from './load.ts';

export interface Figures extends LoadResult {
  /** What the origin counted while this load ran. */
  readonly originRequests: number;
  readonly originBytes: number;
  /** Of the edge's process; undefined where it cannot be read. */
  readonly cpuMicrosPerRequest: number | undefined;
  readonly peakRssBytes: number | undefined;
}

type Row = readonly [label: string, value: (figures: Figures) => string];

const ROWS: readonly Row[] = [
  ['requests', (f) => count(f.responses)],
  ['requests/s', (f) => count(f.responses / f.seconds)],
  ['object hit ratio', (f) => percent(f.hits, f.responses)],
  ['byte hit ratio', (f) => percent(f.hitBytes, f.bytes)],
  ['latency p50', (f) => milliseconds(f.latencyMs.p50)],
  ['latency p90', (f) => milliseconds(f.latencyMs.p90)],
  ['latency p99', (f) => milliseconds(f.latencyMs.p99)],
  ['latency max', (f) => milliseconds(f.latencyMs.max)],
  ['content received', (f) => megabytes(f.bytes)],
  ['origin requests', (f) => count(f.originRequests)],
  ['origin content', (f) => megabytes(f.originBytes)],
  ['wrong responses', (f) => count(f.wrong)],
  ['errors, timeouts', (f) => count(f.errors)],
  [
    'edge CPU/request',
    (f) => (f.cpuMicrosPerRequest === undefined ? '-' : `${f.cpuMicrosPerRequest.toFixed(0)} µs`),
  ],
  ['edge peak RSS', (f) => (f.peakRssBytes === undefined ? '-' : megabytes(f.peakRssBytes))],
];

/** One column for each load, aligned to the right, and the edge's outcomes below. */
export function table(columns: Readonly<Record<string, Figures>>): string {
  const names = Object.keys(columns);
  const rows = [['', ...names]];
  for (const [label, value] of ROWS) rows.push([label, ...Object.values(columns).map(value)]);
  const widths = ['', ...names].map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  for (const [name, { outcomes }] of Object.entries(columns)) {
    const known = Object.entries(outcomes).filter(([outcome]) => outcome !== '-');
    if (known.length === 0) continue;
    const shares = known.toSorted((a, b) => b[1] - a[1]).map(([outcome, n]) => `${outcome} ${count(n)}`);
    lines.push('', `X-Cache, ${name}: ${shares.join(' · ')}`);
  }
  return lines.join('\n');
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(1)} %`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
}

function megabytes(bytes: number): string {
  return `${count(bytes / 1e6)} MB`;
}

// The results of a run and the table that shows them. Pure: numbers in, text out.

import type { Sample } from './measure.ts';

export interface Results {
  /** When the run began, ISO 8601. */
  readonly at: string;
  /** The machine's load average when it began. */
  readonly load: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly subjects: readonly { readonly name: string; readonly version: string }[];
  readonly rows: RowResult[];
}

export interface RowResult {
  readonly name: string;
  /** Medians by subject. */
  readonly figures: Readonly<Record<string, Sample>>;
  /** Why a subject has no figures here. */
  readonly faults: Readonly<Record<string, string>>;
}

const FIGURES = [
  'requestsPerSecond',
  'cpuMicros',
  'p50Micros',
  'p99Micros',
  'bytesPerConnection',
  'connections',
] as const;

/** Each figure's median over the rounds. */
export function median(samples: readonly Sample[]): Sample {
  const found: Partial<Record<(typeof FIGURES)[number], number>> = {};
  for (const figure of FIGURES) {
    const values = samples.map((sample) => sample[figure]).filter((value) => value !== undefined);
    const sorted = values.toSorted((a, b) => a - b);
    const middle = sorted[Math.floor(sorted.length / 2)];
    if (middle !== undefined) found[figure] = middle;
  }
  return found;
}

/** CPU of a subject over holdfast's: above 1 holdfast is the cheaper one. */
export function ratio(row: RowResult, subject: string): number | undefined {
  const own = row.figures.holdfast?.cpuMicros;
  const other = row.figures[subject]?.cpuMicros;
  return own === undefined || other === undefined || own === 0 ? undefined : other / own;
}

type Cell = (row: RowResult, subject: string) => string;

/** Markdown: CPU per request with its ratio to holdfast's, then requests a second and latency. */
export function table(results: Results): string {
  const loads = results.rows.filter(({ figures }) => figures.holdfast?.bytesPerConnection === undefined);
  const idle = results.rows.filter((row) => !loads.includes(row));
  const parts = [
    '**CPU µs per request** (× holdfast; above 1 holdfast is cheaper)',
    grid(results, loads, cpuCell),
    '**Requests per second** · p50 / p99 ms',
    grid(results, loads, speedCell),
  ];
  if (idle.length > 0)
    parts.push('**Memory per idle connection** (connections held)', grid(results, idle, idleCell));
  const faults = results.rows.flatMap((row) => Object.values(row.faults));
  return [...parts, ...faults.map((fault) => `Left out: ${fault}.`)].join('\n\n');
}

function grid({ subjects }: Results, rows: readonly RowResult[], cell: Cell): string {
  const shown = subjects.filter(({ name }) => rows.some(({ figures }) => figures[name] !== undefined));
  const lines = [
    ['', ...shown.map(({ name }) => name)],
    ['---', ...shown.map(() => '---:')],
    ...rows.map((row) => [row.name, ...shown.map(({ name }) => cell(row, name))]),
  ];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cpuCell(row: RowResult, subject: string): string {
  const micros = row.figures[subject]?.cpuMicros;
  if (micros === undefined) return '';
  const times = subject === 'holdfast' ? undefined : ratio(row, subject);
  return micros.toFixed(micros < 100 ? 1 : 0) + (times === undefined ? '' : ` (${times.toFixed(2)})`);
}

function speedCell(row: RowResult, subject: string): string {
  const { requestsPerSecond, p50Micros, p99Micros } = row.figures[subject] ?? {};
  if (requestsPerSecond === undefined || p50Micros === undefined || p99Micros === undefined) return '';
  const speed = Math.round(requestsPerSecond).toLocaleString('en-US');
  return `${speed} · ${milliseconds(p50Micros)} / ${milliseconds(p99Micros)}`;
}

function idleCell(row: RowResult, subject: string): string {
  const { bytesPerConnection, connections } = row.figures[subject] ?? {};
  if (bytesPerConnection === undefined || connections === undefined) return '';
  return `${(bytesPerConnection / 1024).toFixed(1)} KB (${connections.toLocaleString('en-US')})`;
}

function milliseconds(micros: number): string {
  return (micros / 1000).toFixed(micros < 10_000 ? 2 : 0);
}

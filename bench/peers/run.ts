// `npm run bench:peers`: holdfast beside the caches that are installed, each on core 0, loaded from core 1 in interleaved
// rounds. Question, rows and last figures: bench/README.md.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { positiveNumber } from '../options.ts';
import { Field } from './field.ts';
import { haproxy } from './haproxy.ts';
import { holdfast, holdfastOnDisk } from './holdfast.ts';
import { type Contender, measure, measureIdle, type Sample, warm } from './measure.ts';
import { nginx } from './nginx.ts';
import { publish } from './publish.ts';
import { median, type Results, type RowResult, table } from './results.ts';
import { type Row, rows } from './rows.ts';
import { squid } from './squid.ts';
import { installed, type Subject } from './subject.ts';
import { loadNow, openFiles } from './surroundings.ts';
import { trafficserver } from './trafficserver.ts';
import { varnish } from './varnish.ts';

interface Options {
  readonly rows?: string;
  readonly peers?: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly zipf: number;
  readonly idle: number;
  readonly cache: number;
  readonly main?: readonly string[];
  readonly json?: boolean;
}

const options: Options = new Command('bench:peers')
  .description('holdfast beside nginx, HAProxy, Varnish, Squid and Traffic Server, where they are installed.')
  .option('--rows <pattern>', 'only rows whose name matches; then bench/README.md is left alone')
  .option('--peers <pattern>', 'only peers whose name matches; then bench/README.md is left alone')
  .option('--seconds <n>', 'length of one measurement', positiveNumber, 2)
  .option('--rounds <n>', 'measurements of each cell; the median counts', positiveNumber, 5)
  .option('--zipf <n>', 'stored responses in the zipf row', positiveNumber, 100_000)
  .option('--idle <n>', 'idle connections', positiveNumber, 10_000)
  .option('--cache <MiB>', 'memory of each cache', positiveNumber, 1024)
  .option('--main <files...>', "other checkouts' entry points, measured beside this one's")
  .option('--json', 'print the figures as JSON; progress still goes to stderr')
  .parse()
  .opts<Options>();

/** For the word about how long it will take. */
const FILLED_PER_SECOND = 8000;
const IDLE_SECONDS = 6;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
for (const tool of ['wrk', 'taskset'])
  if (installed(tool) === undefined) throw new Error(`${tool} is not installed`);
const load = loadNow(say);
const field = await Field.open(options.cache);
try {
  await main();
} finally {
  await field.close();
}

async function main(): Promise<void> {
  const wanted = rows(options.zipf, idleConnections()).filter(matching(options.rows)).filter(drivable);
  const subjects = [holdfast(), holdfastOnDisk(), ...others(), ...peers().filter(matching(options.peers))];
  const contenders = await startAll(subjects);
  const running = subjects.filter(({ name }) => contenders.has(name));
  const results: Results = {
    at: new Date().toISOString(),
    load,
    seconds: options.seconds,
    rounds: options.rounds,
    subjects: running.map(({ name, version }) => ({ name, version })),
    rows: [],
  };
  say(`about ${Math.ceil(secondsFor(wanted, running) / 60)} minutes`);
  const loads = wanted.filter(({ idle }) => idle !== true);
  for (const row of loads) results.rows.push(await runRow(row, running, contenders));
  for (const contender of contenders.values()) await field.stop(contender);
  for (const row of wanted) if (row.idle === true) results.rows.push(await runIdle(row, running));
  console.log(options.json === true ? JSON.stringify(results, null, 2) : table(results));
  if (options.rows === undefined && options.peers === undefined && options.main === undefined)
    publish(results);
}

function peers(): readonly Subject[] {
  const found = [nginx(), haproxy(), varnish(), squid(), trafficserver()];
  return found.filter((one) => one !== undefined);
}

function others(): readonly Subject[] {
  return (options.main ?? []).map((file) => holdfast(resolve(file), resolve(file, '../..')));
}

function matching(pattern: string | undefined): (named: { readonly name: string }) => boolean {
  const expression = new RegExp(pattern ?? '', 'i');
  return ({ name }) => expression.test(name);
}

function takes(row: Row): (subject: Subject) => boolean {
  return ({ only, tls }) =>
    (only === undefined || only.includes(row.name)) && (row.protocol === 'clear' || tls === true);
}

/** Whether there is a tool for the row's load. */
function drivable({ name, protocol }: Row): boolean {
  if (protocol !== 'h2' || installed('h2load') !== undefined) return true;
  say(`LEFT OUT: the row "${name}", because h2load is not installed (Debian: apt install nghttp2-client)`);
  return false;
}

/** As many as are wanted, or as one process may have files open. */
function idleConnections(): number {
  const most = openFiles() - 500;
  if (options.idle <= most) return options.idle;
  say(`Only ${most} idle connections: no process here may open more files (ulimit -Hn, ${openFiles()})`);
  return most;
}

function secondsFor(wanted: readonly Row[], subjects: readonly Subject[]): number {
  const cells = wanted.map((row) => {
    const one = row.idle === true ? IDLE_SECONDS : options.rounds * (options.seconds + 0.2) + 1.5;
    const fill = row.origin === 'nothing' ? (row.urls ?? 0) / FILLED_PER_SECOND : 0;
    return subjects.filter(takes(row)).length * (one + fill);
  });
  return cells.reduce((sum, seconds) => sum + seconds, 0);
}

async function startAll(subjects: readonly Subject[]): Promise<ReadonlyMap<string, Contender>> {
  const contenders = new Map<string, Contender>();
  for (const subject of subjects) {
    try {
      contenders.set(subject.name, await field.start(subject));
      say(`${subject.name} ${subject.version}`);
    } catch (error) {
      // Whatever ails a peer on this machine costs its column alone.
      say(`LEFT OUT: ${messageOf(error)}`);
    }
  }
  return contenders;
}

async function runRow(
  row: Row,
  subjects: readonly Subject[],
  contenders: ReadonlyMap<string, Contender>,
): Promise<RowResult> {
  const samples = new Map<string, Sample[]>();
  const faults: Record<string, string> = {};
  for (let round = -1; round < options.rounds; round++) {
    for (const { name } of subjects.filter(takes(row))) {
      const contender = contenders.get(name);
      if (contender === undefined || faults[name] !== undefined) continue;
      try {
        if (round === -1) await warm(row, contender);
        else {
          const sample = await twice((again) => measure(row, contender, options.seconds, `${round}${again}`));
          samples.set(name, [...(samples.get(name) ?? []), sample]);
        }
      } catch (error) {
        faults[name] = messageOf(error);
      }
    }
  }
  return told(row, samples, faults);
}

/** Each subject anew, one at a time. */
async function runIdle(row: Row, subjects: readonly Subject[]): Promise<RowResult> {
  const samples = new Map<string, Sample[]>();
  const faults: Record<string, string> = {};
  for (const subject of subjects.filter(takes(row))) {
    try {
      const contender = await field.start(subject);
      try {
        samples.set(subject.name, [await measureIdle(row, contender)]);
      } finally {
        await field.stop(contender);
      }
    } catch (error) {
      faults[subject.name] = messageOf(error);
    }
  }
  return told(row, samples, faults);
}

function told(
  { name }: Row,
  samples: ReadonlyMap<string, readonly Sample[]>,
  faults: Readonly<Record<string, string>>,
): RowResult {
  const whole = [...samples].filter(([subject]) => faults[subject] === undefined);
  const figures = Object.fromEntries(whole.map(([subject, all]) => [subject, median(all)]));
  const line = Object.entries(figures).map(
    ([subject, { cpuMicros, bytesPerConnection }]) =>
      `${subject} ${cpuMicros?.toFixed(1) ?? `${((bytesPerConnection ?? 0) / 1024).toFixed(1)} KB`}`,
  );
  say(`${name.padEnd(26)} ${line.join(' · ')}`);
  for (const fault of Object.values(faults)) say(`  LEFT OUT: ${fault}`);
  return { name, figures, faults };
}

/** Once more where it fails: other work on the machine may hold anything up for a moment. */
async function twice(attempt: (again: '' | 'again') => Promise<Sample>): Promise<Sample> {
  try {
    return await attempt('');
  } catch (error) {
    say(`  once more: ${messageOf(error)}`);
    return await attempt('again');
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

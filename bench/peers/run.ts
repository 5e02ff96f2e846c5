// `npm run bench:peers`: holdfast beside the caches that are installed, each on core 0, loaded from core 1 in interleaved
// rounds. Question, rows and last figures: bench/README.md.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { freePort } from '../children.ts';
import { positiveNumber } from '../options.ts';
import { Daemon } from './daemon.ts';
import { haproxy } from './haproxy.ts';
import { holdfast, holdfastOnDisk } from './holdfast.ts';
import { type Contender, LOAD_CORE, measure, type Sample, warm } from './measure.ts';
import { nginx } from './nginx.ts';
import { publish } from './publish.ts';
import { median, type Results, table } from './results.ts';
import { type Row, rows } from './rows.ts';
import { squid } from './squid.ts';
import { installed, type Subject } from './subject.ts';
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

const daemons: Daemon[] = [];
const directory = mkdtempSync(join(tmpdir(), 'holdfast-peers-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
try {
  await main();
} finally {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
}

async function main(): Promise<void> {
  for (const tool of ['wrk', 'taskset'])
    if (installed(tool) === undefined) throw new Error(`${tool} is not installed`);
  const wanted = rows(options.zipf, options.idle).filter(matching(options.rows));
  const subjects = [holdfast(), holdfastOnDisk(), ...others(), ...peers().filter(matching(options.peers))];
  const contenders = await startAll(subjects);
  const results: Results = {
    at: new Date().toISOString(),
    seconds: options.seconds,
    rounds: options.rounds,
    subjects: subjects
      .filter(({ name }) => contenders.has(name))
      .map(({ name, version }) => ({ name, version })),
    rows: [],
  };
  for (const row of wanted) results.rows.push(await runRow(row, subjects, contenders));
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

async function startAll(subjects: readonly Subject[]): Promise<ReadonlyMap<string, Contender>> {
  const originPort = await freePort();
  const file = resolve(import.meta.dirname, 'origin.ts');
  const origin = new Daemon('origin', LOAD_CORE, [process.execPath, file, String(originPort)]);
  daemons.push(origin);
  await origin.ready(originPort, 10_000);
  const contenders = new Map<string, Contender>();
  for (const subject of subjects) {
    const port = await freePort();
    const dir = join(directory, subject.name.replaceAll(/\W+/g, '-'));
    mkdirSync(dir);
    const daemon = new Daemon(
      subject.name,
      0,
      subject.command({ dir, port, originPort, cacheMib: options.cache }),
    );
    daemons.push(daemon);
    try {
      await daemon.ready(port, 20_000);
    } catch (error) {
      // Whatever ails a peer on this machine costs its column alone.
      say(`left out: ${error instanceof Error ? error.message : String(error)}`);
      continue;
    }
    contenders.set(subject.name, { name: subject.name, daemon, port, originPort });
    say(`${subject.name} ${subject.version} on port ${port}`);
  }
  return contenders;
}

async function runRow(
  row: Row,
  subjects: readonly Subject[],
  contenders: ReadonlyMap<string, Contender>,
): Promise<Results['rows'][number]> {
  const taking = subjects.filter(({ only }) => only === undefined || only.includes(row.name));
  const samples = new Map<string, Sample[]>();
  const faults: Record<string, string> = {};
  // Idle connections leave memory behind that a second round would find again.
  const rounds = row.idle === true ? 1 : options.rounds;
  for (let round = -1; round < rounds; round++) {
    for (const { name } of taking) {
      const contender = contenders.get(name);
      if (contender === undefined || faults[name] !== undefined) continue;
      try {
        if (round === -1) await warm(row, contender);
        else {
          const sample = await measure(row, contender, options.seconds, String(round));
          samples.set(name, [...(samples.get(name) ?? []), sample]);
        }
      } catch (error) {
        faults[name] = error instanceof Error ? error.message : String(error);
      }
    }
  }
  const figures = Object.fromEntries([...samples].map(([name, all]) => [name, median(all)]));
  for (const name of Object.keys(faults)) delete figures[name];
  const line = Object.entries(figures).map(
    ([name, { cpuMicros, bytesPerConnection }]) =>
      `${name} ${cpuMicros?.toFixed(1) ?? `${((bytesPerConnection ?? 0) / 1024).toFixed(1)} KB`}`,
  );
  say(`${row.name.padEnd(26)} ${line.join(' · ')}`);
  for (const fault of Object.values(faults)) say(`  ${fault}`);
  return { name: row.name, figures, faults };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

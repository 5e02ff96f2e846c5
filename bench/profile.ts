// `npm run bench:profile`: a CPU profile of the edge under one of the peers' rows, and where its time went, function by
// function. The profile opens in any browser's developer tools.

import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { Command } from 'commander';
import { positiveNumber } from './options.ts';
import { Field } from './peers/field.ts';
import { holdfast, holdfastOnDisk } from './peers/holdfast.ts';
import { measure, warm } from './peers/measure.ts';
import { rows } from './peers/rows.ts';
import type { Subject } from './peers/subject.ts';
import { type CpuProfile, selfTimes } from './profile-report.ts';

interface Options {
  readonly row: string;
  readonly seconds: number;
  readonly out: string;
  readonly top: number;
  readonly disk?: boolean;
}

const options: Options = new Command('bench:profile')
  .description('A CPU profile of holdfast under one row of the peers bench.')
  .option('--row <pattern>', 'the first row whose name matches', 'hit 1 KB, 32')
  .option('--seconds <n>', 'length of the load', positiveNumber, 5)
  .option('--out <file>', 'where the profile goes', 'holdfast.cpuprofile')
  .option('--top <n>', 'functions shown', positiveNumber, 45)
  .option('--disk', 'with the disk tier')
  .parse()
  .opts<Options>();

/** A profile takes a while to write. */
const WRITTEN_MS = 60_000;
const ROOT = resolve(import.meta.dirname, '..');
const directory = mkdtempSync(join(tmpdir(), 'holdfast-profile-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const field = await Field.open(1024);
try {
  await main();
} finally {
  await field.close();
}

async function main(): Promise<void> {
  const pattern = new RegExp(options.row, 'i');
  const row = rows(10_000, 10_000).find(({ name, idle }) => idle !== true && pattern.test(name));
  if (row === undefined) throw new Error(`no row matches ${options.row}`);
  const contender = await field.start(profiled(options.disk === true ? holdfastOnDisk() : holdfast()));
  await warm(row, contender);
  const { requestsPerSecond = 0, cpuMicros = 0 } = await measure(row, contender, options.seconds, 'profile');
  await field.stop(contender, WRITTEN_MS);
  report(row.name, requestsPerSecond, cpuMicros);
}

function profiled(subject: Subject): Subject {
  return {
    ...subject,
    command(place) {
      const [node, ...args] = subject.command(place);
      return [node, `--cpu-prof-dir=${directory}`, '--cpu-prof', '--cpu-prof-interval=250', ...args];
    },
  };
}

/** The main thread's profile is the largest. */
function report(row: string, requestsPerSecond: number, cpuMicros: number): void {
  const files = readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'));
  const texts = files.map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
  const [largest] = texts.toSorted((a, b) => b.text.length - a.text.length);
  if (largest === undefined) throw new Error('the edge left no profile');
  const profile: CpuProfile = JSON.parse(largest.text);
  copyFileSync(join(directory, largest.name), resolve(options.out));
  console.log(
    `${row}: ${Math.round(requestsPerSecond)} requests/s, ${cpuMicros.toFixed(1)} µs of CPU each (profiled)\n`,
  );
  for (const { share, name } of selfTimes(profile, options.seconds * 1e6, ROOT).slice(0, options.top)) {
    console.log(
      `${(100 * share).toFixed(1).padStart(5)} %  ${(share * cpuMicros).toFixed(2).padStart(6)} µs  ${name}`,
    );
  }
  console.log(`\n${relative(process.cwd(), resolve(options.out))}`);
}

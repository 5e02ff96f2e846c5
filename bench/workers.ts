// `npm run bench:workers`: what several workers cost and give. The same loads against one worker and against several, in
// turn; CPU of the whole process for each request, memory, and what the origin saw.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { Child, freePort } from './children.ts';
import { positiveNumber } from './options.ts';
import { type Load, wrk } from './peers/wrk.ts';

const options = new Command('bench:workers')
  .option('--workers <n>', 'how many are compared with one', positiveNumber, 2)
  .option('--seconds <n>', 'length of each load', positiveNumber, 4)
  .option('--rounds <n>', 'how often each is measured; the median counts', positiveNumber, 3)
  .option('--connections <n>', 'kept open', positiveNumber, 128)
  .option('--core <n>', 'the core that the load is pinned to', positiveNumber, 1)
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .parse()
  .opts<{
    workers: number;
    seconds: number;
    rounds: number;
    connections: number;
    core: number;
    main: string;
  }>();

const LOADS: readonly (readonly [string, Load])[] = [
  ['hits, one URL of 1 KB', { mode: 'one', path: '/keep/1024/' }],
  ['hits, 1,000 URLs of 1 KB', { mode: 'zipf', path: '/keep/1024/', urls: 1000 }],
  ['hits, 50,000 URLs of 1 KB', { mode: 'zipf', path: '/keep/1024/', urls: 50_000 }],
  ['hits, one URL of 128 KB', { mode: 'one', path: '/keep/131072/' }],
  ['misses of 1 KB', { mode: 'unique', path: '/keep/1024/' }],
  ['no-store, 1 KB', { mode: 'one', path: '/pass/1024/' }],
];

interface Measured {
  readonly micros: number;
  readonly perSecond: number;
  readonly rssMb: number;
}

async function measure(load: Load, workers: number, round: number): Promise<Measured> {
  const [origin, port, admin] = [await freePort(), await freePort(), await freePort()];
  const source = new Child('the origin', [resolve(import.meta.dirname, 'peers/origin.ts'), String(origin)]);
  const flags = {
    origin: `http://127.0.0.1:${origin}`,
    listen: `127.0.0.1:${port}`,
    admin: `127.0.0.1:${admin}`,
    memory: '512MB',
    disk: 'none',
    workers: String(workers),
    'access-log': 'off',
    'log-level': 'error',
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const edge = new Child('the edge', [options.main, 'run', ...args]);
  try {
    await edge.ready(`http://127.0.0.1:${admin}/readyz`, 30_000);
    const drive = { port, secure: false, connections: options.connections, core: options.core };
    await wrk(load, { ...drive, seconds: Math.max(2, options.seconds / 2), run: `w${round}` });
    const before = edge.usage()?.cpuSeconds ?? 0;
    const { requests, requestsPerSecond, errors } = await wrk(load, {
      ...drive,
      seconds: options.seconds,
      run: `r${round}`,
    });
    const after = edge.usage();
    if (after === undefined || errors > 0) throw edge.failure(`has made ${errors} errors`);
    const micros = ((after.cpuSeconds - before) * 1e6) / requests;
    return { micros, perSecond: requestsPerSecond, rssMb: after.peakRssBytes / 1e6 };
  } finally {
    await edge.stop();
    await source.stop();
  }
}

function median(of: (one: Measured) => number, all: readonly Measured[]): number {
  return all.map(of).sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
}

const { workers, rounds } = options;
console.log(
  `| | CPU µs/request, 1 worker | ${workers} workers | ${workers} cores give | peak RSS MB, 1 | ${workers} |`,
);
console.log('|---|---:|---:|---:|---:|---:|');
for (const [name, load] of LOADS) {
  const one: Measured[] = [];
  const several: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    one.push(await measure(load, 1, round));
    several.push(await measure(load, workers, round));
    process.stderr.write(`${name}, round ${round + 1} of ${rounds}\n`);
  }
  const [a, b] = [median(({ micros }) => micros, one), median(({ micros }) => micros, several)];
  const rss = (all: readonly Measured[]): string => median(({ rssMb }) => rssMb, all).toFixed(0);
  const times = `× ${((workers * a) / b).toFixed(2)}`;
  console.log(`| ${name} | ${a.toFixed(1)} | ${b.toFixed(1)} | ${times} | ${rss(one)} | ${rss(several)} |`);
}

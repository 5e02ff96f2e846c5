// `npm run bench:hit-ratio`: which eviction policy keeps the right things? Question, command and last figures: bench/README.md.

import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { Gdsf } from '../storage/eviction/gdsf.ts';
import { Lru } from '../storage/eviction/lru.ts';
import { barsOf, meanTable, type Run } from './hit-ratio-report.ts';
import { decimalNumber, naturalNumber, numbers, positiveNumber } from './options.ts';
import { plot } from './plot.ts';
import { offlineBound } from './policies/offline.ts';
import { S3Fifo } from './policies/s3-fifo.ts';
import { Sieve } from './policies/sieve.ts';
import type { Simulated } from './policies/simulated.ts';
import { chargedBytes, StoreUnderTest } from './policies/stored.ts';
import { WTinyLfu } from './policies/w-tinylfu.ts';
import { simulate } from './simulate.ts';
import { DEFAULT_TRACE, makeTrace, type Trace } from './traces.ts';

interface Options {
  readonly seeds: readonly number[];
  readonly zipf: readonly number[];
  readonly shares: readonly number[];
  readonly alpha: number;
  readonly requests: number;
  readonly urls: number;
  readonly deploys: number;
  readonly deployShare: number;
  readonly only?: string;
  readonly svg?: string;
  readonly json?: boolean;
}

const options: Options = new Command('bench:hit-ratio')
  .description('Object and byte hit ratio of eviction policies on synthetic web traces.')
  .option('--seeds <list>', 'one run per seed, exponent and share', numbers, [101, 102])
  .option('--zipf <list>', 'exponents', numbers, [0.7, 0.8, 0.9, 1, 1.1])
  .option('--shares <list>', 'sizes of the cache, shares of the footprint', numbers, [0.01, 0.05, 0.1, 0.25])
  .option('--alpha <a>', 'of GDSF', decimalNumber, 0.6)
  .option('--requests <n>', 'length of a trace', positiveNumber, DEFAULT_TRACE.requests)
  .option('--urls <n>', 'URLs of the zipf list', positiveNumber, DEFAULT_TRACE.urls)
  .option('--deploys <n>', 'in a trace', naturalNumber, DEFAULT_TRACE.deploys)
  .option(
    '--deploy-share <s>',
    'of the URLs that a deploy replaces',
    decimalNumber,
    DEFAULT_TRACE.deployShare,
  )
  .option('--only <names>', 'policies to run beside LRU and GDSF, or none')
  .option('--svg <file>', 'where to draw the plot')
  .option('--json', 'print the runs as JSON')
  .parse()
  .opts<Options>();

const POLICIES: Readonly<Record<string, (maxBytes: number, seed: number) => Simulated>> = {
  LRU: (maxBytes) => new StoreUnderTest(maxBytes, new Lru()),
  SIEVE: (maxBytes) => new Sieve(maxBytes),
  'S3-FIFO': (maxBytes) => new S3Fifo(maxBytes),
  'W-TinyLFU': (maxBytes) => new WTinyLfu(maxBytes),
  GDSF: (maxBytes, seed) => new StoreUnderTest(maxBytes, new Gdsf({ alpha: options.alpha, seed })),
};
/** They run in a MemoryStore, which counts overhead itself. */
const STORED: ReadonlySet<string> = new Set(['LRU', 'GDSF']);

const wanted = Object.keys(POLICIES).filter(
  (name) => STORED.has(name) || (options.only?.split(',').includes(name) ?? true),
);
const runs: Run[] = [];
const total = options.seeds.length * options.zipf.length;
for (const seed of options.seeds) {
  for (const exponent of options.zipf) {
    const { requests, urls, deploys, deployShare } = options;
    const trace = makeTrace({ ...DEFAULT_TRACE, requests, urls, deploys, deployShare, seed, exponent });
    process.stderr.write(
      `${1 + runs.length / options.shares.length}/${total}  seed ${seed}, zipf ${exponent}\n`,
    );
    for (const share of options.shares) runs.push(runAll(trace, seed, exponent, share));
  }
}
if (options.svg !== undefined) writeFileSync(options.svg, plot(runs));
const bars = barsOf(runs);
if (options.json === true) console.log(JSON.stringify({ options, runs, bars }, null, 2));
else {
  console.log(`\nobject hit ratio, %\n\n${meanTable(runs, 'objectRatio')}`);
  console.log(`\nbyte hit ratio, %\n\n${meanTable(runs, 'byteRatio')}\n`);
  for (const { met, sentence } of bars) console.log(`${met ? 'met   ' : 'FALLEN'}  ${sentence}`);
}
if (bars.some(({ met }) => !met)) process.exitCode = 1;

function runAll(trace: Trace, seed: number, exponent: number, share: number): Run {
  const maxBytes = Math.floor(trace.footprintBytes * share);
  const charged = Float64Array.from(trace.sizes, chargedBytes);
  const ratios: Run['ratios'] = {};
  for (const name of wanted) {
    const cache = POLICIES[name]?.(maxBytes, seed);
    if (cache === undefined) continue;
    const sizes = STORED.has(name) ? trace.sizes : charged;
    ratios[name] = simulate(trace, cache, (object) => sizes[object] ?? 0);
  }
  ratios['offline bound'] = { ...offlineBound(trace, maxBytes, charged), peakBytes: maxBytes };
  return { seed, exponent, share, maxBytes, ratios };
}

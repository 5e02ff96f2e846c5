// `npm run bench`: the edge before a slow origin under a zipf load, then the same load straight to the origin.
// Question, command and last figures: bench/README.md.

import { resolve } from 'node:path';
import { Command } from 'commander';
import { type CatalogueItem, catalogue } from './catalogue.ts';
import { Child, freePort } from './children.ts';
import { drive, type Progress } from './load.ts';
import { decimalNumber, positiveNumber } from './options.ts';
import { count, type Figures, percent, table } from './report.ts';
import { seeded, zipf } from './zipf.ts';

interface Options {
  readonly seconds: number;
  readonly connections: number;
  readonly urls: number;
  readonly zipf: number;
  readonly seed: number;
  readonly memory: string;
  readonly disk: string;
  readonly main: string;
  readonly json?: boolean;
}

const options: Options = new Command('bench')
  .description('Hit ratio, throughput and latency of the edge before a slow origin, beside the origin alone.')
  .option('--seconds <n>', 'length of each of the two loads', positiveNumber, 20)
  .option('--connections <n>', 'concurrent connections', positiveNumber, 50)
  .option('--urls <n>', 'different URLs', positiveNumber, 5000)
  .option('--zipf <s>', 'exponent of the zipf distribution', decimalNumber, 0.9)
  .option('--seed <n>', 'seed of sizes, delays and the order of requests', positiveNumber, 1)
  .option('--memory <size>', "the edge's memory tier", '32MB')
  .option('--disk <dir>', "the edge's disk tier, or none", 'none')
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .option('--json', 'print the figures as JSON; progress still goes to stderr')
  .parse()
  .opts<Options>();

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort(new Error(`stopped by ${signal}`));
  });
}

const children: Child[] = [];
try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
} finally {
  await Promise.all(children.map((child) => child.stop()));
}

async function main(): Promise<void> {
  const items = catalogue(options.seed, options.urls);
  const total = items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  say(`${count(items.length)} URLs, ${count(total / 1e6)} MB, zipf ${options.zipf}, seed ${options.seed}`);
  const originUrl = await startOrigin();
  const edge = await startEdge(originUrl);
  const throughEdge = await measure('edge', edge.url, items, originUrl, edge.child);
  await edge.child.stop();
  const direct = await measure('origin alone', originUrl, items, originUrl);
  if (options.json === true) console.log(JSON.stringify({ options, edge: throughEdge, direct }, null, 2));
  else console.log(`\n${table({ edge: throughEdge, 'origin alone': direct })}`);
  if (throughEdge.wrong + throughEdge.errors > 0) process.exitCode = 1;
}

async function startOrigin(): Promise<string> {
  const file = resolve(import.meta.dirname, 'origin.ts');
  const origin = new Child('origin', [file, '--seed', String(options.seed), '--urls', String(options.urls)]);
  children.push(origin);
  const [, url = ''] = await origin.output(/^listening on (http:\S+)$/, 10_000);
  return url;
}

async function startEdge(originUrl: string): Promise<{ readonly url: string; readonly child: Child }> {
  const listen = `127.0.0.1:${await freePort()}`;
  const admin = `127.0.0.1:${await freePort()}`;
  const flags = {
    origin: originUrl,
    listen,
    memory: options.memory,
    disk: options.disk,
    admin,
    workers: '1',
    'access-log': 'off',
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const child = new Child('edge', [options.main, 'run', ...args]);
  children.push(child);
  await child.ready(`http://${admin}/readyz`, 20_000);
  return { url: `http://${listen}`, child };
}

async function measure(
  name: string,
  url: string,
  items: readonly CatalogueItem[],
  originUrl: string,
  edge?: Child,
): Promise<Figures> {
  interrupted.signal.throwIfAborted();
  const originBefore = await originStats(originUrl);
  const usedBefore = edge?.usage();
  const { seconds, connections } = options;
  const result = await drive({
    url,
    items,
    next: zipf(items.length, options.zipf, seeded(options.seed)),
    connections,
    seconds,
    signal: interrupted.signal,
    onProgress: (progress) => say(progressLine(name, progress)),
  });
  if (edge !== undefined && !edge.alive) throw edge.failure('did not survive the load');
  const originAfter = await originStats(originUrl);
  const used = edge?.usage();
  const cpuSeconds =
    used === undefined || usedBefore === undefined ? undefined : used.cpuSeconds - usedBefore.cpuSeconds;
  return {
    ...result,
    originRequests: originAfter.requests - originBefore.requests,
    originBytes: originAfter.bytes - originBefore.bytes,
    cpuMicrosPerRequest:
      cpuSeconds === undefined ? undefined : (cpuSeconds * 1e6) / Math.max(1, result.responses),
    peakRssBytes: used?.peakRssBytes,
  };
}

function progressLine(name: string, { elapsedSeconds, responses, hits }: Progress): string {
  const at = `${elapsedSeconds}/${options.seconds} s`.padStart(9);
  return `${name.padEnd(12)} ${at}  ${count(responses).padStart(8)} responses  hits ${percent(hits, responses).padStart(7)}`;
}

async function originStats(
  originUrl: string,
): Promise<{ readonly requests: number; readonly bytes: number }> {
  const response = await fetch(`${originUrl}/-/stats`);
  const stats: unknown = await response.json();
  if (typeof stats !== 'object' || stats === null || !('requests' in stats) || !('bytes' in stats)) {
    throw new Error('the origin sent no figures');
  }
  return { requests: Number(stats.requests), bytes: Number(stats.bytes) };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

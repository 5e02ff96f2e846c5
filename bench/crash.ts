// kill -9 in the middle of writes: `node bench/crash.ts [--rounds N] [--dir DIR] [--main FILE] [--json]`. An edge with a disk
// serves items under load while items change and are purged; it is killed, started again, and every item is asked for once.
// Each body must be, by hash, a version that the origin has sent, and none may be one that a purge had promised gone.
// Prints per round what survived and the time from the start to the first hit from disk. Exits 1 on a wrong or stale body.

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { Child, freePort } from './children.ts';
import { naturalNumber, positiveNumber } from './options.ts';
import { itemBody, itemTag, versionOf } from './paced-bodies.ts';
import { seeded } from './zipf.ts';

const options = new Command('bench-crash')
  .option('--rounds <n>', 'times the edge is killed', positiveNumber, 20)
  .option('--items <n>', 'different items', positiveNumber, 300)
  .option('--seed <n>', 'seed of the load', naturalNumber, 1)
  .option('--dir <dir>', 'directory of the disk tier; a fresh one, removed at the end, unless given')
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .option('--json', 'print the figures as JSON')
  .parse()
  .opts<{ rounds: number; items: number; seed: number; dir?: string; main: string; json?: boolean }>();

interface Round {
  /** Under load, before the kill. */
  readonly requests: number;
  readonly purges: number;
  /** After the restart, of all items. */
  readonly hits: number;
  readonly wrong: number;
  readonly stale: number;
  /** ms from spawning the edge to /readyz, and to the end of the first response from disk. */
  readonly readyMs: number;
  readonly firstHitMs: number;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const random = seeded(options.seed);
const agent = new Agent({ keepAlive: true, maxSockets: 16 });
/** The least version of each item that may be served: what was current before its last purge was confirmed. */
const least = new Map<number, number>();
const hashes = new Map<string, string>();
const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-crash-')));
const origin = new Child('the origin', [resolve(import.meta.dirname, 'paced-origin.ts')]);
let edge: Child | undefined;
const rounds: Round[] = [];
try {
  const [, originUrl = ''] = await origin.output(/^listening on (http:\S+)$/, 10_000);
  for (let round = 1; round <= options.rounds; round++) {
    const loaded = await start(originUrl);
    const { requests, purges } = await load(loaded.port, originUrl, loaded.child);
    const restarted = await start(originUrl);
    const verified = await verify(restarted.port, restarted.spawnedAt);
    const figures = { requests, purges, ...verified, readyMs: restarted.readyMs };
    rounds.push(figures);
    if (options.json !== true) console.log(line(round, figures));
    await kill(restarted.child);
  }
  if (options.json === true) console.log(JSON.stringify(rounds, null, 2));
  else console.log(summary());
  process.exitCode = rounds.some(({ wrong, stale }) => wrong + stale > 0) ? 1 : 0;
} finally {
  agent.destroy();
  await Promise.all([origin, edge].map((child) => child?.stop()));
  if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
}

async function start(
  originUrl: string,
): Promise<{ port: number; child: Child; spawnedAt: number; readyMs: number }> {
  const [port, admin] = [await freePort(), await freePort()];
  const where = ['--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`, '--origin', originUrl];
  const stores = ['--disk', dir, '--disk-size', '1GB', '--memory', '8MB', '--access-log', 'off'];
  const spawnedAt = performance.now();
  const child = new Child('the edge', [options.main, 'run', ...where, ...stores]);
  edge = child;
  await child.ready(`http://127.0.0.1:${admin}/readyz`, 20_000);
  return { port, child, spawnedAt, readyMs: performance.now() - spawnedAt };
}

async function kill(child: Child): Promise<void> {
  child.kill('SIGKILL');
  while (child.alive) await wait(5);
}

/** Eight clients ask for items, and one in ten requests changes an item and purges it; then the edge is killed. */
async function load(
  port: number,
  originUrl: string,
  child: Child,
): Promise<{ requests: number; purges: number }> {
  let [requests, purges] = [0, 0];
  const client = async (): Promise<void> => {
    while (child.alive) {
      const nth = Math.floor(random() * options.items);
      if (random() < 0.1) {
        if (await change(port, originUrl, nth)) purges++;
      } else {
        const answer = await ask(port, nth).catch(() => undefined);
        if (answer !== undefined) requests++;
      }
    }
  };
  const clients = Array.from({ length: 8 }, () => client());
  await wait(400 + random() * 800);
  await kill(child);
  await Promise.all(clients);
  return { requests, purges };
}

/** A new version at the origin, then a purge. @returns whether the edge has confirmed it. */
async function change(port: number, originUrl: string, nth: number): Promise<boolean> {
  const version = Number((await send(originUrl, `/-/bump/${nth}`, 'POST')).body.toString());
  try {
    const { status, body } = await send(`http://127.0.0.1:${port}`, `/item/${nth}`, 'PURGE');
    if (status !== 200 && status !== 404) return false;
    if (!body.includes('"durable": true')) return false;
  } catch {
    return false;
  }
  least.set(nth, Math.max(version, least.get(nth) ?? 0));
  return true;
}

/** Asks for every item once: memory is empty after a start, so hits come from disk. */
async function verify(
  port: number,
  spawnedAt: number,
): Promise<Omit<Round, 'requests' | 'purges' | 'readyMs'>> {
  let [hits, wrong, stale] = [0, 0, 0];
  let firstHitMs = Number.NaN;
  for (let nth = 0; nth < options.items; nth++) {
    const { status, headers, body } = await ask(port, nth);
    if (headers['x-cache'] === 'HIT' && hits++ === 0) firstHitMs = performance.now() - spawnedAt;
    const version = versionOf(nth, headers.etag);
    if (status !== 200 || version === undefined || digest(body) !== expected(nth, version)) wrong++;
    else if (version < (least.get(nth) ?? 0)) stale++;
  }
  return { hits, wrong, stale, firstHitMs };
}

function ask(port: number, nth: number): Promise<Answer> {
  return send(`http://127.0.0.1:${port}`, `/item/${nth}`, 'GET');
}

/** Under one name whatever the port, so that the next edge finds what the last has stored. */
function send(base: string, path: string, method: string): Promise<Answer> {
  return new Promise((answered, failed) => {
    const headers = { host: 'bench.example' };
    const sent = request(`${base}${path}`, { method, agent, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', failed);
      response.once('end', () =>
        answered({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.once('error', failed);
    sent.end();
  });
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

function expected(nth: number, version: number): string {
  const tag = itemTag(nth, version);
  const hash = hashes.get(tag) ?? digest(itemBody(nth, version));
  hashes.set(tag, hash);
  return hash;
}

function line(round: number, { requests, purges, hits, wrong, stale, readyMs, firstHitMs }: Round): string {
  const survived = `${hits} of ${options.items} from disk, ${wrong} wrong, ${stale} purged ones back`;
  const times = `ready ${Math.round(readyMs)} ms, first hit ${Math.round(firstHitMs)} ms`;
  return `${String(round).padStart(3)}  ${requests} requests, ${purges} purges, kill -9; ${survived}; ${times}`;
}

function summary(): string {
  const sum = (of: (round: Round) => number): number => rounds.reduce((so, round) => so + of(round), 0);
  const middle = (of: (round: Round) => number): number =>
    Math.round(rounds.map(of).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? Number.NaN);
  const bad = `${sum(({ wrong }) => wrong)} wrong bodies, ${sum(({ stale }) => stale)} purged ones back`;
  const times = `median ready ${middle(({ readyMs }) => readyMs)} ms, first hit from disk ${middle(({ firstHitMs }) => firstHitMs)} ms`;
  return `\n${rounds.length} kills: ${bad}, ${sum(({ hits }) => hits)} hits of ${rounds.length * options.items}; ${times} after the start`;
}

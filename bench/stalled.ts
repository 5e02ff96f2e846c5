// Clients that ask for a large response and read nothing of it: `node bench/stalled.ts [--readers N] [--mb N] [--main FILE]`. A fresh edge
// with one worker and no disk for each case; prints by how much its resident memory has grown while they stand, and what they
// made it pull from the origin. Then one of them reads on, and what it gets is checked. Exits 1 above a limit. Needs /proc.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { Child, freePort } from './children.ts';
import { positiveNumber } from './options.ts';

const { readers, mb, seconds, grownMb, pulledMb, main } = new Command('bench-stalled')
  .option('--readers <n>', 'clients that read nothing', positiveNumber, 20)
  .option('--mb <n>', 'size of the response, MB (10^6 bytes)', positiveNumber, 60)
  .option('--seconds <n>', 'how long they stand', positiveNumber, 6)
  .option('--grown-mb <n>', 'most growth of resident memory, MB', positiveNumber, 32)
  .option('--pulled-mb <n>', 'most that is pulled from the origin, MB', positiveNumber, 200)
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .parse()
  .opts<Record<'readers' | 'mb' | 'seconds' | 'grownMb' | 'pulledMb', number> & { main: string }>();

const BODY = Buffer.from(
  Uint8Array.from({ length: mb * 1e6 }, (_, i) => Math.imul(i + 1, 2_654_435_761) >>> 24),
);
const PIECE_BYTES = 64 * 1024;
const EXPECTED = createHash('sha256').update(BODY).digest('hex');

interface Case {
  readonly name: string;
  readonly control: string;
  /** Of the edge. */
  readonly memory: string;
  /** The response is in memory before they come. */
  readonly warm?: true;
}

const CASES: readonly Case[] = [
  { name: 'no-store: a fetch for each', control: 'no-store', memory: '256MB' },
  { name: 'cacheable, too large for memory', control: 'max-age=60', memory: '128MB' },
  { name: 'stored in memory', control: 'max-age=60', memory: '512MB', warm: true },
];

let faults = 0;
for (const one of CASES) {
  const { grownBytes, pulledBytes, right } = await measure(one);
  const high = grownBytes > grownMb * 1e6 || pulledBytes > pulledMb * 1e6;
  if (high || !right) faults++;
  const verdict = `${right ? '' : '  WRONG CONTENT'}${high ? '  ABOVE THE LIMIT' : ''}`;
  const figures = [grownBytes, pulledBytes].map((bytes) => (bytes / 1e6).toFixed(1).padStart(6));
  console.log(`${one.name.padEnd(34)} grown by ${figures[0]} MB, pulled ${figures[1]} MB${verdict}`);
}
process.exitCode = faults === 0 ? 0 : 1;

async function measure({
  control,
  memory,
  warm,
}: Case): Promise<{ grownBytes: number; pulledBytes: number; right: boolean }> {
  const sockets = new Set<Socket>();
  const origin = createServer((asked, response) => void answer(control, asked, response));
  origin.on('connection', (socket: Socket) => sockets.add(socket));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const address = origin.address();
  if (address === null || typeof address === 'string') throw new Error('the origin has no port');
  const port = await freePort();
  const flags = { listen: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${address.port}`, memory };
  const rest = { disk: 'none', workers: '1', admin: 'none', 'log-level': 'warn' };
  const args = Object.entries({ ...flags, ...rest }).flatMap(([name, value]) => [`--${name}`, value]);
  const edge = new Child('the edge', [main, 'run', ...args]);
  // What the edge's side has acknowledged, though it may still be in a buffer of the system there.
  const sent = (): number =>
    [...sockets].reduce((sum, { bytesWritten, writableLength }) => sum + bytesWritten - writableLength, 0) -
    unacknowledged(address.port);
  const stalled: IncomingMessage[] = [];
  try {
    await edge.ready(`http://127.0.0.1:${port}/ready`, 20_000);
    // What an edge needs that has passed on a large body before is no reader's fault.
    await digestOf(await ask(port, '/first'));
    if (warm === true) await digestOf(await ask(port));
    await wait(1500);
    const before = { resident: edge.usage()?.residentBytes ?? Number.NaN, sent: sent() };
    for (let i = 0; i < readers; i++) stalled.push((await ask(port)).pause());
    let most = 0;
    for (const until = performance.now() + seconds * 1000; performance.now() < until; await wait(100))
      most = Math.max(most, edge.usage()?.residentBytes ?? Number.NaN);
    const pulledBytes = sent() - before.sent;
    const [first] = stalled;
    const right = first !== undefined && (await digestOf(first)) === EXPECTED;
    return { grownBytes: most - before.resident, pulledBytes, right };
  } finally {
    for (const response of stalled) response.destroy();
    await edge.stop();
    origin.closeAllConnections();
    origin.close();
  }
}

async function answer(control: string, asked: IncomingMessage, response: ServerResponse): Promise<void> {
  if (asked.url === '/ready') {
    response.end();
    return;
  }
  const isFirst = asked.url === '/first';
  response.writeHead(200, {
    'Cache-Control': isFirst ? 'no-store' : control,
    'Content-Length': BODY.length,
  });
  for (let at = 0; at < BODY.length && !response.destroyed; at += PIECE_BYTES) {
    if (response.write(BODY.subarray(at, at + PIECE_BYTES))) continue;
    await moved(response);
  }
  response.end();
}

/** Bytes that stand in the system's send buffers of this local port. */
function unacknowledged(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let bytes = 0;
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    const [, from = '', , , queues = ''] = line.trim().split(/\s+/);
    if (from.endsWith(local)) bytes += Number.parseInt(queues, 16);
  }
  return bytes;
}

/** Resolves when the response takes more, or is closed. */
function moved(response: ServerResponse): Promise<void> {
  const { promise, resolve: done } = Promise.withResolvers<void>();
  const settle = (): void => {
    response.off('drain', settle).off('close', settle);
    done();
  };
  response.on('drain', settle).on('close', settle);
  return promise;
}

/** The head of a response, its content still to be read. */
async function ask(port: number, path = '/large'): Promise<IncomingMessage> {
  const asked = request({ host: '127.0.0.1', port, path, agent: false }).end();
  const [response]: IncomingMessage[] = await once(asked, 'response');
  if (response === undefined) throw new Error('no response');
  response.on('error', () => response.destroy());
  return response;
}

async function digestOf(message: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of message) hash.update(part);
  return hash.digest('hex');
}

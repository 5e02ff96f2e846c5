// Large transfers: `node bench/transfer.ts [--gib N] [--limit-mb N] [--main FILE]`. One download or upload at a time
// through a fresh edge that runs on memory alone with one worker; prints the peak of its resident memory, time and rate. Every transfer is
// checked by hash. Exits 1 when one is wrong or the peak is above the limit. Needs /proc.

import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  type OutgoingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { Child, freePort } from './children.ts';
import { positiveNumber } from './options.ts';

const MIB = 1024 * 1024;
const { gib, limitMb, main } = new Command('bench-transfer')
  .option('--gib <n>', 'size of each transfer, GiB', positiveNumber, 1)
  .option('--limit-mb <n>', 'most resident memory of the edge, MB (10^6 bytes)', positiveNumber, 200)
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/main.ts'))
  .parse()
  .opts<{ gib: number; limitMb: number; main: string }>();
const total = gib * 1024 * MIB;
const piece = Buffer.from(Uint8Array.from({ length: MIB }, (_, i) => (i * 2_654_435_761) >>> 24));
const expected = digest((hash) => {
  for (let sent = 0; sent < total; sent += piece.length) hash.update(piece);
});

interface Transfer {
  readonly direction: 'download' | 'upload';
  readonly framing: 'content-length' | 'chunked';
  /** Cache-Control of a download. */
  readonly control: string;
}

const TRANSFERS: readonly Transfer[] = [
  { direction: 'download', framing: 'content-length', control: 'no-store' },
  { direction: 'download', framing: 'chunked', control: 'no-store' },
  { direction: 'download', framing: 'content-length', control: 'max-age=60' },
  { direction: 'download', framing: 'chunked', control: 'max-age=60' },
  { direction: 'upload', framing: 'content-length', control: '' },
  { direction: 'upload', framing: 'chunked', control: '' },
];

let faults = 0;
for (const transfer of TRANSFERS) {
  const name = `${transfer.direction} ${transfer.framing} ${transfer.control}`.padEnd(36);
  const { peakBytes, seconds, right } = await measure(transfer);
  const high = peakBytes > limitMb * 1e6;
  if (!right || high) faults++;
  const verdict = `${right ? '' : '  WRONG CONTENT'}${high ? `  ABOVE ${limitMb} MB` : ''}`;
  const rate = Math.round(total / 1e6 / seconds);
  console.log(
    `${name} peak ${(peakBytes / 1e6).toFixed(0)} MB  ${seconds.toFixed(1)} s  ${rate} MB/s${verdict}`,
  );
}
process.exitCode = faults === 0 ? 0 : 1;

async function measure(transfer: Transfer): Promise<{ peakBytes: number; seconds: number; right: boolean }> {
  const origin = createServer((incoming, response) => void answer(transfer, incoming, response));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const address = origin.address();
  if (address === null || typeof address === 'string') throw new Error('the origin has no port');
  const port = await freePort();
  const where = ['--listen', `127.0.0.1:${port}`, '--origin', `http://127.0.0.1:${address.port}`];
  const rest = ['--disk', 'none', '--workers', '1', '--admin', 'none', '--log-level', 'warn'];
  const edge = new Child('the edge', [main, 'run', ...where, ...rest]);
  try {
    await edge.ready(`http://127.0.0.1:${port}/ready`, 20_000);
    const begun = performance.now();
    const received = await (transfer.direction === 'download'
      ? download(port)
      : upload(port, transfer.framing));
    const seconds = (performance.now() - begun) / 1000;
    return { peakBytes: edge.usage()?.peakRssBytes ?? Number.NaN, seconds, right: received === expected };
  } finally {
    await edge.stop();
    origin.closeAllConnections();
    origin.close();
  }
}

/** The origin: a large response, or the hash of a large request. */
async function answer(
  { framing, control }: Transfer,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (incoming.url === '/ready') {
    response.end();
  } else if (incoming.method === 'PUT') {
    response.end(await digestOf(incoming));
  } else {
    response.writeHead(200, { 'Cache-Control': control, ...lengthOf(framing) });
    await send(response);
  }
}

async function download(port: number): Promise<string> {
  const asked = request({ host: '127.0.0.1', port, path: '/large' }).end();
  const [response]: IncomingMessage[] = await once(asked, 'response');
  return response === undefined ? '' : digestOf(response);
}

async function upload(port: number, framing: Transfer['framing']): Promise<string> {
  const asked = request({
    host: '127.0.0.1',
    port,
    path: '/large',
    method: 'PUT',
    headers: lengthOf(framing),
  });
  const answered = once(asked, 'response');
  await send(asked);
  const [response]: IncomingMessage[] = await answered;
  let text = '';
  for await (const part of response ?? []) text += String(part);
  return text;
}

function lengthOf(framing: Transfer['framing']): Record<string, string> {
  return framing === 'chunked' ? {} : { 'Content-Length': String(total) };
}

async function send(to: OutgoingMessage): Promise<void> {
  for (let sent = 0; sent < total; sent += piece.length) if (!to.write(piece)) await once(to, 'drain');
  to.end();
}

async function digestOf(message: IncomingMessage): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of message) hash.update(part);
  return hash.digest('hex');
}

function digest(fill: (hash: Hash) => void): string {
  const hash = createHash('sha256');
  fill(hash);
  return hash.digest('hex');
}

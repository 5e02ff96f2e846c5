// The origin of bench/collapse.ts and bench/crash.ts, a process of its own: `node bench/paced-origin.ts [--port N]`. It takes
// its time where the path says so, and tells at /-/stats how often each path was asked for.
//   /cold/…      waits 1 s, then sends 1 MB over 2 s, max-age=3600        /private/…  waits 1 s, then a short no-store
//   /item/N      at once, version V of item N (paced-bodies.ts), max-age a year        POST /-/bump/N  makes its next version

import { createServer, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { naturalNumber } from './options.ts';
import { itemBody, itemTag, PACED } from './paced-bodies.ts';

const { port } = new Command('paced-origin')
  .option('--port <n>', 'port on 127.0.0.1, 0 for a free one', naturalNumber, 0)
  .parse()
  .opts<{ port: number }>();

const PIECES = 40;
const asked = new Map<string, number>();
const versions = new Map<number, number>();

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const url = request.url ?? '';
  if (url === '/-/stats') return send(response, JSON.stringify(Object.fromEntries(asked)), 'no-store');
  const [, kind, rest = ''] = url.split('/');
  if (kind === '-' && request.method === 'POST') {
    const nth = Number(url.split('/')[3]);
    const version = (versions.get(nth) ?? 0) + 1;
    versions.set(nth, version);
    return send(response, String(version), 'no-store');
  }
  asked.set(url, (asked.get(url) ?? 0) + 1);
  if (kind === 'item') return item(response, Number(rest));
  void slow(response, kind === 'cold').catch(() => response.destroy());
});

function send(response: ServerResponse, body: string | Buffer, control: string, etag?: string): void {
  response.setHeader('Cache-Control', control);
  if (etag !== undefined) response.setHeader('ETag', etag);
  response.setHeader('Content-Length', body.length);
  response.end(body);
}

function item(response: ServerResponse, nth: number): void {
  const version = versions.get(nth) ?? 0;
  send(response, itemBody(nth, version), 'max-age=31536000', itemTag(nth, version));
}

async function slow(response: ServerResponse, cold: boolean): Promise<void> {
  await wait(1000);
  if (!cold) return send(response, 'for you alone', 'no-store');
  response.writeHead(200, { 'Cache-Control': 'max-age=3600', 'Content-Length': PACED.length });
  response.flushHeaders();
  const size = PACED.length / PIECES;
  const begun = performance.now();
  for (let piece = 0; piece < PIECES; piece++) {
    response.write(PACED.subarray(piece * size, (piece + 1) * size));
    await wait(begun + ((piece + 1) * 2000) / PIECES - performance.now());
  }
  response.end();
}

server.listen(port, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    console.log(`listening on http://127.0.0.1:${address.port}`);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

// The bench's slow origin, a process of its own: `node bench/origin.ts [--port N] [--urls N] [--seed N]`.
// Serves the catalogue with its delays, cacheable for an hour. `/-/stats` tells what it has served, as JSON.

import { createServer } from 'node:http';
import { Command } from 'commander';
import { catalogue, MAX_BYTES } from './catalogue.ts';
import { naturalNumber } from './options.ts';
import { seeded } from './zipf.ts';

const options = new Command('bench-origin')
  .option('--port <n>', 'port on 127.0.0.1, 0 for a free one', naturalNumber, 0)
  .option('--urls <n>', 'URLs in the catalogue', naturalNumber, 5000)
  .option('--seed <n>', 'seed of sizes and delays', naturalNumber, 1)
  .parse()
  .opts<{ port: number; urls: number; seed: number }>();

const items = new Map(catalogue(options.seed, options.urls).map((item) => [item.path, item]));
const content = asciiNoise(options.seed, 2 * MAX_BYTES);
const lastModified = new Date(Date.UTC(2026, 0, 1)).toUTCString();
let requests = 0;
let bytes = 0;

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.url === '/-/stats') {
    response.setHeader('Cache-Control', 'no-store');
    response.end(JSON.stringify({ requests, bytes }));
    return;
  }
  requests++;
  const item = items.get(request.url ?? '');
  if (item === undefined) {
    response.writeHead(404, { 'Cache-Control': 'no-store' }).end();
    return;
  }
  setTimeout(() => {
    const fields = {
      'Cache-Control': 'public, max-age=3600',
      ETag: item.etag,
      'Last-Modified': lastModified,
    };
    if (request.headers['if-none-match'] === item.etag) {
      response.writeHead(304, fields).end();
      return;
    }
    const from = item.sizeBytes % MAX_BYTES;
    if (request.method !== 'HEAD') bytes += item.sizeBytes;
    response.writeHead(200, { ...fields, 'Content-Type': 'text/plain', 'Content-Length': item.sizeBytes });
    response.end(request.method === 'HEAD' ? undefined : content.subarray(from, from + item.sizeBytes));
  }, item.delayMs);
});

server.listen(options.port, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object')
    console.log(`listening on http://127.0.0.1:${address.port}`);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));

function asciiNoise(seed: number, length: number): Buffer {
  const random = seeded(seed);
  return Buffer.from(Uint8Array.from({ length }, () => 0x20 + Math.floor(random() * 95)));
}

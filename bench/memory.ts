// Is the memory budget honest? Fills a MemoryStore with real metas and bodies in processes of their own, and compares
// what it counts with what the process grew by. `npm run bench:memory`; last figures in bench/README.md.

import { execFileSync } from 'node:child_process';
import { Command } from 'commander';
import { sizeOfMeta } from '../src/cache/codec.ts';
import { Packer } from '../src/cache/pack.ts';
import type { StoredMeta } from '../src/cache/stored.ts';
import { Gdsf } from '../storage/eviction/gdsf.ts';
import { type MemoryRecord, MemoryStore } from '../storage/memory.ts';
import { positiveNumber } from './options.ts';

const MB = 1024 * 1024;
/** Records, bytes of each body, and the chunks that the body comes in. */
const LOADS = [
  { records: 100_000, bodyBytes: 1024, chunkBytes: 1024 },
  { records: 400_000, bodyBytes: 1024, chunkBytes: 1024 },
  { records: 1000, bodyBytes: MB, chunkBytes: 64 * 1024 },
] as const;

interface Measured {
  readonly records: number;
  readonly bodyBytes: number;
  readonly countedBytes: number;
  readonly grownBytes: number;
}

const { child, churn } = new Command('bench:memory')
  .option('--child <index>', 'measures one load in this process; the bench starts itself so')
  .option(
    '--churn <times>',
    'how often the load passes through a budget that holds it once',
    positiveNumber,
    1,
  )
  .parse()
  .opts<{ readonly child?: string; readonly churn: number }>();

if (child !== undefined) console.log(JSON.stringify(await measure(Number(child))));
else {
  console.log('| responses | body | counted | RSS growth | counted / growth | overhead each |');
  console.log('|---:|---:|---:|---:|---:|---:|');
  for (const index of LOADS.keys()) print(inAnotherProcess(index));
}

function inAnotherProcess(index: number): Measured {
  const flags = ['--expose-gc', import.meta.filename, '--child', String(index), '--churn', String(churn)];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Measured;
}

function print({ records, bodyBytes, countedBytes, grownBytes }: Measured): void {
  const cells = [
    records.toLocaleString('en'),
    bodyBytes === MB ? '1 MB' : '1 KB',
    `${(countedBytes / MB).toFixed(1)} MB`,
    `${(grownBytes / MB).toFixed(1)} MB`,
    (countedBytes / grownBytes).toFixed(3),
    `${Math.round(grownBytes / records - bodyBytes)} B`,
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

async function measure(index: number): Promise<Measured> {
  const load = LOADS[index];
  if (load === undefined) throw new RangeError(`there is no load ${index}`);
  const maxBytes = load.records * (load.bodyBytes + 3000) * (churn > 1 ? 1 : 2);
  const packer = new Packer();
  const store = new MemoryStore<StoredMeta>({
    maxBytes,
    sizeOf: sizeOfMeta,
    pack: (meta) => packer.pack(meta),
    policy: new Gdsf<MemoryRecord<StoredMeta>>({ alpha: 0.6 }),
  });
  const before = await settledRss();
  for (let i = 0; i < load.records * churn; i += 1) put(store, i, load.bodyBytes, load.chunkBytes);
  const grownBytes = (await settledRss()) - before;
  const { bytes, records } = await store.stats();
  return { records, bodyBytes: load.bodyBytes, countedBytes: bytes, grownBytes };
}

/** RSS once garbage is gone. */
async function settledRss(): Promise<number> {
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return process.memoryUsage.rss();
}

/** As a fill does it: chunks with their own bytes, written to, strings of their own. */
function put(store: MemoryStore<StoredMeta>, i: number, bodyBytes: number, chunkBytes: number): void {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bodyBytes; at += chunkBytes)
    chunks.push(Buffer.allocUnsafeSlow(Math.min(chunkBytes, bodyBytes - at)).fill(i));
  store.putNow(
    `https://www.example.org/assets/page-${i}.html?version=${i % 7}`,
    '',
    metaOf(i, bodyBytes),
    chunks,
  );
}

/** A meta as the path makes one: every name and value a string of its own, as the origin's head is parsed. */
function metaOf(i: number, bodyBytes: number): StoredMeta {
  const now = 1_790_000_000_000 + i;
  const minute = String(i % 60).padStart(2, '0');
  const lines = [
    ...['Date', `Mon, 23 Nov 2026 20:${minute}:00 GMT`],
    ...['Server', 'nginx/1.28.0'],
    ...['Content-Type', 'text/html; charset=utf-8'],
    ...['Last-Modified', `Mon, 23 Nov 2026 19:${minute}:00 GMT`],
    ...['ETag', `"${i.toString(16)}-${bodyBytes.toString(16)}"`],
    ...['Cache-Control', 'public, max-age=3600, stale-while-revalidate=60'],
    ...['Vary', 'Accept-Encoding'],
    ...['X-Request-Id', (i * 7919).toString(16).padStart(32, '0')],
  ].map((text) => Buffer.from(text, 'latin1').toString('latin1'));
  return {
    status: 200,
    lines,
    requestedAt: now,
    respondedAt: now + 12,
    initialAgeMs: 0,
    lifetimeMs: 3_600_000,
    freshUntil: now + 3_600_012,
    heuristic: false,
    staleWhileRevalidateMs: 60_000,
    staleIfErrorMs: 0,
    mustRevalidate: false,
    noCache: false,
    vary: ['accept-encoding'],
    varyValues: ['gzip'],
    etag: lines[9],
    lastModified: now - 3_600_000,
    seq: 0,
    partial: undefined,
    authorized: false,
    content: undefined,
    coded: undefined,
  };
}

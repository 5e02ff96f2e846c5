// A million stored responses on disk: how soon does the edge serve, in how much memory, how fast are lookups (also while it
// writes), what does one purge of them all cost? `node bench/million.ts`; last figures in bench/README.md.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { Agent, get as httpGet, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { storedMetaCodec } from '../src/cache/codec.ts';
import type { StoredMeta } from '../src/cache/stored.ts';
import { Journal } from '../storage/journal.ts';
import { openSqliteStore, type SqliteStore } from '../storage/sqlite.ts';
import { Child, freePort } from './children.ts';
import { positiveNumber } from './options.ts';
import { seeded } from './zipf.ts';

const GB = 1024 ** 3;
const BODY_BYTES = 1024;
const BATCH = 10_000;
const HOT = 'http://hot.test/';

const options = new Command('bench-million')
  .option('--records <n>', 'stored responses', positiveNumber, 1_000_000)
  .option('--dir <dir>', 'directory of the disk tier; filled once and kept, unless it is not given')
  .option('--main <file>', "the edge's entry point", resolve(import.meta.dirname, '../src/holdfast.js'))
  .parse()
  .opts<{ records: number; dir?: string; main: string }>();

const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'holdfast-million-')));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let edge: Child | undefined;
try {
  await fill();
  const { size } = await stat(join(dir, 'responses.db'));
  say('disk', `${(size / GB).toFixed(2)} GB, ${Math.round(size / options.records)} B a response of 1 KB`);
  await lookups();
  await purges(await start());
} finally {
  agent.destroy();
  await edge?.stop();
  if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
}

function say(what: string, figures: string): void {
  console.log(`${what.padEnd(34)} ${figures}`);
}

function keyOf(i: number): string {
  return `http://bench.test/section-${i % 100}/page-${i}.html`;
}

function metaOf(i: number, tags: string): StoredMeta {
  const now = Date.now();
  const lines = [
    ...['Date', new Date(now).toUTCString(), 'Server', 'nginx/1.28.0'],
    ...['Content-Type', 'text/html; charset=utf-8', 'ETag', `"${i.toString(16)}-400"`],
    ...['Cache-Control', 'public, max-age=86400', 'Surrogate-Key', tags],
    ...['X-Request-Id', (i * 7919).toString(16).padStart(32, '0')],
  ];
  return {
    status: 200,
    lines,
    requestedAt: now,
    respondedAt: now,
    initialAgeMs: 0,
    lifetimeMs: 86_400_000,
    freshUntil: now + 86_400_000,
    heuristic: false,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    mustRevalidate: false,
    noCache: false,
    vary: [],
    varyValues: [],
    etag: `"${i.toString(16)}-400"`,
    lastModified: undefined,
    seq: 0,
    partial: undefined,
    authorized: false,
    content: undefined,
    coded: undefined,
  };
}

function bodyOf(i: number): Buffer {
  const body = Buffer.alloc(BODY_BYTES, i % 251);
  body.writeUInt32LE(i);
  return body;
}

async function withStore(use: (store: SqliteStore<StoredMeta>) => Promise<void>): Promise<void> {
  const journal = await Journal.open({ dir, now: Date.now, among: false });
  const store = await openSqliteStore({
    dir,
    maxBytes: 64 * GB,
    codec: storedMetaCodec,
    journalId: journal.id,
  });
  try {
    await use(store);
  } finally {
    await store.close();
    await journal.close();
  }
}

async function fill(): Promise<void> {
  await withStore(async (store) => {
    const begunAt = performance.now();
    const { records } = await store.stats();
    if (records > options.records / 2) return;
    for (let i = 0; i < options.records; i += 1) {
      if (!(await store.put(keyOf(i), '', metaOf(i, `all g${i % 1000}`), [bodyOf(i)])))
        throw new Error('declined');
      if (i % BATCH === BATCH - 1) await store.flush();
    }
    await store.put(HOT, '', metaOf(0, 'hot'), [bodyOf(0)]);
    await store.flush();
    say('a write', `${((1000 * (performance.now() - begunAt)) / options.records).toFixed(1)} µs`);
  });
}

async function lookups(): Promise<void> {
  await withStore(async (store) => {
    const random = seeded(1);
    const measure = async (what: string, count: number): Promise<void> => {
      const times: number[] = [];
      for (let n = 0; n < count; n += 1) {
        const i = Math.floor(random() * options.records);
        const begunAt = performance.now();
        const [found] = await store.get(keyOf(i));
        times.push(performance.now() - begunAt);
        if (found?.body.chunks?.[0]?.equals(bodyOf(i)) !== true) throw new Error(`${keyOf(i)} is not there`);
      }
      say(what, quantiles(times));
    };
    await measure('lookup, nothing else going on', 20_000);
    let isOn = true;
    let written = 0;
    const writing = (async () => {
      for (let i = 0; isOn; i += 1) {
        for (let n = 0; n < 5; n += 1, written += 1)
          await store.put(`http://new.test/${i % 20_000}`, '', metaOf(i, 'new'), [
            Buffer.alloc(1024 * (1 + (i % 30))),
          ]);
        await new Promise((soon) => setTimeout(soon, 2));
      }
    })();
    const begunAt = performance.now();
    await measure('lookup, while it writes', 40_000);
    isOn = false;
    await writing;
    say('', `(${Math.round((1000 * written) / (performance.now() - begunAt))} writes/s of 1 to 30 KB)`);
  });
}

interface Started {
  readonly url: string;
  readonly admin: string;
}

async function start(): Promise<Started> {
  const [port, admin] = [await freePort(), await freePort()];
  const begunAt = performance.now();
  const flags = [
    '--origin',
    'http://127.0.0.1:9',
    '--listen',
    `127.0.0.1:${port}`,
    '--admin',
    `127.0.0.1:${admin}`,
  ];
  edge = new Child('the edge', [options.main, 'run', ...flags, '--disk', dir, '--access-log', 'off']);
  const started = { url: `http://127.0.0.1:${port}`, admin: `http://127.0.0.1:${admin}` };
  for (;;) {
    const answer = await page(started.url, keyOf(4711)).catch(() => undefined);
    if (answer?.hit === true) break;
    await new Promise((soon) => setTimeout(soon, 5));
  }
  say('start to the first hit from disk', `${Math.round(performance.now() - begunAt)} ms`);
  const random = seeded(2);
  for (let n = 0; n < 5000; n += 1) await page(started.url, keyOf(Math.floor(random() * options.records)));
  say('peak RSS after 5,000 hits from disk', `${Math.round((edge.usage()?.peakRssBytes ?? 0) / 1e6)} MB`);
  return started;
}

async function purges({ url, admin }: Started): Promise<void> {
  await page(url, HOT);
  const hits = async (what: string, until: () => Promise<boolean>): Promise<void> => {
    const times: number[] = [];
    const begunAt = performance.now();
    for (let n = 0; ; n += 1) {
      const sentAt = performance.now();
      if (!(await page(url, HOT)).hit) throw new Error('the hot page is no hit');
      times.push(performance.now() - sentAt);
      if (n % 200 === 199 && ((await until()) || performance.now() - begunAt > 20_000)) break;
    }
    say(what, quantiles(times));
  };
  let rounds = 0;
  await hits('a hit in memory over HTTP', async () => ++rounds > 30);
  for (const [what, body] of [
    ['a soft purge of all by tag', { tags: ['all'], mode: 'invalidate' }],
    ['a soft purge of one by prefix', { prefixes: ['bench.test/section-1/page-1.html'], mode: 'invalidate' }],
    ['a hard purge of all by host', { hosts: ['bench.test'], mode: 'delete' }],
  ] as const) {
    const begunAt = performance.now();
    const receipt = await ask(`${admin}/purge`, JSON.stringify(body));
    say(what, `answered in ${(performance.now() - begunAt).toFixed(1)} ms`);
    let last: Receipt = receipt;
    let countedMs = 0;
    await hits('  a hit while it is counted', async () => {
      last = await ask(`${admin}/purges/${receipt.id}`);
      if (last.counting !== true && countedMs === 0) countedMs = performance.now() - begunAt;
      return last.counting !== true;
    });
    say('  counted', `${JSON.stringify(last.matched)} within ${Math.round(countedMs)} ms`);
  }
  rounds = 0;
  await hits('a hit while bytes are given back', async () => ++rounds > 30);
  say('peak RSS in the end', `${Math.round((edge?.usage()?.peakRssBytes ?? 0) / 1e6)} MB`);
}

interface Receipt {
  readonly id: string;
  readonly counting?: boolean;
  readonly matched?: unknown;
}

/** One purge as a receipt. */
async function ask(url: string, body?: string): Promise<Receipt> {
  const answered = await new Promise<string>((done, failed) => {
    const asking = request(url, { method: body === undefined ? 'GET' : 'POST' }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => done(text));
    });
    asking.on('error', failed);
    asking.end(body);
  });
  const parsed = JSON.parse(answered);
  return (parsed.purges?.[0] ?? parsed) as Receipt;
}

function page(edgeUrl: string, key: string): Promise<{ readonly hit: boolean }> {
  const { host, pathname } = new URL(key);
  return new Promise((done, failed) => {
    httpGet(`${edgeUrl}${pathname}`, { agent, headers: { host } }, (response) => {
      response.resume();
      response.on('end', () => done({ hit: response.headers['x-cache'] === 'HIT' }));
    }).on('error', failed);
  });
}

function quantiles(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);
  return `p50 ${at(0.5)} · p99 ${at(0.99)} · p99.9 ${at(0.999)} ms (${times.length} of them)`;
}

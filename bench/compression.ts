// What compressing in the store is worth, and what it costs. node bench/compression.ts [seconds each]: first what each encoding
// makes of text that everybody has at hand, then the edge's CPU time for a hit with compression off and on.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { CODINGS } from '../src/compress/coding.ts';
import { encode } from '../src/compress/encode.ts';
import { DEFAULT_COMPRESS } from '../src/compress/rules.ts';
import { Child, freePort } from './children.ts';

const seconds = Number(process.argv[2] ?? 4);
const ROOT = join(import.meta.dirname, '..');
const FILES = [
  ['src/demo/site/how.html', 'text/html'],
  ['src/demo/site/style.css', 'text/css'],
  ['docs/settings.md', 'text/markdown'],
  ['config.schema.json', 'application/json'],
  ['node_modules/zod/v4/core/schemas.js', 'text/javascript'],
  ['node_modules/fast-check/lib/fast-check.js', 'text/javascript'],
] as const;
const CASES = [
  ['off', undefined],
  ['off', 'gzip'],
  ['on', undefined],
  ['on', 'gzip'],
  ['on', 'gzip, deflate, br, zstd'],
] as const;
const HITS = ['src/demo/site/style.css', 'node_modules/zod/v4/core/schemas.js'];

const out: string[] = ['| text | bytes | zstd | br | gzip |', '| --- | ---: | ---: | ---: | ---: |'];
for (const [path] of FILES) {
  const body = readFileSync(join(ROOT, path));
  const cells: string[] = [];
  for (const coding of CODINGS) cells.push(await ratio(body, coding));
  out.push(`| ${path} | ${body.length.toLocaleString('en')} | ${cells.join(' | ')} |`);
}
out.push(
  '',
  '| hit | compression | Accept-Encoding | bytes on the wire | CPU/hit |',
  '| --- | --- | --- | ---: | ---: |',
);

const originPort = await freePort();
const origin = createServer(({ url = '' }, response) => {
  const [path, type] = FILES.find(([one]) => url === `/${one}`) ?? FILES[0];
  const body = readFileSync(join(ROOT, path));
  response.writeHead(200, {
    ...{ 'Content-Type': type, 'Content-Length': body.length },
    ...{ 'Cache-Control': 'max-age=3600', ETag: '"v1"' },
  });
  response.end(body);
}).listen(originPort, '127.0.0.1');
try {
  for (const path of HITS) for (const [setting, accept] of CASES) out.push(await hits(path, setting, accept));
  process.stdout.write(`${out.join('\n')}\n`);
} finally {
  origin.close();
  origin.closeAllConnections();
}

/** The default level: how often smaller, in how much time. */
async function ratio(body: Buffer, coding: (typeof CODINGS)[number]): Promise<string> {
  const begunAt = performance.now();
  const encoded = await encode([body], {
    coding,
    level: DEFAULT_COMPRESS.levels[coding],
    length: body.length,
    maxBytes: body.length,
  });
  const ms = performance.now() - begunAt;
  return encoded === undefined ? '-' : `${(body.length / encoded.bytes).toFixed(1)}× in ${ms.toFixed(0)} ms`;
}

async function hits(path: string, setting: 'on' | 'off', accept: string | undefined): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-compression-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const config = {
    ...{ listen: `127.0.0.1:${port}`, admin: `127.0.0.1:${adminPort}`, workers: 1 },
    ...{ origin: `http://127.0.0.1:${originPort}`, disk: { dir: 'none' } },
    log: { level: 'warn', access: false },
    cache: { compress: { encodings: setting === 'on' ? CODINGS : [] } },
  };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  const edge = new Child('edge', [join(ROOT, 'src/main.ts'), 'run', '--config', join(dir, 'config.json')]);
  try {
    await edge.ready(`http://127.0.0.1:${adminPort}/healthz`, 60_000);
    const headers = accept === undefined ? {} : { 'Accept-Encoding': accept };
    const load = async (duration: number) =>
      autocannon({
        url: `http://127.0.0.1:${port}/${path}`,
        ...{ connections: 16, pipelining: 4, duration },
        requests: [{ setupRequest: (request) => ({ ...request, headers }) }],
      });
    await load(1);
    const before = edge.usage()?.cpuSeconds ?? Number.NaN;
    const { requests, throughput } = await load(seconds);
    const cpu = ((edge.usage()?.cpuSeconds ?? Number.NaN) - before) * 1e6;
    const bytes = Math.round(throughput.total / requests.total);
    const perHit = `${(cpu / requests.total).toFixed(1)} µs`;
    return `| ${path} | ${setting} | ${accept ?? '-'} | ${bytes.toLocaleString('en')} | ${perHit} |`;
  } finally {
    await edge.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

// What the disk tier costs: a lookup that finds nothing and a put of 1 KB, so many a millisecond as an edge would ask for, and
// the CPU of each of the process's threads. Question, command, last figures: bench/README.md.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { openSqliteStore } from '../storage/sqlite.ts';
import { positiveNumber } from './options.ts';

const options: { readonly puts: number; readonly perMs: number } = new Command('bench/disk')
  .option('--puts <n>', 'lookups and puts that are measured', positiveNumber, 30_000)
  .option('--per-ms <n>', 'begun every millisecond', positiveNumber, 6)
  .parse()
  .opts();

const WARM_PUTS = 15_000;
const meta = Buffer.alloc(400, 'm');
const body = Buffer.alloc(1024, 'b');
const dir = mkdtempSync(join(tmpdir(), 'holdfast-disk-'));
const store = await openSqliteStore<Buffer>({
  dir,
  maxBytes: 8 * 1024 ** 3,
  codec: {
    encode: () => meta,
    decode: (bytes) => bytes,
    entry: (key) => ({ url: key.slice(5), tags: [], seq: 1 }),
  },
});
try {
  await run(0, WARM_PUTS);
  const before = threadMicros();
  await run(WARM_PUTS, WARM_PUTS + options.puts);
  report(before);
} finally {
  await store.close();
  rmSync(dir, { recursive: true });
}

async function run(from: number, to: number): Promise<void> {
  const asked: Promise<unknown>[] = [];
  for (let next = from; next < to; ) {
    for (let i = 0; i < options.perMs && next < to; i += 1, next += 1) {
      const key = `http://127.0.0.1:8080/miss/${next}`;
      asked.push(store.get(key).then(() => store.put(key, '', meta, [body])));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(asked);
  await store.flush();
}

/** CPU of each thread so far, µs. */
function threadMicros(): ReadonlyMap<string, number> {
  const threads = new Map<string, number>();
  for (const thread of readdirSync('/proc/self/task')) {
    const [nanos] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ');
    const name = readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
    threads.set(`${name} ${thread}`, Number(nanos) / 1000);
  }
  return threads;
}

function report(before: ReadonlyMap<string, number>): void {
  let all = 0;
  for (const [thread, micros] of threadMicros()) {
    const each = (micros - (before.get(thread) ?? 0)) / options.puts;
    all += each;
    if (each > 0.5) console.log(`${thread.padEnd(24)} ${each.toFixed(1).padStart(6)} µs`);
  }
  console.log(`${'lookup and put'.padEnd(24)} ${all.toFixed(1).padStart(6)} µs of CPU`);
}

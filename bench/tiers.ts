// Memory before a disk: what should be written to the disk, and when? `node bench/tiers.ts`; see bench/README.md. Both
// tiers are MemoryStores with GDSF, so that only the rule of writing differs.

import { Command } from 'commander';
import { Gdsf } from '../storage/eviction/gdsf.ts';
import { type MemoryRecord, MemoryStore } from '../storage/memory.ts';
import { decimalNumber, numbers } from './options.ts';
import { bodyOf, META_BYTES, nameOf } from './policies/stored.ts';
import { DEFAULT_TRACE, makeTrace, type Trace } from './traces.ts';

type Rule = 'every miss' | 'demoted' | 'every miss, again when demoted' | 'second miss';
const RULES: readonly Rule[] = ['every miss', 'demoted', 'every miss, again when demoted', 'second miss'];

interface Tiers {
  /** Shares of the requests that memory and disk answered. */
  readonly memoryRatio: number;
  readonly diskRatio: number;
  readonly byteRatio: number;
  /** Object hit ratio of the tenth of the trace after a restart in its middle. */
  readonly restartRatio: number;
  readonly writes: number;
  readonly writtenBytes: number;
}

const options = new Command('tiers')
  .option('--seeds <list>', 'one run per seed and exponent', numbers, [101, 102])
  .option('--zipf <list>', 'exponents', numbers, [0.7, 0.9, 1.1])
  .option('--memory <share>', 'of the footprint', decimalNumber, 0.02)
  .option('--disk <share>', 'of the footprint', decimalNumber, 0.2)
  .option('--memory-alpha <a>', 'of GDSF in memory', decimalNumber, 0.6)
  .option('--disk-alpha <a>', 'of GDSF on the disk', decimalNumber, 0.5)
  .parse()
  .opts<
    Record<'memory' | 'disk' | 'memoryAlpha' | 'diskAlpha', number> & Record<'seeds' | 'zipf', number[]>
  >();

const results = new Map<Rule, Tiers[]>(RULES.map((rule) => [rule, []]));
for (const seed of options.seeds) {
  for (const exponent of options.zipf) {
    const trace = makeTrace({ ...DEFAULT_TRACE, seed, exponent });
    for (const rule of RULES) {
      process.stderr.write(`seed ${seed}, zipf ${exponent}, ${rule}\n`);
      results.get(rule)?.push(run(trace, rule));
    }
  }
}
console.log('| written to disk | memory | memory + disk | bytes | after a restart | writes | GB written |');
console.log('|---|---:|---:|---:|---:|---:|---:|');
for (const [rule, runs] of results) {
  const mean = (of: (one: Tiers) => number): number =>
    runs.reduce((sum, one) => sum + of(one), 0) / runs.length;
  const percent = (of: (one: Tiers) => number): string => (100 * mean(of)).toFixed(1);
  const cells = [
    rule,
    percent((one) => one.memoryRatio),
    percent((one) => one.memoryRatio + one.diskRatio),
    percent((one) => one.byteRatio),
    percent((one) => one.restartRatio),
    Math.round(mean((one) => one.writes)).toLocaleString('en'),
    (mean((one) => one.writtenBytes) / 1e9).toFixed(1),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

function run({ requests, sizes, footprintBytes }: Trace, rule: Rule): Tiers {
  const seen = new Set<string>();
  const count = { memory: 0, disk: 0, hitBytes: 0, bytes: 0, writes: 0, written: 0, afterRestart: 0 };
  const open = (share: number, alpha: number, onEvict?: (record: MemoryRecord<undefined>) => void) =>
    new MemoryStore<undefined>({
      maxBytes: footprintBytes * share,
      sizeOf: () => META_BYTES,
      policy: new Gdsf({ alpha, seed: 1 }),
      ...(onEvict !== undefined && { onEvict }),
    });
  const disk = open(options.disk, options.diskAlpha);
  const write = (key: string, body: Buffer): void => {
    if (disk.putNow(key, '', undefined, [body]) === undefined) return;
    count.writes += 1;
    count.written += body.length;
  };
  const memory = open(options.memory, options.memoryAlpha, ({ key, body }) => {
    const [chunk] = body.chunks;
    const demotes = rule === 'demoted' || rule === 'every miss, again when demoted';
    if (demotes && chunk !== undefined && disk.getNow(key) === undefined) write(key, chunk);
  });
  const restart = requests.length >> 1;
  for (const [at, object] of requests.entries()) {
    if (at === restart) memory.clearNow();
    const key = nameOf(object);
    const body = bodyOf(sizes[object] ?? 0);
    count.bytes += body.length;
    const [held] = memory.getNow(key) ?? [];
    const [stored] = held === undefined ? (disk.getNow(key) ?? []) : [];
    if (held !== undefined) memory.touch(held);
    else if (stored !== undefined) {
      disk.touch(stored);
      memory.putNow(key, '', undefined, [body], true);
    } else {
      const kept = memory.putNow(key, '', undefined, [body]) !== undefined;
      const again = seen.has(key);
      if (rule.startsWith('every miss') || (rule === 'second miss' && again) || (rule === 'demoted' && !kept))
        write(key, body);
      seen.add(key);
    }
    if (held === undefined && stored === undefined) continue;
    if (held !== undefined) count.memory += 1;
    else count.disk += 1;
    count.hitBytes += body.length;
    if (at >= restart && at < restart + requests.length / 10) count.afterRestart += 1;
  }
  return {
    memoryRatio: count.memory / requests.length,
    diskRatio: count.disk / requests.length,
    byteRatio: count.hitBytes / count.bytes,
    restartRatio: count.afterRestart / (requests.length / 10),
    writes: count.writes,
    writtenBytes: count.written,
  };
}

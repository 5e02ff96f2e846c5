// A child process of the kill test: writes records into several databases for ever and prints a line per round. Each meta is the
// hash of its body; some bodies are put in parts.

import { hash } from 'node:crypto';
import { openSqliteStore, type SqliteStore } from '../../storage/sqlite.ts';
import { bytesOf, textCodec } from './bytes.ts';

const [first = '0', ...dirs] = process.argv.slice(2);
const maxBytes = 16 * 1024 * 1024;
const stores = await Promise.all(
  dirs.map((dir) => openSqliteStore<string>({ dir, maxBytes, codec: textCodec })),
);

async function putInParts(store: SqliteStore<string>, key: string, body: Buffer): Promise<void> {
  const inflow = store.inflow();
  await inflow?.write(body);
  if ((await inflow?.end()) === true) await inflow?.finish(key, 'parts', hash('sha256', body));
}

async function write(store: SqliteStore<string>, round: number): Promise<void> {
  for (let i = 0; i < 20; i += 1) {
    const seed = round * 20 + i;
    const key = `k${(seed * 31) % 97}`;
    const body = bytesOf(i === 7 ? 1_500_000 : (seed * 7919) % 40_000, seed);
    if (i === 13) void putInParts(store, key, bytesOf(600_000, seed));
    else await store.put(key, `${seed % 3}`, hash('sha256', body), [body]);
  }
  if (round % 5 === 4) await store.delete(`k${round % 97}`);
  await store.stats();
}

for (let round = Number(first); ; round += 1) {
  await Promise.all(stores.map((store, i) => write(store, round * 10 + i)));
  process.stdout.write(`${round}\n`);
}

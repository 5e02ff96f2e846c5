// A child process of the kill test: writes records for ever and prints a line per round. Each meta is the hash of its body.

import { hash } from 'node:crypto';
import { openSqliteStore } from '../../storage/sqlite.ts';
import { bytesOf, textCodec } from './bytes.ts';

const [dir = '', first = '0'] = process.argv.slice(2);
const store = await openSqliteStore<string>({ dir, maxBytes: 16 * 1024 * 1024, codec: textCodec });
for (let round = Number(first); ; round += 1) {
  for (let i = 0; i < 20; i += 1) {
    const seed = round * 20 + i;
    const body = bytesOf(i === 7 ? 1_500_000 : (seed * 7919) % 40_000, seed);
    await store.put(`k${(seed * 31) % 97}`, `${seed % 3}`, hash('sha256', body), [body]);
  }
  if (round % 5 === 4) await store.delete(`k${round % 97}`);
  await store.stats();
  process.stdout.write(`${round}\n`);
}

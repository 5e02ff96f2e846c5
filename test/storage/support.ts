// What the storage tests share: a scratch directory, a store on it, reading a body whole.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStore, type SqliteOptions, type SqliteStore } from '../../storage/sqlite.ts';
import type { StoredBody } from '../../storage/store.ts';
import { textCodec } from './bytes.ts';

export { bytesOf, textCodec } from './bytes.ts';

/** A directory that is removed when the test ends. */
export async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A SQLite store that is closed when the test ends. */
export async function openDisk(
  options: { readonly dir: string } & Partial<SqliteOptions<string>>,
): Promise<SqliteStore<string>> {
  const store = await openSqliteStore<string>({
    maxBytes: 64 * 1024 * 1024,
    codec: textCodec,
    retryMs: 20,
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

export async function collect(body: StoredBody, start = 0, end = body.length): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of body.read(start, end)) parts.push(part);
  return Buffer.concat(parts);
}

// Counts of purges on the disk: what one has deleted is not there for the next, though its bytes are still to be given back.

import { describe, expect, it, onTestFinished } from 'vitest';
import { DiskSweep } from '../../src/admin/sweep-disk.ts';
import { storedMetaCodec } from '../../src/cache/codec.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Journal, type Selector } from '../../storage/journal.ts';
import type { SqliteStore } from '../../storage/sqlite.ts';
import { openSqliteStore } from '../../storage/sqlite.ts';
import { scratch } from '../storage/support.ts';
import { storedMeta } from '../support/stored-meta.ts';

const TAG: Selector = { kind: 'tag', tag: 't' };
const HOST: Selector = { kind: 'host', host: 'a.test' };

async function diskWith(records: number): Promise<SqliteStore<StoredMeta>> {
  const disk = await openSqliteStore({
    dir: await scratch(),
    maxBytes: 64 * 1024 * 1024,
    codec: storedMetaCodec,
  });
  onTestFinished(() => disk.close());
  for (let i = 0; i < records; i += 1) {
    const lines = ['xkey', i % 2 === 0 ? 't' : 'u'];
    await disk.put(`http://a.test/${i}`, '', storedMeta({ seq: 0, lines }), [Buffer.from('hello')]);
  }
  return disk;
}

describe('a sweep of the disk', () => {
  it('counts each stored response for the first purge that deletes it, and gives the bytes back', async () => {
    const disk = await diskWith(200);
    const failures: unknown[] = [];
    const sweep = new DiskSweep(disk, (error) => failures.push(error));
    const counts = await Promise.all([
      sweep.count({ selector: TAG, before: 1, mode: 'dry-run' }),
      sweep.count({ selector: TAG, before: 1, mode: 'delete' }),
      sweep.count({ selector: HOST, before: 2, mode: 'invalidate' }),
      sweep.count({ selector: HOST, before: 3, mode: 'delete' }),
      sweep.count({ selector: HOST, before: 4, mode: 'delete' }),
    ]);
    expect(counts.map(({ records }) => records)).toEqual([100, 100, 100, 100, 0]);
    await expect.poll(async () => (await disk.stats()).records, { interval: 5, timeout: 10_000 }).toBe(0);
    // A sweep may still be looking for more when the disk closes after the test.
    expect(failures).toEqual([]);
  });

  it('gives back what purges of an earlier run deleted', async () => {
    const disk = await diskWith(20);
    const journal = await Journal.open();
    void journal.append(TAG, 'invalidate', 'test', 0);
    void journal.append(TAG, 'delete', 'test', 0);
    const failures: unknown[] = [];
    new DiskSweep(disk, (error) => failures.push(error)).resume(journal.recent(10));
    await expect.poll(async () => (await disk.stats()).records, { interval: 5, timeout: 10_000 }).toBe(10);
    expect(failures).toEqual([]);
  });

  it('rejects a count that the disk fails', async () => {
    const disk = await diskWith(1);
    await disk.close();
    const sweep = new DiskSweep(disk, () => undefined);
    await expect(sweep.count({ selector: TAG, before: 1, mode: 'delete' })).rejects.toThrow();
  });
});

// Walking the disk in the background: every record is met, what is dropped is what was met.

import { describe, expect, it } from 'vitest';
import type { Walkable, Walked } from '../../storage/store.ts';
import { bytesOf, openDisk, scratch } from './support.ts';

async function met(
  disk: Walkable<string>,
  needles?: readonly Uint8Array[],
): Promise<readonly Walked<string>[]> {
  const records: Walked<string>[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await disk.walk(after, needles);
    records.push(...page.records);
    after = page.next;
  }
  return records;
}

describe('a walk over the disk', () => {
  it('meets every variant of every key once, over many pages', async () => {
    const disk = await openDisk({ dir: await scratch() });
    for (let i = 0; i < 700; i += 1) await disk.put(`key ${i}`, '', `meta ${i}`, [bytesOf(10)]);
    await disk.put('key 5', 'other', 'meta 5b', [bytesOf(20)]);
    await disk.flush();
    const records = await met(disk);
    expect(records).toHaveLength(701);
    expect(new Set(records.map(({ key, variant }) => `${key}\n${variant}`)).size).toBe(701);
    expect(records.find(({ variant }) => variant === 'other')).toMatchObject({
      key: 'key 5',
      meta: 'meta 5b',
      bytes: 27,
    });
  });

  it('leaves out what holds none of the needles, in its key or its meta', async () => {
    const disk = await openDisk({ dir: await scratch() });
    for (const [key, meta] of [
      ['http://a/1', 'red'],
      ['http://a/2', 'green'],
      ['http://b/1', 'red'],
    ] as const)
      await disk.put(key, '', meta, [bytesOf(10)]);
    await disk.flush();
    const keys = async (...needles: string[]): Promise<readonly string[]> =>
      (
        await met(
          disk,
          needles.map((text) => Buffer.from(text)),
        )
      )
        .map(({ key }) => key)
        .sort();
    expect(await keys('//b/')).toEqual(['http://b/1']);
    expect(await keys('green', '//b/')).toEqual(['http://a/2', 'http://b/1']);
    expect(await keys('blue')).toEqual([]);
  });

  it('says that there are puts on their way', async () => {
    const disk = await openDisk({ dir: await scratch() });
    await disk.put('key', '', 'meta', [bytesOf(10)]);
    for (let page = await disk.walk(0); ; page = await disk.walk(0)) {
      if (page.records.length > 0) break;
      expect(page).toMatchObject({ next: undefined, pending: true });
    }
    await disk.flush();
    expect(await disk.walk(0)).toMatchObject({ pending: false });
  });

  it('drops what was met, unless it has been replaced since', async () => {
    const disk = await openDisk({ dir: await scratch() });
    for (const key of ['a', 'b', 'c']) await disk.put(key, '', 'old', [bytesOf(10)]);
    await disk.flush();
    const records = await met(disk);
    await disk.put('b', '', 'new', [bytesOf(10)]);
    expect(await disk.drop(records)).toEqual({ records: 2, bytes: 26 });
    expect(await disk.get('a')).toEqual([]);
    expect(await disk.get('b')).toMatchObject([{ meta: 'new' }]);
    expect((await disk.stats()).records).toBe(1);
  });

  it('knows at once what there is, queued puts among it', async () => {
    const disk = await openDisk({ dir: await scratch() });
    for (const key of ['a', 'b']) await disk.put(key, '', 'meta', [bytesOf(10)]);
    expect((await disk.total()).records).toBe(2);
    await disk.flush();
    expect(await disk.total()).toEqual({ records: 2, bytes: 28 });
    await disk.clear();
    expect(await disk.total()).toEqual({ records: 0, bytes: 0 });
  });
});

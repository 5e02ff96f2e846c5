// Bodies that are put while they come: bounded, whole or not there, readable as far as they are written.

import { describe, expect, it } from 'vitest';
import type { SqliteStore } from '../../storage/sqlite.ts';
import { type Inflow, StoreError } from '../../storage/store.ts';
import { bytesOf, collect, openDisk, scratch } from './support.ts';

const MB = 1024 * 1024;

function begun(store: SqliteStore<string>): Inflow<string> {
  const inflow = store.inflow();
  if (inflow === undefined) throw new Error('no inflow');
  return inflow;
}

describe('a body put in parts', () => {
  it.each([1, 262_144, 262_145, 5_000_000])(
    'is found whole, after a restart too: %i bytes',
    async (length) => {
      const dir = await scratch();
      const store = await openDisk({ dir });
      const body = bytesOf(length);
      const inflow = begun(store);
      for (let at = 0; at < length; at += 70_001) await inflow.write(body.subarray(at, at + 70_001));
      expect(await inflow.end()).toBe(true);
      expect(await store.get('k')).toEqual([]);
      expect(await inflow.finish('k', 'v', 'meta')).toBe(true);
      const [found] = await store.get('k');
      expect(found).toMatchObject({ variant: 'v', meta: 'meta', body: { length } });
      expect(found && (await collect(found.body)).equals(body)).toBe(true);
      await store.close();
      const [again] = await (await openDisk({ dir })).get('k');
      expect(again && (await collect(again.body)).equals(body)).toBe(true);
    },
  );

  it('can be read as far as it is written, before it is whole and after', async () => {
    const store = await openDisk({ dir: await scratch() });
    const body = bytesOf(1_000_000);
    const inflow = begun(store);
    let told = 0;
    inflow.onWritten = () => {
      told += 1;
    };
    await inflow.write(body.subarray(0, 600_000));
    await expect.poll(() => inflow.written, { interval: 1 }).toBe(524_288);
    expect(told).toBe(2);
    const read = async (position: number): Promise<void> => {
      const bytes = await inflow.read(position);
      expect(bytes.equals(body.subarray(position, position + bytes.length))).toBe(true);
    };
    await read(0);
    await read(300_001);
    await expect(inflow.read(600_000)).rejects.toThrow(StoreError);
    await inflow.write(body.subarray(600_000));
    await inflow.end();
    await inflow.finish('k', '', 'm');
    await store.flush();
    await read(999_999);
  });

  it('given up leaves nothing behind', async () => {
    const store = await openDisk({ dir: await scratch() });
    const before = (await store.stats()).bytes;
    const inflow = begun(store);
    await inflow.write(bytesOf(5_000_000));
    inflow.abandon();
    expect(await inflow.write(bytesOf(1000))).toBe(false);
    expect(await inflow.finish('k', '', 'm')).toBe(false);
    expect(await store.get('k')).toEqual([]);
    const small = async (): Promise<boolean> => {
      await store.put('other', '', 'm', [bytesOf(1)]);
      await store.flush();
      const { records, bytes } = await store.stats();
      return records === 1 && bytes < before + 6 * MB;
    };
    await expect.poll(small, { interval: 5, timeout: 10_000 }).toBe(true);
  });

  it('that was under way when the process was killed is swept after the next start', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir, maxBytes: 16 * MB });
    const inflow = begun(first);
    await inflow.write(bytesOf(3_000_000));
    await first.close();
    const store = await openDisk({ dir, maxBytes: 16 * MB });
    expect((await store.stats()).records).toBe(0);
    // There is room again for all of what was written.
    for (let i = 0; i < 12; i += 1) await store.put(`k${i}`, '', 'm', [bytesOf(1_000_000, i)]);
    await store.flush();
    expect((await store.stats()).records).toBeGreaterThan(9);
  });

  it('is given up beyond a quarter of the disk, all that is unfinished counted, and evicts no more', async () => {
    const store = await openDisk({ dir: await scratch(), maxBytes: 32 * MB });
    const [a, b] = [begun(store), begun(store)];
    expect(await a.write(bytesOf(5_000_000))).toBe(true);
    await a.end();
    for (let i = 0; i < 20 && (await b.write(bytesOf(300_000))); i += 1);
    expect(await b.end()).toBe(false);
    expect(await a.finish('k', '', 'm')).toBe(true);
    expect(await store.get('k')).toHaveLength(1);
  });
});

it('finds a large record while it is copied for the disk', async () => {
  const store = await openDisk({ dir: await scratch() });
  const body = bytesOf(6_000_000);
  const put = store.put('k', '', 'm', [body]);
  const [found] = await store.get('k');
  expect(found?.body.length).toBe(6_000_000);
  expect(await put).toBe(true);
});

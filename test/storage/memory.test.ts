// What memory promises beyond the contract: its budget, its room for fills, and records that stay the same object.

import { describe, expect, it } from 'vitest';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import { bytesOf, collect } from './support.ts';

const KB = 1024;

function open(maxBytes: number, onEvict?: (record: MemoryRecord<string>) => void): MemoryStore<string> {
  return new MemoryStore({
    maxBytes,
    sizeOf: (meta) => meta.length,
    ...(onEvict !== undefined && { onEvict }),
  });
}

describe('the hit path', () => {
  it('answers at once with the kept array and the same records until they are replaced', () => {
    const store = open(100 * KB);
    expect(store.getNow('k')).toBeUndefined();
    store.putNow('k', '', 'm', [bytesOf(10)]);
    const found = store.getNow('k');
    expect(store.getNow('k')).toBe(found);
    store.updateMetaNow('k', '', 'other');
    expect(store.getNow('k')?.[0]).not.toBe(found?.[0]);
    expect(store.getNow('k')?.[0]?.body).toBe(found?.[0]?.body);
    expect(found?.[0]).toMatchObject({ meta: 'm', resident: false, tier: 'memory' });
  });

  it('finds a record as soon as put was called', () => {
    const store = open(100 * KB);
    void store.put('k', '', 'm', [bytesOf(10)]);
    expect(store.getNow('k')).toHaveLength(1);
  });
});

describe('the budget', () => {
  it('is kept, overhead counted, and the least recently used goes first', async () => {
    const evicted: string[] = [];
    const store = open(50 * KB, ({ key }) => evicted.push(key));
    for (let i = 0; i < 10; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(3 * KB)]);
    const first = store.getNow('k0')?.[0];
    if (first !== undefined) store.touch(first);
    for (let i = 10; i < 20; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(3 * KB)]);
    const { bytes, records, evictions } = await store.stats();
    expect(bytes).toBeLessThanOrEqual(50 * KB);
    expect(bytes).toBeGreaterThan(records * 3 * KB);
    expect(evictions).toBe(20 - records);
    expect(evicted).toHaveLength(evictions);
    expect(evicted[0]).toBe('k1');
    expect(store.getNow('k0')).toHaveLength(1);
  });

  it('counts key, variant, meta and a fixed overhead', async () => {
    const store = open(1000 * KB);
    const bytesAfter = async (key: string, variant: string, meta: string): Promise<number> => {
      store.clearNow();
      store.putNow(key, variant, meta, [bytesOf(100)]);
      return (await store.stats()).bytes;
    };
    const least = await bytesAfter('k', '', '');
    expect(least).toBeGreaterThan(100);
    expect(await bytesAfter('k'.repeat(101), '', '')).toBe(least + 100);
    expect(await bytesAfter('k', 'v'.repeat(100), '')).toBe(least + 100);
    expect(await bytesAfter('k', '', 'm'.repeat(100))).toBe(least + 100);
  });

  it('counts to nothing once everything is gone', async () => {
    const store = open(100 * KB);
    for (let i = 0; i < 40; i += 1) store.putNow(`k${i % 7}`, `${i % 3}`, 'm'.repeat(i), [bytesOf(i * 50)]);
    store.updateMetaNow('k1', '1', 'longer than it was before');
    for (let i = 0; i < 7; i += 1) store.deleteNow(`k${i}`);
    expect(await store.stats()).toMatchObject({ records: 0, bytes: 0 });
  });

  it('declines a record over a quarter of it, and forgets what that would have replaced', async () => {
    const store = open(40 * KB);
    store.putNow('other', '', 'm', [bytesOf(100)]);
    store.putNow('k', '', 'old', [bytesOf(100)]);
    expect(await store.put('k', '', 'new', [bytesOf(11 * KB)])).toBe(false);
    expect(store.getNow('k')).toBeUndefined();
    expect(store.getNow('other')).toHaveLength(1);
    expect(await store.put('k', '', 'new', [bytesOf(8 * KB)])).toBe(true);
  });

  it('is shared with fills: a reservation evicts, and at most half is reserved', async () => {
    const store = open(40 * KB);
    for (let i = 0; i < 8; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(4 * KB)]);
    expect(store.reserve(15 * KB)).toBe(true);
    expect((await store.stats()).bytes).toBeLessThanOrEqual(25 * KB);
    expect(store.reserve(6 * KB)).toBe(false);
    expect(store.reserve(5 * KB)).toBe(true);
    for (let i = 0; i < 8; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(4 * KB)]);
    expect(await store.stats()).toMatchObject({ reservedBytes: 20 * KB });
    expect((await store.stats()).bytes).toBeLessThanOrEqual(20 * KB);
    store.release(20 * KB);
    expect(store.reserve(20 * KB)).toBe(true);
  });

  it('ignores a hit on a record that is gone', () => {
    const store = open(100 * KB);
    const record = store.putNow('k', '', 'm', [bytesOf(10)]);
    store.deleteNow('k');
    if (record !== undefined) store.touch(record);
    store.putNow('other', '', 'm', [bytesOf(10)]);
    expect(store.getNow('k')).toBeUndefined();
    expect(store.clearNow().records).toBe(1);
  });
});

describe('chunks', () => {
  it('are kept as given when they are all of their memory', () => {
    const chunks = [bytesOf(30_000), bytesOf(20_000)];
    const kept = open(1000 * KB).putNow('k', '', 'm', chunks)?.body.chunks;
    expect(kept?.[0]).toBe(chunks[0]);
    expect(kept?.[1]).toBe(chunks[1]);
  });

  it('are copied when they would pin more memory than they show', async () => {
    const pool = bytesOf(100_000);
    const body = open(1000 * KB).putNow('k', '', 'm', [
      pool.subarray(10, 20_010),
      pool.subarray(20_010, 20_020),
    ])?.body;
    expect(body?.chunks.map(({ buffer }) => buffer.byteLength)).toEqual([20_000, 10]);
    expect(body && (await collect(body)).equals(pool.subarray(10, 20_020))).toBe(true);
  });

  it('are joined when they are tiny', async () => {
    const whole = bytesOf(150_000);
    const tiny = Array.from({ length: 1500 }, (_, i) => whole.subarray(i * 100, i * 100 + 100));
    const body = open(1000 * KB).putNow('k', '', 'm', [Buffer.alloc(0), ...tiny])?.body;
    expect(body?.chunks.length).toBe(3);
    expect(body && (await collect(body)).equals(whole)).toBe(true);
  });
});

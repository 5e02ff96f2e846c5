// What several workers' parts of one store promise beyond the contract.

import { describe, expect, it } from 'vitest';
import { ReplicaRecord } from '../../storage/replicas.ts';
import type { Stored } from '../../storage/store.ts';
import { bytesOf, collect, openDisk, scratch } from './support.ts';
import { keyAt, type WorkerPart, type Workers, type WorkersOptions, workers } from './workers.ts';

const MB = 1024 ** 2;

/** Two workers: the home of `key`, and another. */
function pair(options: Omit<WorkersOptions, 'count'> = {}): Workers & {
  home: WorkerPart;
  other: WorkerPart;
  key: string;
} {
  const both = workers({ count: 2, ...options });
  const [home, other] = both.parts;
  if (home === undefined || other === undefined) throw new Error('two were asked for');
  return { ...both, home, other, key: keyAt(both.homes, 0) };
}

function bufferBehind(record: Stored<string> | undefined): unknown {
  return record?.body.chunks?.[0]?.buffer;
}

describe('a response that one worker has stored', () => {
  it('is in the memory of its home alone, and the other serves the same bytes', async () => {
    const { home, other, key } = pair();
    expect(await other.store.put(key, '', 'm', [bytesOf(100_000)])).toBe(true);
    expect(await home.memory.stats()).toMatchObject({ records: 1 });
    expect(await other.memory.stats()).toMatchObject({ records: 0 });
    const [there] = await other.store.get(key);
    const [here] = home.store.getNow(key) ?? [];
    expect(there && (await collect(there.body)).equals(bytesOf(100_000))).toBe(true);
    expect(bufferBehind(there)).toBeInstanceOf(SharedArrayBuffer);
    const [text] = here?.body.chunks ?? [];
    text?.fill(7);
    expect(there?.body.chunks?.[0]?.[99_999]).toBe(7);
  });

  it('is asked for once, and known to be all there is', async () => {
    const { home, other, key } = pair();
    await home.store.put(key, '', 'm', [bytesOf(10)]);
    expect(other.store.isWhole(key)).toBe(false);
    expect(other.store.getNow(key)).toBeUndefined();
    const found = await other.store.get(key);
    expect(other.store.getNow(key)).toEqual(found);
    expect(other.store.isWhole(key)).toBe(true);
  });

  it.each<[string, (home: WorkerPart, key: string) => Promise<unknown>]>([
    ['removed', (home, key) => home.store.delete(key)],
    ['replaced', (home, key) => home.store.put(key, '', 'new', [bytesOf(10, 2)])],
    ['joined by a variant', (home, key) => home.store.put(key, 'v', 'new', [bytesOf(10, 2)])],
    ['freshened', (home, key) => home.store.updateMeta(key, '', 'new')],
  ])('is believed by nobody any more once its home has it %s', async (_, change) => {
    const { home, other, key } = pair();
    await home.store.put(key, '', 'old', [bytesOf(10)]);
    await other.store.get(key);
    expect(other.store.getNow(key)).toHaveLength(1);
    const changing = change(home, key);
    expect(other.store.getNow(key)).toBeUndefined();
    await changing;
    expect(await other.store.get(key)).toEqual(await home.store.get(key).then((all) => all.map(replicaOf)));
  });

  it('is believed by nobody any more once its home has evicted it', async () => {
    const { home, other, homes } = pair({ maxBytes: MB });
    const keys = Array.from({ length: 40 }, (_, i) => keyAt(homes, 0, `key ${i} `));
    for (const key of keys) {
      await home.store.put(key, '', 'm', [bytesOf(40_000)]);
      await other.store.get(key);
    }
    const believed = keys.filter((key) => other.store.getNow(key) !== undefined);
    const held = keys.filter((key) => home.store.getNow(key) !== undefined);
    expect(held.length).toBeLessThan(30);
    expect(held).toEqual(expect.arrayContaining(believed));
  });

  it('that is asked for at the other is kept by its home', async () => {
    const { home, other, homes } = pair({ maxBytes: MB });
    const [hot = '', ...cold] = Array.from({ length: 60 }, (_, i) => keyAt(homes, 0, `key ${i} `));
    await home.store.put(hot, '', 'm', [bytesOf(40_000)]);
    for (const key of cold) {
      const [record] = await other.store.get(hot);
      if (record !== undefined) for (let hits = 0; hits < 5; hits += 1) other.store.touch(record);
      await heard(other, home);
      await home.store.put(key, '', 'm', [bytesOf(40_000)]);
    }
    expect(home.store.getNow(hot)).toHaveLength(1);
  });
});

describe('what is not there', () => {
  it('is known not to be there until it is', async () => {
    const { home, other, key } = pair();
    expect(await other.store.get(key)).toEqual([]);
    expect(other.store.isWhole(key)).toBe(true);
    await home.store.put(key, '', 'm', [bytesOf(10)]);
    expect(other.store.isWhole(key)).toBe(false);
    expect(await other.store.get(key)).toHaveLength(1);
  });
});

describe('a home with a disk', () => {
  it('gives to the other what only the disk has, large or small', async () => {
    const { home, other, key } = pair({ maxBytes: MB, lower: await openDisk({ dir: await scratch() }) });
    const large = bytesOf(700_000);
    await home.store.put(key, 'large', 'm', [large]);
    await home.store.put(key, 'small', 'm', [bytesOf(10)]);
    home.memory.clearNow();
    const found = await other.store.get(key);
    expect(found.map(({ variant }) => variant)).toEqual(['small', 'large']);
    const body = found[1]?.body;
    expect(body && (await collect(body)).equals(large)).toBe(true);
  });

  it('is asked no further when what memory has is enough', async () => {
    const { home, other, key } = pair({ lower: await openDisk({ dir: await scratch() }) });
    await home.store.put(key, 'a', 'm', [bytesOf(10)]);
    await home.store.put(key, 'b', 'm', [bytesOf(10)]);
    home.memory.deleteNow(key, 'a');
    expect(await other.store.get(key, (all) => all.some(({ variant }) => variant === 'b'))).toHaveLength(1);
    expect(await other.store.get(key)).toHaveLength(2);
  });
});

describe('a home that has gone', () => {
  it('is done without: what it held is not there, and the disk is asked', async () => {
    const disk = await openDisk({ dir: await scratch() });
    const { home, other, key, homes } = pair({ lower: disk });
    const kept = keyAt(homes, 0, 'kept');
    await home.store.put(key, '', 'm', [bytesOf(10)]);
    await other.store.get(key);
    home.leave();
    await expect.poll(() => other.store.getNow(key)).toBeUndefined();
    expect(await other.store.put(kept, '', 'm', [bytesOf(10)])).toBe(true);
    expect(await other.store.get(kept)).toMatchObject([{ tier: 'disk' }]);
    expect(await other.store.delete(kept)).toMatchObject({ records: 1 });
    expect(await other.store.get(kept)).toEqual([]);
  });

  it('holds nobody up that is asking', async () => {
    const { home, other, key } = pair();
    const asked = other.store.get(key);
    home.leave();
    expect(await asked).toEqual([]);
  });
});

describe('what was sent to its home before an invalidation was heard', () => {
  it('is not stored', async () => {
    const { home, other, key } = pair({ overtaken: (_, stamp) => stamp === 7 });
    expect(await other.store.put(key, '', 'm', [bytesOf(10)])).toBe(false);
    expect(await other.store.updateMeta(key, '', 'm')).toBe(false);
    expect(home.store.getNow(key)).toBeUndefined();
  });
});

describe('replicas', () => {
  it('take no more memory than they may, those in use last', async () => {
    const { other, home, homes } = pair({ maxBytes: MB });
    const keys = Array.from({ length: 300 }, (_, i) => keyAt(homes, 0, `key ${i} `));
    for (const key of keys) {
      await home.store.put(key, '', 'm', [bytesOf(10)]);
      await other.store.get(key);
      other.store.getNow(keys[0] ?? '');
    }
    expect(other.replicas.bytes).toBeLessThanOrEqual(MB / 8);
    expect(other.replicas.size).toBeGreaterThan(100);
    expect((await other.memory.stats()).reservedBytes).toBe(other.replicas.bytes);
    expect(other.store.getNow(keys[0] ?? '')).toHaveLength(1);
    other.replicas.clear();
    expect((await other.memory.stats()).reservedBytes).toBe(0);
  });
});

function replicaOf({ key, variant, meta, body }: Stored<string>): ReplicaRecord<string> {
  return Object.assign(new ReplicaRecord(key, variant, meta, [...(body.chunks ?? [])]), { resident: true });
}

/** Everything that one has told the other has arrived. */
async function heard(from: WorkerPart, by: WorkerPart): Promise<void> {
  from.store.flush();
  await Promise.all([from.store.stats(), by.store.stats()]);
}

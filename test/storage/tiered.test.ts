// Memory over a lower tier: what goes where, and events that overtake each other.

import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory.ts';
import {
  type Removed,
  type Store,
  type Stored,
  type StoredBody,
  StoreError,
  type StoreStats,
} from '../../storage/store.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { bytesOf, collect, openDisk, scratch } from './support.ts';

const memory = (maxBytes = 1_000_000): MemoryStore<string> =>
  new MemoryStore({ maxBytes, sizeOf: (meta) => meta.length });

/** A lower tier (memory, in truth) whose lookups are answered when the test says so, and that fails when told to. */
class SlowStore implements Store<string> {
  readonly inner = memory();
  failing = false;
  /** Bodies must be read, and are as slow. */
  large = false;
  #waiting: (() => void)[] = [];
  #open = true;

  hold(): void {
    this.#open = false;
  }

  /** Answers what waits; what comes later is answered at once, or waits in its turn. */
  letGo(open = true): void {
    this.#open = open;
    for (const one of this.#waiting.splice(0)) one();
  }

  async get(key: string): Promise<readonly Stored<string>[]> {
    this.#check('get');
    const found = await this.inner.get(key);
    await this.#turn();
    return found.map(({ variant, meta, body }) => ({
      key,
      variant,
      meta,
      body: this.#body(body),
      tier: 'disk',
    }));
  }

  async put(key: string, variant: string, meta: string, chunks: readonly Buffer[]): Promise<boolean> {
    this.#check('put');
    return this.inner.put(key, variant, meta, chunks);
  }

  async updateMeta(key: string, variant: string, meta: string): Promise<boolean> {
    this.#check('updateMeta');
    return this.inner.updateMeta(key, variant, meta);
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    this.#check('delete');
    return this.inner.delete(key, variant);
  }

  async clear(): Promise<Removed> {
    this.#check('clear');
    return this.inner.clear();
  }

  stats(): Promise<StoreStats> {
    return this.inner.stats();
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  /** Resolves once something waits. */
  async asked(): Promise<void> {
    while (this.#waiting.length === 0) await Promise.resolve();
  }

  #body(body: StoredBody): StoredBody {
    if (!this.large) return body;
    const turn = (): Promise<void> => this.#turn();
    return {
      length: body.length,
      chunks: undefined,
      async *read(start, end) {
        for await (const chunk of body.read(start, end)) {
          await turn();
          yield chunk;
        }
      },
    };
  }

  async #turn(): Promise<void> {
    if (!this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #check(operation: string): void {
    if (this.failing) throw new StoreError(operation, new Error('the disk is gone'));
  }
}

describe('a put', () => {
  it('is found in memory as soon as it was called, and by its variants in both tiers', async () => {
    const lower = new SlowStore();
    const store = new TieredStore(memory(), lower);
    const put = store.put('k', 'v', 'm', [bytesOf(100)]);
    expect(store.getNow('k')?.[0]).toMatchObject({ variant: 'v', tier: 'memory' });
    expect(await put).toBe(true);
    expect(lower.inner.getNow('k')).toHaveLength(1);
  });

  it('that memory declines goes to the lower tier alone', async () => {
    const store = new TieredStore(memory(10_000), new SlowStore());
    expect(await store.put('k', '', 'm', [bytesOf(5000)])).toBe(true);
    expect(store.getNow('k')).toBeUndefined();
    expect((await store.get('k'))[0]?.tier).toBe('disk');
  });
});

describe('a lookup', () => {
  it('names the tier that answered, and promotes', async () => {
    const lower = new SlowStore();
    await lower.put('k', '', 'm', [bytesOf(100)]);
    const store = new TieredStore(memory(), lower);
    expect((await store.get('k'))[0]?.tier).toBe('disk');
    expect(store.getNow('k')?.[0]?.tier).toBe('memory');
    expect((await store.get('k'))[0]).toBe(store.getNow('k')?.[0]);
  });

  it('gives all variants, those from memory and those from below, in the order they were put', async () => {
    const lower = new SlowStore();
    const store = new TieredStore(memory(10_000), lower);
    await store.put('k', 'small', 'm', [bytesOf(100)]);
    await store.put('k', 'large', 'm', [bytesOf(5000)]);
    const found = await store.get('k');
    expect(found.map(({ variant, tier }) => [variant, tier])).toEqual([
      ['large', 'disk'],
      ['small', 'memory'],
    ]);
  });

  it('asks the lower tier once for many callers', async () => {
    const lower = new SlowStore();
    await lower.put('k', '', 'm', [bytesOf(100)]);
    const store = new TieredStore(memory(), lower);
    lower.hold();
    const lookups = [store.get('k'), store.get('k'), store.get('k')];
    lower.letGo();
    const [first, ...others] = await Promise.all(lookups);
    expect(first).toHaveLength(1);
    for (const other of others) expect(other).toBe(first);
  });

  it('promotes a large body once it is read, from the disk', async () => {
    const disk = await openDisk({ dir: await scratch() });
    await disk.put('k', '', 'm', [bytesOf(900_000)]);
    const store = new TieredStore(memory(8_000_000), disk);
    const [found] = await store.get('k');
    expect(found?.body.chunks).toBeUndefined();
    expect(found && (await collect(found.body)).equals(bytesOf(900_000))).toBe(true);
    await expect.poll(() => store.getNow('k')?.length, { interval: 1 }).toBe(1);
    const [promoted] = store.getNow('k') ?? [];
    expect(promoted && (await collect(promoted.body)).equals(bytesOf(900_000))).toBe(true);
    expect((await store.statsByTier()).memory).toMatchObject({ reservedBytes: 0 });
  });
});

describe('a lookup that is overtaken does not bring back', () => {
  const overtaken: readonly [string, (store: TieredStore<string>) => Promise<unknown>][] = [
    ['what a delete removed', (store) => store.delete('k')],
    ['what the delete of its variant removed', (store) => store.delete('k', '')],
    ['what a clear removed', (store) => store.clear()],
  ];
  it.each(overtaken)('%s', async (_, overtake) => {
    const lower = new SlowStore();
    await lower.put('k', '', 'm', [bytesOf(100)]);
    const store = new TieredStore(memory(), lower);
    lower.hold();
    const before = store.get('k');
    await overtake(store);
    const after = store.get('k');
    lower.letGo();
    await before;
    expect(await after).toEqual([]);
    expect(store.getNow('k')).toBeUndefined();
  });

  it('an older record over a newer put', async () => {
    const lower = new SlowStore();
    await lower.put('k', '', 'old', [bytesOf(100)]);
    const store = new TieredStore(memory(), lower);
    lower.hold();
    const before = store.get('k');
    void store.put('k', '', 'new', [bytesOf(100)]);
    lower.letGo();
    expect((await before)[0]?.meta).toBe('new');
    expect(store.getNow('k')?.map(({ meta }) => meta)).toEqual(['new']);
  });

  it('an older meta over an update', async () => {
    const lower = new SlowStore();
    await lower.put('k', '', 'old', [bytesOf(100)]);
    const store = new TieredStore(memory(), lower);
    lower.hold();
    const before = store.get('k');
    const updated = store.updateMeta('k', '', 'new');
    lower.letGo();
    await before;
    expect(await updated).toBe(true);
    expect(store.getNow('k')).toBeUndefined();
    expect((await store.get('k'))[0]?.meta).toBe('new');
  });

  it('a large body that was deleted, or updated, while it was promoted', async () => {
    for (const overtake of ['delete', 'updateMeta'] as const) {
      const lower = new SlowStore();
      lower.large = true;
      await lower.put('k', '', 'm', [bytesOf(100_000)]);
      const tier = memory();
      const store = new TieredStore(tier, lower);
      lower.hold();
      const found = store.get('k');
      await lower.asked();
      lower.letGo(false);
      await found;
      expect((await tier.stats()).reservedBytes).toBe(100_000);
      await (overtake === 'delete' ? store.delete('k') : store.updateMeta('k', '', 'other'));
      lower.letGo();
      await expect.poll(async () => (await tier.stats()).reservedBytes, { interval: 1 }).toBe(0);
      expect(store.getNow('k')).toBeUndefined();
    }
  });
});

describe('what was removed is said by tier', () => {
  it('for a key and for everything', async () => {
    const store = new TieredStore(memory(10_000), new SlowStore());
    await store.put('k', 'small', 'm', [bytesOf(100)]);
    await store.put('k', 'large', 'm', [bytesOf(5000)]);
    expect(await store.remove('k')).toMatchObject({ memory: { records: 1 }, disk: { records: 2 } });
    await store.put('k', 'small', 'm', [bytesOf(100)]);
    expect(await store.removeAll()).toMatchObject({ memory: { records: 1 }, disk: { records: 1 } });
    expect(await store.delete('k')).toEqual({ records: 0, bytes: 0 });
  });

  it('without a lower tier', async () => {
    const store = new TieredStore(memory(), undefined);
    await store.put('k', '', 'm', [bytesOf(100)]);
    expect(Object.keys(await store.remove('k'))).toEqual(['memory']);
    expect(await store.statsByTier()).toEqual({ memory: expect.objectContaining({ records: 0 }) });
  });
});

describe('a lower tier that fails', () => {
  it('rejects a lookup only when memory has nothing', async () => {
    const lower = new SlowStore();
    const store = new TieredStore(memory(), lower);
    await store.put('k', '', 'm', [bytesOf(100)]);
    lower.failing = true;
    expect(await store.get('k')).toHaveLength(1);
    expect(store.lowerFailures).toBe(1);
    await expect(store.get('other')).rejects.toThrow(StoreError);
  });

  it('does not keep a put from memory, and rejects one that memory declines', async () => {
    const lower = new SlowStore();
    lower.failing = true;
    const store = new TieredStore(memory(10_000), lower);
    expect(await store.put('k', '', 'm', [bytesOf(100)])).toBe(true);
    expect(await store.updateMeta('k', '', 'other')).toBe(true);
    await expect(store.put('large', '', 'm', [bytesOf(5000)])).rejects.toThrow(StoreError);
  });

  it('rejects a removal, which memory has obeyed all the same', async () => {
    const lower = new SlowStore();
    const store = new TieredStore(memory(), lower);
    await store.put('k', '', 'm', [bytesOf(100)]);
    lower.failing = true;
    await expect(store.delete('k')).rejects.toThrow(StoreError);
    expect(store.getNow('k')).toBeUndefined();
    await store.put('k', '', 'm', [bytesOf(100)]);
    await expect(store.clear()).rejects.toThrow(StoreError);
    expect(store.getNow('k')).toBeUndefined();
  });
});

describe('the way of a body into the tiers', () => {
  const MB = 1024 * 1024;

  it('is as a whole while memory or a lower tier takes it so, and none otherwise', () => {
    const small = memory(100_000);
    for (let i = 0; i < 200; i += 1) small.putNow(`k${i}`, '', 'm', [bytesOf(500)]);
    expect(new TieredStore(small, undefined).wayFor('k', '', 1000)).toBe('whole');
    expect(new TieredStore(small, undefined).wayFor('k', '', 30_000)).toBe('none');
    expect(new TieredStore(small, new SlowStore()).wayFor('k', '', 30_000)).toBe('whole');
    expect(new TieredStore(small, new SlowStore()).wayFor('k', '', 60_000)).toBe('none');
  });

  it('is in parts onto a disk when it is large or not for memory, up to what the disk takes', async () => {
    const disk = await openDisk({ dir: await scratch(), maxBytes: 400 * MB });
    const store = new TieredStore(memory(64 * MB), disk);
    expect(store.wayFor('k', '', MB)).toBe('whole');
    expect(store.wayFor('k', '', 17 * MB)).toBe('parts');
    expect(store.wayFor('k', '', 50 * MB)).toBe('parts');
    expect(store.wayFor('k', '', 51 * MB)).toBe('none');
  });

  it('replaces what memory had, and is found from the moment it is finished', async () => {
    const disk = await openDisk({ dir: await scratch() });
    const store = new TieredStore(memory(MB), disk);
    await store.put('k', '', 'old', [bytesOf(100)]);
    const inflow = store.inflow();
    for (let i = 0; i < 30; i += 1) expect(await inflow?.write(bytesOf(50_000, i))).toBe(true);
    expect(await inflow?.end()).toBe(true);
    const finished = inflow && store.finish(inflow, 'k', '', 'new');
    const [found] = await store.get('k');
    expect(found).toMatchObject({ meta: 'new', body: { length: 1_500_000 } });
    expect(await finished).toBe(true);
    const whole = Buffer.concat(Array.from({ length: 30 }, (_, i) => bytesOf(50_000, i)));
    expect(found && (await collect(found.body)).equals(whole)).toBe(true);
  });
});

// The shared tier in Redis: the contract, alone and below the others; several instances at once; a server that hangs, is gone,
// forgets, is full.

import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { LowerTiers } from '../../storage/lower.ts';
import { MemoryStore } from '../../storage/memory.ts';
import { type RedisOptions, RedisStore } from '../../storage/redis.ts';
import { RedisConnection, type RedisHealth } from '../../storage/redis-connection.ts';
import { LINGER_MS } from '../../storage/redis-scripts.ts';
import { StoreError } from '../../storage/store.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';
import { contract } from './contract.ts';
import { bytesOf, collect, openDisk, scratch, textCodec } from './support.ts';

let server: RedisServer;
let prefixes = 0;
beforeAll(async () => {
  if (hasRedis) server = await startRedis();
});
afterAll(() => server?.stop());

function newPrefix(): string {
  prefixes += 1;
  return `store${prefixes}`;
}

async function open(options: Partial<RedisOptions<string>> = {}): Promise<RedisStore<string>> {
  const store = new RedisStore<string>({
    url: server.url,
    prefix: newPrefix(),
    codec: textCodec,
    timeoutMs: 5000,
    retryMs: 10,
    ...options,
  });
  onTestFinished(() => store.close());
  await store.ready(2000);
  return store;
}

async function raw(...command: string[]): Promise<unknown> {
  const redis = new RedisConnection({ url: server.url });
  await redis.ready(2000);
  const reply = await redis.call(command);
  redis.close();
  return reply;
}

async function keysOf(prefix: string): Promise<readonly string[]> {
  const keys = await raw('KEYS', `${prefix}:*`);
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** Those of the keys that do not go by themselves within the minute that readers are given. */
async function lasting(keys: readonly string[]): Promise<readonly string[]> {
  const left = await Promise.all(keys.map((key) => raw('PTTL', key)));
  return keys.filter((_, i) => left[i] === -1 || Number(left[i]) > LINGER_MS);
}

const always = (): boolean => true;

describe.runIf(hasRedis)('over Redis', () => {
  contract('redis', open);
  contract('a disk before redis', async () => {
    const [disk, shared] = [await openDisk({ dir: await scratch() }), await open()];
    return new LowerTiers({ disk, shared, usable: always, knows: always });
  });
  contract('memory over redis', async () => {
    const memory = new MemoryStore<string>({ maxBytes: 256 * 1024, sizeOf: (meta) => meta.length });
    return new TieredStore(memory, await open(), { lowerTier: 'shared' });
  });
});

describe.runIf(hasRedis)('several instances', () => {
  it('see what the others put, replace, update, delete and clear', async () => {
    const prefix = newPrefix();
    const [a, b] = [await open({ prefix }), await open({ prefix })];
    await a.put('k', 'v', 'of a', [bytesOf(400_000)]);
    await a.flush();
    const [found] = await b.get('k');
    expect(found).toMatchObject({ variant: 'v', meta: 'of a', tier: 'shared' });
    expect(found && (await collect(found.body)).equals(bytesOf(400_000))).toBe(true);
    expect(await b.updateMeta('k', 'v', 'of b')).toBe(true);
    expect((await a.get('k'))[0]?.meta).toBe('of b');
    await b.delete('k', 'v');
    expect(await a.get('k')).toEqual([]);
    await b.put('k', '', 'again', [bytesOf(10)]);
    await b.flush();
    expect(await a.clear()).toMatchObject({ records: 1 });
    expect(await b.get('k')).toEqual([]);
  });

  it('describe no content anew but what they know: never another node’s newer one', async () => {
    const prefix = newPrefix();
    const [a, b] = [await open({ prefix }), await open({ prefix })];
    await a.put('k', '', 'old', [bytesOf(10, 1)]);
    await a.flush();
    await b.put('k', '', 'new', [bytesOf(10, 2)]);
    await b.flush();
    expect(await a.updateMeta('k', '', 'old, freshened')).toBe(false);
    expect((await b.get('k'))[0]?.meta).toBe('new');
  });

  it('put the same record at once: one of them is there, whole', async () => {
    const prefix = newPrefix();
    const stores = await Promise.all([open({ prefix }), open({ prefix }), open({ prefix })]);
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(stores.map((store, i) => store.put('k', '', `${i}`, [bytesOf(300_000, i)])));
      await Promise.all(stores.map((store) => store.flush()));
      const [found, ...others] = await (stores[0] ?? (await open())).get('k');
      expect(others).toEqual([]);
      expect(found && (await collect(found.body)).equals(bytesOf(300_000, Number(found.meta)))).toBe(true);
    }
    const contents = (await keysOf(prefix)).filter((key) => key.includes(':b:'));
    expect(await lasting(contents)).toHaveLength(1);
  });

  it('give the memory back after a clear', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    for (let i = 0; i < 40; i += 1) await store.put(`k${i}`, '', 'm', [bytesOf(40_000)]);
    await store.flush();
    await store.clear();
    await expect
      .poll(async () => lasting(await keysOf(prefix)), { interval: 10, timeout: 10_000 })
      .toEqual([`${prefix}:generation`]);
  });
});

describe.runIf(hasRedis)('what comes back', () => {
  it.each([
    ['content', ':b:'],
    ['description or meta', ':h:'],
  ])('damaged, the record is dropped and counted: %s', async (_, kind) => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.put('k', '', 'm', [bytesOf(300_000)]);
    await store.flush();
    const [key = ''] = (await keysOf(prefix)).filter((one) => one.includes(kind));
    const fields = await raw('HKEYS', key);
    for (const field of Array.isArray(fields) ? fields.map(String) : []) {
      await raw('HSET', key, field, field === '0' ? 'x'.repeat(262_144) : 'not what was written');
    }
    const [found] = await store.get('k');
    if (found !== undefined) await expect(collect(found.body)).rejects.toThrow(StoreError);
    await expect.poll(async () => (await store.get('k')).length, { interval: 5, timeout: 10_000 }).toBe(0);
    expect((await store.stats()).damaged).toBeGreaterThan(0);
  });

  it('without its content (evicted), the record is not there', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.put('k', '', 'm', [bytesOf(300_000)]);
    await store.flush();
    for (const key of await keysOf(prefix)) if (key.includes(':b:')) await raw('DEL', key);
    expect(await store.get('k')).toEqual([]);
  });

  it('expires, every key of it', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, keepMs: 60_000 });
    await store.put('k', '', 'm', [bytesOf(300_000)]);
    await store.flush();
    for (const key of await keysOf(prefix)) {
      if (/:[hb]:/.test(key)) expect(Number(await raw('PTTL', key))).toBeGreaterThan(0);
    }
  });
});

describe.runIf(hasRedis)('a server that does not answer', () => {
  it('costs one time limit, then nothing, and is found again by itself', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const said: RedisHealth[] = [];
    const store = await open({
      url: own.url,
      timeoutMs: 100,
      retryMs: 20,
      log: (health) => said.push(health),
    });
    await store.put('k', '', 'm', [bytesOf(100)]);
    await store.flush();
    own.freeze();
    await expect(store.get('k')).rejects.toThrow(StoreError);
    const begun = performance.now();
    for (let i = 0; i < 100; i += 1) await expect(store.get('k')).rejects.toThrow(StoreError);
    await expect(store.put('k', '', 'n', [bytesOf(100)])).rejects.toThrow(StoreError);
    // A hundred time limits would be ten seconds.
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(store.health().ok).toBe(false);
    own.thaw();
    await expect.poll(() => store.health().ok, { interval: 5, timeout: 10_000 }).toBe(true);
    expect((await store.get('k'))[0]?.meta).toBe('m');
    expect(said.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  it('and is gone: operations reject, the disk before it answers alone, and all is well when it is back', async () => {
    const own = await startRedis();
    onTestFinished(() => own.stop());
    const store = await open({ url: own.url });
    const disk = await openDisk({ dir: await scratch() });
    const tiers = new LowerTiers({ disk, shared: store, usable: always, knows: always });
    await tiers.put('k', '', 'm', [bytesOf(100)]);
    await own.stop();
    await expect.poll(() => store.health().ok, { interval: 5, timeout: 10_000 }).toBe(false);
    for (const one of [store.get('x'), store.delete('x'), store.clear(), store.stats()])
      await expect(one).rejects.toThrow(StoreError);
    expect((await tiers.get('k'))[0]?.tier).toBe('disk');
    expect(await tiers.get('x')).toEqual([]);
    expect(await tiers.put('x', '', 'm', [bytesOf(100)])).toBe(true);
    expect(await tiers.remove('x')).toMatchObject({ disk: { records: 1 } });
    expect(Object.keys(await tiers.statsByTier())).toEqual(['disk']);
    await own.start();
    await expect.poll(() => store.health().ok, { interval: 5, timeout: 10_000 }).toBe(true);
    await store.put('k', '', 'm', [bytesOf(100)]);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('is full: puts fail and are counted, lookups go on', async () => {
    const own = await startRedis(['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction']);
    onTestFinished(() => own.stop());
    const store = await open({ url: own.url });
    await store.put('k', '', 'm', [bytesOf(100)]);
    await store.flush();
    for (let i = 0; i < 30; i += 1) await store.put(`k${i}`, '', 'm', [bytesOf(300_000)]);
    await store.flush();
    expect((await store.stats()).failedWrites).toBeGreaterThan(0);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('evicts: no record is ever torn', async () => {
    const own = await startRedis(['--maxmemory', '8mb', '--maxmemory-policy', 'volatile-lru']);
    onTestFinished(() => own.stop());
    const store = await open({ url: own.url });
    for (let i = 0; i < 60; i += 1) {
      await store.put(`k${i}`, '', `${i}`, [bytesOf(300_000, i)]);
      await store.flush();
    }
    let there = 0;
    for (let i = 0; i < 60; i += 1) {
      const [found] = await store.get(`k${i}`);
      if (found === undefined) continue;
      there += 1;
      expect((await collect(found.body)).equals(bytesOf(300_000, i))).toBe(true);
    }
    expect(there).toBeGreaterThan(3);
    expect((await store.stats()).evictions).toBeGreaterThan(0);
  });
});

it.runIf(hasRedis)('declines what the queue has no room for, and what is too large', async () => {
  const store = await open({ maxQueueBytes: 500_000, maxBodyBytes: 400_000 });
  const taken = await Promise.all(
    [300_000, 300_000, 450_000].map((length) => store.put(`${length}`, '', 'm', [bytesOf(length)])),
  );
  expect(taken).toEqual([true, false, false]);
  await store.flush();
  expect(await store.stats()).toMatchObject({ dropped: 2, queuedBytes: 0, records: 0 });
});

it.runIf(!hasRedis)('NOT TESTED: the shared tier, for want of redis-server on this machine', () => {
  expect(hasRedis).toBe(false);
});

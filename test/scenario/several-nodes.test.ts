// Two edges with a Redis between them: what one has fetched the other serves, and what is purged at one is purged at both,
// whoever was away at the time.

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacheStatus, connect, get, type Response } from '../support/client.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { startEdge, type TestEdge } from '../support/edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/origin.ts';
import { hasRedis, type RedisServer, startRedis } from '../support/redis.ts';
import { diskDir, metricsOf, type Settings } from '../support/scene.ts';

// Each starts a Redis and two edges or three, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const HOST = { headers: { Host: 'www.test' } };
const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };

interface Receipt {
  readonly sequence: number;
  readonly nodes: { readonly applied: readonly string[]; readonly pending: readonly string[] };
  readonly shared: boolean;
  readonly matched: Readonly<Record<string, { readonly responses: number }>>;
}

interface Cluster {
  readonly origin: ScriptedOrigin;
  readonly redis: RedisServer;
  readonly clock: ManualClock;
  node(settings?: Settings): Promise<TestEdge>;
}

/** @param timeout how long Redis is waited for: on a busy machine the default takes it for dead */
async function cluster(timeout?: string): Promise<Cluster> {
  // Worker threads have the real clock.
  const clock = manualClock(Date.now());
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const origin = await scriptedOrigin({ now: clock.now });
  onTestFinished(() => origin.close());
  const node = async (settings: Settings = {}): Promise<TestEdge> => {
    const shared = { redis: redis.url, ...(timeout !== undefined && { timeout }) };
    const timeouts = { drain: '0ms' };
    const edge = await startEdge({ origin: origin.url, clock, settings: { shared, timeouts, ...settings } });
    onTestFinished(() => edge.close());
    return edge;
  };
  return { origin, redis, clock, node };
}

const ask = (edge: TestEdge, path: string): Promise<Response> => get(edge.url, path, HOST);

async function purge(edge: TestEdge, path: string): Promise<Receipt> {
  const response = await get(edge.url, path, { ...HOST, method: 'PURGE' });
  return JSON.parse(response.body.toString());
}

async function everything(edge: TestEdge): Promise<Receipt> {
  const response = await get(edge.admin, '/purge', { method: 'POST', body: '{"everything": true}' });
  return JSON.parse(response.body.toString());
}

interface Ready {
  readonly shared: { readonly ok: boolean };
  readonly nodes: {
    readonly ok: boolean;
    readonly name: string;
    readonly unsent: number;
    readonly nodes: readonly string[];
  };
}

async function readyz(edge: TestEdge): Promise<Ready> {
  return JSON.parse((await get(edge.admin, '/readyz')).body.toString());
}

/** What is put into the shared tier is written behind. */
async function shares(edge: TestEdge, records: number): Promise<void> {
  await expect
    .poll(async () => (await metricsOf(edge)).get('holdfast_store_records{tier="shared"}'), {
      interval: 5,
      timeout: 10_000,
    })
    .toBe(records);
}

async function inTouch(...edges: readonly TestEdge[]): Promise<void> {
  for (const edge of edges) {
    await expect
      .poll(async () => (await readyz(edge)).nodes.nodes.length, { interval: 20, timeout: 10_000 })
      .toBe(edges.length - 1);
    await expect
      .poll(async () => (await readyz(edge)).nodes.unsent, { interval: 20, timeout: 10_000 })
      .toBe(0);
  }
}

const KINDS: readonly [string, () => Promise<Settings>][] = [
  ['memory alone', async () => ({})],
  ['a disk', async () => ({ disk: { dir: await diskDir() } })],
  ['two workers', async () => ({ workers: 2, disk: { dir: await diskDir() } })],
];

describe.runIf(hasRedis).each(KINDS)('two nodes with %s', (_, settings) => {
  it('one node’s fill is another node’s hit, large bodies too', async () => {
    const { origin, node } = await cluster('5s');
    const a = await node(await settings());
    const b = await node(await settings());
    const large = 'x'.repeat(700_000);
    origin.on('/small', { headers: HOUR, body: 'small' });
    origin.on('/large', { headers: HOUR, body: large });
    for (const path of ['/small', '/large']) await ask(a, path);
    await shares(a, 2);
    for (const [path, body] of [
      ['/small', 'small'],
      ['/large', large],
    ] as const) {
      const response = await ask(b, path);
      expect(response.body.toString()).toBe(body);
      expect(cacheStatus(response).hit).toBe(true);
    }
    expect(origin.requests()).toHaveLength(2);
  });

  it('a purge at one: the next GET at the other is new, and both are in the receipt', async () => {
    const { origin, node } = await cluster('5s');
    const a = await node(await settings());
    const b = await node(await settings());
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    await ask(a, '/a');
    await shares(a, 1);
    expect((await ask(b, '/a')).body.toString()).toBe('old');
    const receipt = await purge(a, '/a');
    const names = await Promise.all([a, b].map(async (edge) => (await readyz(edge)).nodes.name));
    expect(receipt).toMatchObject({ shared: true, nodes: { applied: names, pending: [] } });
    expect(receipt.matched.shared?.responses).toBe(1);
    expect((await ask(b, '/a')).body.toString()).toBe('new');
    // What the other node fetched since is this node's hit.
    await shares(b, 1);
    const response = await ask(a, '/a');
    expect(response.body.toString()).toBe('new');
    expect(cacheStatus(response).hit).toBe(true);
  });

  it('an unsafe request at one: the next GET at the other is new, and what is fetched after it is stored', async () => {
    const { origin, node } = await cluster('5s');
    const a = await node(await settings());
    const b = await node(await settings());
    await inTouch(a, b);
    origin.on(
      '/a',
      { headers: HOUR, body: 'old' },
      { headers: HOUR, body: 'posted' },
      { headers: HOUR, body: 'new' },
    );
    await ask(a, '/a');
    await shares(a, 1);
    expect((await ask(b, '/a')).body.toString()).toBe('old');
    const posted = await get(a.url, '/a', { ...HOST, method: 'POST', body: 'x' });
    expect(posted.body.toString()).toBe('posted');
    await expect
      .poll(async () => (await ask(b, '/a')).body.toString(), { interval: 5, timeout: 10_000 })
      .toBe('new');
    await shares(b, 1);
    await expect
      .poll(async () => cacheStatus(await ask(a, '/a')).hit, { interval: 20, timeout: 10_000 })
      .toBe(true);
    expect((await ask(a, '/a')).body.toString()).toBe('new');
  });

  it('a purge of everything at one: the next GET at the other is new', async () => {
    const { origin, node } = await cluster('5s');
    const a = await node(await settings());
    const b = await node(await settings());
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    await ask(b, '/a');
    const receipt = await everything(a);
    expect(receipt.nodes.applied).toHaveLength(2);
    expect((await ask(b, '/a')).body.toString()).toBe('new');
  });
});

describe.runIf(hasRedis)('a node that was away', () => {
  it('stopped during the purge and started after: its disk gives nothing old', async () => {
    const { origin, node } = await cluster();
    const disk = { disk: { dir: await diskDir() } };
    const a = await node();
    const b = await node(disk);
    await inTouch(a, b);
    const bName = (await readyz(b)).nodes.name;
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    origin.on('/b', { headers: HOUR, body: 'kept' });
    for (const path of ['/a', '/b']) await ask(b, path);
    await b.close();
    const receipt = await purge(a, '/a');
    expect(receipt).toMatchObject({ shared: true, nodes: { pending: [bName] } });
    const again = await node(disk);
    expect((await ask(again, '/a')).body.toString()).toBe('new');
    const kept = await ask(again, '/b');
    expect(kept.body.toString()).toBe('kept');
    expect(cacheStatus(kept).hit).toBe(true);
    expect(origin.requests('/b')).toHaveLength(1);
  });

  it('stopped during an unsafe request and started after: its disk gives nothing old', async () => {
    const { origin, node } = await cluster();
    const disk = { disk: { dir: await diskDir() } };
    const a = await node();
    const b = await node(disk);
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { body: 'deleted' }, { headers: HOUR, body: 'new' });
    await ask(b, '/a');
    await shares(b, 1);
    await b.close();
    await get(a.url, '/a', { ...HOST, method: 'DELETE' });
    const again = await node(disk);
    expect((await ask(again, '/a')).body.toString()).toBe('new');
  });

  it('started while Redis is away: what an earlier run stored waits until the purges are known', async () => {
    const { origin, node, redis } = await cluster();
    const disk = { disk: { dir: await diskDir() } };
    const a = await node();
    const b = await node(disk);
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    origin.on('/b', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    for (const path of ['/a', '/b']) await ask(b, path);
    await b.close();
    await purge(a, '/a');
    redis.freeze();
    const again = await node(disk);
    expect((await readyz(again)).nodes.ok).toBe(false);
    expect((await ask(again, '/a')).body.toString()).toBe('new');
    redis.thaw();
    await inTouch(again, a);
    const response = await ask(again, '/b');
    expect(response.body.toString()).toBe('old');
    expect(cacheStatus(response).hit).toBe(true);
  });

  it('stopped with a purge that it could not send: sends it after its next start', async () => {
    const { origin, node, redis } = await cluster();
    const disk = { disk: { dir: await diskDir() } };
    const a = await node(disk);
    const b = await node();
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    await ask(b, '/a');
    redis.freeze();
    expect((await purge(a, '/a')).shared).toBe(false);
    await a.close();
    redis.thaw();
    await inTouch(b, await node(disk));
    expect((await ask(b, '/a')).body.toString()).toBe('new');
  });
});

it.runIf(hasRedis)('unsafe requests for what was never stored do not fill the journal', async () => {
  const { origin, node } = await cluster();
  const edge = await node();
  origin.on('*', { body: 'done' });
  const kept = await connect(edge.url);
  for (let i = 0; i < 150; i += 1) await kept.send(`/cart/${i}`, { ...HOST, method: 'POST', body: 'x' });
  kept.close();
  const [latest] = JSON.parse((await get(edge.admin, '/purges')).body.toString());
  expect(latest).toMatchObject({ by: 'POST http://www.test/cart/99', selector: { kind: 'url' } });
});

describe.runIf(hasRedis)('without Redis', () => {
  it('both serve on, purges hold where they are made, and reach the other when Redis is back', async () => {
    const { origin, node, redis } = await cluster();
    const a = await node();
    const b = await node();
    await inTouch(a, b);
    origin.on('/a', { headers: HOUR, body: 'old' }, { headers: HOUR, body: 'new' });
    origin.on('/b', { headers: HOUR, body: 'kept' });
    for (const path of ['/a', '/b']) {
      await ask(a, path);
      await shares(a, path === '/a' ? 1 : 2);
      await ask(b, path);
    }
    const before = origin.requests().length;
    await redis.stop();
    await expect.poll(async () => (await readyz(a)).nodes.ok, { interval: 5, timeout: 10_000 }).toBe(false);
    for (const edge of [a, b]) expect(cacheStatus(await ask(edge, '/b')).hit).toBe(true);
    const receipt = await purge(a, '/a');
    expect(receipt.shared).toBe(false);
    expect(receipt.nodes).toEqual({
      applied: [(await readyz(a)).nodes.name],
      pending: [(await readyz(b)).nodes.name],
    });
    expect((await ask(a, '/a')).body.toString()).toBe('new');
    expect((await ask(b, '/a')).body.toString()).toBe('old');
    await redis.start();
    await inTouch(a, b);
    expect((await ask(b, '/a')).body.toString()).toBe('new');
    // What was not purged is served on, though Redis has forgotten everything.
    for (const edge of [a, b]) expect(cacheStatus(await ask(edge, '/b')).hit).toBe(true);
    expect(origin.requests().length).toBe(before + 2);
  });

  it('a miss waits no longer than the time limit, and the next not at all', async () => {
    const { origin, node, redis } = await cluster();
    const edge = await node();
    origin.on('*', { headers: HOUR, body: 'x' });
    await ask(edge, '/0');
    redis.freeze();
    const took: number[] = [];
    for (let i = 1; i < 12; i += 1) {
      const begun = performance.now();
      expect((await ask(edge, `/${i}`)).status).toBe(200);
      took.push(performance.now() - begun);
    }
    expect(took.filter((ms) => ms > 240).length).toBeLessThanOrEqual(3);
    expect((await readyz(edge)).shared.ok).toBe(false);
    redis.thaw();
    await expect
      .poll(async () => (await readyz(edge)).shared.ok, { interval: 20, timeout: 10_000 })
      .toBe(true);
  });
});

it.runIf(!hasRedis)('NOT TESTED: several nodes, for want of redis-server on this machine', () => {
  expect(hasRedis).toBe(false);
});

// A download under way comes to its end, from whichever tier, though what it is read from is purged or replaced meanwhile;
// who asks after that gets the new bytes.

import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { diskDir, metricsOf, type Settings, scene, settled } from '../support/scene.ts';

const MB = 1024 ** 2;
const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
/** More than sockets buffer. */
const BODY = Buffer.alloc(20 * MB);
for (let i = 0; i + 4 <= BODY.length; i += 4) BODY.writeUInt32LE((i * 2_654_435_761) >>> 0, i);
const NEW = Buffer.alloc(20 * MB, 'new');

const TIERS = {
  memory: async (): Promise<Settings> => ({ memory: '200MB' }),
  'the disk': async (): Promise<Settings> => ({
    memory: '8MB',
    disk: { dir: await diskDir(), size: '400MB' },
  }),
  'the disk, with two workers': async (): Promise<Settings> => ({
    workers: 2,
    memory: '8MB',
    disk: { dir: await diskDir(), size: '400MB' },
  }),
  'the shared tier': async (): Promise<Settings> => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    return { memory: '64MB', shared: { redis: redis.url, timeout: '5s' } };
  },
};

const post = async (edge: TestEdge, body: object): Promise<void> => {
  const response = await get(edge.admin, '/purge', { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
};

const WAYS = {
  'its URL is purged': (edge: TestEdge) => get(edge.url, '/large', { method: 'PURGE' }),
  'all is purged': (edge: TestEdge) => post(edge, { everything: true }),
  'a newer one takes its place': async (edge: TestEdge) => {
    await post(edge, { prefixes: [`${edge.url}/large`], mode: 'invalidate' });
    expect((await get(edge.url, '/large')).body.equals(NEW)).toBe(true);
  },
};
type Way = keyof typeof WAYS;

const CASES: readonly (readonly [tier: keyof typeof TIERS, way: Way])[] = [
  ['memory', 'its URL is purged'],
  ['the disk', 'its URL is purged'],
  ['the disk', 'all is purged'],
  ['the disk', 'a newer one takes its place'],
  ['the disk, with two workers', 'all is purged'],
  ...(hasRedis
    ? ([
        ['the shared tier', 'its URL is purged'],
        ['the shared tier', 'all is purged'],
      ] as const)
    : []),
];

describe('a download', () => {
  it.each(CASES)('from %s comes to its end though %s', async (tier, way) => {
    const { origin, edge } = await scene(await TIERS[tier]());
    const newer = { headers: { ...HOUR, ETag: '"2"' }, body: NEW };
    origin.on('/large', { headers: HOUR, body: BODY }, newer, newer);
    await get(edge.url, '/large');
    await settled(edge);
    if (tier === 'the shared tier')
      await expect
        .poll(async () => (await metricsOf(edge)).get('holdfast_store_records{tier="shared"}'), {
          interval: 10,
          timeout: 10_000,
        })
        .toBe(1);
    const download = await open(edge.url, '/large');
    const begin = await download.read(MB);
    await WAYS[way](edge);
    expect((await get(edge.url, '/large')).body.equals(NEW)).toBe(true);
    expect(Buffer.concat([begin, await download.rest()]).equals(BODY)).toBe(true);
    expect(cacheStatus(download).hit).toBe(true);
  });
});

// Rate limits: who is counted together, what counts, and what the refused are told.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, type SendOptions } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { proxied } from '../support/proxying.ts';
import { metricsOf, scene } from '../support/scene.ts';

const FRESH = { headers: { 'Cache-Control': 'max-age=60' }, body: 'content' };
const BEHIND = { trustedProxies: ['127.0.0.0/8'] };

const from = (edge: TestEdge, address: string, target = '/x', options: SendOptions = {}) =>
  get(edge.url, target, { ...options, headers: { ...options.headers, 'X-Forwarded-For': address } });

const statuses = async (
  ask: () => Promise<{ status: number }>,
  times: number,
): Promise<readonly number[]> => {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push((await ask()).status);
  return all;
};

describe('a rate limit', () => {
  it('lets a burst through, hits included, then refuses with the time to wait, and lets in again', async () => {
    const limit = { name: 'all', rate: '2/s', burst: 3 };
    const { origin, edge, clock } = await scene({ ...BEHIND, access: { rateLimits: [limit] } });
    origin.on('/x', FRESH);
    expect(await statuses(() => from(edge, '192.0.2.1'), 3)).toEqual([200, 200, 200]);
    const refused = await from(edge, '192.0.2.1');
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      'retry-after': '1',
      'ratelimit-policy': '"all";q=3;w=2',
      ratelimit: '"all";r=0;t=1',
      'cache-control': 'no-store',
    });
    expect(cacheStatus(refused).detail).toBe('rate-limited');
    expect(edge.requests().at(-1)).toMatchObject({ reason: 'rate-limited', rule: 'all' });
    expect((await from(edge, '192.0.2.2')).status).toBe(200);
    clock.advance(500);
    expect(await statuses(() => from(edge, '192.0.2.1'), 2)).toEqual([200, 429]);
  });

  it('counts an IPv6 client by its /64', async () => {
    const { origin, edge } = await scene({
      ...BEHIND,
      access: { rateLimits: [{ name: 'all', rate: '1/h' }] },
    });
    origin.on('*', FRESH);
    expect((await from(edge, '2001:db8:0:1::1')).status).toBe(200);
    expect((await from(edge, '2001:db8:0:1:ffff::2')).status).toBe(429);
    expect((await from(edge, '2001:db8:0:2::1')).status).toBe(200);
  });

  it('counts by the value of a field; who leaves it out is counted by address', async () => {
    const limit = { name: 'keys', key: 'field:X-Api-Key', rate: '1/h' };
    const { origin, edge } = await scene({ ...BEHIND, access: { rateLimits: [limit] } });
    origin.on('*', FRESH);
    const ask = async (address: string, key?: string) =>
      (await from(edge, address, '/x', { headers: key === undefined ? {} : { 'X-Api-Key': key } })).status;
    expect([await ask('192.0.2.1', 'a'), await ask('192.0.2.2', 'a'), await ask('192.0.2.2', 'b')]).toEqual([
      200, 429, 200,
    ]);
    expect([await ask('192.0.2.3'), await ask('192.0.2.3'), await ask('192.0.2.3', '')]).toEqual([
      200, 429, 429,
    ]);
  });

  it('counts by path, whoever asks and however it is spelt', async () => {
    const { origin, edge } = await scene({
      ...BEHIND,
      access: { rateLimits: [{ name: 'p', key: 'path', rate: '1/h' }] },
    });
    origin.on('*', FRESH);
    const ask = async (address: string, target: string) => (await from(edge, address, target)).status;
    expect([
      await ask('192.0.2.1', '/a'),
      await ask('192.0.2.2', '/%61?x=1'),
      await ask('192.0.2.2', '/b'),
    ]).toEqual([200, 429, 200]);
  });

  it('is about the paths and methods it names; several hold together', async () => {
    const rateLimits = [
      { name: 'login', paths: ['/login'], methods: ['POST'], rate: '1/m' },
      { name: 'all', rate: '100/s' },
    ];
    const { origin, edge } = await scene({ ...BEHIND, access: { rateLimits } });
    origin.on('*', { body: 'ok' });
    expect(await statuses(() => from(edge, '192.0.2.1', '/login'), 3)).toEqual([200, 200, 200]);
    expect(await statuses(() => from(edge, '192.0.2.1', '/login', { method: 'POST' }), 2)).toEqual([
      200, 429,
    ]);
    expect(await statuses(() => from(edge, '192.0.2.1', '/log%69n', { method: 'POST' }), 1)).toEqual([429]);
  });

  it('that counts what is forwarded lets hits through', async () => {
    const { origin, edge } = await scene({
      ...BEHIND,
      access: { rateLimits: [{ name: 'misses', rate: '2/h', counts: 'forwarded' }] },
    });
    origin.on('/x', FRESH);
    expect(await statuses(() => from(edge, '192.0.2.1'), 5)).toEqual([200, 200, 200, 200, 200]);
    expect((await from(edge, '192.0.2.1', '/y')).status).toBe(404);
    const refused = await from(edge, '192.0.2.1', '/z');
    expect([refused.status, cacheStatus(refused).detail]).toEqual([429, 'rate-limited']);
    expect((await from(edge, '192.0.2.1')).status).toBe(200);
    expect(origin.requests()).toHaveLength(2);
  });

  it('in dry run refuses nobody and says whom it would', async () => {
    const { origin, edge } = await scene({
      ...BEHIND,
      access: { rateLimits: [{ name: 'try', rate: '1/h', dryRun: true }] },
    });
    origin.on('*', FRESH);
    expect(await statuses(() => from(edge, '192.0.2.1'), 3)).toEqual([200, 200, 200]);
    expect(edge.log.filter(({ msg }) => msg === 'noted')).toMatchObject([
      { reason: 'rate-limited', rule: 'try' },
      { reason: 'rate-limited', rule: 'try' },
    ]);
    expect((await metricsOf(edge)).get('holdfast_noted_total{reason="rate-limited"}')).toBe(2);
  });

  it('is one limit for all workers', async () => {
    const { origin, edge } = await proxied({
      ...BEHIND,
      workers: 2,
      log: { access: false, level: 'error' },
      access: { rateLimits: [{ name: 'all', rate: '1/h', burst: 10 }] },
    });
    origin.on('*', FRESH);
    // Each on its own connection, so both workers get some.
    const all = await Promise.all(Array.from({ length: 40 }, () => from(edge, '192.0.2.1')));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(30);
  });
});

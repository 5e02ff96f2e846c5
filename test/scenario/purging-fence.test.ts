// A purge while the origin is still answering: those who already wait get the bytes, the store does not keep them.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { crowd, diskDir, scene, settled, turns, until } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60, stale-while-revalidate=60', ETag: '"1"' };
const SIZED = { ...MINUTE, 'Content-Length': 6 };

const PURGES: readonly [string, (edge: TestEdge) => Promise<{ status: number; fenced?: number }>][] = [
  [
    'PURGE',
    async (edge) => {
      const { status, body } = await get(edge.url, '/a', { method: 'PURGE' });
      return { status, fenced: JSON.parse(body.toString()).fenced };
    },
  ],
  [
    'a purge of everything',
    async (edge) => {
      const body = JSON.stringify({ everything: true });
      const response = await get(edge.admin, '/purge', { method: 'POST', body });
      return { status: response.status, fenced: JSON.parse(response.body.toString()).fenced };
    },
  ],
  [
    'an unsafe request',
    async (edge) => ({ status: (await get(edge.url, '/a', { method: 'POST', body: '' })).status }),
  ],
];

describe.each(PURGES)('%s', (name, purge) => {
  it('in the middle of the body: the waiters get it whole, the store does not', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', gate, { headers: MINUTE, body: 'newer' });
    const leading = open(edge.url, '/a');
    await gate.head(200, SIZED);
    await gate.write('old');
    const leader = await leading;
    const follower = get(edge.url, '/a');
    await turns();
    const { status, fenced } = await purge(edge);
    expect(status).toBe(name === 'an unsafe request' ? 204 : 200);
    if (fenced !== undefined) expect(fenced).toBe(1);
    const later = await get(edge.url, '/a');
    expect(later.body.toString()).toBe('newer');
    expect(cacheStatus(later)).toMatchObject({ fwd: 'uri-miss', stored: true });
    await gate.end('est');
    expect((await leader.rest()).toString()).toBe('oldest');
    expect((await follower).body.toString()).toBe('oldest');
    await settled(edge);
    const last = await get(edge.url, '/a');
    expect(last.body.toString()).toBe('newer');
    expect(cacheStatus(last).hit).toBe(true);
  });

  it('before the head: what arrives afterwards is not stored', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', gate, { headers: MINUTE, body: 'newer' });
    const leader = get(edge.url, '/a');
    await gate.arrived;
    await purge(edge);
    await gate.head(200, SIZED);
    await gate.end('oldest');
    expect(cacheStatus(await leader)).toMatchObject({ fwd: 'uri-miss', stored: false });
    expect((await leader).body.toString()).toBe('oldest');
    const later = await get(edge.url, '/a');
    expect(later.body.toString()).toBe('newer');
  });

  it('before the head: those who waited are not sent to the origin one by one', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', gate, { headers: MINUTE, body: 'newer' });
    const clients = await crowd(edge, 10);
    const answers = clients.map((client) => client.send('/a'));
    await gate.arrived;
    await turns();
    await purge(edge);
    await gate.head(200, SIZED);
    await gate.end('oldest');
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatchObject({ status: 200, complete: true });
      expect(['oldest', 'newer']).toContain(answer.body.toString());
    }
    expect(origin.requests('GET /a').length).toBeLessThanOrEqual(2);
    expect((await get(edge.url, '/a')).body.toString()).toBe('newer');
  });

  it('a crowd that comes after it still shares one fetch', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    const second = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', gate, second, { headers: MINUTE, body: 'third!' });
    const leader = get(edge.url, '/a');
    await gate.arrived;
    await purge(edge);
    await gate.head(200, SIZED);
    await gate.end('oldest');
    await leader;
    const clients = await crowd(edge, 10);
    const answers = clients.map((client) => client.send('/a'));
    await second.arrived;
    await turns();
    await second.head(200, SIZED);
    await second.end('newest');
    for (const answer of await Promise.all(answers)) expect(answer.body.toString()).toBe('newest');
  });

  it('while a stale response is validated behind: the 304 does not bring it back', async () => {
    const { origin, edge, clock } = await scene();
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', { headers: MINUTE, body: 'oldest' }, gate, { headers: MINUTE, body: 'newer' });
    await get(edge.url, '/a');
    clock.advance(61_000);
    expect((await get(edge.url, '/a')).headers['x-cache']).toBe('STALE');
    await gate.arrived;
    await purge(edge);
    await gate.head(304, MINUTE);
    await gate.end();
    await settled(edge);
    const later = await get(edge.url, '/a');
    expect(later.body.toString()).toBe('newer');
    expect(cacheStatus(later).hit).toBe(false);
  });

  it('while a client waits for a validation: it gets an answer, later ones a new response', async () => {
    const { origin, edge, clock } = await scene();
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    const headers = { ...MINUTE, 'Cache-Control': 'max-age=60' };
    origin.on('GET /a', { headers, body: 'oldest' }, gate, { headers, body: 'newer' });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const waiting = get(edge.url, '/a');
    await gate.arrived;
    await purge(edge);
    await gate.head(304, headers);
    await gate.end();
    expect(await waiting).toMatchObject({ status: 200, complete: true });
    const later = await get(edge.url, '/a');
    expect(later.body.toString()).toBe('newer');
  });

  it('holds across a restart: the fetch that began before it is not on the disk', async () => {
    const { origin, edge, restart } = await scene({ disk: { dir: await diskDir() } });
    const gate = origin.gate();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', gate, { headers: MINUTE, body: 'newer' });
    const leader = get(edge.url, '/a');
    await gate.head(200, SIZED);
    await gate.write('old');
    await purge(edge);
    await gate.end('est');
    await leader;
    await settled(edge);
    const again = await restart();
    const later = await get(again.url, '/a');
    expect(later.body.toString()).toBe('newer');
    expect(cacheStatus(later).fwd).toBe('uri-miss');
  });
});

describe('a purge of another URL', () => {
  it('leaves the fetch in flight alone', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = get(edge.url, '/a');
    await gate.arrived;
    const { status, body } = await get(edge.url, '/b', { method: 'PURGE' });
    expect([status, JSON.parse(body.toString()).fenced]).toEqual([404, 0]);
    await gate.head(200, SIZED);
    await gate.end('oldest');
    await leader;
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });
});

describe('a PURGE that finds only a fetch in flight', () => {
  it('answers 200: something was fenced', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = get(edge.url, '/a');
    await gate.arrived;
    const response = await get(edge.url, '/a', { method: 'PURGE' });
    expect(response.status).toBe(200);
    expect(JSON.parse(response.body.toString())).toMatchObject({
      fenced: 1,
      matched: { memory: { responses: 0 } },
    });
    await gate.head(200, SIZED);
    await gate.end('oldest');
    await leader;
    await until(() => edge.requests().length === 2);
  });
});

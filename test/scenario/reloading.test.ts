// Settings that change while the edge runs.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, connect, get, open } from '../support/client.ts';
import { holdfast } from '../support/command.ts';
import { scriptedOrigin } from '../support/origin.ts';
import { proxied } from '../support/proxying.ts';
import { diskDir } from '../support/scene.ts';

const FRESH = { 'Cache-Control': 'max-age=60' };

describe.each([1, 2])('a reload with %d workers', (workers) => {
  it('takes new routes and keeps what is stored and the connections', async () => {
    const { origin, edge } = await proxied({ workers });
    origin.on('*', { headers: FRESH, body: 'x' });
    const client = await connect(edge.url);
    await client.send('/a');
    const routes = [{ match: { path: '/b' }, respond: { body: 'mine' } }];
    expect(await edge.reload({ workers, routes })).toEqual({ ok: true, atRestart: [] });
    expect((await client.send('/b')).body.toString()).toBe('mine');
    expect(cacheStatus(await client.send('/a')).hit).toBe(true);
    client.close();
  });

  it('keeps the old settings where the new ones have a fault, and says what is wrong', async () => {
    const routes = [{ match: { path: '/b' }, respond: { body: 'mine' } }];
    const { edge } = await proxied({ workers, routes });
    const result = await edge.reload({ workers, routes: [{ match: { path: 'b' } }], memory: 'lots' });
    expect(result).toMatchObject({ ok: false });
    expect('faults' in result && result.faults.map(({ path }) => path)).toEqual([
      'memory',
      'routes[0].match.path',
    ]);
    expect((await get(edge.url, '/b')).body.toString()).toBe('mine');
    expect(edge.log.filter(({ level }) => level === 50)).toHaveLength(1);
  });
});

describe('a reload', () => {
  it('lets a response that is under way end on the connection to the origin that is no more', async () => {
    const { origin, edge } = await proxied();
    const gate = origin.gate();
    origin.on('/slow', gate);
    const other = await scriptedOrigin();
    onTestFinished(() => other.close());
    other.on('*', { headers: FRESH, body: 'new' });
    const slow = open(edge.url, '/slow');
    await gate.arrived;
    await edge.reload({ origin: other.url });
    expect((await get(edge.url, '/x')).body.toString()).toBe('new');
    await gate.end('old');
    expect((await (await slow).rest()).toString()).toBe('old');
  });

  it('lets a request that is still at the gate go to the origin that it was meant for', async () => {
    const service = await scriptedOrigin();
    onTestFinished(() => service.close());
    const gate = service.gate();
    service.on('*', gate);
    const { origin, edge } = await proxied({ access: { auth: { ask: { url: `${service.url}/check` } } } });
    origin.on('*', { headers: FRESH, body: 'old' });
    const other = await scriptedOrigin();
    onTestFinished(() => other.close());
    other.on('*', { headers: FRESH, body: 'new' });
    const waiting = get(edge.url, '/x');
    await gate.arrived;
    await edge.reload({ origin: other.url });
    await gate.end('');
    const response = await waiting;
    expect([response.status, response.body.toString()]).toEqual([200, 'old']);
    expect((await get(edge.url, '/y')).body.toString()).toBe('new');
  });

  it('names what waits for a restart, and takes the rest', async () => {
    const { edge } = await proxied();
    const routes = [{ match: { path: '/b' }, respond: { body: 'mine' } }];
    expect(await edge.reload({ memory: '64MB', forwarding: { via: 'other' }, routes })).toEqual({
      ok: true,
      atRestart: ['memory', 'forwarding.via'],
    });
    expect((await get(edge.url, '/b')).body.toString()).toBe('mine');
  });

  it('changes who may purge, the limits of clients, the log and the cache key in Cache-Status', async () => {
    const { origin, edge } = await proxied();
    origin.on('*', { headers: FRESH, body: 'x' });
    await edge.reload({
      purge: { allow: ['10.0.0.0/8'] },
      client: { maxTarget: '256B' },
      log: { access: false },
      cache: { debug: true },
    });
    expect((await get(edge.url, '/a', { method: 'PURGE' })).status).toBe(403);
    expect((await get(edge.url, `/${'a'.repeat(300)}`)).status).toBe(414);
    expect(cacheStatus(await get(edge.url, '/a')).key).toBe(`${edge.url}/a`);
    expect(edge.requests()).toHaveLength(0);
  });

  it('is asked for by POST /reload, by those who may purge', async () => {
    const { edge } = await proxied();
    const response = await fetch(`${edge.admin}/reload`, { method: 'POST' });
    expect([response.status, await response.json()]).toEqual([200, { ok: true, atRestart: [] }]);
    await edge.reload({ purge: { allow: [], token: 'a-token-of-some-length' } });
    expect((await fetch(`${edge.admin}/reload`, { method: 'POST' })).status).toBe(401);
  });

  it('is asked for on the command line, which shows the faults', async () => {
    const { edge } = await proxied();
    const admin = new URL(edge.admin).host;
    expect(await holdfast(['reload', '--admin', admin])).toMatchObject({
      code: 0,
      stdout: 'the new settings hold\n',
    });
    const file = join(await diskDir(), 'config.json');
    await writeFile(file, '{"orgin": "demo"}');
    const { code, stderr } = await holdfast(['reload', '--admin', admin, '--config', file]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('orgin')]);
  });
});

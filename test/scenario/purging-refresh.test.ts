// A soft purge whose matches are fetched again behind: the hottest first, within the origin's budget, stale meanwhile.

import { describe, expect, it } from 'vitest';
import type { PurgeReceipt } from '../../src/admin/receipt.ts';
import { cacheStatus, get } from '../support/client.ts';
import { holdfast } from '../support/command.ts';
import type { TestEdge } from '../support/edge.ts';
import { until } from '../support/proxying.ts';
import { scene, settled } from '../support/scene.ts';

const CACHED = { 'Cache-Control': 'max-age=600, stale-while-revalidate=600' };

async function purge(edge: TestEdge, body: unknown): Promise<PurgeReceipt> {
  const response = await fetch(`${edge.admin}/purge`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as PurgeReceipt;
}

async function refreshed(edge: TestEdge, first: PurgeReceipt): Promise<PurgeReceipt> {
  let receipt = first;
  while (receipt.refresh?.done === false)
    receipt = (await (await fetch(`${edge.admin}${receipt.poll}`)).json()) as PurgeReceipt;
  return receipt;
}

describe('a purge with refresh', () => {
  it('makes stale and fetches again, with a 304 where nothing has changed', async () => {
    const { edge, origin } = await scene();
    origin.on(
      '/same',
      { headers: { ...CACHED, ETag: '"a"' }, body: 'same' },
      { status: 304, headers: CACHED },
    );
    origin.on('/changed', { headers: CACHED, body: 'old' }, { headers: CACHED, body: 'new' });
    origin.on(
      '/gone',
      { headers: CACHED, body: 'old' },
      { status: 500, headers: { 'Cache-Control': 'no-store' } },
    );
    for (const path of ['/same', '/changed', '/gone']) await get(edge.url, path);
    const receipt = await refreshed(edge, await purge(edge, { everything: true, refresh: true }));
    expect(receipt).toMatchObject({
      mode: 'invalidate',
      refresh: { done: true, wanted: 3, unchanged: 1, fetched: 1, already: 0, left: 0, failed: 1 },
    });
    expect(receipt.poll).toBeUndefined();
    expect(origin.requests('/same')[1]?.headers['if-none-match']).toBe('"a"');
    const before = origin.requests().length;
    expect(cacheStatus(await get(edge.url, '/same'))).toMatchObject({ hit: true });
    const changed = await get(edge.url, '/changed');
    expect(changed.body.toString()).toBe('new');
    expect(cacheStatus(changed)).toMatchObject({ hit: true });
    expect(origin.requests()).toHaveLength(before);
  });

  it('asks as the stored responses were asked for: host, variant, query', async () => {
    const { edge, origin } = await scene();
    origin.on('/page', { headers: { ...CACHED, Vary: 'Accept-Language' }, body: 'x' });
    const Host = 'www.example.org';
    await get(edge.url, '/page?a=1', { headers: { Host, 'Accept-Language': 'de' } });
    await get(edge.url, '/page?a=1', { headers: { Host, 'Accept-Language': 'fr' } });
    await refreshed(edge, await purge(edge, { hosts: [Host], refresh: true }));
    const again = origin.requests('/page').slice(2);
    expect(
      again.map(({ url, headers }) => `${headers.host}${url} ${headers['accept-language']}`).sort(),
    ).toEqual(['www.example.org/page?a=1 de', 'www.example.org/page?a=1 fr']);
    // Not in the name of this host: an origin may show more to its own.
    expect(again.map(({ headers }) => headers['x-forwarded-for'])).toEqual([undefined, undefined]);
    expect(again.map(({ headers }) => headers.forwarded)).toEqual(
      Array(2).fill('for=unknown;host="www.example.org";proto=http'),
    );
    const hit = await get(edge.url, '/page?a=1', { headers: { Host, 'Accept-Language': 'fr' } });
    expect(cacheStatus(hit)).toMatchObject({ hit: true });
  });

  it('begins with what is asked for most, and ends at the most that is set', async () => {
    const { edge, origin } = await scene({ purge: { refresh: 2 } });
    origin.on('*', { headers: CACHED, body: 'x' });
    const paths = ['/cold', '/hot', '/cool', '/warm'];
    const uses = [1, 9, 2, 5];
    for (const [i, path] of paths.entries())
      for (let n = 0; n < (uses[i] ?? 0); n += 1) await get(edge.url, path);
    const before = origin.requests().length;
    const receipt = await refreshed(edge, await purge(edge, { everything: true, refresh: true }));
    expect(receipt.refresh).toMatchObject({ wanted: 2, fetched: 2 });
    expect(
      origin
        .requests()
        .slice(before)
        .map(({ path }) => path),
    ).toEqual(['/hot', '/warm']);
  });

  it('leaves what is for one client alone, and what a newer purge has deleted', async () => {
    const { edge, origin } = await scene({ originBudget: { concurrency: 1 } });
    origin.on('/own', { headers: { 'Cache-Control': 'max-age=600, public' }, body: 'own' });
    origin.on('/cookie', { headers: { 'Cache-Control': 'max-age=600', Vary: 'Cookie' }, body: 'own' });
    await get(edge.url, '/own', { headers: { Authorization: 'Basic eDp5' } });
    await get(edge.url, '/cookie', { headers: { Cookie: 'session=1' } });
    const receipt = await refreshed(edge, await purge(edge, { everything: true, refresh: true }));
    expect(receipt.refresh).toMatchObject({ wanted: 2, left: 2 });
    expect(origin.requests()).toHaveLength(2);
  });

  it('keeps the origin within its budget under load, and serves stale meanwhile', async () => {
    const { edge, origin } = await scene({ originBudget: { concurrency: 3, reserved: 34 } });
    let running = 0;
    let most = 0;
    origin.on('*', { headers: CACHED, body: 'old' });
    const paths = Array.from({ length: 40 }, (_, i) => `/page/${i}`);
    await Promise.all(paths.map((path) => get(edge.url, path)));
    await settled(edge);
    origin.on('*', (_request, response) => {
      running += 1;
      most = Math.max(most, running);
      setTimeout(() => {
        running -= 1;
        response.writeHead(200, CACHED).end('new');
      }, 5);
    });
    const receipt = await purge(edge, { everything: true, refresh: true });
    let stale = 0;
    let late = receipt;
    while (late.refresh?.done === false) {
      const responses = await Promise.all(paths.map((path) => get(edge.url, path)));
      for (const response of responses) {
        expect(response.status).toBe(200);
        expect(cacheStatus(response).hit).toBe(true);
        if (response.body.toString() === 'old') stale += 1;
      }
      late = (await (await fetch(`${edge.admin}/purges/${receipt.id}`)).json()) as PurgeReceipt;
    }
    expect(stale).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2);
    const { wanted = 0, fetched = 0, already = 0, failed } = late.refresh ?? {};
    expect(wanted).toBe(40);
    expect(fetched + already).toBe(40);
    expect(failed).toBe(0);
    await until(() => running === 0);
    expect((await get(edge.url, '/page/7')).body.toString()).toBe('new');
  });

  it('is asked for by holdfast purge --refresh, which can wait for its end', async () => {
    const { edge, origin } = await scene();
    origin.on('*', { headers: CACHED, body: 'x' });
    await get(edge.url, '/a');
    const admin = edge.admin.replace('http://', '');
    const { code, stdout } = await holdfast([
      'purge',
      '--everything',
      '--refresh',
      '--wait',
      '--admin',
      admin,
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('1 fetched');
    expect(origin.requests('/a')).toHaveLength(2);
  });

  it.each([2])('is done by each of %d workers for its own memory', async (workers) => {
    const { edge, origin } = await scene({ workers, memory: '64MB', log: { level: 'fatal' } });
    origin.on('*', { headers: CACHED, body: 'x' });
    await Promise.all(Array.from({ length: 24 }, () => get(edge.url, '/a')));
    const receipt = await refreshed(edge, await purge(edge, { everything: true, refresh: true }));
    const { wanted = 0, fetched } = receipt.refresh ?? {};
    expect(wanted).toBeGreaterThan(0);
    expect(fetched).toBe(wanted);
  });
});

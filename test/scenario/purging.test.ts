// PURGE and POST /purge: what they remove, and the receipt that says so. Who may is purging-access.test.ts's, what a fetch
// in flight becomes purging-fence.test.ts's.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { diskDir, exactReceipt, type Settings, scene } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60', ETag: '"1"' };

interface Receipt {
  readonly id: string;
  readonly sequence: number;
  readonly selector: unknown;
  readonly matched: Readonly<Record<string, { readonly responses: number; readonly bytes: number }>>;
}

function purge(
  edge: TestEdge,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return get(edge.url, target, { method: 'PURGE', headers });
}

function post(edge: TestEdge, body: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return get(edge.admin, '/purge', { method: 'POST', body: text });
}

function receipt(response: Response): Receipt {
  return JSON.parse(response.body.toString());
}

describe('PURGE', () => {
  it('forgets what is stored for the URL and answers with a receipt', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('*', { headers: MINUTE, body: 'hello' });
    for (const path of ['/a', '/a?x', '/b']) await get(edge.url, path);
    const response = await purge(edge, '/a');
    expect(response).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(receipt(response)).toEqual({
      id: 'purge-1',
      sequence: 1,
      at: new Date(clock.now()).toISOString(),
      by: '127.0.0.1',
      selector: { kind: 'url', url: `//127.0.0.1:${edge.port}/a` },
      mode: 'delete',
      matched: { memory: { responses: 1, bytes: expect.any(Number) } },
      fenced: 0,
      workers: 1,
      durable: true,
    });
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
    for (const path of ['/a?x', '/b']) expect(cacheStatus(await get(edge.url, path)).hit).toBe(true);
    expect(origin.requests().every(({ method }) => method === 'GET')).toBe(true);
  });

  it('answers 404 with the same receipt where nothing matched', async () => {
    const { edge } = await scene();
    const response = await purge(edge, '/a');
    expect(response.status).toBe(404);
    expect(receipt(response)).toMatchObject({ sequence: 1, matched: { memory: { responses: 0, bytes: 0 } } });
  });

  it('forgets every variant, of every host only its own', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { ...MINUTE, Vary: 'Accept-Language' }, body: 'x' });
    const asking = ['de', 'fr', 'en'].map((tongue) => ({ 'Accept-Language': tongue, Host: 'a.example' }));
    for (const headers of [...asking, { Host: 'b.example' }]) await get(edge.url, '/a', { headers });
    const response = await purge(edge, '/a', { Host: 'a.example' });
    expect(receipt(response).matched.memory?.responses).toBe(3);
    for (const headers of asking) expect(cacheStatus(await get(edge.url, '/a', { headers })).hit).toBe(false);
    expect(cacheStatus(await get(edge.url, '/a', { headers: { Host: 'b.example' } })).hit).toBe(true);
  });

  it('forgets http and https alike', async () => {
    const { origin, edge } = await scene({ trustedProxies: ['127.0.0.0/8'] });
    origin.on('/a', { headers: MINUTE, body: 'x' });
    const by = ['http', 'https'].map((scheme) => ({ headers: { 'X-Forwarded-Proto': scheme } }));
    for (const options of by) expect(cacheStatus(await get(edge.url, '/a', options)).hit).toBe(false);
    for (const options of by) expect(cacheStatus(await get(edge.url, '/a', options)).hit).toBe(true);
    expect(receipt(await purge(edge, '/a')).matched.memory?.responses).toBe(2);
    for (const options of by) expect(cacheStatus(await get(edge.url, '/a', options)).hit).toBe(false);
  });

  it('forgets what is in memory and on disk', async () => {
    const { origin, edge, restart } = await scene({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    await get(edge.url, '/a');
    const response = await purge(edge, '/a');
    expect(receipt(response).matched).toMatchObject({ memory: { responses: 1 }, disk: { responses: 1 } });
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
    const again = await restart();
    expect(receipt(await purge(again, '/a')).matched).toMatchObject({
      memory: { responses: 0 },
      disk: { responses: 1 },
    });
    expect(cacheStatus(await get(again.url, '/a')).fwd).toBe('uri-miss');
  });

  it('finds the URL as the route’s key has it', async () => {
    const settings: Settings = {
      cache: { key: { query: 'sort', denyParams: ['utm_*'], path: 'normalize' } },
    };
    const { origin, edge } = await scene(settings);
    origin.on('*', { headers: MINUTE, body: 'x' });
    await get(edge.url, '/x/../a?b=1&a=2&utm_source=mail');
    expect((await purge(edge, '/a?a=2&b=1')).status).toBe(200);
    expect(cacheStatus(await get(edge.url, '/a?a=2&b=1')).hit).toBe(false);
  });

  it('numbers its receipts on, across a restart too', async () => {
    const { edge, restart } = await scene({ disk: { dir: await diskDir() } });
    expect(receipt(await purge(edge, '/a')).sequence).toBe(1);
    expect(receipt(await purge(edge, '/a')).sequence).toBe(2);
    const again = await restart();
    expect(receipt(await purge(again, '/a')).sequence).toBeGreaterThan(2);
  });
});

describe('POST /purge on the admin listener', () => {
  it('forgets the URLs it lists, a receipt for each', async () => {
    const { origin, edge } = await scene();
    origin.on('*', { headers: MINUTE, body: 'x' });
    for (const path of ['/a', '/b', '/c']) await get(edge.url, path);
    const response = await post(edge, {
      urls: [`${edge.url}/a`, `https://127.0.0.1:${edge.port}/b`, `${edge.url}/d`],
    });
    expect(response.status).toBe(200);
    const { receipts } = JSON.parse(response.body.toString());
    expect(receipts.map(({ matched }: Receipt) => matched.memory?.responses)).toEqual([1, 1, 0]);
    const hits = [];
    for (const path of ['/a', '/b', '/c']) hits.push(cacheStatus(await get(edge.url, path)).hit);
    expect(hits).toEqual([false, false, true]);
  });

  it('answers 404 when none of them is stored', async () => {
    const { edge } = await scene();
    const response = await post(edge, { urls: [`${edge.url}/a`] });
    expect(response.status).toBe(404);
    expect(receipt(response).matched.memory?.responses).toBe(0);
  });

  it('forgets everything', async () => {
    const { origin, edge, restart } = await scene({ disk: { dir: await diskDir() } });
    origin.on('*', { headers: MINUTE, body: 'x' });
    for (const path of ['/a', '/b', '/c']) await get(edge.url, path);
    const response = await post(edge, { everything: true });
    expect(response.status).toBe(200);
    expect(await exactReceipt(edge, response)).toMatchObject({
      selector: { kind: 'all' },
      matched: { memory: { responses: 3 }, disk: { responses: 3 } },
    });
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(false);
    const again = await restart();
    expect(cacheStatus(await get(again.url, '/a')).hit).toBe(true);
    for (const path of ['/b', '/c']) expect(cacheStatus(await get(again.url, path)).hit).toBe(false);
  });

  it.each<[string, unknown]>([
    ['no JSON', 'urls=/a'],
    ['no object', '[]'],
    ['an empty object', {}],
    ['no URLs', { urls: [] }],
    ['a path', { urls: ['/a'] }],
    ['another scheme', { urls: ['ftp://a/b'] }],
    ['a good URL beside a bad one', { urls: ['http://127.0.0.1/a', 5] }],
    ['everything: false', { everything: false }],
    ['a name it does not know', { everything: true, soft: true }],
  ])('answers 400 to %s, and forgets nothing', async (_, body) => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'x' });
    await get(edge.url, '/a');
    const response = await post(edge, body);
    expect(response).toMatchObject({ status: 400, complete: true });
    expect(JSON.parse(response.body.toString())).toHaveProperty('error');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });

  it('lists the last purges, newest first', async () => {
    const { edge } = await scene();
    await purge(edge, '/a');
    await post(edge, { everything: true });
    const listed = JSON.parse((await get(edge.admin, '/purges')).body.toString());
    expect(listed).toMatchObject([
      { sequence: 2, selector: { kind: 'all' }, by: '127.0.0.1' },
      { sequence: 1, selector: { kind: 'url' } },
    ]);
  });
});

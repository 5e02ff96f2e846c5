// Purges by path, prefix, host and tag; soft and hard; what their receipts count, in memory and on disk. URLs and everything
// are purging.test.ts's.

import { describe, expect, it } from 'vitest';
import type { PurgeReceipt } from '../../src/admin/receipt.ts';
import { cacheStatus, get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { diskDir, type Scene, type Settings, scene, settled } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60', ETag: '"1"' };

/** Posts a purge; resolves with its receipt when the counts are exact. */
async function post(edge: TestEdge, body: unknown): Promise<Response> {
  let response = await get(edge.admin, '/purge', { method: 'POST', body: JSON.stringify(body) });
  for (let { poll } = receipt(response); poll !== undefined; { poll } = receipt(response))
    response = await get(edge.admin, poll);
  return response;
}

function receipt({ body }: Response): PurgeReceipt {
  return JSON.parse(body.toString());
}

function responsesIn(response: Response, tier: 'memory' | 'disk' = 'memory'): number | undefined {
  return receipt(response).matched?.[tier]?.responses;
}

/** Which of the paths are hits. */
async function hits(edge: TestEdge, paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const response = await get(edge.url, path, { headers: { 'Cache-Control': 'only-if-cached' } });
    if (cacheStatus(response).hit) found.push(path);
  }
  return found;
}

/** An edge that holds paths, each with the tags given. */
async function tagged(
  tags: Readonly<Record<string, Readonly<Record<string, string>>>>,
  settings: Settings = {},
): Promise<Scene> {
  const given = await scene(settings);
  for (const [path, fields] of Object.entries(tags)) {
    given.origin.on(path, { headers: { ...MINUTE, ...fields }, body: path });
    await get(given.edge.url, path);
  }
  return given;
}

describe('a purge by tag', () => {
  it.each(['Surrogate-Key', 'xkey', 'Cache-Tag', 'Cache-Groups'])(
    'finds exactly the tag in %s',
    async (name) => {
      const value = (tag: string): string => (name === 'Cache-Groups' ? `"${tag}"` : tag);
      const { edge } = await tagged({
        '/1': { [name]: value('a/1') },
        '/10': { [name]: value('a/10') },
        '/2': { [name]: `${value('b')}, ${value('a/1')}`.replace(',', name === 'Surrogate-Key' ? '' : ',') },
        '/3': {},
      });
      const response = await post(edge, { tags: ['a/1'] });
      expect(response.status).toBe(200);
      expect(receipt(response)).toMatchObject({
        selector: { kind: 'tag', tag: 'a/1' },
        matched: { memory: { responses: 2 } },
      });
      expect(await hits(edge, ['/1', '/10', '/2', '/3'])).toEqual(['/10', '/3']);
    },
  );

  it('never shows clients the tags, but for Cache-Groups', async () => {
    const fields = { 'Surrogate-Key': 'a', xkey: 'b', 'Cache-Tag': 'c', 'Cache-Groups': '"d"' };
    const { edge, origin } = await tagged({ '/a': fields });
    origin.on('/own', { headers: { ...fields, 'Cache-Control': 'no-store' } });
    for (const path of ['/b', '/a', '/own']) {
      origin.on('/b', { headers: { ...MINUTE, ...fields } });
      const { headers } = await get(edge.url, path);
      expect(headers['cache-groups']).toBe('"d"');
      for (const name of ['surrogate-key', 'xkey', 'cache-tag']) expect(headers).not.toHaveProperty(name);
    }
  });

  it('finds it after a validation whose 304 leaves the tags out', async () => {
    const { edge, origin, clock } = await tagged({ '/a': { xkey: 't' } });
    origin.on('/a', { status: 304, headers: MINUTE });
    clock.advance(61_000);
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
    expect(responsesIn(await post(edge, { tags: ['t'] }))).toBe(1);
    expect(await hits(edge, ['/a'])).toEqual([]);
  });

  it('does not store a response of over 64 KB of tags, and says so', async () => {
    const { edge } = await tagged({ '/a': { xkey: 'a'.repeat(33_000), 'Cache-Tag': 'b'.repeat(33_000) } });
    expect(edge.requests().at(-1)).toMatchObject({ status: 200, reason: 'too-many-tags' });
    expect(edge.log).toContainEqual(expect.objectContaining({ msg: 'not stored: over 64 KB of tags' }));
    expect(await hits(edge, ['/a'])).toEqual([]);
  });

  it('overtakes a fetch whose head has not come: the next GET gets what is new', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate, { headers: { ...MINUTE, xkey: 't' }, body: 'new' });
    const before = get(edge.url, '/a');
    await gate.arrived;
    await post(edge, { tags: ['t'] });
    const after = await get(edge.url, '/a');
    expect(after.body.toString()).toBe('new');
    await gate.head(200, { ...MINUTE, xkey: 't' });
    await gate.end('old');
    expect((await before).body.toString()).toBe('old');
    await settled(edge);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
    expect(origin.requests('/a')).toHaveLength(2);
  });

  it('overtakes a fetch whose body is still coming, and counts it', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate, { headers: { ...MINUTE, xkey: 't' }, body: 'new' });
    const before = get(edge.url, '/a');
    await gate.head(200, { ...MINUTE, xkey: 'other t' });
    await gate.write('ol');
    expect(receipt(await post(edge, { tags: ['t'] })).fenced).toBe(1);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
    await gate.end('d');
    expect((await before).body.toString()).toBe('old');
    await settled(edge);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
  });
});

describe('a purge by prefix, host and path', () => {
  const PATHS = ['/img/1', '/img/2?v=1', '/img', '/imgs', '/css'];

  it('finds what begins so', async () => {
    const { edge } = await tagged(Object.fromEntries(PATHS.map((path) => [path, {}])));
    expect(responsesIn(await post(edge, { prefixes: [`${edge.url}/img/*`] }))).toBe(2);
    expect(await hits(edge, PATHS)).toEqual(['/img', '/imgs', '/css']);
    expect(responsesIn(await post(edge, { prefixes: [`127.0.0.1:${edge.port}/img`] }))).toBe(2);
    expect(await hits(edge, PATHS)).toEqual(['/css']);
  });

  it('finds a host, and leaves others', async () => {
    const { origin, edge } = await scene();
    origin.on('*', { headers: MINUTE, body: 'x' });
    for (const Host of ['a.test', 'b.test', 'sub.a.test']) await get(edge.url, '/', { headers: { Host } });
    expect(responsesIn(await post(edge, { hosts: ['A.test'] }))).toBe(1);
    const left = [];
    for (const Host of ['a.test', 'b.test', 'sub.a.test'])
      left.push(cacheStatus(await get(edge.url, '/', { headers: { Host } })).hit);
    expect(left).toEqual([false, true, true]);
  });

  it.each<[string, (edge: TestEdge) => Promise<Response>]>([
    [
      'X-Purge-Query: ignore',
      (edge) => get(edge.url, '/a?v=3', { method: 'PURGE', headers: { 'X-Purge-Query': 'ignore' } }),
    ],
    ['ignoreQuery', (edge) => post(edge, { urls: [`${edge.url}/a`], ignoreQuery: true })],
  ])('finds a URL with any query by %s', async (_, purge) => {
    const paths = ['/a', '/a?v=1', '/a?v=2', '/a/b', '/ab'];
    const { edge } = await tagged(Object.fromEntries(paths.map((path) => [path, {}])));
    expect(responsesIn(await purge(edge))).toBe(3);
    expect(await hits(edge, paths)).toEqual(['/a/b', '/ab']);
    expect((await purge(edge)).status).toBe(404);
  });
});

describe('a soft purge', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    ['X-Purge-Mode: invalidate', { 'X-Purge-Mode': 'invalidate' }],
    ['Fastly-Soft-Purge: 1', { 'Fastly-Soft-Purge': '1' }],
  ])('by %s costs a 304 where nothing has changed', async (_, headers) => {
    const { edge, origin } = await tagged({ '/a': {} });
    origin.on('/a', { status: 304, headers: MINUTE });
    const response = await get(edge.url, '/a', { method: 'PURGE', headers });
    expect(receipt(response)).toMatchObject({ mode: 'invalidate', matched: { memory: { responses: 1 } } });
    const next = await get(edge.url, '/a');
    expect(next.body.toString()).toBe('/a');
    expect(cacheStatus(next)).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
    expect(origin.requests('/a').at(-1)?.headers).toHaveProperty('if-none-match', '"1"');
    expect(await hits(edge, ['/a'])).toEqual(['/a']);
  });

  it('by tag is served stale while it is validated, where the response allows it', async () => {
    const swr = { 'Cache-Control': 'max-age=60, stale-while-revalidate=60', xkey: 't' };
    const { edge, origin } = await tagged({ '/a': swr });
    origin.on('/a', { headers: { ...MINUTE, ...swr }, body: 'new' });
    expect(responsesIn(await post(edge, { tags: ['t'], mode: 'invalidate' }))).toBe(1);
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({
      hit: true,
      detail: 'stale-while-revalidate',
    });
    await settled(edge);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
  });

  it('knows two modes only', async () => {
    const { edge } = await tagged({ '/a': {} });
    for (const headers of [{ 'X-Purge-Mode': 'soft' }, { 'X-Purge-Query': 'all' }])
      expect((await get(edge.url, '/a', { method: 'PURGE', headers })).status).toBe(400);
    expect(await hits(edge, ['/a'])).toEqual(['/a']);
  });
});

it('a hard purge is not undone by a validation that another variant asks for', async () => {
  const { edge, origin } = await scene();
  const vary = { ...MINUTE, Vary: 'X-Kind' };
  origin.on('/a', { headers: vary, body: 'bad' });
  await get(edge.url, '/a', { headers: { 'X-Kind': '1' } });
  await post(edge, { hosts: [`127.0.0.1:${edge.port}`], mode: 'delete', dryRun: true });
  await post(edge, { prefixes: [`${edge.url}/`] });
  origin.on('/a', { headers: vary, body: 'good' });
  expect((await get(edge.url, '/a', { headers: { 'X-Kind': '2' } })).body.toString()).toBe('good');
  expect(origin.requests('/a').at(-1)?.headers).not.toHaveProperty('if-none-match');
});

describe('a dry run', () => {
  it('counts and leaves everything as it is', async () => {
    const { edge } = await tagged({ '/a': { xkey: 't' }, '/b': { xkey: 't' } });
    const response = await post(edge, { tags: ['t'], dryRun: true });
    expect(receipt(response)).toMatchObject({
      id: 'dry-run-1',
      dryRun: true,
      matched: { memory: { responses: 2 } },
    });
    expect(await hits(edge, ['/a', '/b'])).toEqual(['/a', '/b']);
    expect(JSON.parse((await get(edge.admin, '/purges')).body.toString())).toEqual([]);
    expect((await post(edge, { tags: ['none'], dryRun: true })).status).toBe(200);
  });
});

describe('on disk', () => {
  it.each<[string, (edge: TestEdge) => unknown, number]>([
    ['tag', () => ({ tags: ['t'] }), 2],
    ['group', () => ({ tags: ['g "quoted"'] }), 1],
    ['prefix', (edge) => ({ prefixes: [`${edge.url}/a`] }), 1],
    ['host', (edge) => ({ hosts: [`127.0.0.1:${edge.port}`] }), 3],
    ['path', (edge) => ({ urls: [`${edge.url}/b`], ignoreQuery: true }), 1],
    ['everything', () => ({ everything: true }), 3],
  ])('a purge by %s finds and frees what only the disk has', async (_, order, count) => {
    const groups = { 'Cache-Groups': '"g \\"quoted\\""' };
    const dir = await diskDir();
    const given = await tagged(
      { '/a': { xkey: 't' }, '/b?q': { 'Cache-Tag': 's, t' }, '/c': groups },
      { disk: { dir } },
    );
    // The port is part of the key: the same edge again, where it was.
    const edge = await given.restart({ listen: `127.0.0.1:${given.edge.port}` });
    const dry = await post(edge, { ...(order(edge) as object), dryRun: true });
    expect([responsesIn(dry), responsesIn(dry, 'disk')]).toEqual([0, count]);
    const response = await post(edge, order(edge));
    expect(responsesIn(response, 'disk')).toBe(count);
    const again = await post(edge, { ...(order(edge) as object), dryRun: true });
    expect(responsesIn(again, 'disk')).toBe(0);
    expect(await hits(edge, ['/a', '/b?q', '/c'])).toHaveLength(3 - count);
  });

  it('a soft purge leaves the bytes', async () => {
    const { edge, restart } = await tagged({ '/a': { xkey: 't' } }, { disk: { dir: await diskDir() } });
    const again = await restart({ listen: `127.0.0.1:${edge.port}` });
    for (let i = 0; i < 2; i += 1)
      expect(responsesIn(await post(again, { tags: ['t'], mode: 'invalidate' }), 'disk')).toBe(1);
  });
});

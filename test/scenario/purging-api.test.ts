// What the admin listener says of purges beside their receipts: by id, listed, limited, refused; and what is stored.

import { describe, expect, it } from 'vitest';
import { get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { diskDir, scene } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60, stale-while-revalidate=30', ETag: '"1"' };

function post(
  edge: TestEdge,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return get(edge.admin, '/purge', { method: 'POST', body: JSON.stringify(body), headers });
}

async function read(edge: TestEdge, path: string): Promise<{ status: number; json: unknown }> {
  const { status, body } = await get(edge.admin, path);
  return { status, json: JSON.parse(body.toString()) };
}

describe('GET /purges/:id', () => {
  it('is the receipt, for dry runs too', async () => {
    const { edge } = await scene();
    for (const body of [{ tags: ['t'] }, { tags: ['t'], dryRun: true }]) {
      const given = JSON.parse((await post(edge, body)).body.toString());
      expect(await read(edge, `/purges/${given.id}`)).toEqual({ status: 200, json: given });
    }
  });

  it('knows after a restart who purged what', async () => {
    const { edge, restart } = await scene({ disk: { dir: await diskDir() } });
    await post(edge, { tags: ['t'], mode: 'invalidate' });
    const again = await restart();
    const known = {
      id: 'purge-1',
      sequence: 1,
      by: '127.0.0.1',
      mode: 'invalidate',
      selector: { kind: 'tag', tag: 't' },
    };
    expect(await read(again, '/purges/purge-1')).toMatchObject({ status: 200, json: known });
    expect(await read(again, '/purges')).toMatchObject({ json: [known] });
  });

  it.each(['/purges/purge-9', '/purges/', '/purges/a/b'])('answers 404 at %s', async (path) => {
    const { edge } = await scene();
    expect((await read(edge, path)).status).toBe(404);
  });

  it('takes GET only', async () => {
    const { edge } = await scene();
    const response = await get(edge.admin, '/purges/purge-1', { method: 'DELETE' });
    expect(response).toMatchObject({ status: 405, headers: { allow: 'GET' } });
  });
});

describe('the rate limit', () => {
  it('answers 429 with the time to wait, by both doors, and purges nothing', async () => {
    const { edge, clock } = await scene({ purge: { rate: 1, burst: 3 } });
    expect((await post(edge, { tags: ['a', 'b', 'c', 'd'] })).status).toBe(200);
    const limited = await post(edge, { tags: ['e'] });
    expect(limited).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    const byMethod = await get(edge.url, '/a', { method: 'PURGE' });
    expect(byMethod).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect((await read(edge, '/purges')).json).toHaveLength(4);
    clock.advance(2000);
    expect((await post(edge, { tags: ['e'] })).status).toBe(200);
  });

  it('does not count what is refused for another reason', async () => {
    const { edge } = await scene({ purge: { rate: 1, burst: 1 } });
    for (let i = 0; i < 3; i += 1) expect((await post(edge, { tags: 't' })).status).toBe(400);
    expect((await post(edge, { tags: ['t'] })).status).toBe(200);
  });
});

describe('POST /purge', () => {
  it('answers 413 to a body of over a megabyte, and to too many purges', async () => {
    const { edge } = await scene();
    expect((await post(edge, { tags: ['t'.repeat(1024 * 1024)] })).status).toBe(413);
    const tags = Array.from({ length: 1001 }, (_, i) => `t${i}`);
    expect((await post(edge, { tags })).status).toBe(413);
    expect((await read(edge, '/purges')).json).toEqual([]);
  });

  it('answers 405 to another method', async () => {
    const { edge } = await scene();
    expect(await get(edge.admin, '/purge')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });

  it('answers 403 to the page of another site, and lets its own in', async () => {
    const { edge } = await scene();
    const Origin = 'http://evil.example';
    expect((await post(edge, { everything: true }, { Origin })).status).toBe(403);
    expect((await post(edge, { everything: true }, { Origin: 'null' })).status).toBe(403);
    expect((await post(edge, { everything: true }, { Origin: edge.admin })).status).toBe(200);
  });

  it('gives each of many selectors its receipt, in their order', async () => {
    const { edge } = await scene();
    const tags = Array.from({ length: 200 }, (_, i) => `t${i}`);
    const { receipts } = JSON.parse((await post(edge, { tags })).body.toString());
    expect(receipts.map(({ selector }: { selector: { tag: string } }) => selector.tag)).toEqual(tags);
    expect(receipts.at(-1)).toMatchObject({ id: 'purge-200', durable: true });
  });
});

describe('GET /inspect', () => {
  it('shows every stored response of a URL, in every tier', async () => {
    const { edge, origin, clock } = await scene({ disk: { dir: await diskDir() } });
    const headers = { ...MINUTE, Vary: 'X-Kind', 'Content-Type': 'text/css', xkey: 'a b' };
    origin.on('/a', { headers, body: 'hello' });
    for (const kind of ['1', '2']) await get(edge.url, '/a', { headers: { 'X-Kind': kind } });
    clock.advance(10_000);
    const path = `/inspect?url=${encodeURIComponent(`${edge.url}/a`)}`;
    const shown = {
      key: `${edge.url}/a`,
      copies: 1,
      status: 200,
      state: 'fresh',
      ageSeconds: 10,
      ttlSeconds: 50,
      staleWhileRevalidateSeconds: 30,
      bytes: 5,
      contentType: 'text/css',
      etag: '"1"',
      tags: ['a', 'b'],
      sequence: 0,
    };
    expect(await read(edge, path)).toMatchObject({
      status: 200,
      json: {
        url: `//127.0.0.1:${edge.port}/a`,
        responses: [
          { ...shown, tier: 'memory', vary: { 'x-kind': '2' } },
          { ...shown, tier: 'memory', vary: { 'x-kind': '1' } },
          { ...shown, tier: 'disk', vary: { 'x-kind': '2' } },
          { ...shown, tier: 'disk', vary: { 'x-kind': '1' } },
        ],
      },
    });
    await post(edge, { tags: ['b'], mode: 'invalidate' });
    expect(await read(edge, path)).toMatchObject({
      json: { responses: Array(4).fill({ state: 'invalidated', ttlSeconds: 0 }) },
    });
  });

  it('shows nothing where nothing is stored, and refuses what is no URL', async () => {
    const { edge } = await scene();
    expect(await read(edge, `/inspect?url=${encodeURIComponent(`${edge.url}/a`)}`)).toMatchObject({
      status: 200,
      json: { responses: [] },
    });
    for (const query of ['', '?url=', '?url=/a', '?url=ftp://a/b'])
      expect((await read(edge, `/inspect${query}`)).status).toBe(400);
  });

  it('and the list of purges are for those who may purge', async () => {
    const closed = await scene({ purge: { allow: ['10.0.0.0/8'] } });
    const locked = await scene({ purge: { allow: [], token: 'a-token-of-enough-length' } });
    const off = await scene({ purge: { allow: [] } });
    for (const path of ['/inspect?url=http://a/', '/purges', '/purges/purge-1']) {
      expect((await read(closed.edge, path)).status).toBe(403);
      expect((await read(locked.edge, path)).status).toBe(401);
      expect((await read(off.edge, path)).status).toBe(403);
    }
  });
});

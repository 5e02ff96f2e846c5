// Requests that come round again: recognised by Via and by CDN-Loop, answered 508; a chain of edges is no loop.

import { describe, expect, it } from 'vitest';
import { cacheStatus, cacheStatusList, get } from '../support/client.ts';
import { scriptedOrigin } from '../support/origin.ts';
import { edgeBefore, proxied } from '../support/proxying.ts';

async function freePort(): Promise<number> {
  const placeholder = await scriptedOrigin();
  await placeholder.close();
  return placeholder.port;
}

describe('a loop', () => {
  it('of an edge that is its own origin ends with 508', async () => {
    const port = await freePort();
    const edge = await edgeBefore(`http://127.0.0.1:${port}`, { listen: `127.0.0.1:${port}` });
    for (const method of ['GET', 'POST']) {
      const response = await get(edge.url, '/a', { method });
      expect(response.status).toBe(508);
      const [inner] = cacheStatusList(response.headers['cache-status'] ?? '');
      expect(inner).toMatchObject({ name: 'holdfast', hit: false, detail: 'loop' });
    }
  });

  it('over two edges ends with 508', async () => {
    const port = await freePort();
    const second = await edgeBefore(`http://127.0.0.1:${port}`);
    const first = await edgeBefore(second.url, { listen: `127.0.0.1:${port}` });
    expect((await get(first.url, '/a')).status).toBe(508);
  });

  it.each(['via', 'cdn-loop'])('is recognised by %s alone, and nothing is forwarded', async (name) => {
    const { origin, edge } = await proxied();
    await get(edge.url, '/a');
    const passed = origin.requests('/a')[0]?.headers[name] ?? '';
    expect(passed).not.toBe('');
    for (const value of [passed, `other, ${passed}`, passed.toUpperCase()]) {
      const response = await get(edge.url, '/a', { headers: { [name]: value } });
      expect(response.status).toBe(508);
      expect(response.body.toString()).toMatch(/^508 Loop Detected\n/);
      expect(cacheStatus(response)).toMatchObject({ hit: false, detail: 'loop' });
    }
    expect(origin.requests('/a')).toHaveLength(1);
    expect(edge.requests().at(-1)).toMatchObject({ status: 508, outcome: 'refused', reason: 'loop' });
  });
});

describe('no loop', () => {
  it('is a chain of two edges of the same name; each adds its member', async () => {
    const { origin, edge: inner } = await proxied();
    const outer = await edgeBefore(inner.url);
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const response = await get(outer.url, '/a');
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(cacheStatusList(response.headers['cache-status'] ?? '')).toHaveLength(2);
    const loop = origin.requests('/a')[0]?.headers['cdn-loop'] ?? '';
    expect(loop).toMatch(/^holdfast; id=(holdfast-\w+), holdfast; id=(?!\1)holdfast-\w+$/);
  });

  it('is the word of another cache, or of this name without this id', async () => {
    const { origin, edge } = await proxied();
    const response = await get(edge.url, '/a', {
      headers: { Via: '1.1 holdfast, 1.1 other', 'CDN-Loop': 'holdfast, other; abc=123; def="456"' },
    });
    expect(response.status).toBe(404);
    expect(origin.requests('/a')[0]?.headers['cdn-loop']).toMatch(
      /^holdfast, other; abc=123; def="456", holdfast; id=/,
    );
  });
});

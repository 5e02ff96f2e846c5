// The edge's own validation of what it has stored (RFC 9111 §4.3): the conditions it sends, and what a 304, a 200 or an
// error makes of the stored response.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { scene } from '../support/scene.ts';

const MODIFIED = 'Wed, 14 Jan 2026 12:00:00 GMT';
const V1 = { 'Cache-Control': 'max-age=60', ETag: '"v1"', 'X-Build': '1' };
const V2 = { 'Cache-Control': 'max-age=60', ETag: '"v2"', 'X-Build': '2' };

describe('a stale response', () => {
  it('is confirmed by a 304, whose fields replace the stored ones', async () => {
    const { origin, edge, clock } = await scene();
    const fields = { 'Cache-Control': 'max-age=90', ETag: '"v1"', 'X-Build': '1b', 'Content-Length': '0' };
    origin.on('/a', { headers: V1, body: 'hello' }, { status: 304, headers: fields });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const second = await get(edge.url, '/a');
    expect(origin.requests()[1]?.headers).toMatchObject({ 'if-none-match': '"v1"' });
    expect(second).toMatchObject({ status: 200, headers: { 'x-cache': 'REVALIDATED', 'x-build': '1b' } });
    expect(second.body.toString()).toBe('hello');
    expect(cacheStatus(second)).toMatchObject({ fwd: 'stale', fwdStatus: 304, stored: true });
    clock.advance(10_000);
    const third = await get(edge.url, '/a');
    expect(cacheStatus(third)).toMatchObject({ hit: true, ttl: 80 });
    expect(third.headers).toMatchObject({ 'x-build': '1b', age: '10', 'content-length': '5' });
    expect(third.body.toString()).toBe('hello');
  });

  it('is replaced by a 200', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: V1, body: 'old' }, { headers: V2, body: 'new' });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const second = await get(edge.url, '/a');
    expect(cacheStatus(second)).toMatchObject({ fwd: 'stale', fwdStatus: 200, stored: true });
    expect(second.headers['x-cache']).toBe('MISS');
    expect(second.body.toString()).toBe('new');
    const third = await get(edge.url, '/a');
    expect(cacheStatus(third)).toMatchObject({ hit: true, ttl: 60 });
    expect(third.body.toString()).toBe('new');
    expect(third.headers['x-build']).toBe('2');
  });

  it('with Last-Modified alone is validated by date', async () => {
    const { origin, edge, clock } = await scene();
    const headers = { 'Cache-Control': 'max-age=60', 'Last-Modified': MODIFIED };
    origin.on('/a', { headers, body: 'hello' }, { status: 304, headers });
    await get(edge.url, '/a');
    clock.advance(61_000);
    expect((await get(edge.url, '/a')).body.toString()).toBe('hello');
    expect(origin.requests()[1]?.headers).toMatchObject({ 'if-modified-since': MODIFIED });
    expect(origin.requests()[1]?.headers).not.toHaveProperty('if-none-match');
  });

  it("is validated by the edge's own conditions, and the client's are answered from the result", async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: V1, body: 'hello' }, { status: 304, headers: V1 });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const same = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v1"' } });
    expect(same.status).toBe(304);
    clock.advance(61_000);
    const other = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v0"' } });
    expect(other.status).toBe(200);
    expect(other.body.toString()).toBe('hello');
    for (const request of origin.requests().slice(1)) expect(request.headers['if-none-match']).toBe('"v1"');
  });

  it('answers a range after its validation', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: V1, body: 'hello' }, { status: 304, headers: V1 });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const part = await get(edge.url, '/a', { headers: { Range: 'bytes=1-2' } });
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 1-2/5' } });
    expect(part.body.toString()).toBe('el');
    expect(origin.requests()[1]?.headers).not.toHaveProperty('range');
  });

  it('is replaced by an error that nothing stands in for', async () => {
    const { origin, edge, clock } = await scene();
    const gone = { status: 404, headers: { 'Cache-Control': 'max-age=5' }, body: 'gone' };
    origin.on('/a', { headers: V1, body: 'hello' }, gone);
    await get(edge.url, '/a');
    clock.advance(61_000);
    expect((await get(edge.url, '/a')).status).toBe(404);
    const again = await get(edge.url, '/a');
    expect(again.status).toBe(404);
    expect(cacheStatus(again)).toMatchObject({ hit: true, ttl: 5 });
  });

  it('that the origin no longer lets anybody store is not served again', async () => {
    const { origin, edge, clock } = await scene();
    const taken = { 'Cache-Control': 'no-store', ETag: '"v1"' };
    origin.on(
      '/a',
      { headers: V1, body: 'hello' },
      { status: 304, headers: taken },
      { headers: V2, body: 'new' },
    );
    await get(edge.url, '/a');
    clock.advance(61_000);
    const second = await get(edge.url, '/a');
    expect(second.body.toString()).toBe('hello');
    expect(cacheStatus(second).stored).toBe(false);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
    expect(origin.requests()[2]?.headers).not.toHaveProperty('if-none-match');
  });

  it('gets asked for whole when the 304 speaks of another one', async () => {
    const { origin, edge, clock } = await scene();
    const stranger = { status: 304, headers: { ETag: '"v9"' } };
    origin.on('/a', { headers: V1, body: 'old' }, stranger, { headers: V2, body: 'new' });
    await get(edge.url, '/a');
    clock.advance(61_000);
    const second = await get(edge.url, '/a');
    expect(second.body.toString()).toBe('new');
    expect(origin.requests()[2]?.headers).not.toHaveProperty('if-none-match');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });
});

describe('no-cache', () => {
  it('is stored and validated before every use', async () => {
    const { origin, edge } = await scene();
    const headers = { 'Cache-Control': 'no-cache', ETag: '"v1"' };
    origin.on('/a', { headers, body: 'hello' }, { status: 304, headers });
    await get(edge.url, '/a');
    for (const nth of [2, 3]) {
      const response = await get(edge.url, '/a');
      expect(response).toMatchObject({ status: 200, headers: { 'x-cache': 'REVALIDATED' } });
      expect(response.body.toString()).toBe('hello');
      expect(origin.requests()).toHaveLength(nth);
    }
  });
});

describe('must-revalidate', () => {
  it('does not stand in the way of a hit while fresh', async () => {
    const { origin, edge } = await scene();
    const headers = { 'Cache-Control': 'max-age=60, must-revalidate', ETag: '"v1"' };
    origin.on('/a', { headers, body: 'hello' });
    await get(edge.url, '/a');
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ hit: true, ttl: 60 });
  });
});

describe('a validated 304 to a client', () => {
  it('of what was never stored is passed on', async () => {
    const { origin, edge } = await scene();
    origin.on(
      '/a',
      { headers: { 'Cache-Control': 'no-store' }, body: 'x' },
      { status: 304, headers: { ETag: '"v1"' } },
    );
    await get(edge.url, '/a');
    const second = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v1"' } });
    expect(second).toMatchObject({ status: 304, complete: true });
    expect(origin.requests()[1]?.headers['if-none-match']).toBe('"v1"');
  });
});

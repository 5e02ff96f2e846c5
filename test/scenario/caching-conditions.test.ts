// A client's own conditions, answered from the store or from what was just fetched (RFC 9110 §13, RFC 9111 §4.3.2).

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { scene } from '../support/scene.ts';

const MODIFIED = 'Wed, 14 Jan 2026 12:00:00 GMT';
const LATER = 'Thu, 15 Jan 2026 11:00:00 GMT';
const EARLIER = 'Tue, 13 Jan 2026 12:00:00 GMT';
const HEADERS = {
  'Cache-Control': 'max-age=60',
  ETag: '"v1"',
  'Last-Modified': MODIFIED,
  'Content-Type': 'text/plain',
  'Content-Language': 'en',
  Vary: 'Accept-Encoding',
  'Content-Location': '/a.en',
  'X-Other': '1',
};

describe('a stored response answers', () => {
  it.each<[string, Readonly<Record<string, string>>, number]>([
    ['If-None-Match with its tag', { 'If-None-Match': '"v1"' }, 304],
    ['If-None-Match with its tag as a weak one', { 'If-None-Match': 'W/"v1"' }, 304],
    ['If-None-Match with its tag among others', { 'If-None-Match': '"v0", "v1" , W/"x"' }, 304],
    ['If-None-Match: *', { 'If-None-Match': '*' }, 304],
    ['If-None-Match with another tag', { 'If-None-Match': '"v0"' }, 200],
    ['If-None-Match before If-Modified-Since', { 'If-None-Match': '"v0"', 'If-Modified-Since': LATER }, 200],
    ['If-Modified-Since with its date', { 'If-Modified-Since': MODIFIED }, 304],
    ['If-Modified-Since with a later date', { 'If-Modified-Since': LATER }, 304],
    ['If-Modified-Since with an earlier date', { 'If-Modified-Since': EARLIER }, 200],
    ['If-Modified-Since that is no date', { 'If-Modified-Since': 'yesterday' }, 200],
    ['If-Match that holds', { 'If-Match': '"v1"' }, 200],
  ])('%s', async (_, headers, status) => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' });
    await get(edge.url, '/a');
    const response = await get(edge.url, '/a', { headers });
    expect(response.status).toBe(status);
    expect(response.body.toString()).toBe(status === 304 ? '' : 'hello');
    expect(cacheStatus(response).hit).toBe(true);
    expect(origin.requests()).toHaveLength(1);
  });

  it('with the fields that a 304 must have, and none that describe the content it does not send', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' });
    const first = await get(edge.url, '/a');
    clock.advance(5_000);
    const { headers } = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v1"' } });
    expect(headers).toMatchObject({
      etag: '"v1"',
      date: first.headers.date,
      vary: 'Accept-Encoding',
      'cache-control': 'max-age=60',
      'content-location': '/a.en',
      age: '5',
      'x-cache': 'HIT',
    });
    for (const name of ['content-length', 'content-type', 'content-language', 'last-modified'])
      expect(headers).not.toHaveProperty(name);
  });

  it('HEAD with a 304 as well', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' });
    await get(edge.url, '/a');
    const head = await get(edge.url, '/a', { method: 'HEAD', headers: { 'If-None-Match': '"v1"' } });
    expect(head.status).toBe(304);
  });

  it('but not a condition on what only the origin knows', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' }, { status: 412 });
    await get(edge.url, '/a');
    const response = await get(edge.url, '/a', { headers: { 'If-Match': '"v0"' } });
    expect(response.status).toBe(412);
    expect(origin.requests()[1]?.headers['if-match']).toBe('"v0"');
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ hit: true });
  });

  it.each([404, 500])('conditions do not count where the plain answer is a %i', async (status) => {
    const { origin, edge } = await scene();
    origin.on('/a', { status, headers: HEADERS, body: 'hello' });
    await get(edge.url, '/a');
    const response = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v1"' } });
    expect(response.status).toBe(status);
    expect(response.body.toString()).toBe('hello');
  });
});

describe('on a miss', () => {
  it("a client's conditions stay at the edge, which stores the whole and answers them", async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' });
    const conditions = { 'If-None-Match': '"v1"', 'If-Modified-Since': MODIFIED };
    const first = await get(edge.url, '/a', { headers: conditions });
    expect(first).toMatchObject({ status: 304, complete: true });
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', fwdStatus: 200, stored: true });
    expect(origin.requests()[0]?.headers).not.toHaveProperty('if-none-match');
    expect(origin.requests()[0]?.headers).not.toHaveProperty('if-modified-since');
    const second = await get(edge.url, '/a');
    expect(cacheStatus(second).hit).toBe(true);
    expect(second.body.toString()).toBe('hello');
  });

  it('a condition that does not hold gets the whole', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: 'hello' });
    const first = await get(edge.url, '/a', { headers: { 'If-None-Match': '"v0"' } });
    expect(first.status).toBe(200);
    expect(first.body.toString()).toBe('hello');
  });

  it('of what is not stored, conditions are answered all the same', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { ...HEADERS, 'Cache-Control': 'no-store' }, body: 'hello' });
    const conditional = { headers: { 'If-None-Match': '"v1"' } };
    expect((await get(edge.url, '/a', conditional)).status).toBe(304);
    expect((await get(edge.url, '/a', conditional)).status).toBeOneOf([200, 304]);
    expect(origin.requests()).toHaveLength(2);
  });

  it('with If-Match the origin is asked as the client asks, and a 412 is nobody else’s', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { status: 412, headers: HEADERS }, { headers: HEADERS, body: 'hello' });
    expect((await get(edge.url, '/a', { headers: { 'If-Match': '"v0"' } })).status).toBe(412);
    const second = await get(edge.url, '/a');
    expect(second.status).toBe(200);
    expect(cacheStatus(second)).toMatchObject({ fwd: 'uri-miss', stored: true });
  });
});

// What is stored and reused, seen by clients: GET and HEAD, freshness, Age, what says no-store and private.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import type { Reply } from '../support/origin.ts';
import { scene } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60', ETag: '"1"' };

describe('hits and misses', () => {
  it('serves the second request from memory', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    const first = await get(edge.url, '/a');
    clock.advance(10_000);
    const second = await get(edge.url, '/a');
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', fwdStatus: 200, stored: true });
    expect(first.headers['x-cache']).toBe('MISS');
    expect(cacheStatus(second)).toMatchObject({ hit: true, ttl: 50 });
    expect(second.headers).toMatchObject({ 'x-cache': 'HIT', age: '10' });
    expect(second.body.toString()).toBe('hello');
    expect(origin.requests('/a')).toHaveLength(1);
  });

  it('keeps targets, queries and hosts apart', async () => {
    const { origin, edge } = await scene();
    origin.on('*', { headers: MINUTE, body: 'x' });
    const asked: [string, string][] = [
      ['/a', 'a.example'],
      ['/a?', 'a.example'],
      ['/a?x=1', 'a.example'],
      ['/A', 'a.example'],
      ['/a', 'b.example'],
      ['/a', 'a.example:81'],
    ];
    for (const [target, Host] of asked) {
      expect(cacheStatus(await get(edge.url, target, { headers: { Host } })).fwd).toBe('uri-miss');
    }
    expect(cacheStatus(await get(edge.url, '/a', { headers: { Host: 'A.EXAMPLE:80' } })).hit).toBe(true);
    expect(origin.requests()).toHaveLength(6);
  });

  it('goes to the origin again when the response is stale and has no validator', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    await get(edge.url, '/a');
    clock.advance(59_999);
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ hit: true, ttl: 0 });
    clock.advance(1);
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({
      fwd: 'stale',
      fwdStatus: 200,
      stored: true,
    });
    expect(origin.requests('/a')[1]?.headers).not.toHaveProperty('if-none-match');
  });

  it.each([204, 301, 404, 410, 500])('a %i with a lifetime is stored like any other', async (status) => {
    const { origin, edge } = await scene();
    origin.on('/a', { status, headers: { 'Cache-Control': 'max-age=60', Location: '/b' } });
    await get(edge.url, '/a');
    const second = await get(edge.url, '/a');
    expect(second.status).toBe(status);
    expect(cacheStatus(second).hit).toBe(true);
  });

  it('does not pass hop-by-hop fields, or those Connection names, to anybody', async () => {
    const { origin, edge } = await scene();
    const headers = {
      ...MINUTE,
      Connection: 'X-Mine',
      'X-Mine': '1',
      'Keep-Alive': 'timeout=9',
      'X-Kept': '1',
    };
    origin.on('/a', { headers, body: 'x' });
    for (const response of [await get(edge.url, '/a'), await get(edge.url, '/a')]) {
      expect(response.headers).not.toHaveProperty('x-mine');
      expect(response.headers).not.toHaveProperty('keep-alive');
      expect(response.headers['x-kept']).toBe('1');
    }
  });
});

describe('HEAD', () => {
  it('is answered from a stored GET, without content', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    await get(edge.url, '/a');
    const head = await get(edge.url, '/a', { method: 'HEAD' });
    expect(head.headers).toMatchObject({ 'content-length': '5', etag: '"1"', 'x-cache': 'HIT' });
    expect(head.body).toHaveLength(0);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is forwarded on a miss and stores nothing', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    const head = await get(edge.url, '/a', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, complete: true, headers: { 'content-length': '5' } });
    expect(cacheStatus(head)).toMatchObject({ fwd: 'uri-miss', stored: false });
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(origin.requests().map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  it('of a stale response freshens it, or forgets it when the origin has another one', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('GET /a', { headers: MINUTE, body: 'hello' });
    origin.on('HEAD /a', { headers: { ...MINUTE, 'Content-Length': 5 } }, { headers: { ETag: '"2"' } });
    await get(edge.url, '/a');
    clock.advance(100_000);
    await get(edge.url, '/a', { method: 'HEAD' });
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ hit: true, ttl: 60 });
    clock.advance(100_000);
    await get(edge.url, '/a', { method: 'HEAD' });
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
  });
});

describe('freshness', () => {
  const cases: [string, Reply['headers'], number | undefined][] = [
    ['s-maxage before max-age', { 'Cache-Control': 'max-age=10, s-maxage=40' }, 40],
    [
      'max-age before Expires',
      { 'Cache-Control': 'max-age=10', Expires: 'Thu, 15 Jan 2026 13:00:00 GMT' },
      10,
    ],
    ['Expires', { Expires: 'Thu, 15 Jan 2026 12:00:30 GMT' }, 30],
    ['a tenth of the time since Last-Modified', { 'Last-Modified': 'Thu, 15 Jan 2026 11:58:20 GMT' }, 10],
    ['a day at most by that guess', { 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }, 86_400],
    ['no guess without Last-Modified', { ETag: '"1"' }, undefined],
    ['max-age, whatever its case', { 'Cache-Control': 'Max-Age=20' }, 20],
    ['what is left after the Age it came with', { 'Cache-Control': 'max-age=60', Age: '15' }, 45],
    [
      'what is left after its Date',
      { 'Cache-Control': 'max-age=60', Date: 'Thu, 15 Jan 2026 11:59:50 GMT' },
      50,
    ],
  ];
  it.each(cases)('is %s', async (_, headers = {}, ttl) => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers, body: 'x' });
    await get(edge.url, '/a');
    const second = cacheStatus(await get(edge.url, '/a'));
    if (ttl === undefined) expect(second.hit).toBe(false);
    else expect(second).toMatchObject({ hit: true, ttl });
  });

  it('Age counts what was spent before the edge, in it, and on the way', async () => {
    const { origin, edge, clock } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const first = get(edge.url, '/a');
    await gate.arrived;
    clock.advance(3_000);
    await gate.head(200, { 'Cache-Control': 'max-age=60', Age: '7', 'Content-Length': 1 });
    await gate.end('x');
    expect((await first).headers.age).toBe('10');
    clock.advance(5_400);
    const second = await get(edge.url, '/a');
    expect(second.headers.age).toBe('15');
    expect(cacheStatus(second).ttl).toBe(44);
  });

  it('a clock that is set back makes nothing younger than it came', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60', Age: '20' }, body: 'x' });
    await get(edge.url, '/a');
    clock.set(clock.now() - 3_600_000);
    expect((await get(edge.url, '/a')).headers.age).toBe('20');
  });

  it('is what the route says', async () => {
    const { origin, edge } = await scene({
      routes: [
        { match: { path: '/long/*' }, cache: { ttl: '1h' } },
        { match: { path: '/missing/*' }, cache: { negativeTtl: { 404: '10s' } } },
        { match: { path: '/never/*' }, cache: { bypass: true } },
      ],
    });
    origin.on('/long/a', { headers: MINUTE, body: 'x' });
    origin.on('/missing/a', { status: 404, body: 'no' });
    origin.on('/never/a', { headers: MINUTE, body: 'x' });
    for (const path of ['/long/a', '/missing/a', '/never/a']) await get(edge.url, path);
    expect(cacheStatus(await get(edge.url, '/long/a')).ttl).toBe(3600);
    expect(cacheStatus(await get(edge.url, '/missing/a')).ttl).toBe(10);
    const bypassed = await get(edge.url, '/never/a');
    expect(cacheStatus(bypassed)).toMatchObject({ fwd: 'bypass', stored: false });
    expect(bypassed.headers['x-cache']).toBe('BYPASS');
  });
});

describe('what is never stored', () => {
  const replies: [string, Reply['headers']][] = [
    ['no-store', { 'Cache-Control': 'no-store, max-age=60' }],
    ['no-store in another case', { 'Cache-Control': 'max-age=60, No-Store' }],
    ['private', { 'Cache-Control': 'private, max-age=60' }],
    ['private in another case', { 'Cache-Control': 'max-age=60, PRIVATE' }],
    ['no-store with an argument', { 'Cache-Control': 'max-age=60, no-store=""' }],
    ['a Cache-Control that cannot be read', { 'Cache-Control': 'max-age=60 private' }],
    ['no-store on another line', { 'Cache-Control': ['max-age=60', 'no-store'] }],
    ['a targeted no-store', { 'Cache-Control': 'max-age=60', 'CDN-Cache-Control': 'no-store' }],
    ['Vary: *', { ...MINUTE, Vary: '*' }],
    ['Set-Cookie', { ...MINUTE, 'Set-Cookie': 'id=1' }],
    ['no lifetime, no validator', {}],
  ];
  it.each(replies)('%s', async (_, headers = {}) => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers, body: 'x' });
    for (let nth = 1; nth <= 3; nth++) {
      const response = await get(edge.url, '/a');
      expect(cacheStatus(response)).toMatchObject({ hit: false, fwd: 'uri-miss', stored: false });
      expect(response.headers['x-cache']).toBe('MISS');
      expect(origin.requests('/a')).toHaveLength(nth);
    }
  });

  it('what the client forbids to store by no-store', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'x' });
    const first = await get(edge.url, '/a', { headers: { 'Cache-Control': 'no-store' } });
    expect(cacheStatus(first).stored).toBe(false);
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
  });

  it('a body over maxObject, announced or not', async () => {
    const { origin, edge } = await scene({ cache: { maxObject: '10KB' } });
    const body = Buffer.alloc(20_000, 'x');
    origin.on('/sized', { headers: MINUTE, body });
    origin.on('/chunked', { headers: MINUTE, body, chunked: true });
    for (const path of ['/sized', '/chunked', '/sized', '/chunked']) {
      const response = await get(edge.url, path);
      expect(response.body).toHaveLength(20_000);
      expect(cacheStatus(response).hit).toBe(false);
    }
    expect(origin.requests()).toHaveLength(4);
  });
});

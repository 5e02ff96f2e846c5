// Routes: where requests go, what is changed on the way, and what the edge answers by itself.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { cacheStatus, get, raw } from '../support/client.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/origin.ts';
import { edgeBefore, headersOf, proxied } from '../support/proxying.ts';
import { diskDir } from '../support/scene.ts';

const FRESH = { 'Cache-Control': 'max-age=60' };

async function origins(): Promise<{ a: ScriptedOrigin; b: ScriptedOrigin; groups: object }> {
  const a = await scriptedOrigin();
  const b = await scriptedOrigin();
  onTestFinished(async () => void (await Promise.all([a.close(), b.close()])));
  return { a, b, groups: { a: { servers: [{ url: a.url }] }, b: { servers: [{ url: b.url }] } } };
}

describe('a route to an origin group', () => {
  it.each([
    [{ path: '/api/*' }, '/api/x', {}, '/x', {}],
    [{ path: ['/api/*', '/rpc'] }, '/rpc', {}, '/x', {}],
    [{ host: ['*.api.example', 'api.example'] }, '/x', { Host: 'api.example' }, '/x', { Host: 'example' }],
    [{ headers: { 'X-Beta': '1*' } }, '/x', { 'X-Beta': '12' }, '/x', { 'X-Beta': '2' }],
    [{ query: { v: '2' } }, '/x?u=1&v=2', {}, '/x?v=3', {}],
    [{ clients: ['127.0.0.0/8'], path: '/in' }, '/in', {}, '/out', {}],
  ])('takes the requests that match %j', async (match, there, thereHeaders, elsewhere, elsewhereHeaders) => {
    const { a, b, groups } = await origins();
    const edge = await edgeBefore('a', { origins: groups, routes: [{ match, origin: 'b' }] });
    a.on('*', { headers: FRESH, body: 'a' });
    b.on('*', { headers: FRESH, body: 'b' });
    expect((await get(edge.url, there, { headers: thereHeaders })).body.toString()).toBe('b');
    expect((await get(edge.url, elsewhere, { headers: elsewhereHeaders })).body.toString()).toBe('a');
  });

  it('by a header keeps its stored responses from requests that go elsewhere, and a purge finds them all', async () => {
    const { a, b, groups } = await origins();
    const edge = await edgeBefore('a', {
      origins: groups,
      routes: [{ match: { headers: { 'X-Beta': '*' } }, origin: 'b' }],
    });
    a.on('*', { headers: FRESH, body: 'a' });
    b.on('*', { headers: FRESH, body: 'b' });
    const ask = async (beta: boolean): Promise<unknown> => {
      const response = await get(edge.url, '/x', {
        headers: beta ? { 'X-Beta': String(Math.random()) } : {},
      });
      return [response.body.toString(), cacheStatus(response).hit];
    };
    expect([await ask(true), await ask(false)]).toEqual([
      ['b', false],
      ['a', false],
    ]);
    expect([await ask(true), await ask(false)]).toEqual([
      ['b', true],
      ['a', true],
    ]);
    expect(headersOf(b, '/x')).not.toHaveProperty(':route');
    const receipt = JSON.parse((await get(edge.url, '/x', { method: 'PURGE' })).body.toString());
    expect(receipt.matched.memory.responses).toBe(2);
    expect([await ask(true), await ask(false)]).toEqual([
      ['b', false],
      ['a', false],
    ]);
  });

  it('by a client address matches no other client', async () => {
    const { a, b, groups } = await origins();
    const edge = await edgeBefore('a', {
      origins: groups,
      routes: [{ match: { clients: ['10.0.0.0/8'] }, origin: 'b' }],
    });
    a.on('*', { headers: FRESH, body: 'a' });
    await get(edge.url, '/x');
    expect(b.requests()).toHaveLength(0);
  });
});

describe('rewriting', () => {
  const routes = [
    { match: { path: '/app/*/old/*' }, rewrite: '/{1}/new/{2}' },
    { match: { path: '/fixed' }, rewrite: '/other?v=1' },
  ];

  it.each([
    ['/app/x/old/y', '/x/new/y'],
    ['/app/x/old/y/z?a=1', '/x/new/y/z?a=1'],
    ['/app//x/old/%79', '/x/new/y'],
    ['/fixed?a=1', '/other?v=1'],
    ['/untouched?x', '/untouched?x'],
  ])('asks the origin for another path: %s is %s there', async (target, asked) => {
    const { origin, edge } = await proxied({ routes });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, target);
    expect(origin.requests().map(({ url }) => url)).toEqual([asked]);
  });

  it('leaves the stored response under the URL of the client, also for a purge', async () => {
    const { origin, edge } = await proxied({ routes });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '/fixed');
    expect(cacheStatus(await get(edge.url, '/fixed')).hit).toBe(true);
    expect((await get(edge.url, '/fixed', { method: 'PURGE' })).status).toBe(200);
    expect(cacheStatus(await get(edge.url, '/fixed')).hit).toBe(false);
  });

  it('never makes a target that names another host', async () => {
    const { origin, edge } = await proxied({ routes: [{ match: { path: '*' }, rewrite: '/{1}' }] });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '//evil.example/x');
    expect(origin.requests().map(({ url }) => url)).toEqual(['/evil.example/x']);
  });
});

describe('header edits of requests', () => {
  const headers = {
    request: {
      remove: ['Cookie'],
      set: { 'X-Real-IP': '{client}', 'X-Uri': '{method} {scheme}://{host}{uri}' },
      add: { 'X-List': 'b' },
    },
  };

  it('are what the origin sees', async () => {
    const { origin, edge } = await proxied({ headers });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '/a?b', { headers: { Host: 'h', Cookie: 'c=1', 'X-Real-IP': 'me', 'X-List': 'a' } });
    const seen = headersOf(origin, '/a?b');
    expect(seen).toMatchObject({ 'x-real-ip': '127.0.0.1', 'x-uri': 'GET http://h/a?b', 'x-list': 'a, b' });
    expect(seen).not.toHaveProperty('cookie');
  });

  it('come before the cache: what is removed tells no variants apart', async () => {
    const { origin, edge } = await proxied({ headers: { request: { remove: ['cookie'] } } });
    origin.on('*', { headers: { ...FRESH, Vary: 'Cookie' }, body: 'x' });
    await get(edge.url, '/a', { headers: { Cookie: 'c=1' } });
    expect(cacheStatus(await get(edge.url, '/a', { headers: { Cookie: 'c=2' } })).hit).toBe(true);
  });

  it('of a route come after those of everywhere, and have the last word', async () => {
    const { origin, edge } = await proxied({
      headers: { request: { set: { 'X-A': 'all', 'X-B': 'all' } } },
      routes: [{ match: { path: '/r' }, headers: { request: { set: { 'X-A': 'route' }, remove: ['X-B'] } } }],
    });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '/r');
    await get(edge.url, '/s');
    expect(headersOf(origin, '/r')).toMatchObject({ 'x-a': 'route' });
    expect(headersOf(origin, '/r')).not.toHaveProperty('x-b');
    expect(headersOf(origin, '/s')).toMatchObject({ 'x-a': 'all', 'x-b': 'all' });
  });
});

describe('a route by what its own edits take away', () => {
  const beta = { match: { headers: { 'X-Beta': '*' } }, headers: { request: { remove: ['X-Beta'] } } };
  const headers = { 'X-Beta': '1' };

  it('stores by its own rules', async () => {
    const { origin, edge } = await proxied({
      cache: { ttl: '10s' },
      routes: [{ ...beta, cache: { ttl: '1h' } }],
    });
    origin.on('/x', { body: 'x' });
    await get(edge.url, '/x', { headers });
    edge.clock.advance(60_000);
    expect(cacheStatus(await get(edge.url, '/x', { headers })).hit).toBe(true);
  });

  it('stores by the type of the response where its routes say so', async () => {
    const { origin, edge } = await proxied({
      cache: { ttl: '10s' },
      routes: [
        { match: { ...beta.match, contentType: 'text/css' }, cache: { ttl: '1h' } },
        { ...beta, cache: { ttl: '10s' } },
      ],
    });
    origin.on('/x', { headers: { 'Content-Type': 'text/css' }, body: 'x' });
    await get(edge.url, '/x', { headers });
    edge.clock.advance(60_000);
    expect(cacheStatus(await get(edge.url, '/x', { headers })).hit).toBe(true);
  });

  it('is where its stored responses are purged', async () => {
    const { origin, edge } = await proxied({ routes: [{ ...beta, cache: { key: { query: 'drop' } } }] });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '/x?a', { headers });
    const receipt = await get(edge.url, '/x?b', { method: 'PURGE', headers });
    expect(JSON.parse(receipt.body.toString()).matched.memory.responses).toBe(1);
  });

  it('counts what goes to the origin for whom it came from', async () => {
    const { origin, edge } = await proxied({
      access: {
        rateLimits: [{ name: 'n', key: 'field:X-Beta', rate: '1/h', counts: 'forwarded' }],
      },
      routes: [beta],
    });
    origin.on('*', { headers: FRESH, body: 'x' });
    const statuses: number[] = [];
    for (const who of ['1', '2', '1'])
      statuses.push((await get(edge.url, `/${statuses.length}`, { headers: { 'X-Beta': who } })).status);
    expect(statuses).toEqual([200, 200, 429]);
  });

  it('knows the client that a field named', async () => {
    const { origin, edge } = await proxied({
      trustedProxies: ['127.0.0.0/8'],
      clientAddress: 'x-forwarded-for',
      routes: [
        { match: {}, headers: { request: { remove: ['X-Forwarded-For'] } }, rewrite: '/for/{client}' },
      ],
    });
    origin.on('*', { headers: FRESH, body: 'x' });
    await get(edge.url, '/x', { headers: { 'X-Forwarded-For': '192.0.2.7' } });
    expect(origin.requests().map(({ url }) => url)).toEqual(['/for/192.0.2.7']);
  });
});

describe('header edits of responses', () => {
  const headers = {
    response: { remove: ['Server', 'X-Cache'], set: { 'X-Frame-Options': 'DENY' }, add: { Link: '</a>' } },
  };

  it('are on misses, hits, validations, ranges, errors and answers of the edge', async () => {
    const { origin, edge } = await proxied({ headers });
    const fields = { ...FRESH, ETag: '"1"', Server: 's', 'X-Frame-Options': 'ALLOW', Link: '</b>' };
    origin.on('/a', { headers: fields, body: 'abc' });
    const responses = [
      await get(edge.url, '/a'),
      await get(edge.url, '/a'),
      await get(edge.url, '/a', { headers: { 'If-None-Match': '"1"' } }),
      await get(edge.url, '/a', { headers: { Range: 'bytes=0-1' } }),
      await get(edge.url, '/none', { headers: { 'Cache-Control': 'only-if-cached' } }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 304, 206, 504]);
    for (const response of responses) {
      expect(response.headers['x-frame-options']).toBe('DENY');
      expect(response.headers.link).toMatch(/<\/a>$/);
      expect(response.headers).not.toHaveProperty('server');
      expect(response.headers).not.toHaveProperty('x-cache');
    }
  });

  it('differ for one stored response by the route of the request', async () => {
    const { origin, edge } = await proxied({
      routes: [{ match: { headers: { 'X-In': '*' } }, headers: { response: { set: { 'X-Way': 'in' } } } }],
    });
    origin.on('/a', { headers: FRESH, body: 'abc' });
    await get(edge.url, '/a');
    for (const way of [undefined, 'in', undefined, 'in']) {
      const response = await get(edge.url, '/a', { headers: way === undefined ? {} : { 'X-In': way } });
      expect([cacheStatus(response).hit, response.headers['x-way']]).toEqual([true, way]);
    }
  });
});

describe('a redirect', () => {
  const routes = [
    { match: { host: 'old.example' }, redirect: { to: 'https://new.example{uri}' } },
    { match: { path: '/blog/*' }, redirect: { to: '/journal/{1}{query}', status: 301 } },
    { match: { path: '*' }, redirect: { to: '/{1}', status: 302 } },
  ];

  it.each([
    [{ Host: 'old.example' }, '/a?b=1', 308, 'https://new.example/a?b=1'],
    [{}, '/blog/x?y', 301, '/journal/x?y'],
    [{}, '//evil.example/x', 302, '/evil.example/x'],
  ])('with %j to %s is %d to %s', async (headers, target, status, location) => {
    const { origin, edge } = await proxied({ routes });
    const response = await get(edge.url, target, { headers });
    expect(response).toMatchObject({ status, complete: true });
    expect(response.headers.location).toBe(location);
    expect(cacheStatus(response)).toMatchObject({ hit: false, detail: 'redirect' });
    expect(origin.requests()).toHaveLength(0);
  });

  it('is no way round a purge', async () => {
    const { edge } = await proxied({ routes });
    expect((await get(edge.url, '/blog/x', { method: 'PURGE' })).status).toBe(404);
  });
});

describe('an answer of the edge', () => {
  it('is the text of the settings', async () => {
    const { origin, edge } = await proxied({
      routes: [{ match: { path: '/healthz' }, respond: { body: 'ok\n' } }],
    });
    const response = await get(edge.url, '/healthz');
    expect([response.status, response.body.toString()]).toEqual([200, 'ok\n']);
    const head = await get(edge.url, '/healthz', { method: 'HEAD' });
    expect([head.headers['content-length'], head.body.length]).toEqual(['3', 0]);
    expect(origin.requests()).toHaveLength(0);
    expect(edge.requests()[0]).toMatchObject({ outcome: 'local', reason: 'respond', status: 200 });
  });

  it('is a maintenance page from a file, with the time to come again', async () => {
    const file = join(await diskDir(), 'maintenance.html');
    await writeFile(file, '<h1>Back soon</h1>');
    const respond = { status: 503, file, contentType: 'text/html; charset=utf-8', retryAfter: '5m' };
    const { edge } = await proxied({ routes: [{ match: {}, respond }] });
    const response = await get(edge.url, '/');
    expect([response.status, response.body.toString()]).toEqual([503, '<h1>Back soon</h1>']);
    expect(response.headers).toMatchObject({
      'retry-after': '300',
      'cache-control': 'no-store',
      'content-type': 'text/html; charset=utf-8',
    });
  });

  it('of 204 has no content, and the connection goes on', async () => {
    const { edge } = await proxied({ routes: [{ match: {}, respond: { status: 204, body: 'x' } }] });
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n';
    const received = await raw(edge.url, `${request}\r\n${request}Connection: close\r\n\r\n`);
    expect(received.match(/HTTP\/1\.1 204/g)).toHaveLength(2);
    expect(received).not.toMatch(/content-length/i);
  });
});

describe('faults in routes', () => {
  const fault = (route: unknown): string => {
    try {
      parseConfig({ origin: 'demo', routes: [route] }, 'test');
      return '';
    } catch (error) {
      return String(error);
    }
  };

  it.each([
    [{ match: {}, origin: 'x' }, 'routes[0].origin'],
    [{ match: {}, redirect: { to: 'evil' } }, 'routes[0].redirect.to'],
    [{ match: {}, redirect: { to: '/{nothing}' } }, 'routes[0].redirect.to'],
    [{ match: { path: '/a/*' }, rewrite: '/{2}' }, 'routes[0].rewrite'],
    [{ match: {}, redirect: { to: '/a' }, respond: {} }, 'routes[0].respond'],
    [{ match: {}, respond: { file: '/nowhere/x' } }, 'routes[0].respond.file'],
    [{ match: {}, respond: { file: 'a', body: 'b' } }, 'routes[0].respond.file'],
    [{ match: { contentType: 'text/css' }, rewrite: '/a' }, 'routes[0].match.contentType'],
    [{ match: {}, headers: { response: { set: { 'Content-Length': '1' } } } }, 'Content-Length'],
    [{ match: {}, headers: { response: { set: { 'X-A': '{client}' } } } }, 'X-A'],
    [{ match: {}, headers: { request: { set: { 'X-A': 'a\r\nb: c' } } } }, 'X-A'],
  ])('%j is named', (route, path) => {
    expect(fault(route)).toContain(path);
  });
});

describe('the client of conditions and places', () => {
  it('is whom a trusted proxy names', async () => {
    const { origin, edge } = await proxied({
      trustedProxies: ['127.0.0.0/8'],
      clientAddress: 'x-forwarded-for',
      headers: { request: { set: { 'X-Real-IP': '{client}' } } },
      routes: [{ match: { clients: ['192.0.2.0/24'] }, respond: { body: 'you' } }],
    });
    origin.on('*', { headers: FRESH, body: 'x' });
    const ask = (from: string) => get(edge.url, '/a', { headers: { 'X-Forwarded-For': from } });
    expect((await ask('192.0.2.7')).body.toString()).toBe('you');
    expect((await ask('192.0.2.7, 198.51.100.1')).body.toString()).toBe('x');
    expect(headersOf(origin, '/a')).toMatchObject({ 'x-real-ip': '198.51.100.1' });
  });
});

// The gate by what a request is: where it comes from, what it asks for, how much it brings, what it looks like.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { cacheStatus, get, type SendOptions } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { proxied } from '../support/proxying.ts';
import { diskDir, metricsOf } from '../support/scene.ts';

const FRESH = { headers: { 'Cache-Control': 'max-age=60' }, body: 'content' };
/** Every client is on this host, so the tests say by X-Forwarded-For who it is. */
const BEHIND = { trustedProxies: ['127.0.0.0/8'] };

const from = (edge: TestEdge, address: string, target = '/x', options: SendOptions = {}) =>
  get(edge.url, target, { ...options, headers: { ...options.headers, 'X-Forwarded-For': address } });

describe('addresses', () => {
  it('that are denied get 403, hits included, and nothing of it is stored', async () => {
    const { origin, edge } = await proxied({ ...BEHIND, access: { addresses: { deny: ['192.0.2.0/24'] } } });
    origin.on('/x', FRESH);
    const refused = await from(edge, '192.0.2.7');
    expect([refused.status, cacheStatus(refused).detail]).toEqual([403, 'address-denied']);
    expect(refused.headers['cache-control']).toBe('no-store');
    expect((await from(edge, '198.51.100.1')).status).toBe(200);
    expect(cacheStatus(await from(edge, '198.51.100.1')).hit).toBe(true);
    expect((await from(edge, '192.0.2.7')).status).toBe(403);
    expect(origin.requests('/x')).toHaveLength(1);
    expect(edge.requests().at(-1)).toMatchObject({
      outcome: 'refused',
      status: 403,
      reason: 'address-denied',
    });
    expect((await metricsOf(edge)).get('holdfast_refusals_total{reason="address-denied"}')).toBe(2);
  });

  it('from a file, with comments; deny beats allow; 404 by setting', async () => {
    const dir = await diskDir();
    const file = join(dir, 'allowed');
    await writeFile(file, '# ours\n192.0.2.0/24\n2001:db8::/32 # office\n\n');
    const addresses = { allowFile: file, deny: ['192.0.2.66'], status: 404 };
    const { edge } = await proxied({ ...BEHIND, access: { addresses } });
    const statuses = await Promise.all(
      ['192.0.2.1', '2001:db8::7', '192.0.2.66', '203.0.113.1'].map(
        async (one) => (await from(edge, one)).headers['cache-status'],
      ),
    );
    expect(statuses.map((one) => /address-denied/.test(one ?? ''))).toEqual([false, false, true, true]);
    expect((await from(edge, '203.0.113.1')).status).toBe(404);
  });

  it('what a client writes itself into X-Forwarded-For does not help it', async () => {
    const { edge } = await proxied({ ...BEHIND, access: { addresses: { deny: ['192.0.2.7'] } } });
    const lied = await from(edge, '10.1.1.1, 192.0.2.7');
    expect(lied.status).toBe(403);
  });

  it('are those of the socket where no proxy is trusted', async () => {
    const { edge } = await proxied({ access: { addresses: { deny: ['127.0.0.1'] } } });
    expect((await from(edge, '198.51.100.1')).status).toBe(403);
  });

  it('that are denied do not purge either; what else holds for others does not concern a purge', async () => {
    const access = {
      addresses: { deny: ['192.0.2.7'] },
      methods: ['GET', 'HEAD'],
      rateLimits: [{ name: 'r', rate: '1/h' }],
    };
    const { edge, origin } = await proxied({ ...BEHIND, access });
    origin.on('/x', FRESH);
    await from(edge, '198.51.100.1');
    expect((await from(edge, '192.0.2.7', '/x', { method: 'PURGE' })).status).toBe(403);
    const purges = [1, 2].map(() => from(edge, '198.51.100.1', '/x', { method: 'PURGE' }));
    expect((await Promise.all(purges)).map(({ status }) => status).sort()).toEqual([200, 404]);
  });
});

describe('methods and paths', () => {
  it('a method that is not allowed gets 405 with those that are', async () => {
    const { edge, origin } = await proxied({ access: { methods: ['GET', 'HEAD'] } });
    const refused = await get(edge.url, '/x', { method: 'POST', body: 'x' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD']);
    expect(origin.requests()).toHaveLength(0);
  });

  it.each([
    '/admin/users',
    '/%61dmin/users',
    '/x/../admin/users',
    '/x/%2e%2e/admin/users',
    '//admin//users',
    '/admin%2fusers',
    '/admin%252Fusers',
    '/x/..%2fadmin/users',
    '/admin;x=1/users',
    '/x/..;/admin/users',
    '/admin%5cusers',
  ])('no spelling gets round a denied path: %s', async (target) => {
    const { edge, origin } = await proxied({ access: { deny: [{ paths: ['/admin/*'], status: 404 }] } });
    const refused = await get(edge.url, target);
    expect([refused.status, cacheStatus(refused).detail]).toEqual([404, 'denied']);
    expect(origin.requests()).toHaveLength(0);
  });

  it('a rule may be about some methods of a path', async () => {
    const { edge, origin } = await proxied({
      access: { deny: [{ paths: ['/api/*'], methods: ['DELETE'], status: 405 }] },
    });
    origin.on('*', { body: 'ok' });
    const statuses = [];
    for (const method of ['GET', 'DELETE']) statuses.push((await get(edge.url, '/api/x', { method })).status);
    expect(statuses).toEqual([200, 405]);
  });

  it('dotfiles are not there, but for /.well-known/', async () => {
    const { edge, origin } = await proxied({ access: { dotfiles: 'deny' } });
    origin.on('*', { body: 'ok' });
    const statuses = [];
    for (const target of [
      '/.git/config',
      '/a/.env',
      '/a/%2eenv',
      '/a%2f.env',
      '/.well-known/x',
      '/.well-known/.x',
      '/a.b',
    ])
      statuses.push((await get(edge.url, target)).status);
    expect(statuses).toEqual([404, 404, 404, 404, 200, 404, 200]);
  });
});

describe('rules of a route', () => {
  it('take the place of those of everywhere, part by part', async () => {
    const { edge, origin } = await proxied({
      access: { methods: ['GET'], dotfiles: 'deny' },
      routes: [{ match: { path: '/api/*' }, access: { methods: ['GET', 'POST'] } }],
    });
    origin.on('*', { body: 'ok' });
    const status = async (method: string, target: string) => (await get(edge.url, target, { method })).status;
    expect(await status('POST', '/x')).toBe(405);
    expect(await status('POST', '/api/x')).toBe(200);
    expect(await status('GET', '/api/.x')).toBe(404);
  });

  it('a path that the origin may read as that of a route for some clients is refused to these', async () => {
    const { edge, origin } = await proxied({
      routes: [
        { match: { path: '/private/*', clients: ['127.0.0.0/8'] }, access: { methods: ['POST'] } },
        { match: { path: '/other/*', clients: ['10.0.0.0/8'] }, access: { methods: ['POST'] } },
      ],
    });
    origin.on('*', { body: 'ok' });
    expect((await get(edge.url, '/private/x')).status).toBe(405);
    expect((await get(edge.url, '/x/..%2fprivate%2fx')).status).toBe(400);
    expect((await get(edge.url, '/x/..%2fother%2fx')).status).toBe(200);
  });

  it('a path that the origin may read as that of a guarded route is refused, where the rules differ', async () => {
    const { edge, origin } = await proxied({
      routes: [{ match: { path: '/private/*' }, access: { addresses: { allow: ['192.0.2.1'] } } }],
    });
    origin.on('*', { body: 'ok' });
    expect((await get(edge.url, '/private/x')).status).toBe(403);
    for (const target of ['/private%2Fx', '/private;a/x', '/x/..%5cprivate%5cx?a=1']) {
      const refused = await get(edge.url, target);
      expect([target, refused.status, cacheStatus(refused).detail]).toEqual([target, 400, 'ambiguous-path']);
    }
    expect((await get(edge.url, '/package/@scope%2Fname')).status).toBe(200);
  });

  it('are no part of a route that only the response decides on', () => {
    const config = {
      origin: 'demo',
      routes: [{ match: { contentType: 'image/*' }, access: { methods: ['GET'] } }],
    };
    expect(() => parseConfig(config, 'test')).toThrow('routes[0].match.contentType');
  });
});

describe('request content', () => {
  it('that is announced too large gets 413 before it is read', async () => {
    const { edge, origin } = await proxied({ access: { maxBody: '1KB' } });
    const refused = await get(edge.url, '/x', {
      method: 'POST',
      body: Buffer.alloc(2000),
      expectContinue: true,
    });
    expect([refused.status, refused.informational, cacheStatus(refused).detail]).toEqual([
      413,
      [],
      'content-too-large',
    ]);
    expect(origin.requests()).toHaveLength(0);
  });

  it('that turns out too large gets 413 as it comes, on the route that says so', async () => {
    const { edge, origin } = await proxied({
      routes: [{ match: { path: '/small' }, access: { maxBody: '1KB' } }],
    });
    origin.on('*', { body: 'ok' });
    const pieces = async function* () {
      for (let i = 0; i < 40; i++) yield Buffer.alloc(100);
    };
    const status = async (target: string) =>
      (await get(edge.url, target, { method: 'POST', body: pieces() })).status;
    expect([await status('/small'), await status('/large')]).toEqual([413, 200]);
    expect(origin.requests('/large')[0]?.body).toHaveLength(4000);
  });

  it('that fits arrives whole', async () => {
    const { edge, origin } = await proxied({ access: { maxBody: '1KB' } });
    origin.on('*', { body: 'ok' });
    const pieces = async function* () {
      yield 'a'.repeat(1000);
      yield 'b'.repeat(24);
    };
    expect((await get(edge.url, '/x', { method: 'POST', body: pieces() })).status).toBe(200);
    expect(origin.requests('/x')[0]?.body.toString()).toBe('a'.repeat(1000) + 'b'.repeat(24));
  });
});

describe('probes', () => {
  const probe = '/search?q=1%27%20union%20select%20password%20from%20users--';

  it('are refused where they are blocked; the log names the rules, the answer does not', async () => {
    const { edge, origin } = await proxied({ access: { probes: { mode: 'block' } } });
    const refused = await get(edge.url, probe);
    expect([refused.status, cacheStatus(refused).detail]).toEqual([403, 'probe']);
    expect(refused.body.toString()).not.toMatch(/sql/);
    expect(edge.requests()[0]).toMatchObject({ reason: 'probe', rule: expect.stringContaining('sql-union') });
    expect(origin.requests()).toHaveLength(0);
  });

  it('pass where they are only logged', async () => {
    const { edge, origin } = await proxied({ access: { probes: { mode: 'log' } } });
    origin.on('*', { body: 'ok' });
    expect((await get(edge.url, probe)).status).toBe(200);
    expect(edge.log.find(({ msg }) => msg === 'noted')).toMatchObject({ reason: 'probe', target: probe });
    expect((await metricsOf(edge)).get('holdfast_noted_total{reason="probe"}')).toBe(1);
  });

  it('a route may leave a rule out', async () => {
    const { edge, origin } = await proxied({
      access: { probes: { mode: 'block' } },
      routes: [{ match: { path: '/cms/*' }, access: { probes: { mode: 'block', exclude: ['xss-script'] } } }],
    });
    origin.on('*', { body: 'ok' });
    const ask = async (path: string) => (await get(edge.url, `${path}?q=%3Cscript%3E`)).status;
    expect([await ask('/x'), await ask('/cms/x')]).toEqual([403, 200]);
  });
});

describe('settings that cannot hold are told', () => {
  it.each([
    [{ addresses: { allow: ['10.0.0.0/33'] } }, 'access.addresses.allow[0]: "10.0.0.0/33"'],
    [{ addresses: { denyFile: '/nowhere/x' } }, 'access.addresses.denyFile: "/nowhere/x": no such file'],
    [{ deny: [{ status: 403 }] }, 'paths, methods or both'],
    [{ deny: [{ paths: ['/x'], status: 500 }] }, 'access.deny[0].status: 500; allowed: 403, 404, 405, 410'],
    [{ rateLimits: [{ name: 'a', rate: '10' }] }, 'requests in a time'],
    [
      {
        rateLimits: [
          { name: 'a', rate: '1/s' },
          { name: 'a', rate: '2/s' },
        ],
      },
      'limits with different names',
    ],
    [{ rateLimits: [{ name: 'a', rate: '1/s', key: 'cookie' }] }, '"address", "path"'],
    [
      { probes: { mode: 'block', exclude: ['nothing'] } },
      'access.probes.exclude[0]: "nothing"; allowed: one of sql-union',
    ],
    [{ auth: {} }, 'basic, bearer, jwt or several of them'],
    [{ auth: { basic: { users: ['alice:secret'] } } }, 'access.auth.basic.users[0]: (hidden)'],
    [{ auth: { basic: {} } }, 'access.auth.basic: no user'],
    [{ auth: { jwt: {} } }, 'exactly one of secretFile'],
    [{ auth: { jwt: { publicKeyFile: '/nowhere/x' } } }, 'no such file'],
    [{ auth: { userField: 'Host', bearer: { tokens: [] } } }, 'access.auth.userField: "Host"'],
  ])('%j', (access, message) => {
    expect(() => parseConfig({ origin: 'demo', access }, 'test')).toThrow(message);
  });
});

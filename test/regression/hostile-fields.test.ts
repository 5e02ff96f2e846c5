// What clients have done, or could have done, by the fields of their requests: to what others are given, and to the edge's own.

import { describe, expect, it } from 'vitest';
import { disarmed } from '../../src/disarm.ts';
import { readPath } from '../../src/gate/reading.ts';
import { Fields } from '../../src/http/fields.ts';
import { cacheStatus, get, raw } from '../support/client.ts';
import { headersOf, proxied } from '../support/proxying.ts';

describe('fields that Connection names', () => {
  it('do not choose a variant that the origin did not see them for', async () => {
    const { origin, edge } = await proxied();
    const headers = { 'Cache-Control': 'max-age=60', Vary: 'X-Device' };
    origin.on('/', { headers, body: 'desktop' }, { headers, body: 'phone' });
    const phone = { 'X-Device': 'phone' };
    await get(edge.url, '/', { headers: { ...phone, Connection: 'close, X-Device' } });
    const second = await get(edge.url, '/', { headers: phone });
    expect(second.body.toString()).toBe('phone');
    expect(cacheStatus(second)).toMatchObject({ fwd: 'vary-miss' });
  });

  it('are still written for the origin where the operator or the edge writes them', async () => {
    const { origin, edge } = await proxied({ headers: { request: { set: { 'X-From-Edge': 'yes' } } } });
    origin.on('*', { body: 'ok' });
    const Connection = 'close, X-From-Edge, X-Forwarded-For, X-Forwarded-Proto, Forwarded, Via, Cookie';
    await get(edge.url, '/', { headers: { Connection, Cookie: 'a=b' } });
    const seen = headersOf(origin, '/');
    expect(seen).toMatchObject({ 'x-from-edge': 'yes', 'x-forwarded-for': '127.0.0.1' });
    expect(seen).toMatchObject({ 'x-forwarded-proto': 'http', via: expect.stringContaining('holdfast') });
    expect(seen.cookie).toBeUndefined();
  });

  it('do not hide what a trusted proxy says of the client', async () => {
    const { origin, edge } = await proxied({
      trustedProxies: ['127.0.0.1'],
      access: { addresses: { deny: ['192.0.2.1'] } },
    });
    origin.on('*', { body: 'ok' });
    const headers = { 'X-Forwarded-For': '192.0.2.1', Connection: 'close, X-Forwarded-For' };
    expect((await get(edge.url, '/', { headers })).status).toBe(403);
  });

  it('leave options of the connection alone', () => {
    const fields = (connection: string): Fields =>
      new Fields(['Connection', connection, 'Upgrade', 'websocket', 'X-A', 'b']);
    const usual = fields('keep-alive, Upgrade');
    expect(disarmed(usual)).toBe(usual);
    expect(disarmed(fields('Upgrade, X-A')).lines).toEqual(['Upgrade', 'websocket', 'Connection', 'Upgrade']);
    expect(disarmed(fields('x-a')).lines).toEqual(['Upgrade', 'websocket']);
  });
});

describe('fields in a spelling that applications read as the edge’s own', () => {
  it('do not reach the origin', async () => {
    const { origin, edge } = await proxied({ headers: { request: { set: { 'X-Real-IP': '{client}' } } } });
    origin.on('*', { body: 'ok' });
    const own = {
      X_Forwarded_For: '1',
      X_Forwarded_Host: 'evil',
      X_Client_Verify: 'SUCCESS',
      X_Real_IP: '1',
    };
    const headers = { ...own, Transfer_Encoding: 'chunked', X_Other: 'kept' };
    await get(edge.url, '/', { headers });
    const names = Object.keys(headersOf(origin, '/')).filter((name) => name.includes('_'));
    expect(names).toEqual(['x_other']);
    expect(headersOf(origin, '/')['x-real-ip']).toBe('127.0.0.1');
  });
});

describe('a path that is read otherwise at one depth than at another', () => {
  const hidden = '/x/..%2fadmin%2fsecret.php/%252e%252e/%252e%252e/%252e%252e/pub';

  it('is read at every depth', () => {
    expect(readPath(hidden).others).toEqual([
      '/admin/secret.php/%252e%252e/%252e%252e/%252e%252e/pub',
      '/pub',
    ]);
    expect(readPath('/a%20b').others).toEqual([]);
  });

  it('does not get past a rule for one of them', async () => {
    const { origin, edge } = await proxied({
      access: { deny: [{ paths: ['/admin/*'] }] },
      routes: [{ match: { path: '/private/*' }, access: { addresses: { allow: ['192.0.2.1'] } } }],
    });
    origin.on('*', { body: 'ok' });
    expect((await get(edge.url, hidden)).status).toBe(403);
    expect((await get(edge.url, hidden.replace('admin', 'private'))).status).toBe(400);
    expect((await get(edge.url, '/pub/a%20b')).status).toBe(200);
  });
});

it('a parameter that a route looks at counts in every spelling', async () => {
  const { origin, edge } = await proxied({
    routes: [{ match: { query: { action: 'drop table' } }, access: { addresses: { allow: ['192.0.2.1'] } } }],
  });
  origin.on('*', { body: 'ok' });
  for (const query of ['action=drop+table', '%61ction=drop%20t%61ble'])
    expect([query, (await get(edge.url, `/?${query}`)).status]).toEqual([query, 403]);
  expect((await get(edge.url, '/?action=view')).status).toBe(200);
});

it('a method with the name of what every object has is no method of the admin listener', async () => {
  const { edge } = await proxied();
  for (const method of ['constructor', 'toString', '__proto__']) {
    const head = `${method} /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    expect(await raw(edge.admin, head)).toMatch(/^HTTP\/1.1 405 /);
  }
});

it('a host with a dot at its end is that host: for routes, for stored responses, for the origin', async () => {
  const { origin, edge } = await proxied({
    routes: [{ match: { host: 'admin.example.org' }, access: { addresses: { allow: ['192.0.2.1'] } } }],
  });
  origin.on('*', { headers: { 'Cache-Control': 'max-age=60' }, body: 'ok' });
  for (const Host of ['admin.example.org', 'admin.example.org.', 'Admin.Example.org.:80'])
    expect([Host, (await get(edge.url, '/', { headers: { Host } })).status]).toEqual([Host, 403]);
  await get(edge.url, '/', { headers: { Host: 'www.example.org.' } });
  expect(headersOf(origin, '/').host).toBe('www.example.org');
  const second = await get(edge.url, '/', { headers: { Host: 'www.example.org' } });
  expect(cacheStatus(second).hit).toBe(true);
  expect((await get(edge.url, '/', { headers: { Host: '.' } })).status).toBe(400);
});

describe('a path that the origin may read as another route’s (web cache deception)', () => {
  it('is not stored by the rules of the route that it looks like', async () => {
    const { origin, edge } = await proxied({
      routes: [
        { match: { path: '/static/*' }, cache: { ttl: '1h' } },
        { match: { path: '*.css' }, cache: { ttl: '1h' } },
      ],
    });
    origin.on('*', { headers: { 'Last-Modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, body: 'account' });
    const paths = [
      '/static/..%2faccount',
      '/account;a.css',
      '/account%3fa.css',
      '/account%00.css',
      '/account%23.css',
    ];
    for (const path of paths) {
      await get(edge.url, path);
      expect([path, cacheStatus(await get(edge.url, path)).fwd]).toEqual([path, 'bypass']);
    }
    for (const path of ['/static/a%20b', '/static/x;y', '/a%2fb.css', '/account%20a']) {
      await get(edge.url, path);
      expect([path, cacheStatus(await get(edge.url, path)).hit]).toEqual([path, true]);
    }
  });
});

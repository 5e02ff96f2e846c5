// A cookie keeps a client with the server of a group that has its session.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { acceptOf } from '../../src/origin/switching.ts';
import { cacheStatus, get, type Response, raw } from '../support/client.ts';
import { type GroupScene, groupScene, textOf } from '../support/group.ts';
import { edgeBefore, proxiedRaw, type Settings } from '../support/proxying.ts';

const scene = (sticky: object = {}, settings: Settings = {}): Promise<GroupScene> =>
  groupScene({
    servers: [{}, {}, {}],
    group: { sticky: { cookie: 'srv', ...sticky }, health: { failures: 1 } },
    settings,
  });

const given = ({ headers }: Response): string => /^[^;]*/.exec(headers['set-cookie'] ?? '')?.[0] ?? '';

describe('a client of a group with a cookie', () => {
  it('stays with the server that answered it first; the server does not see the cookie', async () => {
    const { edge, origins } = await scene();
    for (const server of [0, 1, 2]) {
      const first = await get(edge.url, '/login', { method: 'POST', body: 'x' });
      expect(textOf(first)).toBe(String(server));
      expect(first.headers['set-cookie']).toMatch(/^srv=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
      for (let i = 0; i < 4; i++) {
        const again = await get(edge.url, `/${i}`, { headers: { Cookie: `a=1; ${given(first)}; b=2` } });
        expect([textOf(again), again.headers['set-cookie']]).toEqual([String(server), undefined]);
        expect(origins[server]?.requests().at(-1)?.headers.cookie).toBe('a=1; b=2');
      }
    }
  });

  it('is with it at every worker and after a restart', async () => {
    const { edge, origins } = await scene({}, { workers: 2 });
    const url = origins.map((origin) => origin.url);
    const cookie = given(await get(edge.url, '/'));
    const server = origins.findIndex((origin) => origin.requests().length > 0);
    await edge.close();
    const settings = {
      origins: { app: { servers: url.map((one) => ({ url: one })), sticky: { cookie: 'srv' } } },
      workers: 2,
    };
    const later = await edgeBefore('app', settings);
    for (let i = 0; i < 6; i++)
      expect(textOf(await get(later.url, `/${i}`, { headers: { Cookie: cookie } }))).toBe(String(server));
  });

  it.each([
    ['names no server', 'srv=AAAAAAAAAAAAAAAA'],
    ['names one by its place', 'srv=0'],
    ['is empty', 'srv='],
  ])('that %s is given one anew', async (_, cookie) => {
    const { edge } = await scene();
    expect(given(await get(edge.url, '/', { headers: { Cookie: cookie } }))).toMatch(/^srv=[\w-]{16}$/);
  });

  it('goes to another when its server is gone, and stays there', async () => {
    const { edge, origins } = await scene();
    const first = given(await get(edge.url, '/'));
    await origins[0]?.close();
    const moved = await get(edge.url, '/', { headers: { Cookie: first } });
    expect(textOf(moved)).toMatch(/[12]/);
    expect(given(moved)).not.toBe(first);
    for (let i = 0; i < 4; i++)
      expect(textOf(await get(edge.url, '/', { headers: { Cookie: given(moved) } }))).toBe(textOf(moved));
  });

  it('is told by no response that others get: what is stored has no such cookie', async () => {
    const { edge, origins } = await scene();
    for (const origin of origins)
      origin.on('/page', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const responses = [await get(edge.url, '/page'), await get(edge.url, '/page')];
    expect(responses.map((response) => cacheStatus(response).hit)).toEqual([false, true]);
    for (const { headers } of responses) expect(headers).not.toHaveProperty('set-cookie');
  });

  it('is told Secure where it came by TLS, also to a proxy that is trusted', async () => {
    const { edge } = await scene({ sameSite: 'strict', maxAge: '1h' }, { trustedProxies: ['127.0.0.0/8'] });
    const plain = await get(edge.url, '/');
    const secure = await get(edge.url, '/', { headers: { 'X-Forwarded-Proto': 'https' } });
    expect(plain.headers['set-cookie']).toMatch(/; Path=\/; Max-Age=3600; HttpOnly; SameSite=Strict$/);
    expect(secure.headers['set-cookie']).toMatch(/; SameSite=Strict; Secure$/);
  });

  it('is told by a 101, too', async () => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ==';
    const { origin } = await proxiedRaw((_request, socket) =>
      socket.end(
        `HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
      ),
    );
    const app = { servers: [{ url: origin.url }], sticky: { cookie: 'srv' } };
    const edge = await edgeBefore('app', { origins: { app } });
    const answer = await raw(
      edge.url,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\nSet-Cookie: srv=[\w-]{16}; /);
  });
});

describe('the settings of the cookie', () => {
  const fault = (sticky: object) => () =>
    parseConfig({ origins: { a: { servers: [{ url: 'http://a' }], sticky } }, origin: 'a' }, 'test');

  it.each([
    [{ cookie: 'a b' }, 'origins.a.sticky.cookie'],
    [{ cookie: 'a', path: 'x' }, 'origins.a.sticky.path'],
    [{ cookie: 'a', path: '/;Domain=x' }, 'origins.a.sticky.path'],
    [{ cookie: 'a', sameSite: 'none' }, 'origins.a.sticky.secure'],
  ])('%j: the fault is named', (sticky, path) => {
    expect(fault(sticky)).toThrow(path);
  });
});

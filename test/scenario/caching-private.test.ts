// What belongs to one client: Authorization, Set-Cookie, private. Never stored or shared unless RFC 9111 or the
// operator's route allows it.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { scene } from '../support/scene.ts';

const BASIC = { headers: { Authorization: 'Basic YTpi' } };

describe('a request with Authorization', () => {
  it.each<[string, boolean]>([
    ['max-age=60', false],
    ['max-age=60, public', true],
    ['s-maxage=60', true],
    ['max-age=60, must-revalidate', true],
    ['max-age=60, proxy-revalidate', false],
    ['max-age=60, private', false],
    ['s-maxage=soon', false],
  ])('its response with %j is stored: %s', async (control, stored) => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': control, ETag: '"1"' }, body: 'secret' });
    expect(cacheStatus(await get(edge.url, '/a', BASIC)).stored).toBe(stored);
    for (const options of [BASIC, { headers: { Authorization: 'Basic Yzpk' } }, {}])
      expect(cacheStatus(await get(edge.url, '/a', options)).hit).toBe(stored);
  });

  it('reaches the origin with it', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'secret' });
    await get(edge.url, '/a', BASIC);
    expect(origin.requests()[0]?.headers.authorization).toBe('Basic YTpi');
  });

  it('gets what is stored for everybody', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'open' });
    await get(edge.url, '/a');
    expect(cacheStatus(await get(edge.url, '/a', BASIC)).hit).toBe(true);
  });

  it('that validates what everybody has does not turn it into a private response, nor the private one into everybody’s', async () => {
    const { origin, edge, clock } = await scene();
    const headers = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
    const mine = { headers: { 'Cache-Control': 'max-age=60', ETag: '"2"' }, body: 'mine' };
    origin.on('/a', { headers, body: 'open' }, mine, { status: 304, headers });
    await get(edge.url, '/a');
    clock.advance(61_000);
    expect((await get(edge.url, '/a', BASIC)).body.toString()).toBe('mine');
    const other = await get(edge.url, '/a');
    expect(other.body.toString()).toBe('open');
    expect(cacheStatus(other)).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
  });
});

describe('Set-Cookie', () => {
  const headers = { 'Cache-Control': 'max-age=60', 'Set-Cookie': 'id=1' };

  it('is not stored and reaches the client that asked', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers, body: 'x' });
    for (let nth = 1; nth <= 2; nth++) {
      const response = await get(edge.url, '/a');
      expect(response.headers['set-cookie']).toBe('id=1');
      expect(cacheStatus(response)).toMatchObject({ hit: false, stored: false });
    }
  });

  it('is stored with its cookie where the route says so', async () => {
    const { origin, edge } = await scene({
      routes: [{ match: { path: '/shop/*' }, cache: { storeSetCookie: true } }],
    });
    origin.on('*', { headers, body: 'x' });
    for (const path of ['/shop/a', '/a']) await get(edge.url, path);
    const stored = await get(edge.url, '/shop/a');
    expect(cacheStatus(stored).hit).toBe(true);
    expect(stored.headers['set-cookie']).toBe('id=1');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(false);
  });

  it('is taken off where the route says so, and the rest is stored', async () => {
    const { origin, edge } = await scene({
      routes: [{ match: { path: '*.css' }, cache: { stripSetCookie: true } }],
    });
    origin.on('*', { headers, body: 'x' });
    for (const hit of [false, true]) {
      const response = await get(edge.url, '/a.css');
      expect(response.headers).not.toHaveProperty('set-cookie');
      expect(cacheStatus(response).hit).toBe(hit);
    }
  });

  it('is stored as RFC 9111 has it under cache.strict', async () => {
    const { origin, edge } = await scene({ cache: { strict: true } });
    origin.on('/a', { headers, body: 'x' });
    await get(edge.url, '/a');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });

  it('of a validation is for the client at hand and is not stored', async () => {
    const { origin, edge, clock } = await scene();
    const plain = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
    origin.on(
      '/a',
      { headers: plain, body: 'x' },
      { status: 304, headers: { ...plain, 'Set-Cookie': 'id=1' } },
    );
    await get(edge.url, '/a');
    clock.advance(61_000);
    await get(edge.url, '/a');
    const third = await get(edge.url, '/a');
    expect(third.body.toString()).toBe('x');
    expect(third.headers).not.toHaveProperty('set-cookie');
  });
});

describe('private and no-cache with field names', () => {
  it.each(['private="X-User"', 'no-cache="X-User"', 'private="x-user, X-None"'])(
    '%s: the fields are for the client that asked, the rest is for everybody',
    async (directive) => {
      const { origin, edge } = await scene();
      const headers = { 'Cache-Control': `max-age=60, ${directive}`, 'X-User': 'ann', 'X-Site': 'all' };
      origin.on('/a', { headers, body: 'x' });
      expect((await get(edge.url, '/a')).headers).toMatchObject({ 'x-user': 'ann', 'x-site': 'all' });
      const second = await get(edge.url, '/a');
      expect(cacheStatus(second).hit).toBe(true);
      expect(second.headers['x-site']).toBe('all');
      expect(second.headers).not.toHaveProperty('x-user');
    },
  );
});

describe('Vary: Cookie', () => {
  it('keeps what each cookie gets apart', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', (request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: 'Cookie' });
      response.end(request.headers.cookie ?? 'none');
    });
    for (const round of [1, 2]) {
      for (const Cookie of ['id=1', 'id=2', 'id=1; b=2']) {
        const response = await get(edge.url, '/a', { headers: { Cookie } });
        expect(response.body.toString()).toBe(Cookie);
        expect(cacheStatus(response).hit).toBe(round === 2);
      }
    }
    expect((await get(edge.url, '/a')).body.toString()).toBe('none');
  });
});

// Who may purge: an address that the socket shows, or the bearer of the token. Nothing that a client writes about itself.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import { type Scene, type Settings, scene } from '../support/scene.ts';

const TOKEN = 'a-token-of-enough-length';
const CLAIMS = {
  'X-Forwarded-For': '10.0.0.1',
  Forwarded: 'for=10.0.0.1',
  'X-Real-IP': '10.0.0.1',
  'True-Client-IP': '10.0.0.1',
};

/** An edge that holds /a. */
async function holding(settings: Settings): Promise<Scene> {
  const given = await scene(settings);
  given.origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
  await get(given.edge.url, '/a');
  return given;
}

type Headers = Readonly<Record<string, string>>;

/** By either door. */
const DOORS: readonly [string, (given: Scene, headers?: Headers) => Promise<Response>][] = [
  ['PURGE', ({ edge }, headers = {}) => get(edge.url, '/a', { method: 'PURGE', headers })],
  [
    'POST /purge',
    ({ edge }, headers = {}) =>
      get(edge.admin, '/purge', {
        method: 'POST',
        headers,
        body: JSON.stringify({ urls: [`${edge.url}/a`] }),
      }),
  ],
];

async function refused(given: Scene, response: Response, status: number): Promise<void> {
  expect(response).toMatchObject({ status, complete: true });
  expect(JSON.parse(response.body.toString())).toEqual({ error: expect.any(String) });
  expect(cacheStatus(await get(given.edge.url, '/a')).hit).toBe(true);
  expect(given.origin.requests()).toHaveLength(1);
}

describe.each(DOORS)('%s', (_, purge) => {
  it('is open to loopback by default', async () => {
    const given = await holding({});
    expect((await purge(given)).status).toBe(200);
  });

  it('is closed (403) to an address that is not allowed, where there is no token', async () => {
    const given = await holding({ purge: { allow: ['10.0.0.0/8'] } });
    await refused(given, await purge(given), 403);
  });

  it('is never opened by a forwarded address, be the peer trusted or not', async () => {
    for (const trustedProxies of [[], ['127.0.0.0/8']]) {
      const given = await holding({ purge: { allow: ['10.0.0.0/8'] }, trustedProxies });
      await refused(given, await purge(given, CLAIMS), 403);
    }
  });

  it('is closed (405) where nobody is allowed and there is no token', async () => {
    const given = await holding({ purge: { allow: [] } });
    await refused(given, await purge(given), 405);
    await refused(given, await purge(given, { Authorization: 'Bearer ' }), 405);
  });

  it('asks (401) for the token, and lets its bearer in', async () => {
    const given = await holding({ purge: { allow: [], token: TOKEN } });
    await refused(given, await purge(given), 401);
    for (const said of [
      'Bearer a-token-of-enough-lengtH',
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN}, Bearer ${TOKEN}`,
    ]) {
      await refused(given, await purge(given, { Authorization: said }), 401);
    }
    expect((await purge(given, { Authorization: `bearer ${TOKEN}` })).status).toBe(200);
    expect(JSON.stringify(given.edge.log)).not.toContain(TOKEN);
  });

  it('refuses a wrong token from an allowed address as well', async () => {
    const given = await holding({ purge: { token: TOKEN } });
    await refused(given, await purge(given, { Authorization: 'Bearer something-else-of-length' }), 401);
    expect((await purge(given)).status).toBe(200);
  });
});

describe('a refused PURGE', () => {
  it('says how to be let in where a token would do it', async () => {
    const given = await holding({ purge: { allow: [], token: TOKEN } });
    const response = await get(given.edge.url, '/a', { method: 'PURGE' });
    expect(response.headers['www-authenticate']).toMatch(/^Bearer/i);
    expect(cacheStatus(response)).toMatchObject({ hit: false, detail: 'purge' });
  });

  it('never reaches the origin', async () => {
    const given = await holding({ purge: { allow: [] }, cache: { bypass: true } });
    await get(given.edge.url, '/a', { method: 'PURGE' });
    expect(given.origin.requests().map(({ method }) => method)).toEqual(['GET']);
  });
});

// What an unsafe request makes of stored responses (RFC 9111 §4.4).

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { diskDir, type Scene, type Settings, scene } from '../support/scene.ts';

type Headers = Readonly<Record<string, string>>;

/** An edge that holds these paths. */
async function holding(paths: readonly string[], settings: Settings = {}): Promise<Scene> {
  const given = await scene(settings);
  const reply = { headers: { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language' }, body: 'x' };
  for (const path of paths) {
    given.origin.on(`GET ${path}`, reply);
    for (const tongue of ['de', 'en'])
      await get(given.edge.url, path, { headers: { 'Accept-Language': tongue } });
  }
  return given;
}

async function isStored({ edge }: Pick<Scene, 'edge'>, path: string): Promise<boolean> {
  const asked = ['de', 'en'].map((tongue) => get(edge.url, path, { headers: { 'Accept-Language': tongue } }));
  const hits = (await Promise.all(asked)).map((response) => cacheStatus(response).hit);
  expect(new Set(hits).size).toBe(1);
  return hits[0] === true;
}

async function send(
  { origin, edge }: Scene,
  method: string,
  status: number,
  headers: Headers = {},
): Promise<void> {
  origin.on(`${method} /a`, { status, headers });
  const response = await get(edge.url, '/a', { method });
  expect(response.status).toBe(status);
  expect(cacheStatus(response)).toMatchObject({ fwd: 'method', fwdStatus: status });
}

describe('the target URI', () => {
  it.each<[string, number, boolean]>([
    ['POST', 200, false],
    ['POST', 201, false],
    ['PUT', 204, false],
    ['PATCH', 200, false],
    ['DELETE', 200, false],
    ['POST', 303, false],
    ['LINK', 200, false],
    ['POST', 400, true],
    ['PUT', 412, true],
    ['DELETE', 500, true],
    ['OPTIONS', 200, true],
    ['PROPFIND', 207, true],
  ])('after %s with %i is still stored: %s', async (method, status, stored) => {
    const given = await holding(['/a', '/b']);
    await send(given, method, status);
    expect(await isStored(given, '/a')).toBe(stored);
    expect(await isStored(given, '/b')).toBe(true);
  });

  it('is forgotten on disk too', async () => {
    const given = await holding(['/a', '/b'], { disk: { dir: await diskDir() } });
    await send(given, 'POST', 200);
    const edge = await given.restart();
    expect(await isStored({ edge }, '/a')).toBe(false);
    expect(await isStored({ edge }, '/b')).toBe(true);
  });

  it('is not touched when the origin could not be reached', async () => {
    const given = await holding(['/a']);
    given.origin.on('POST /a', (_, response) => void response.socket?.destroy());
    expect((await get(given.edge.url, '/a', { method: 'POST', body: 'x' })).status).toBe(502);
    expect(await isStored(given, '/a')).toBe(true);
  });

  it('is gone before the client hears of the success', async () => {
    const given = await holding(['/a']);
    const { origin, edge } = given;
    origin.on('GET /a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'after' });
    for (let i = 0; i < 20; i++) {
      origin.on('POST /a', { status: 200, body: 'done' });
      await get(edge.url, '/a', { method: 'POST', body: 'x' });
      expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(false);
    }
  });
});

describe('what Location and Content-Location name', () => {
  it.each<[string, Headers, boolean]>([
    ['is forgotten: a path', { Location: '/b' }, false],
    ['is forgotten: a path relative to the target', { 'Content-Location': 'b' }, false],
    ['is forgotten: a path with a fragment', { Location: '/b#top' }, false],
    ['is not: another host', { Location: 'http://other.example/b' }, true],
    ['is not: another port', { Location: 'http://127.0.0.1:1/b' }, true],
    ['is not: nonsense', { Location: 'http://[' }, true],
  ])('%s', async (_, headers, stored) => {
    const given = await holding(['/a', '/b']);
    await send(given, 'POST', 201, headers);
    expect(await isStored(given, '/a')).toBe(false);
    expect(await isStored(given, '/b')).toBe(stored);
  });

  it('is forgotten: an absolute URL of the same origin', async () => {
    const given = await holding(['/a', '/b']);
    await send(given, 'POST', 201, { Location: `${given.edge.url}/b` });
    expect(await isStored(given, '/b')).toBe(false);
  });

  it('is not, after an error or a safe request', async () => {
    const given = await holding(['/a', '/b']);
    await send(given, 'POST', 500, { Location: '/b' });
    await send(given, 'OPTIONS', 200, { Location: '/b' });
    expect(await isStored(given, '/b')).toBe(true);
  });
});

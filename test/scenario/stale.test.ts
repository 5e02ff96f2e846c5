// stale-while-revalidate (RFC 5861 §3): stale at once, validated behind, one at a time, not again at once after a failure.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { hangUp, type Step } from '../support/origin.ts';
import { type Scene, type Settings, scene, settled } from '../support/scene.ts';

const HEADERS = { 'Cache-Control': 'max-age=60, stale-while-revalidate=30', ETag: '"1"' };
const OLD = { headers: HEADERS, body: 'old' };
const NEW = { headers: { ...HEADERS, ETag: '"2"' }, body: 'new' };

/** An edge that holds /a, 70 seconds old: stale for ten. Then the origin answers so. */
async function stale(answer: Step, ...more: Step[]): Promise<Scene> {
  const given = await scene();
  given.origin.on('/a', OLD);
  await get(given.edge.url, '/a');
  given.origin.on('/a', answer, ...more);
  given.clock.advance(70_000);
  return given;
}

function requests({ origin }: Scene): number {
  return origin.requests('/a').length - 1;
}

describe('within the window', () => {
  it('a stale response is served at once while the origin takes its time', async () => {
    const given = await stale(OLD);
    const { origin, edge } = given;
    const gate = origin.gate();
    origin.on('/a', gate);
    const response = await get(edge.url, '/a');
    expect(response.body.toString()).toBe('old');
    expect(response.headers).toMatchObject({ 'x-cache': 'STALE', age: '70' });
    expect(cacheStatus(response)).toMatchObject({ hit: true, ttl: -10, detail: 'stale-while-revalidate' });
    expect((await gate.arrived).headers['if-none-match']).toBe('"1"');
    await gate.head(200, NEW.headers);
    await gate.end('new');
    await settled(edge);
    const next = await get(edge.url, '/a');
    expect(next.body.toString()).toBe('new');
    expect(cacheStatus(next)).toMatchObject({ hit: true, ttl: 60 });
  });

  it('a 304 makes it fresh again', async () => {
    const given = await stale({ status: 304, headers: HEADERS });
    const { edge } = given;
    await get(edge.url, '/a');
    await settled(edge);
    const next = await get(edge.url, '/a');
    expect(next.body.toString()).toBe('old');
    expect(cacheStatus(next)).toMatchObject({ hit: true, ttl: 60 });
    expect(requests(given)).toBe(1);
  });

  it('one request to the origin at a time, however many clients come', async () => {
    const given = await stale(OLD);
    const { origin, edge } = given;
    const gate = origin.gate();
    origin.on('/a', gate, NEW);
    const responses = await Promise.all(Array.from({ length: 20 }, () => get(edge.url, '/a')));
    expect(responses.map((response) => response.headers['x-cache'])).toEqual(Array(20).fill('STALE'));
    await gate.arrived;
    expect((await get(edge.url, '/a')).headers['x-cache']).toBe('STALE');
    expect(requests(given)).toBe(1);
    await gate.head(304, HEADERS);
    await gate.end();
    await settled(edge);
    expect((await get(edge.url, '/a')).headers['x-cache']).toBe('HIT');
    expect(requests(given)).toBe(1);
  });

  it('HEAD and ranges are served stale too; the request behind is for the whole', async () => {
    const given = await stale(NEW);
    const { origin, edge } = given;
    const headers = { Range: 'bytes=0-0', 'If-Range': '"1"' };
    const part = await get(edge.url, '/a', { headers });
    expect(part).toMatchObject({ status: 206, headers: { 'x-cache': 'STALE' } });
    await settled(edge);
    expect(origin.requests('/a')[1]).toMatchObject({ method: 'GET' });
    expect(origin.requests('/a')[1]?.headers).not.toHaveProperty('range');
    given.clock.advance(70_000);
    expect((await get(edge.url, '/a', { method: 'HEAD' })).headers['x-cache']).toBe('STALE');
    await settled(edge);
    expect(origin.requests('/a')[2]).toMatchObject({ method: 'GET' });
    const next = await get(edge.url, '/a');
    expect(next.body.toString()).toBe('new');
    expect(cacheStatus(next).hit).toBe(true);
  });

  it('a client that leaves does not stop the refresh', async () => {
    const given = await stale(OLD);
    const { origin, edge } = given;
    const gate = origin.gate();
    origin.on('/a', gate);
    await get(edge.url, '/a');
    await gate.head(200, NEW.headers);
    await gate.write('ne');
    await gate.end('w');
    await settled(edge);
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
  });
});

describe('outside of it', () => {
  it('after the window the client waits for the origin', async () => {
    const given = await stale(NEW);
    given.clock.advance(20_000);
    const response = await get(given.edge.url, '/a');
    expect(response.body.toString()).toBe('new');
    expect(cacheStatus(response)).toMatchObject({ fwd: 'stale', fwdStatus: 200 });
  });

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache'])(
    '%s allows no window',
    async (directive) => {
      const { origin, edge, clock } = await scene();
      const headers = { ...HEADERS, 'Cache-Control': `${HEADERS['Cache-Control']}, ${directive}` };
      origin.on('/a', { headers, body: 'old' }, NEW);
      await get(edge.url, '/a');
      clock.advance(70_000);
      expect((await get(edge.url, '/a')).body.toString()).toBe('new');
    },
  );

  it.each([
    ['s-maxage=60', {}, 'old'],
    ['s-maxage=60', { strict: true }, 'new'],
    ['s-maxage=60, proxy-revalidate', {}, 'new'],
  ])('the window that an operator opens holds for %s, under %j: %s', async (control, more, body) => {
    const { origin, edge, clock } = await scene({ cache: { staleWhileRevalidate: '30s', ...more } });
    origin.on('/a', { headers: { 'Cache-Control': control }, body: 'old' }, NEW);
    await get(edge.url, '/a');
    clock.advance(70_000);
    expect((await get(edge.url, '/a')).body.toString()).toBe(body);
  });

  it.each(['no-cache', 'max-age=100', 'min-fresh=1'])('a client that says %s waits', async (control) => {
    const { edge } = await stale(NEW);
    const response = await get(edge.url, '/a', { headers: { 'Cache-Control': control } });
    expect(response.body.toString()).toBe('new');
  });

  it.each<[string, Settings, string]>([
    ['opens a window', { cache: { staleWhileRevalidate: '30s' } }, 'STALE'],
    ['closes it', { cache: { staleWhileRevalidate: '0s' } }, 'MISS'],
  ])('the operator %s', async (_, settings, expected) => {
    const { origin, edge, clock } = await scene(settings);
    const control = expected === 'STALE' ? 'max-age=60' : HEADERS['Cache-Control'];
    origin.on('/a', { headers: { 'Cache-Control': control }, body: 'x' });
    await get(edge.url, '/a');
    clock.advance(70_000);
    expect((await get(edge.url, '/a')).headers['x-cache']).toBe(expected);
  });
});

describe('a refresh that fails', () => {
  it.each<[string, Step]>([
    ['500', { status: 500, body: 'oops' }],
    ['closed connection', hangUp],
    ['body that is cut short', { headers: { ...NEW.headers, 'Content-Length': 9 }, body: 'ne', cut: 'fin' }],
  ])('(%s) is not repeated at once, and later with longer pauses', async (_, failing) => {
    const given = await stale(failing);
    const { edge, clock } = given;
    const ask = async (): Promise<void> => {
      const response = await get(edge.url, '/a');
      expect(response.headers['x-cache']).toBe('STALE');
      expect(response.body.toString()).toBe('old');
      await settled(edge);
    };
    const begun = async (): Promise<number> => {
      const before = requests(given);
      await ask();
      return requests(given) - before;
    };
    expect(await begun()).toBeGreaterThan(0);
    expect(await begun()).toBe(0);
    clock.advance(999);
    expect(await begun()).toBe(0);
    clock.advance(1);
    expect(await begun()).toBeGreaterThan(0);
    clock.advance(1_999);
    expect(await begun()).toBe(0);
    clock.advance(1);
    expect(await begun()).toBeGreaterThan(0);
  });

  it('is forgotten when one succeeds', async () => {
    const given = await stale({ status: 500 }, NEW, { status: 500 });
    const { edge, clock } = given;
    const ask = async (): Promise<void> => {
      await get(edge.url, '/a');
      await settled(edge);
    };
    await ask();
    clock.advance(1_000);
    await ask();
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
    clock.advance(61_000);
    await ask();
    expect(requests(given)).toBe(3);
    clock.advance(1_000);
    await ask();
    expect(requests(given)).toBe(4);
  });
});

// What a client may ask of the cache (RFC 9111 §5.2.1), and what it may not unlock.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { type Scene, type Settings, scene } from '../support/scene.ts';

const HEADERS = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
const IGNORING = { cache: { honourClient: false } };

/** An edge that holds /a, so many seconds old. */
async function holding(
  seconds: number,
  headers: Readonly<Record<string, string>> = HEADERS,
  settings: Settings = {},
): Promise<Scene> {
  const given = await scene(settings);
  given.origin.on('/a', { headers, body: 'hello' }, { status: 304, headers });
  await get(given.edge.url, '/a');
  given.clock.advance(seconds * 1000);
  return given;
}

function ask({ edge }: Scene, control: string) {
  return get(edge.url, '/a', { headers: { 'Cache-Control': control } });
}

describe('a fresh response', () => {
  const cases: [string, boolean][] = [
    ['no-cache', false],
    ['max-age=0', false],
    ['max-age=9', false],
    ['max-age=10', true],
    ['max-age=soon', false],
    ['min-fresh=50', true],
    ['min-fresh=51', false],
    ['max-stale', true],
    ['max-age=5, max-stale=100', false],
    ['no-transform, x=1', true],
  ];
  it.each(cases)('to %j: served without asking is %s', async (control, served) => {
    const given = await holding(10);
    const response = await ask(given, control);
    expect(response.body.toString()).toBe('hello');
    if (served) expect(cacheStatus(response).hit).toBe(true);
    else expect(cacheStatus(response)).toMatchObject({ fwd: 'request', fwdStatus: 304 });
    expect(given.origin.requests()).toHaveLength(served ? 1 : 2);
  });

  it.each(cases)('to %j is served without asking where the operator ignores clients', async (control) => {
    const given = await holding(10, HEADERS, IGNORING);
    expect(cacheStatus(await ask(given, control)).hit).toBe(true);
  });

  it('is validated, not fetched anew, for no-cache', async () => {
    const given = await holding(10);
    await ask(given, 'no-cache');
    expect(given.origin.requests()[1]?.headers['if-none-match']).toBe('"1"');
  });

  it('is validated for Pragma: no-cache, where there is no Cache-Control', async () => {
    const given = await holding(10);
    const { edge } = given;
    const pragma = await get(edge.url, '/a', { headers: { Pragma: 'no-cache' } });
    expect(cacheStatus(pragma).fwd).toBe('request');
    const both = await get(edge.url, '/a', {
      headers: { Pragma: 'no-cache', 'Cache-Control': 'max-age=60' },
    });
    expect(cacheStatus(both).hit).toBe(true);
  });

  it('serves no-store too: that directive forbids storing, not using', async () => {
    const given = await holding(10);
    expect(cacheStatus(await ask(given, 'no-store')).hit).toBe(true);
  });
});

describe('only-if-cached', () => {
  it('gets what is stored and fresh', async () => {
    expect(cacheStatus(await ask(await holding(10), 'only-if-cached')).hit).toBe(true);
  });

  it('gets a 504 for what is not stored, and the origin is not asked', async () => {
    const { origin, edge } = await scene();
    const response = await get(edge.url, '/a', { headers: { 'Cache-Control': 'only-if-cached' } });
    expect(response).toMatchObject({ status: 504, complete: true, headers: { 'cache-control': 'no-store' } });
    expect(cacheStatus(response)).toMatchObject({ hit: false, detail: 'only-if-cached' });
    expect(origin.requests()).toHaveLength(0);
  });

  it('gets a 504 for what would have to be validated', async () => {
    const given = await holding(61);
    expect((await ask(given, 'only-if-cached')).status).toBe(504);
    expect((await ask(given, 'only-if-cached, max-stale=10')).status).toBe(200);
    expect(given.origin.requests()).toHaveLength(1);
  });

  it('is honoured though the operator ignores the other directives', async () => {
    const given = await holding(61, HEADERS, IGNORING);
    expect((await ask(given, 'only-if-cached')).status).toBe(504);
  });
});

describe('max-stale', () => {
  it.each<[string, number]>([
    ['max-stale', 100],
    ['max-stale=40', 100],
    ['max-stale=100, max-age=100', 100],
  ])('%j gets a response of %i seconds, stale', async (control, age) => {
    const given = await holding(age);
    const response = await ask(given, control);
    expect(cacheStatus(response)).toMatchObject({ hit: true, ttl: 60 - age, detail: 'max-stale' });
    expect(response.headers['x-cache']).toBe('STALE');
    expect(given.origin.requests()).toHaveLength(1);
  });

  it.each<[string, string]>([
    ['too small', 'max-stale=39'],
    ['unreadable', 'max-stale=lots'],
    ['beside a max-age that is exceeded', 'max-stale=1000, max-age=99'],
    ['beside no-cache', 'max-stale, no-cache'],
    ['beside min-fresh', 'max-stale, min-fresh=1'],
  ])('%s: %j', async (_, control) => {
    const given = await holding(100);
    expect(cacheStatus(await ask(given, control)).hit).toBe(false);
  });

  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=60', 'no-cache'])(
    'never unlocks a response with %s',
    async (directive) => {
      const given = await holding(100, { ...HEADERS, 'Cache-Control': `max-age=60, ${directive}` });
      const response = await ask(given, 'max-stale');
      expect(cacheStatus(response)).toMatchObject({ hit: false, fwdStatus: 304 });
    },
  );

  it('is ignored where the operator says so', async () => {
    const given = await holding(100, HEADERS, IGNORING);
    expect(cacheStatus(await ask(given, 'max-stale')).hit).toBe(false);
  });
});

// Variants: what Vary nominates tells stored responses apart, requests that mean the same share one (RFC 9111 §4.1).

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import type { Play } from '../support/origin.ts';
import { scene } from '../support/scene.ts';

/** Answers with the value of a request field. */
function echoing(field: string, headers: Readonly<Record<string, string>> = {}): Play {
  return (request, response) => {
    const body = String(request.headers[field] ?? 'none');
    response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: field, ...headers });
    response.end(body);
  };
}

describe('Vary: Accept-Encoding', () => {
  it.each([
    ['gzip, br', 'br, gzip'],
    ['gzip, br', 'GZIP ,  br'],
    ['gzip;q=0.5, br', 'br;q=1.0,gzip; q=0.50'],
    ['gzip', 'x-gzip'],
  ])('%j and %j share a response', async (one, other) => {
    const { origin, edge } = await scene();
    origin.on('/a', echoing('accept-encoding'));
    await get(edge.url, '/a', { headers: { 'Accept-Encoding': one } });
    const second = await get(edge.url, '/a', { headers: { 'Accept-Encoding': other } });
    expect(cacheStatus(second).hit).toBe(true);
    expect(second.body.toString()).toBe(one);
  });

  it.each([
    ['gzip', 'br'],
    ['gzip', 'gzip;q=0'],
    ['gzip', 'gzip, br'],
    ['gzip', ''],
  ])('%j and %j do not', async (one, other) => {
    const { origin, edge } = await scene();
    origin.on('/a', echoing('accept-encoding'));
    await get(edge.url, '/a', { headers: { 'Accept-Encoding': one } });
    const second = await get(edge.url, '/a', { headers: { 'Accept-Encoding': other } });
    expect(cacheStatus(second)).toMatchObject({ fwd: 'vary-miss', stored: true });
    expect(second.body.toString()).toBe(other);
  });

  it('an absent field is its own variant', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', echoing('accept-encoding'));
    await get(edge.url, '/a', { headers: { 'Accept-Encoding': 'gzip' } });
    expect((await get(edge.url, '/a')).body.toString()).toBe('none');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
    expect(origin.requests()).toHaveLength(2);
  });
});

describe('variants', () => {
  it('stay apart and together under one key', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', echoing('accept-language'));
    for (const tongue of ['de', 'fr', 'en']) {
      await get(edge.url, '/a', { headers: { 'Accept-Language': tongue } });
    }
    for (const tongue of ['en', 'de', 'fr']) {
      const response = await get(edge.url, '/a', { headers: { 'Accept-Language': tongue } });
      expect(cacheStatus(response).hit).toBe(true);
      expect(response.body.toString()).toBe(tongue);
    }
    expect(origin.requests()).toHaveLength(3);
  });

  it('of two fields match only where both do, in whatever order Vary names them', async () => {
    const { origin, edge } = await scene();
    const play: Play = (request, response) => {
      const order = request.headers['x-a'] === '1' ? 'X-A, X-B' : 'x-b,x-a';
      response.writeHead(200, { 'Cache-Control': 'max-age=60', Vary: order });
      response.end(`${request.headers['x-a']}${request.headers['x-b']}`);
    };
    origin.on('/a', play);
    const pairs = [
      ['1', '1'],
      ['1', '2'],
      ['2', '1'],
    ];
    for (const round of ['vary', 'hit']) {
      for (const [a = '', b = ''] of pairs) {
        const response = await get(edge.url, '/a', { headers: { 'X-A': a, 'X-B': b } });
        expect(response.body.toString()).toBe(a + b);
        if (round === 'hit') expect(cacheStatus(response).hit).toBe(true);
      }
    }
    expect(origin.requests()).toHaveLength(3);
  });

  it('are offered to the origin on a vary-miss: a 304 chooses one, and is remembered', async () => {
    const { origin, edge } = await scene();
    const headers = { 'Cache-Control': 'max-age=60', Vary: 'Accept-Language', ETag: '"de"' };
    origin.on('/a', { headers, body: 'Hallo' }, { status: 304, headers });
    await get(edge.url, '/a', { headers: { 'Accept-Language': 'de' } });
    const ask = () => get(edge.url, '/a', { headers: { 'Accept-Language': 'de-AT, nl' } });
    const chosen = await ask();
    expect(origin.requests()[1]?.headers['if-none-match']).toBe('"de"');
    expect(chosen).toMatchObject({ status: 200, headers: { 'x-cache': 'REVALIDATED' } });
    expect(chosen.body.toString()).toBe('Hallo');
    expect(cacheStatus(chosen)).toMatchObject({ fwd: 'vary-miss', fwdStatus: 304 });
    const again = await ask();
    expect(cacheStatus(again).hit).toBe(true);
    expect(again.body.toString()).toBe('Hallo');
  });

  it('beyond maxVariants push the oldest out', async () => {
    const { origin, edge } = await scene({ cache: { maxVariants: 3 } });
    origin.on('/a', echoing('x-user'));
    for (const user of ['1', '2', '3', '4']) await get(edge.url, '/a', { headers: { 'X-User': user } });
    const hit = async (user: string): Promise<boolean> =>
      cacheStatus(await get(edge.url, '/a', { headers: { 'X-User': user } })).hit;
    expect([await hit('4'), await hit('3'), await hit('2'), await hit('1')]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it('by fields that the operator names count as if Vary had named them', async () => {
    const { origin, edge } = await scene({ cache: { key: { extraFields: ['X-Country'] } } });
    const play: Play = (request, response) => {
      response.writeHead(200, { 'Cache-Control': 'max-age=60' });
      response.end(String(request.headers['x-country']));
    };
    origin.on('/a', play);
    for (const country of ['at', 'nl', 'at', 'nl']) {
      const response = await get(edge.url, '/a', { headers: { 'X-Country': country } });
      expect(response.body.toString()).toBe(country);
    }
    expect(origin.requests()).toHaveLength(2);
  });
});

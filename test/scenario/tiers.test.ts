// Memory over disk: what survives a restart, what moves up, what is read from disk as it is needed, and the bounds of both.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import type { ScriptedOrigin } from '../support/origin.ts';
import { diskDir, metricsOf, scene, sha256, until } from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"', 'Content-Type': 'text/plain' };
const MB = 1024 ** 2;

function tierOf(edge: TestEdge): unknown {
  return edge.requests().at(-1)?.tier;
}

/** Resolves when the disk holds so many responses: a large body is written a while after its last byte has gone out. */
async function onDisk(edge: TestEdge, records: number): Promise<void> {
  while ((await metricsOf(edge)).get('holdfast_store_records{tier="disk"}') !== records);
}

/** Bytes that differ from place to place and from seed to seed. */
function bytes(length: number, seed: number): Buffer {
  const block = Buffer.alloc(4096 + (seed % 7), `${seed} 0123456789abcdef`);
  for (let i = 0; i < block.length; i += 8)
    block.writeUInt32LE((seed * 31 + i) >>> 0, Math.min(i, block.length - 4));
  return Buffer.alloc(length, block);
}

/** Scripts /0, /1, … with such bodies. */
function shelf(origin: ScriptedOrigin, count: number, length: number): readonly string[] {
  return Array.from({ length: count }, (_, seed) => {
    origin.on(`/${seed}`, { headers: HOUR, body: bytes(length, seed) });
    return `/${seed}`;
  });
}

describe('the tier on disk', () => {
  it('answers after a restart as if nothing had happened, then memory does', async () => {
    const { origin, edge, clock, restart } = await scene({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: { ...HOUR, Vary: 'Accept-Language' }, body: 'hello' });
    const asked = { headers: { 'Accept-Language': 'de' } };
    const first = await get(edge.url, '/a', asked);
    clock.advance(10_000);
    const again = await restart();
    clock.advance(10_000);
    const second = await get(again.url, '/a', asked);
    expect(second.body.toString()).toBe('hello');
    expect(second.headers).toMatchObject({ age: '20', etag: '"1"', date: first.headers.date });
    expect(cacheStatus(second)).toMatchObject({ hit: true, ttl: 3580 });
    expect(tierOf(again)).toBe('disk');
    const third = await get(again.url, '/a', asked);
    expect(cacheStatus(third)).toMatchObject({ hit: true, ttl: 3580 });
    expect(tierOf(again)).toBe('memory');
    expect(cacheStatus(await get(again.url, '/a')).fwd).toBe('vary-miss');
    expect(origin.requests()).toHaveLength(2);
  });

  it('keeps variants, statuses and freshened fields', async () => {
    const { origin, edge, clock, restart } = await scene({ disk: { dir: await diskDir() } });
    const headers = { ...HOUR, 'Cache-Control': 'max-age=60' };
    origin.on('/gone', { status: 410, headers: HOUR, body: 'gone' });
    origin.on('/a', { headers, body: 'hello' }, { status: 304, headers: { ...headers, 'X-Build': '2' } });
    await get(edge.url, '/gone');
    await get(edge.url, '/a');
    clock.advance(61_000);
    await get(edge.url, '/a');
    const again = await restart();
    expect((await get(again.url, '/gone')).status).toBe(410);
    const freshened = await get(again.url, '/a');
    expect(freshened.headers['x-build']).toBe('2');
    expect(cacheStatus(freshened)).toMatchObject({ hit: true, ttl: 60 });
  });

  it('is asked once by many clients at a time, and the origin not at all', async () => {
    const { origin, edge, restart } = await scene({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: HOUR, body: 'hello' });
    await get(edge.url, '/a');
    const again = await restart();
    const responses = await Promise.all(Array.from({ length: 30 }, () => get(again.url, '/a')));
    expect(responses.every((response) => cacheStatus(response).hit)).toBe(true);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is left out by "none": a restart begins empty', async () => {
    const { origin, edge, restart } = await scene();
    origin.on('/a', { headers: HOUR, body: 'hello' });
    await get(edge.url, '/a');
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
    const again = await restart();
    expect(cacheStatus(await get(again.url, '/a')).fwd).toBe('uri-miss');
    expect([...(await metricsOf(again)).keys()].filter((name) => name.includes('tier="disk"'))).toEqual([]);
  });
});

describe('a body too large to be kept while it comes', () => {
  it('is passed on whole, is not stored, and is not said to be', async () => {
    const { origin, edge } = await scene({ memory: '8MB' });
    const large = bytes(10 * MB, 5);
    origin.on('/large', { headers: HOUR, body: large });
    for (const nth of [1, 2]) {
      const response = await get(edge.url, '/large');
      expect(sha256(response.body)).toBe(sha256(large));
      expect(cacheStatus(response)).toMatchObject({ hit: false, stored: false });
      expect(origin.requests()).toHaveLength(nth);
    }
  });
});

describe('a body that fits the disk only', () => {
  const large = bytes(3 * MB, 5);

  it('is streamed from there: whole, in ranges, to HEAD and to conditions', async () => {
    const { origin, edge } = await scene({ memory: '8MB', disk: { dir: await diskDir() } });
    origin.on('/large', { headers: HOUR, body: large });
    await get(edge.url, '/large');
    await onDisk(edge, 1);
    const ask = async (headers: Record<string, string> = {}, method = 'GET') => {
      const response = await get(edge.url, '/large', { headers, method });
      expect(cacheStatus(response).hit).toBe(true);
      expect(tierOf(edge)).toBe('disk');
      expect(response.complete).toBe(true);
      return response;
    };
    expect(sha256((await ask()).body)).toBe(sha256(large));
    for (const [start, end] of [
      [0, 1],
      [262_143, 262_145],
      [1_000_000, 2_500_000],
      [large.length - 1, large.length],
    ] as const) {
      const part = await ask({ Range: `bytes=${start}-${end - 1}` });
      expect(part.status).toBe(206);
      expect(sha256(part.body)).toBe(sha256(large.subarray(start, end)));
    }
    expect((await ask({ Range: 'bytes=-1000' })).body).toEqual(large.subarray(-1000));
    const parts = await ask({ Range: 'bytes=2000000-2000009,5-9' });
    expect(parts.body.includes(large.subarray(2_000_000, 2_000_010))).toBe(true);
    expect(parts.headers['content-length']).toBe(String(parts.body.length));
    expect((await ask({ Range: `bytes=${large.length}-` })).status).toBe(416);
    expect((await ask({ 'If-None-Match': '"1"' })).status).toBe(304);
    expect((await ask({}, 'HEAD')).headers['content-length']).toBe(String(large.length));
    expect(origin.requests()).toHaveLength(1);
  });

  it('is read no faster than its client reads, and let go when the client leaves', async () => {
    const huge = bytes(24 * MB, 6);
    const { origin, edge } = await scene({ memory: '64MB', disk: { dir: await diskDir() } });
    origin.on('/huge', { headers: HOUR, body: huge });
    await get(edge.url, '/huge');
    await onDisk(edge, 1);
    const slow = await open(edge.url, '/huge');
    expect(await slow.read(10)).toEqual(huge.subarray(0, 10));
    const leaving = await open(edge.url, '/huge');
    await leaving.read(10);
    leaving.reset();
    await until(() => edge.requests().some(({ incomplete }) => incomplete === 'client-gone'));
    expect(edge.requests().filter(({ outcome }) => outcome === 'hit')).toHaveLength(1);
    expect(sha256(await slow.rest())).toBe(sha256(huge.subarray(10)));
    expect(origin.requests()).toHaveLength(1);
  });
});

describe('bounds', () => {
  it('what memory evicts the disk still has', async () => {
    const { origin, edge } = await scene({ memory: '8MB', disk: { dir: await diskDir() } });
    const paths = shelf(origin, 20, MB);
    for (const path of paths) await get(edge.url, path);
    await onDisk(edge, 20);
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_store_bytes{tier="memory"}')).toBeLessThanOrEqual(8 * MB);
    expect(metrics.get('holdfast_store_evictions_total{tier="memory"}')).toBeGreaterThan(0);
    const tiers = new Set<unknown>();
    for (const [seed, path] of paths.entries()) {
      const response = await get(edge.url, path);
      expect(cacheStatus(response).hit).toBe(true);
      expect(sha256(response.body)).toBe(sha256(bytes(MB, seed)));
      tiers.add(tierOf(edge));
    }
    expect(tiers).toContain('disk');
    expect(origin.requests()).toHaveLength(20);
  });

  it('without a disk what memory has no room for is fetched again', async () => {
    const { origin, edge } = await scene({ memory: '8MB' });
    const paths = shelf(origin, 20, MB);
    for (const path of paths) await get(edge.url, path);
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_store_bytes{tier="memory"}')).toBeLessThanOrEqual(8 * MB);
    const held = metrics.get('holdfast_store_records{tier="memory"}') ?? 0;
    expect(held).toBeGreaterThanOrEqual(5);
    expect(held).toBeLessThanOrEqual(8);
    let hits = 0;
    for (const [seed, path] of paths.toReversed().entries()) {
      const response = await get(edge.url, path);
      expect(sha256(response.body)).toBe(sha256(bytes(MB, 19 - seed)));
      if (cacheStatus(response).hit) hits++;
    }
    expect(hits).toBeGreaterThan(0);
    expect(origin.requests()).toHaveLength(40 - hits);
  });

  it('the disk evicts what was used longest ago, and stays below its size', async () => {
    const { origin, edge } = await scene({ memory: '8MB', disk: { dir: await diskDir(), size: '16MB' } });
    const paths = shelf(origin, 24, MB);
    for (const path of paths) await get(edge.url, path);
    // The disk is written behind.
    let metrics = await metricsOf(edge);
    while (metrics.get('holdfast_store_evictions_total{tier="disk"}') === 0) metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_store_bytes{tier="disk"}')).toBeLessThanOrEqual(16 * MB);
    expect(cacheStatus(await get(edge.url, '/0')).fwd).toBe('uri-miss');
    for (const seed of [14, 17, 20, 23]) {
      const response = await get(edge.url, `/${seed}`);
      expect(cacheStatus(response).hit).toBe(true);
      expect(sha256(response.body)).toBe(sha256(bytes(MB, seed)));
    }
  });
});

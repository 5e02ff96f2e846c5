// Compressed forms as part of the stored response they were made of: what freshens, replaces, purges, invalidates or evicts
// that one does so with them, in every tier.

import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import {
  ALL,
  ask,
  askUntilMade,
  compressed,
  decoded,
  eventually,
  GZIP,
  page,
} from '../support/compressing.ts';
import type { TestEdge } from '../support/edge.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { diskDir, metricsOf, type Scene, type Settings, scene } from '../support/scene.ts';

const HTML = { 'Cache-Control': 'max-age=60', 'Content-Type': 'text/html', ETag: '"v1"' };

const codingOf = ({ headers }: Response): string | undefined => headers['content-encoding'];

/** An edge that has /a in gzip. */
async function made(
  settings: Settings = {},
  headers: Readonly<Record<string, string>> = HTML,
): Promise<Scene> {
  const given = await scene({ cache: GZIP, ...settings });
  given.origin.on('/a', { headers, body: page('v1') });
  expect(codingOf(await askUntilMade(given.edge, '/a', 'gzip'))).toBe('gzip');
  return given;
}

async function inspect(edge: TestEdge, path: string): Promise<readonly Record<string, unknown>[]> {
  const url = encodeURIComponent(`${edge.url}${path}`);
  const { body } = await get(edge.admin, `/inspect?url=${url}`);
  return JSON.parse(body.toString()).responses;
}

const madeCount = async (edge: TestEdge): Promise<number> =>
  (await metricsOf(edge)).get('holdfast_compressed_total{coding="gzip"}') ?? 0;

describe('a compressed form', () => {
  it('is freshened with its response', async () => {
    const { edge, origin, clock } = await made();
    origin.on('/a', { status: 304, headers: { ...HTML, 'X-New': '1', 'Cache-Control': 'max-age=600' } });
    clock.advance(61_000);
    const validated = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(validated)).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
    expect(origin.requests().at(-1)?.headers['if-none-match']).toBe('"v1"');
    clock.advance(300_000);
    for (const response of [validated, await ask(edge, '/a', 'gzip')]) {
      expect(codingOf(response)).toBe('gzip');
      expect(response.headers).toMatchObject({ 'x-new': '1', 'cache-control': 'max-age=600' });
      expect(decoded(response)).toBe(page('v1'));
    }
    expect(cacheStatus(await ask(edge, '/a', 'gzip'))).toMatchObject({ hit: true, ttl: 300 });
    expect(await madeCount(edge)).toBe(1);
  });

  it('is used no more once a 304 forbids it', async () => {
    const { edge, origin, clock } = await made();
    origin.on('/a', { status: 304, headers: { ...HTML, 'Cache-Control': 'max-age=60, no-transform' } });
    clock.advance(61_000);
    for (let i = 0; i < 2; i += 1) {
      const response = await ask(edge, '/a', 'gzip');
      expect(codingOf(response)).toBeUndefined();
      expect(response.headers).toMatchObject({ etag: '"v1"' });
      expect(response.headers.vary).toBeUndefined();
    }
  });

  it('goes with the response that is replaced, whatever tag the new one has', async () => {
    const { edge, origin, clock } = await made();
    origin.on('/a', { headers: HTML, body: page('v2') });
    clock.advance(61_000);
    const replaced = await ask(edge, '/a', 'gzip');
    expect(codingOf(replaced)).toBeUndefined();
    expect(decoded(replaced)).toBe(page('v2'));
    const again = await askUntilMade(edge, '/a', 'gzip');
    expect(codingOf(again)).toBe('gzip');
    expect(decoded(again)).toBe(page('v2'));
  });

  it('is served stale with its response, behind which it is replaced', async () => {
    const swr = { ...HTML, 'Cache-Control': 'max-age=60, stale-while-revalidate=600' };
    const { edge, origin, clock } = await made({}, swr);
    origin.on('/a', { headers: { ...swr, ETag: '"v2"' }, body: page('v2') });
    clock.advance(61_000);
    const stale = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(stale)).toMatchObject({ hit: true, detail: 'stale-while-revalidate' });
    expect(codingOf(stale)).toBe('gzip');
    expect(decoded(stale)).toBe(page('v1'));
    await eventually(async () => decoded(await ask(edge, '/a', 'gzip')) === page('v2'));
  });

  it('stands in for an origin that fails', async () => {
    const { edge, origin, clock } = await made(
      {},
      { ...HTML, 'Cache-Control': 'max-age=60, stale-if-error=600' },
    );
    origin.on('/a', { status: 503 });
    clock.advance(61_000);
    const response = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(response)).toMatchObject({ detail: 'stale-if-error' });
    expect(codingOf(response)).toBe('gzip');
    expect(decoded(response)).toBe(page('v1'));
  });

  it.each<[string, (edge: TestEdge) => Promise<Response>]>([
    ['URL', (edge) => get(edge.url, '/a', { method: 'PURGE' })],
    ['tag', (edge) => post(edge, { tags: ['t'] })],
    ['prefix', (edge) => post(edge, { prefixes: [`${edge.url}/`] })],
    ['host', (edge) => post(edge, { hosts: [new URL(edge.url).host] })],
    ['everything', (edge) => post(edge, { everything: true })],
  ])('is purged with its response by %s', async (_, purge) => {
    const { edge, origin } = await made({}, { ...HTML, xkey: 't' });
    origin.on('/a', { headers: HTML, body: page('v2') });
    expect((await purge(edge)).status).toBe(200);
    const response = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(response).hit).toBe(false);
    expect(decoded(response)).toBe(page('v2'));
  });

  it('is revalidated with its response after a soft purge', async () => {
    const { edge, origin } = await made();
    origin.on('/a', { status: 304, headers: HTML });
    await get(edge.url, '/a', { method: 'PURGE', headers: { 'X-Purge-Mode': 'invalidate' } });
    const response = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(response)).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
    expect(codingOf(response)).toBe('gzip');
    expect(await madeCount(edge)).toBe(1);
  });

  it('is invalidated with its response by an unsafe method', async () => {
    const { edge, origin } = await made();
    origin.on('POST /a', { status: 204 });
    origin.on('GET /a', { headers: HTML, body: page('v2') });
    await ask(edge, '/a', 'gzip', {}, { method: 'POST', body: 'x' });
    expect(await inspect(edge, '/a')).toEqual([]);
    expect(decoded(await ask(edge, '/a', 'gzip'))).toBe(page('v2'));
  });

  it('is forgotten with its response when a HEAD tells of another', async () => {
    const { edge, origin, clock } = await made();
    clock.advance(61_000);
    origin.on('HEAD /a', { headers: { ...HTML, ETag: '"v2"' } });
    origin.on('GET /a', { headers: { ...HTML, ETag: '"v2"' }, body: page('v2') });
    await ask(edge, '/a', 'gzip', {}, { method: 'HEAD' });
    expect(await inspect(edge, '/a')).toEqual([]);
    expect(decoded(await ask(edge, '/a', 'gzip'))).toBe(page('v2'));
  });

  it('counts as no variant, and goes with the variant that is evicted', async () => {
    const { edge, origin } = await scene({ cache: { ...ALL, maxVariants: 2 } });
    origin.on('/a', (request, response) => {
      response.writeHead(200, { ...HTML, Vary: 'X-User' });
      response.end(page(String(request.headers['x-user'])));
    });
    for (const user of ['1', '2']) {
      for (const coding of ['gzip', 'br']) {
        expect(codingOf(await askUntilMade(edge, '/a', coding, { 'X-User': user }))).toBe(coding);
      }
    }
    expect(await inspect(edge, '/a')).toHaveLength(6);
    await ask(edge, '/a', 'gzip', { 'X-User': '3' });
    await compressed(edge);
    const users = (await inspect(edge, '/a')).map(({ vary }) => (vary as Record<string, string>)['x-user']);
    expect(users.sort()).toEqual(['2', '2', '2', '3', '3']);
  });

  it('is shown by inspect with the fields it is served with', async () => {
    const { edge } = await made();
    const [form, plain] = await inspect(edge, '/a');
    expect(plain).toMatchObject({ etag: '"v1"', bytes: 5000, state: 'fresh' });
    expect(form).toMatchObject({ contentEncoding: 'gzip', contentType: 'text/html', state: 'fresh' });
    expect(form?.etag).toBe((await ask(edge, '/a', 'gzip')).headers.etag);
    expect(form?.bytes).toBeLessThan(2500);
  });

  it('is counted with what it saves', async () => {
    const { edge } = await made();
    const form = await ask(edge, '/a', 'gzip');
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_compressed_total{coding="gzip"}')).toBe(1);
    expect(metrics.get('holdfast_compression_in_bytes_total')).toBe(5000);
    expect(metrics.get('holdfast_compression_out_bytes_total')).toBe(form.body.length);
    const served = metrics.get('holdfast_compressed_responses_total') ?? 0;
    expect(served).toBeGreaterThan(0);
    expect(metrics.get('holdfast_compression_saved_bytes_total')).toBe(served * (5000 - form.body.length));
  });
});

describe('in the tiers below memory a compressed form', () => {
  it('survives a restart', async () => {
    const given = await made({ disk: { dir: await diskDir() } });
    const before = await ask(given.edge, '/a', 'gzip');
    const edge = await given.restart();
    const after = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(after).hit).toBe(true);
    expect(after.headers).toMatchObject({ 'content-encoding': 'gzip', etag: before.headers.etag ?? '' });
    expect(after.body.equals(before.body)).toBe(true);
    expect((await ask(edge, '/a')).body.toString()).toBe(page('v1'));
    expect(edge.log.filter(({ msg }) => msg === 'compressed')).toEqual([]);
    expect(await madeCount(edge)).toBe(0);
  });

  it('stays away, with all that tells of it, where the settings say no more', async () => {
    const given = await made({ disk: { dir: await diskDir() } });
    const edge = await given.restart({ cache: {} });
    const response = await ask(edge, '/a', 'gzip');
    expect(cacheStatus(response).hit).toBe(true);
    expect(codingOf(response)).toBeUndefined();
    expect(response.headers.vary).toBeUndefined();
    expect(response.body.toString()).toBe(page('v1'));
  });

  it('is made of what is larger than memory takes', async () => {
    const body = page('big', 3_000_000);
    const { origin, edge } = await scene({ cache: GZIP, memory: '8MB', disk: { dir: await diskDir() } });
    origin.on('/a', { headers: HTML, body });
    await ask(edge, '/a');
    await eventually(async () => codingOf(await ask(edge, '/a', 'gzip')) === 'gzip');
    expect(decoded(await ask(edge, '/a', 'gzip'))).toBe(body);
    expect((await ask(edge, '/a')).body.toString()).toBe(body);
  });

  it.runIf(hasRedis)('made at one node is served at the other', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const shared = { redis: redis.url };
    const one = await scene({ cache: GZIP, shared });
    one.origin.on('/a', { headers: HTML, body: page('v1') });
    const host = { Host: 'www.test' };
    const made = await askUntilMade(one.edge, '/a', 'gzip', host);
    expect(codingOf(made)).toBe('gzip');
    const two = await scene({ cache: GZIP, shared });
    await eventually(async () => codingOf(await ask(two.edge, '/a', 'gzip', host)) === 'gzip');
    const there = await ask(two.edge, '/a', 'gzip', host);
    expect(there.body.equals(made.body)).toBe(true);
    expect(there.headers.etag).toBe(made.headers.etag);
    expect(two.origin.requests()).toHaveLength(0);
  });
});

describe('two workers', () => {
  it('serve one form alike, and forget it together', async () => {
    const { origin, edge } = await scene({ cache: GZIP, workers: 2, log: { level: 'silent' } }, Date.now());
    const hour = { ...HTML, 'Cache-Control': 'max-age=3600' };
    origin.on('/a', { headers: hour, body: page('v1') });
    const tags = new Set<string | undefined>();
    /** Resolves when so many in a row, over connections enough to meet both, were compressed. */
    const allCompressed = async (version: string): Promise<void> => {
      let row = 0;
      await eventually(async () => {
        const response = await ask(edge, '/a', 'gzip');
        expect(decoded(response)).toBe(page(version));
        row = codingOf(response) === 'gzip' ? row + 1 : 0;
        if (row > 0) tags.add(response.headers.etag);
        return row === 24;
      });
    };
    await allCompressed('v1');
    expect(tags.size).toBe(1);

    origin.on('/a', { headers: hour, body: page('v2') });
    expect((await get(edge.url, '/a', { method: 'PURGE' })).status).toBe(200);
    await allCompressed('v2');
    expect(tags.size).toBe(2);
  });
});

function post(edge: TestEdge, body: unknown): Promise<Response> {
  return get(edge.admin, '/purge', { method: 'POST', body: JSON.stringify(body) });
}

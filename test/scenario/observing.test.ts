// What an operator sees: one access record per request, the metrics page, health. docs/logging.md is the promise.

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { hangUp } from '../support/origin.ts';
import { crowd, diskDir, fleeting, metricsOf, scene, settled, turns, until } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60, stale-if-error=60', ETag: '"1"' };

function last(edge: TestEdge): Readonly<Record<string, unknown>> {
  return edge.requests().at(-1) ?? {};
}

describe('the access record', () => {
  it('says who asked what, what came of it, in the words of Cache-Status', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    const headers = { Host: 'www.example.org', 'X-Forwarded-For': '10.0.0.1' };
    const response = await get(edge.url, '/a?b=c', { headers });
    expect(last(edge)).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'request',
      id: expect.stringMatching(/^[0-9a-z]+-1$/),
      client: '127.0.0.1',
      method: 'GET',
      scheme: 'http',
      http: '1.1',
      host: 'www.example.org',
      target: '/a?b=c',
      status: 200,
      bytes: 5,
      ms: 0,
      outcome: 'miss',
      cache: response.headers['cache-status'],
      collapsed: false,
      stored: true,
      originMs: 0,
    });
  });

  it('says why a response was not stored', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'private' }, body: 'x' });
    await get(edge.url, '/a');
    expect(last(edge)).toMatchObject({ outcome: 'miss', reason: 'private' });
    expect(last(edge).stored).not.toBe(true);
  });

  it('tells miss, hit, stale, revalidated, bypass, failed, refused and local apart', async () => {
    const { origin, edge, clock } = await scene({
      routes: [{ match: { path: '/api/*' }, cache: { bypass: true } }],
    });
    origin.on('/a', { headers: MINUTE, body: 'hello' }, { status: 304, headers: MINUTE }, { status: 503 });
    origin.on('/api/x', { headers: MINUTE, body: 'x' });
    origin.on('POST /a', { status: 204 });
    origin.on('/down', hangUp);
    const seen = async (target: string, options = {}): Promise<unknown[]> => {
      const response = await get(edge.url, target, options);
      const { outcome, status, bytes, tier, cache } = last(edge);
      expect(status).toBe(response.status);
      expect(bytes).toBe(response.body.length);
      expect(cache).toBe(response.headers['cache-status']);
      return [outcome, tier];
    };
    expect(await seen('/a')).toEqual(['miss', undefined]);
    expect(await seen('/a')).toEqual(['hit', 'memory']);
    expect(await seen('/a', { method: 'HEAD' })).toEqual(['hit', 'memory']);
    expect(await seen('/a', { headers: { 'If-None-Match': '"1"' } })).toEqual(['hit', 'memory']);
    expect(await seen('/a', { headers: { Range: 'bytes=1-2' } })).toEqual(['hit', 'memory']);
    clock.advance(61_000);
    expect(await seen('/a')).toEqual(['revalidated', 'memory']);
    clock.advance(61_000);
    expect(await seen('/a')).toEqual(['stale', 'memory']);
    expect(await seen('/api/x')).toEqual(['bypass', undefined]);
    expect(await seen('/a', { method: 'POST', body: 'x' })).toEqual(['bypass', undefined]);
    expect(await seen('/down')).toEqual(['failed', undefined]);
    expect(last(edge)).toMatchObject({ failure: 'reset', side: 'origin' });
    expect(await seen('/b', { headers: { 'Cache-Control': 'only-if-cached' } })).toEqual([
      'refused',
      undefined,
    ]);
    expect(last(edge)).toMatchObject({ reason: 'only-if-cached' });
    expect(await seen('/a', { method: 'PURGE' })).toEqual(['local', undefined]);
  });

  it('names the disk where the response came from it', async () => {
    const { origin, edge, restart } = await scene({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    await get(edge.url, '/a');
    const again = await restart();
    await get(again.url, '/a');
    expect(last(again)).toMatchObject({ outcome: 'hit', tier: 'disk' });
    await get(again.url, '/a');
    expect(last(again)).toMatchObject({ outcome: 'hit', tier: 'memory' });
  });

  it('tells who fetched from who followed', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const clients = await crowd(edge, 3);
    const answers = clients.map((client) => client.send('/a'));
    await gate.arrived;
    await turns();
    await gate.head(200, { ...MINUTE, 'Content-Length': 1 });
    await gate.end('x');
    await Promise.all(answers);
    await until(() => edge.requests().length === 3);
    const followers = edge.requests().filter(({ collapsed }) => collapsed === true);
    expect(followers).toHaveLength(2);
    expect(followers.every(({ stored }) => stored === false)).toBe(true);
    expect(edge.requests().filter(({ stored }) => stored === true)).toHaveLength(1);
  });

  it('counts the milliseconds from the head of the request to the last byte', async () => {
    const { origin, edge, clock } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const answer = get(edge.url, '/a');
    await gate.arrived;
    clock.advance(1500);
    await gate.head(200, { ...MINUTE, 'Content-Length': 1 });
    await gate.end('x');
    await answer;
    expect(last(edge)).toMatchObject({ ms: 1500 });
  });

  it('says when the client left: before the answer, and in the middle of it', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const early = await fleeting(edge, '/a');
    await gate.arrived;
    early.reset();
    await until(() => edge.requests().length === 1);
    expect(last(edge)).toMatchObject({ status: 499, bytes: 0, side: 'client', incomplete: 'client-gone' });
    const second = origin.gate();
    origin.on('/b', second);
    const opening = open(edge.url, '/b');
    await second.head(200, { ...MINUTE, 'Content-Length': 10 });
    await second.write('12345');
    const client = await opening;
    await client.read(5);
    client.reset();
    await until(() => edge.requests().length === 2);
    expect(last(edge)).toMatchObject({ status: 200, bytes: 5, incomplete: 'client-gone' });
    await second.end('67890');
  });

  it('says when the origin broke off, beside a line of its own that names the cause', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { ...MINUTE, 'Content-Length': 10 }, body: '12345', cut: 'fin' });
    expect((await get(edge.url, '/a')).complete).toBe(false);
    await until(() => edge.requests().length === 1);
    expect(last(edge)).toMatchObject({ status: 200, bytes: 5, incomplete: 'broken' });
    const line = edge.log.find(({ msg }) => msg === 'the origin broke off its response');
    expect(line).toMatchObject({ level: 40, failure: 'reset', side: 'origin', cause: expect.any(String) });
  });

  it('can be switched off', async () => {
    const { edge } = await scene({ log: { access: false } });
    await get(edge.url, '/a');
    expect(edge.requests()).toHaveLength(0);
    expect((await metricsOf(edge)).get('holdfast_requests_total{outcome="miss"}')).toBe(1);
  });

  it('has no field that docs/logging.md does not explain', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: MINUTE, body: 'x' }, hangUp);
    for (const path of ['/a', '/a', '/b']) await get(edge.url, path);
    const explained = await readFile(new URL('../../docs/logging.md', import.meta.url), 'utf8');
    const names = new Set(edge.requests().flatMap((record) => Object.keys(record)));
    for (const name of names) {
      if (name !== 'level' && name !== 'msg') expect(explained).toContain(`\`${name}\``);
    }
  });
});

describe('a purge', () => {
  it('is logged with its receipt', async () => {
    const { edge } = await scene();
    const response = await get(edge.url, '/a', { method: 'PURGE' });
    const line = edge.log.find(({ msg }) => msg === 'purge');
    expect(line?.receipt).toEqual(JSON.parse(response.body.toString()));
  });
});

describe('/metrics', () => {
  it('counts requests, bytes, collapsed ones, purges and failures', async () => {
    const { origin, edge, clock } = await scene();
    const swr = { 'Cache-Control': 'max-age=60, stale-while-revalidate=60' };
    origin.on('/a', { headers: swr, body: 'hello' });
    origin.on('/down', hangUp);
    for (const path of ['/a', '/a', '/down']) await get(edge.url, path);
    clock.advance(61_000);
    await get(edge.url, '/a');
    await settled(edge);
    await get(edge.url, '/a', { method: 'PURGE' });
    const metrics = await metricsOf(edge);
    expect(Object.fromEntries(metrics)).toMatchObject({
      'holdfast_requests_total{outcome="miss"}': 1,
      'holdfast_requests_total{outcome="hit"}': 1,
      'holdfast_requests_total{outcome="stale"}': 1,
      'holdfast_requests_total{outcome="failed"}': 1,
      'holdfast_requests_total{outcome="local"}': 1,
      'holdfast_response_bytes_total{outcome="hit"}': 5,
      'holdfast_request_duration_seconds_count{outcome="hit"}': 1,
      'holdfast_request_duration_seconds_bucket{le="+Inf",outcome="hit"}': 1,
      'holdfast_origin_failures_total{kind="reset"}': 1,
      holdfast_background_revalidations_total: 1,
      holdfast_purges_total: 1,
      holdfast_store_errors_total: 0,
      'holdfast_store_records{tier="memory"}': 0,
      holdfast_flights: 0,
      holdfast_origin_active: 0,
    });
    expect(metrics.get('holdfast_origin_requests_total')).toBe(origin.requests().length);
  });

  it('is a page that Prometheus can read: help and type before values, each series once, buckets that grow', async () => {
    const { origin, edge } = await scene({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: MINUTE, body: 'hello' });
    for (const path of ['/a', '/a', '/b']) await get(edge.url, path);
    const response = await get(edge.admin, '/metrics');
    expect(response.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const page = response.body.toString();
    expect(page.endsWith('\n')).toBe(true);
    const typed = new Set<string>();
    const series = new Set<string>();
    for (const line of page.split('\n').filter((one) => one !== '')) {
      const [, kind, name = ''] = /^# (HELP|TYPE) (\S+) \S/.exec(line) ?? [];
      if (kind === 'TYPE') typed.add(name);
      if (name.startsWith('holdfast_') && kind === 'TYPE')
        expect(line.endsWith(' counter'), line).toBe(name.endsWith('_total'));
      if (kind !== undefined) continue;
      const value = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? (\S+)$/.exec(line);
      expect(value, line).not.toBeNull();
      const family = value?.[1]?.replace(/_(bucket|sum|count)$/, '') ?? '';
      expect(typed.has(family) || typed.has(value?.[1] ?? ''), line).toBe(true);
      expect(Number.isFinite(Number(value?.[3])) || /^nan$/i.test(value?.[3] ?? ''), line).toBe(true);
      const key = `${value?.[1]}${value?.[2] ?? ''}`;
      expect(series.has(key), line).toBe(false);
      series.add(key);
    }
    const buckets = page.match(/^holdfast_request_duration_seconds_bucket\{.*outcome="hit".*$/gm) ?? [];
    const counts = buckets.map((line) => Number(line.split(' ').at(-1)));
    expect(counts.length).toBeGreaterThan(5);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    for (const tier of ['memory', 'disk']) expect(page).toContain(`holdfast_store_bytes{tier="${tier}"}`);
  });

  it.each([1, 2])('tells the version, and since when it runs, once for %d workers', async (workers) => {
    const { edge } = await scene({ workers, log: { level: 'silent' } });
    const metrics = await metricsOf(edge);
    expect([...metrics.keys()].filter((key) => /^holdfast_build_info\{version="\d/.test(key))).toHaveLength(
      1,
    );
    const startedAt = (metrics.get('process_start_time_seconds') ?? 0) * 1000;
    expect(Math.abs(startedAt - performance.timeOrigin)).toBeLessThan(1000);
  });

  it('shows no URL, no host, no client, whatever is asked', async () => {
    const { edge } = await scene();
    const before = await metricsOf(edge);
    for (let nth = 0; nth < 20; nth++) {
      await get(edge.url, `/secret-${nth}?token=abc`, { headers: { Host: `tenant-${nth}.example` } });
      await get(edge.url, `/secret-${nth}`, { method: `METHOD${nth}` });
    }
    const page = (await get(edge.admin, '/metrics')).body.toString();
    expect(page).not.toMatch(/secret|tenant|token|METHOD\d|127\.0\.0\.1/);
    const after = await metricsOf(edge);
    const added = [...after.keys()].filter((name) => name.startsWith('holdfast_') && !before.has(name));
    expect(added.filter((name) => !name.includes('kind='))).toEqual([]);
  });
});

describe('health', () => {
  it('/healthz and /readyz answer 200; readiness tells of the disk', async () => {
    const { edge } = await scene();
    expect((await get(edge.admin, '/healthz')).status).toBe(200);
    const ready = await get(edge.admin, '/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body.toString())).toEqual({ ready: true, disk: 'none' });
    const { edge: other } = await scene({ disk: { dir: await diskDir() } });
    const withDisk = await get(other.admin, '/readyz');
    expect(JSON.parse(withDisk.body.toString())).toEqual({ ready: true, disk: { ok: true } });
  });

  it('is answered while the origin is dead', async () => {
    const { origin, edge } = await scene();
    await origin.close();
    expect((await get(edge.url, '/a')).status).toBe(502);
    for (const path of ['/healthz', '/readyz', '/metrics'])
      expect((await get(edge.admin, path)).status).toBe(200);
  });

  it('the admin listener knows its paths and methods, and the client listener none of them', async () => {
    const { origin, edge } = await scene();
    origin.on('/healthz', { headers: { 'Cache-Control': 'no-store' }, body: 'the origin’s' });
    expect((await get(edge.admin, '/nothing')).status).toBe(404);
    const posted = await get(edge.admin, '/healthz', { method: 'POST', body: '' });
    expect(posted).toMatchObject({ status: 405, headers: { allow: 'GET' } });
    const head = await get(edge.admin, '/healthz', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, complete: true });
    const response = await get(edge.url, '/healthz');
    expect(response.body.toString()).toBe('the origin’s');
    expect(cacheStatus(response).fwd).toBe('uri-miss');
  });
});

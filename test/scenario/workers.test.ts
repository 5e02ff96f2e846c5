// Several workers behind one port: what one has stored all serve, purges and metrics are everybody's. They run on the real
// clock and write to standard output, so they are told to be silent.

import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import {
  diskDir,
  exactReceipt,
  metricsOf,
  type Scene,
  type Settings,
  scene,
  until,
} from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
/** The threads that a run has started so far: without a disk, the workers. */
function threads(): readonly Worker[] {
  const started: Worker[] = [];
  const note = (worker: Worker): void => void started.push(worker);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  return started;
}

/** Connections enough to meet both workers, whichever way the system hands them out. */
const MANY = 24;

function pair(settings: Settings = {}): Promise<Scene> {
  return scene({ ...settings, workers: 2, log: { level: 'silent' } }, Date.now());
}

/** Asks on many connections, one after another. */
async function ask(edge: TestEdge, path: string): Promise<readonly Response[]> {
  const responses: Response[] = [];
  for (let i = 0; i < MANY; i++) responses.push(await get(edge.url, path));
  return responses;
}

/** Resolves when the memories of the workers together hold so many responses. */
async function stored(edge: TestEdge, count: number): Promise<void> {
  while ((await metricsOf(edge)).get('holdfast_store_records{tier="memory"}') !== count);
}

function misses(responses: readonly Response[]): number {
  return responses.filter((response) => !cacheStatus(response).hit).length;
}

describe('two workers', () => {
  it.each<[string, (edge: TestEdge) => Promise<Response>]>([
    ['PURGE', (edge) => get(edge.url, '/a', { method: 'PURGE' })],
    [
      'a purge of everything',
      (edge) => get(edge.admin, '/purge', { method: 'POST', body: JSON.stringify({ everything: true }) }),
    ],
  ])(
    'serve from one memory what either has fetched, and both forget at %s before the receipt is there',
    async (_, purge) => {
      const { origin, edge } = await pair();
      origin.on('/a', { headers: HOUR, body: 'old' });
      await get(edge.url, '/a');
      await stored(edge, 1);
      expect(misses(await ask(edge, '/a'))).toBe(0);
      expect(origin.requests('/a')).toHaveLength(1);
      origin.on('/a', { headers: HOUR, body: 'new' });
      const response = await purge(edge);
      expect(response.status).toBe(200);
      expect(await exactReceipt(edge, response)).toMatchObject({
        workers: 2,
        durable: true,
        matched: { memory: { responses: 1 } },
      });
      const after = await ask(edge, '/a');
      expect(after.every(({ body }) => body.toString() === 'new')).toBe(true);
      await stored(edge, 1);
      expect(misses(await ask(edge, '/a'))).toBe(0);
    },
  );

  it('both forget what an unsafe request has changed, before its client hears of it', async () => {
    const { origin, edge } = await pair();
    origin.on('GET /a', { headers: HOUR, body: 'old' });
    origin.on('POST /a', { status: 204 });
    await ask(edge, '/a');
    origin.on('GET /a', { headers: HOUR, body: 'new' });
    expect((await get(edge.url, '/a', { method: 'POST', body: 'x' })).status).toBe(204);
    expect((await ask(edge, '/a')).every(({ body }) => body.toString() === 'new')).toBe(true);
  });

  it('share the disk, and are one on the metrics page', async () => {
    const { origin, edge } = await pair({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: HOUR, body: 'hello' });
    await get(edge.url, '/a');
    while ((await metricsOf(edge)).get('holdfast_store_records{tier="disk"}') !== 1);
    await stored(edge, 1);
    expect(misses(await ask(edge, '/a'))).toBe(0);
    expect(origin.requests('/a')).toHaveLength(1);
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_requests_total{outcome="miss"}')).toBe(1);
    expect(metrics.get('holdfast_requests_total{outcome="hit"}')).toBe(MANY);
    expect(metrics.get('holdfast_request_duration_seconds_count{outcome="hit"}')).toBe(MANY);
    expect(metrics.get('holdfast_store_records{tier="memory"}')).toBe(1);
    expect(metrics.get('holdfast_store_records{tier="disk"}')).toBe(1);
    expect(metrics.get('holdfast_store_max_bytes{tier="memory"}')).toBe(256 * 1024 ** 2);
  });

  it('find after a restart what either of them has stored', async () => {
    const { origin, edge, restart } = await pair({ disk: { dir: await diskDir() } });
    origin.on('*', { headers: HOUR, body: 'hello' });
    const paths = Array.from({ length: 20 }, (_, nth) => `/${nth}`);
    await Promise.all(paths.map((path) => get(edge.url, path)));
    const again = await restart();
    const responses = await Promise.all(paths.map((path) => get(again.url, path)));
    expect(misses(responses)).toBe(0);
    expect(origin.requests()).toHaveLength(20);
  });

  it('replace one that has ended: what was at home with it is fetched again, all else is served', async () => {
    const started = threads();
    const { origin, edge } = await pair();
    origin.on('*', { headers: HOUR, body: 'hello' });
    const paths = Array.from({ length: 40 }, (_, nth) => `/${nth}`);
    const all = (): Promise<readonly Response[]> => Promise.all(paths.map((path) => get(edge.url, path)));
    await all();
    await stored(edge, 40);
    await started[0]?.terminate();
    await until(() => edge.log.some(({ msg }) => msg === 'a worker ended; another takes its place'));
    await until(() => started.length === 3);
    while ((await metricsOf(edge)).get('holdfast_store_max_bytes{tier="memory"}') !== 256 * 1024 ** 2);
    const after = await all();
    expect(after.every(({ status, complete }) => status === 200 && complete)).toBe(true);
    expect(misses(after)).toBeGreaterThan(5);
    expect(misses(after)).toBeLessThan(35);
    await stored(edge, 40);
    expect(misses(await all())).toBe(0);
    const purged = await get(edge.url, '/1', { method: 'PURGE' });
    expect(JSON.parse(purged.body.toString())).toMatchObject({
      workers: 2,
      matched: { memory: { responses: 1 } },
    });
    expect(misses(await ask(edge, '/1'))).toBeGreaterThan(0);
  });

  it('end in good order: what is in flight is finished', async () => {
    const { origin, edge } = await pair({ timeouts: { drain: '5s' } });
    const gate = origin.gate();
    origin.on('/a', gate);
    const answer = get(edge.url, '/a');
    await gate.arrived;
    const closed = edge.close();
    await gate.head(200, { ...HOUR, 'Content-Length': 5 });
    await gate.end('hello');
    const response = await answer;
    expect(response).toMatchObject({ status: 200, complete: true });
    await closed;
    await expect(get(edge.url, '/a')).rejects.toThrow();
  });
});

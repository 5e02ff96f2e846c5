// Purges and inspection where two workers share what they have stored. On the real clock, as workers.test.ts.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { diskDir, metricsOf, type Scene, type Settings, scene } from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
/** Connections enough to meet both workers. */
const MANY = 24;

/** Two workers, which hold /a (tag t) and /b. */
async function pair(settings: Settings = {}): Promise<Scene> {
  const given = await scene({ ...settings, workers: 2, log: { level: 'silent' } }, Date.now());
  given.origin.on('/a', { headers: { ...HOUR, xkey: 't' }, body: 'old' });
  given.origin.on('/b', { headers: HOUR, body: 'b' });
  for (const path of ['/a', '/b']) await get(given.edge.url, path);
  while ((await metricsOf(given.edge)).get('holdfast_store_records{tier="memory"}') !== 2);
  for (const path of ['/a', '/b']) await ask(given.edge, path);
  return given;
}

async function ask(edge: TestEdge, path: string): Promise<readonly Response[]> {
  const responses: Response[] = [];
  for (let i = 0; i < MANY; i += 1) responses.push(await get(edge.url, path));
  return responses;
}

async function post(
  edge: TestEdge,
  body: unknown,
): Promise<{ status: number; json: Record<string, unknown> }> {
  let { status, body: bytes } = await get(edge.admin, '/purge', {
    method: 'POST',
    body: JSON.stringify(body),
  });
  for (;;) {
    const json = JSON.parse(bytes.toString());
    if (json.poll === undefined) return { status, json };
    ({ status, body: bytes } = await get(edge.admin, json.poll));
  }
}

describe('two workers', () => {
  it('both forget by tag, and what they share is counted once', async () => {
    const { edge, origin } = await pair({ disk: { dir: await diskDir() } });
    origin.on('/a', { headers: { ...HOUR, xkey: 't' }, body: 'new' });
    const { json } = await post(edge, { tags: ['t'] });
    expect(json).toMatchObject({ workers: 2, matched: { memory: { responses: 1 }, disk: { responses: 1 } } });
    expect((await ask(edge, '/a')).every(({ body }) => body.toString() === 'new')).toBe(true);
    expect((await ask(edge, '/b')).every((response) => cacheStatus(response).hit)).toBe(true);
  });

  it('are inspected as one', async () => {
    const { edge } = await pair({ disk: { dir: await diskDir() } });
    const { body } = await get(edge.admin, `/inspect?url=${encodeURIComponent(`${edge.url}/a`)}`);
    const { responses } = JSON.parse(body.toString());
    expect(responses).toMatchObject([
      { tier: 'memory', copies: 1, tags: ['t'] },
      { tier: 'disk', copies: 1, tags: ['t'] },
    ]);
  });

  it('have one rate limit', async () => {
    const { edge } = await pair({ purge: { rate: 1, burst: 4 } });
    const statuses: number[] = [];
    for (let i = 0; i < MANY; i += 1) statuses.push((await get(edge.url, '/x', { method: 'PURGE' })).status);
    const taken = statuses.filter((status) => status === 404).length;
    expect(taken).toBeGreaterThanOrEqual(4);
    expect(statuses.filter((status) => status === 429)).toHaveLength(MANY - taken);
    expect(taken).toBeLessThan(MANY);
  });
});

import { afterEach, describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { startEdge, type TestEdge } from '../support/edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/origin.ts';

let origin: ScriptedOrigin;
let edge: TestEdge;

async function given(settings?: Record<string, unknown>): Promise<void> {
  origin = await scriptedOrigin();
  edge = await startEdge({ origin: origin.url, ...(settings === undefined ? {} : { settings }) });
}

afterEach(async () => {
  await edge.close();
  await origin.close();
});

describe('hits and misses', () => {
  it('serves the second request from memory', async () => {
    await given();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60', ETag: '"1"' }, body: 'hello' });
    const first = await get(edge.url, '/a');
    edge.clock.advance(10_000);
    const second = await get(edge.url, '/a');
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', fwdStatus: 200, stored: true });
    expect(cacheStatus(second)).toMatchObject({ hit: true, ttl: 50 });
    expect(second.headers).toMatchObject({ 'x-cache': 'HIT', age: '10' });
    expect(second.body.toString()).toBe('hello');
    expect(origin.requests('/a')).toHaveLength(1);
  });
});

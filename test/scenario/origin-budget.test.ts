// A bound on what is asked of an origin: who waits, who is refused, and what is served meanwhile.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { groupScene, textOf } from '../support/group.ts';
import { until } from '../support/proxying.ts';
import { metricsOf, scene, settled } from '../support/scene.ts';

const SWR = { 'Cache-Control': 'max-age=10, stale-while-revalidate=600, stale-if-error=600' };

describe('the budget of an origin', () => {
  it('bounds what is under way, and lets users go before what nobody waits for', async () => {
    const { edge, origin, clock } = await scene({ originBudget: { concurrency: 2, reserved: 50 } });
    const paths = ['/a', '/b', '/c', '/d'];
    for (const path of paths) {
      origin.on(path, { headers: SWR, body: 'old' });
      await get(edge.url, path);
    }
    await settled(edge);
    clock.advance(20_000);
    const gates = paths.map((path) => {
      const gate = origin.gate();
      origin.on(path, gate, { headers: SWR, body: 'newer' });
      return gate;
    });
    // Stale at once; behind them one at a time, because half is the users'.
    for (const path of paths) expect(textOf(await get(edge.url, path))).toBe('old');
    const before = origin.requests().length;
    origin.on('/user', { headers: { 'Cache-Control': 'no-store' }, body: 'user' });
    expect(textOf(await get(edge.url, '/user'))).toBe('user');
    expect(
      origin
        .requests()
        .slice(before - 1)
        .map(({ path }) => path),
    ).toEqual(['/a', '/user']);
    const metrics = await metricsOf(edge);
    expect(metrics.get('holdfast_origin_budget_waiting{origin="(origin)",urgency="revalidation"}')).toBe(3);
    for (const gate of gates) void gate.end('new');
    await settled(edge);
    expect(origin.requests()).toHaveLength(before + 4);
  });

  it('serves stale where a user would wait too long, and refuses where there is nothing', async () => {
    const { edge, origins, clock } = await groupScene({
      servers: [{}],
      group: { budget: { concurrency: 1, queue: { length: 8, timeout: '60ms' } } },
    });
    const [origin] = origins;
    const page = { headers: { 'Cache-Control': 'max-age=10, stale-if-error=600' }, body: 'stored' };
    origin?.on('/page', page);
    await get(edge.url, '/page');
    clock.advance(20_000);
    const gate = origin?.gate();
    if (gate !== undefined) origin?.on('/held', gate);
    const held = get(edge.url, '/held');
    await gate?.arrived;
    const stale = await get(edge.url, '/page');
    expect(textOf(stale)).toBe('stored');
    expect(cacheStatus(stale)).toMatchObject({ fwd: 'stale', detail: 'stale-if-error' });
    const refused = await get(edge.url, '/other');
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    void gate?.end('held');
    expect(textOf(await held)).toBe('held');
    expect(origin?.requests('/other')).toHaveLength(0);
  });

  it('is spread over time by its rate', async () => {
    const { edge, origin } = await scene({ originBudget: { perSecond: 20 } });
    origin.on('*', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    const begunAt = performance.now();
    const all = Promise.all(Array.from({ length: 26 }, (_, i) => get(edge.url, `/${i}`)));
    await until(() => origin.requests().length >= 20);
    expect((await all).map(textOf).join('')).toBe('x'.repeat(26));
    // Twenty were saved up; six more take six twentieths of a second.
    expect(performance.now() - begunAt).toBeGreaterThan(250);
  });
});

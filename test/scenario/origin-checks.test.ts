// Origins that are asked whether they are well, and what the operator says of them.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { holdfast } from '../support/command.ts';
import type { TestEdge } from '../support/edge.ts';
import { groupScene, textOf, transitions, whoAnswers } from '../support/group.ts';
import { until } from '../support/proxying.ts';
import { metricsOf } from '../support/scene.ts';

const WELL = { status: 204 };
const UNWELL = { status: 500, body: 'no' };
const CHECKS = { path: '/well', interval: '100ms', timeout: '5s', rise: 1, fall: 1 };

interface ServerShown {
  readonly url: string;
  readonly state: string;
  readonly requests: number;
}

async function shown(edge: TestEdge): Promise<readonly ServerShown[]> {
  const groups = (await (await fetch(`${edge.admin}/origins`)).json()) as readonly {
    readonly servers: readonly ServerShown[];
  }[];
  return groups[0]?.servers ?? [];
}

const say = (edge: TestEdge, body: unknown): Promise<globalThis.Response> =>
  fetch(`${edge.admin}/origins`, { method: 'POST', body: JSON.stringify(body) });

describe('a checked server', () => {
  it('gets no requests while its checks are bad, and requests again when they are good', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}], group: { checks: CHECKS } });
    const [first, second] = origins;
    second?.on('/well', WELL);
    first?.on('/well', UNWELL, UNWELL, WELL);
    await until(() => transitions(edge).length === 1);
    expect(transitions(edge)).toEqual([`${first?.url}: up down`]);
    expect(await whoAnswers(edge, 4)).toBe('1111');
    await until(() => transitions(edge).length === 2);
    expect(transitions(edge).at(-1)).toBe(`${first?.url}: down up`);
    expect(await whoAnswers(edge, 4)).toMatch(/0.*0/);
    expect(first?.requests('/well')[0]?.headers.host).toBe(new URL(first?.url ?? '').host);
  });

  it('gives 503 at once where it is the only one, and what is stored is served stale', async () => {
    const { edge, origins, clock } = await groupScene({ servers: [{}], group: { checks: CHECKS } });
    const [origin] = origins;
    origin?.on('/well', WELL);
    origin?.on('/page', { headers: { 'Cache-Control': 'max-age=1, stale-if-error=60' }, body: 'stored' });
    await get(edge.url, '/page');
    clock.advance(5000);
    origin?.on('/well', UNWELL);
    await until(() => transitions(edge).length === 1);
    const refused = await get(edge.url, '/other');
    expect(refused).toMatchObject({ status: 503, complete: true });
    expect(refused.headers['retry-after']).toBe('5');
    expect(cacheStatus(refused)).toMatchObject({ detail: 'unavailable' });
    const stale = await get(edge.url, '/page');
    expect(textOf(stale)).toBe('stored');
    expect(cacheStatus(stale)).toMatchObject({ detail: 'stale-if-error' });
    expect(origin?.requests('/other')).toHaveLength(0);
  });

  it('is checked no more when the edge has closed', async () => {
    const { edge, origins } = await groupScene({ servers: [{}], group: { checks: CHECKS } });
    await origins[0]?.waitFor('/well', 1);
    await edge.close();
    const checks = origins[0]?.requests('/well').length;
    const going = await groupScene({ servers: [{}], group: { checks: CHECKS } });
    await going.origins[0]?.waitFor('/well', 5);
    expect(origins[0]?.requests('/well').length).toBe(checks);
  });
});

describe('the operator', () => {
  it('drains a server and brings it back', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}] });
    const gate = origins[0]?.gate();
    if (gate !== undefined) origins[0]?.on('/held', gate);
    const held = get(edge.url, '/held');
    await gate?.arrived;
    const server = origins[0]?.url;
    const answer = await say(edge, { group: 'app', server, state: 'drain' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ url: server, state: 'drain', active: 1 });
    expect(await whoAnswers(edge, 3)).toBe('111');
    void gate?.end('held');
    expect(textOf(await held)).toBe('held');
    expect((await say(edge, { group: 'app', server, state: 'up' })).status).toBe(200);
    expect(await whoAnswers(edge, 4)).toMatch(/0.*0/);
  });

  it('is told what is wrong with what he says', async () => {
    const { edge, origins } = await groupScene({ servers: [{}] });
    expect((await say(edge, { group: 'app', server: 'http://nowhere', state: 'drain' })).status).toBe(404);
    expect((await say(edge, { group: 'app', server: origins[0]?.url, state: 'sideways' })).status).toBe(400);
    expect((await say(edge, 'x'.repeat(2_000_000))).status).toBe(413);
    const elsewhere = { method: 'POST', headers: { Origin: 'http://evil.example' }, body: '{}' };
    expect((await fetch(`${edge.admin}/origins`, elsewhere)).status).toBe(403);
  });

  it('sees the groups, and the metrics say the same', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, { backup: true }] });
    await whoAnswers(edge, 3);
    const servers = await shown(edge);
    expect(servers).toMatchObject([
      { url: origins[0]?.url, state: 'up', requests: 3, backup: false, active: 0 },
      { url: origins[1]?.url, state: 'up', requests: 0, backup: true },
    ]);
    const metrics = await metricsOf(edge);
    const labels = `group="app",server="${origins[0]?.url}"`;
    expect(metrics.get(`holdfast_origin_server_requests_total{${labels}}`)).toBe(3);
    expect(metrics.get(`holdfast_origin_server_state{${labels},state="up"}`)).toBe(1);
    expect(metrics.get(`holdfast_origin_first_byte_seconds_count{${labels}}`)).toBe(3);
  });

  it('speaks to all workers', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, {}],
      settings: { workers: 2, memory: '64MB', log: { level: 'fatal' } },
    });
    const server = origins[0]?.url;
    expect((await say(edge, { group: 'app', server, state: 'down' })).status).toBe(200);
    expect(
      (await Promise.all(Array.from({ length: 12 }, (_, i) => get(edge.url, `/${i}`)))).map(textOf).join(''),
    ).toBe('111111111111');
    expect(await shown(edge)).toMatchObject([{ state: 'off' }, { state: 'up', requests: 12 }]);
  });
});

describe('holdfast origins', () => {
  it('shows the groups, and drains a server', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, { backup: true }] });
    await whoAnswers(edge, 2);
    const admin = edge.admin.replace('http://', '');
    const server = origins[0]?.url ?? '';
    const table = await holdfast(['origins', '--admin', admin]);
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table.stdout).toMatch(new RegExp(`app +${server} +up +1 +0/256 +2 `));
    const drained = await holdfast(['origins', 'app', '--drain', server, '--json', '--admin', admin]);
    expect(JSON.parse(drained.stdout)).toMatchObject([
      { group: 'app', servers: [{ state: 'drain' }, { state: 'up' }] },
    ]);
    expect(await whoAnswers(edge, 1)).toBe('1');
    expect(await holdfast(['origins', 'app', '--up', 'http://nowhere', '--admin', admin])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no such server'),
    });
    expect((await holdfast(['origins', '--up', server, '--admin', admin])).code).toBe(1);
  });
});

describe('a reload', () => {
  it('keeps what is known of a server, and begins to check', async () => {
    const { edge, origins, reload } = await groupScene({ servers: [{}, {}] });
    const server = origins[0]?.url;
    await say(edge, { group: 'app', server, state: 'drain' });
    for (const origin of origins) origin.on('/well', WELL);
    await reload({ checks: CHECKS });
    await origins[1]?.waitFor('/well');
    expect(await whoAnswers(edge, 3)).toBe('111');
    expect((await shown(edge))[0]?.state).toBe('drain');
  });
});

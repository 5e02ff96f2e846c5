// Several origins as one: who is asked, what happens when one fails, and when all do.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { groupScene, textOf, transitions, whoAnswers } from '../support/group.ts';
import { hangUp, never } from '../support/origin.ts';
import { until } from '../support/proxying.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };

describe('the requests of a group', () => {
  it('go to its servers in turn, by weight', async () => {
    const { edge } = await groupScene({ servers: [{ weight: 2 }, {}] });
    expect(await whoAnswers(edge, 6)).toBe('010010');
  });

  it('go to the server of their key where the setting says so, from every client', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, {}, {}],
      group: { balance: 'consistentHash' },
    });
    const first = await whoAnswers(edge, 30);
    expect(new Set(first).size).toBe(3);
    expect(await whoAnswers(edge, 30)).toBe(first);
    await origins[0]?.close();
    const after = await whoAnswers(edge, 30);
    expect([...first].filter((who, i) => who !== '0' && who !== after[i])).toEqual([]);
    expect(after).not.toContain('0');
  });

  it('go to backups only while no other can be asked', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, { backup: true }],
      group: { health: { failures: 1 } },
    });
    expect(await whoAnswers(edge, 3)).toBe('000');
    await origins[0]?.close();
    expect(await whoAnswers(edge, 3)).toBe('111');
  });

  it('name the server in Host where the origin is to see its own', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}], settings: { host: 'origin' } });
    await whoAnswers(edge, 2);
    for (const { port, requests } of origins) expect(requests()[0]?.headers.host).toBe(`127.0.0.1:${port}`);
  });

  it('carry their content, whichever server they go to', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}] });
    const body = 'x'.repeat(300_000);
    for (let i = 0; i < 2; i += 1) await get(edge.url, '/form', { method: 'POST', body });
    for (const { requests } of origins) expect(requests()[0]?.body.length).toBe(body.length);
  });
});

describe('the access record', () => {
  it('says which server answered, after how many tries, and how long it took', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}] });
    await get(edge.url, '/0');
    await origins[0]?.close();
    await whoAnswers(edge, 2);
    const [first, ...rest] = edge.requests();
    expect(first).toMatchObject({ group: 'app', server: origins[0]?.url, originMs: expect.any(Number) });
    expect(first).not.toHaveProperty('attempts');
    for (const record of rest) expect(record).toMatchObject({ group: 'app', server: origins[1]?.url });
    expect(rest.map(({ attempts }) => attempts)).toContain(2);
  });

  it('says where it failed last', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}] });
    for (const origin of origins) await origin.close();
    expect((await get(edge.url, '/')).status).toBe(502);
    const named = { group: 'app', server: expect.stringMatching(/^http:/), failure: 'refused' };
    expect(edge.requests()[0]).toMatchObject({ ...named, attempts: 2 });
    expect(edge.log.find(({ msg }) => msg === 'the origin did not answer')).toMatchObject(named);
  });
});

describe('a server that cannot be reached', () => {
  it('is passed over: the client sees nothing, not even of a POST with content', async () => {
    const { edge, origins } = await groupScene({ servers: [{}, {}] });
    await origins[0]?.close();
    expect(await whoAnswers(edge, 4)).toBe('1111');
    const posted = await get(edge.url, '/form', { method: 'POST', body: 'content' });
    expect(textOf(posted)).toBe('1');
    expect(origins[1]?.requests('POST /form')[0]?.body.toString()).toBe('content');
  });

  it('is ejected after failures in a row, and tried again when its time is over', async () => {
    const { edge, origins, clock } = await groupScene({
      servers: [{}, {}],
      group: { health: { failures: 2, eject: '10s' } },
    });
    const [first, second] = origins;
    first?.on('*', hangUp);
    expect(await whoAnswers(edge, 8)).toBe('11111111');
    expect(first?.requests()).toHaveLength(2);
    clock.advance(10_000);
    first?.on('*', hangUp, { headers: NO_STORE, body: '0' });
    // The trial fails: twice as long.
    expect(await whoAnswers(edge, 4)).toBe('1111');
    expect(first?.requests()).toHaveLength(3);
    clock.advance(19_000);
    await whoAnswers(edge, 2);
    expect(first?.requests()).toHaveLength(3);
    clock.advance(1000);
    expect(await whoAnswers(edge, 4)).toContain('0');
    const url = first?.url;
    expect(transitions(edge)).toEqual([
      `${url}: up ejected`,
      `${url}: ejected trial`,
      `${url}: trial ejected`,
      `${url}: ejected trial`,
      `${url}: trial up`,
    ]);
    expect(second?.requests().length).toBeGreaterThan(0);
  });

  it('is asked all the same when all are ejected, and is back with its first answer', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, {}],
      group: { health: { failures: 1, eject: '1h', ejectMax: '1h' } },
    });
    for (const origin of origins) origin.on('*', hangUp, { headers: NO_STORE, body: 'back' });
    expect(textOf(await get(edge.url, '/a'))).toBe('502');
    expect(await whoAnswers(edge, 4)).toBe('backbackbackback');
    expect(transitions(edge).map((line) => line.split(': ')[1])).toEqual([
      'up ejected',
      'up ejected',
      'ejected up',
    ]);
  });
});

describe('a request that failed', () => {
  it('is not repeated where the server may have acted on it', async () => {
    const { edge, origins, counts } = await groupScene({ servers: [{}, {}] });
    origins[0]?.on('*', hangUp);
    expect(textOf(await get(edge.url, '/form', { method: 'POST' }))).toBe('502');
    expect(counts()).toEqual([1, 0]);
    expect(textOf(await get(edge.url, '/b', { method: 'PUT', body: 'x' }))).toBe('1');
  });

  it('is repeated after chosen statuses, and the last answer is passed on where all give one', async () => {
    const { edge, origins, counts } = await groupScene({
      servers: [{}, {}, {}],
      group: { retries: { statuses: ['502-504'] } },
    });
    const busy = { status: 503, headers: NO_STORE, body: 'busy' };
    origins[0]?.on('*', busy);
    origins[1]?.on('*', busy);
    expect(await whoAnswers(edge, 1)).toBe('2');
    expect(counts()).toEqual([1, 1, 1]);
    origins[2]?.on('*', busy);
    const last = await get(edge.url, '/a');
    expect(last).toMatchObject({ status: 503 });
    expect(last.body.toString()).toBe('busy');
    expect(textOf(await get(edge.url, '/form', { method: 'POST' }))).toBe('503');
    expect(counts()).toEqual([3, 2, 2]);
  });

  it('is repeated after a timeout only by setting', async () => {
    for (const [on, answer] of [
      [['connect', 'reset'], '504'],
      [['timeout'], '1'],
    ] as const) {
      const { edge, origins } = await groupScene({
        servers: [{}, {}],
        group: { retries: { on }, timeouts: { firstByte: '50ms' } },
      });
      origins[0]?.on('*', never);
      expect(textOf(await get(edge.url, '/a'))).toBe(answer);
    }
  });

  it('is not repeated beyond the budget', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, {}],
      group: { retries: { budget: 50, perSecond: 0 }, health: { failures: 0 } },
    });
    origins[0]?.on('*', hangUp);
    // Round robin: half of the requests fail, and of all requests half may be repeated.
    const answers = await whoAnswers(edge, 12);
    expect(answers).toContain('502');
    expect(answers.replaceAll('502', '')).toMatch(/^1{9,11}$/);
  });

  it('is given up in the middle of its content, and nothing else is asked', async () => {
    const { edge, origins, counts } = await groupScene({ servers: [{}, {}] });
    origins[0]?.on('*', {
      headers: { ...NO_STORE, 'Content-Length': '100' },
      body: 'the beginning',
      cut: 'reset',
    });
    expect(await get(edge.url, '/a')).toMatchObject({ status: 200, complete: false });
    expect(counts()).toEqual([1, 0]);
  });
});

describe('when every server fails', () => {
  it('what is stored is served stale', async () => {
    const { edge, origins, clock } = await groupScene({
      servers: [{}, { backup: true }],
      group: { health: { failures: 1, eject: '1m' } },
    });
    const page = { headers: { 'Cache-Control': 'max-age=10, stale-if-error=600' }, body: 'stored' };
    origins[0]?.on('/page', page, hangUp);
    expect(textOf(await get(edge.url, '/page'))).toBe('stored');
    clock.advance(11_000);
    origins[1]?.on('*', hangUp);
    for (let i = 0; i < 3; i += 1) {
      const stale = await get(edge.url, '/page');
      expect(textOf(stale)).toBe('stored');
      expect(cacheStatus(stale)).toMatchObject({ fwd: 'stale', detail: 'stale-if-error' });
    }
    origins[0]?.on('*', hangUp);
    expect(textOf(await get(edge.url, '/other'))).toBe('502');
  });
});

describe('full servers', () => {
  it('let requests wait, and refuse those beyond the queue', async () => {
    const { edge, origins, counts } = await groupScene({
      servers: [{ maxConnections: 1 }, { maxConnections: 1 }],
      group: { queue: { length: 1, timeout: '20s' } },
    });
    const gates = origins.map((origin) => {
      const gate = origin.gate();
      origin.on('/held', gate);
      return gate;
    });
    const held = [get(edge.url, '/held?1'), get(edge.url, '/held?2')];
    await until(() => counts().join() === '1,1');
    const more = [get(edge.url, '/third'), get(edge.url, '/fourth')];
    const refused = await Promise.race(more);
    expect(refused).toMatchObject({ status: 503, complete: true });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(cacheStatus(refused)).toMatchObject({ detail: 'overloaded' });
    for (const gate of gates) void gate.end('held');
    expect((await Promise.all(held)).map(textOf)).toEqual(['held', 'held']);
    expect((await Promise.all(more)).map(textOf).sort()).toEqual([expect.stringMatching(/^[01]$/), '503']);
  });

  it('are passed over while others have room', async () => {
    const { edge, origins, counts } = await groupScene({ servers: [{ maxConnections: 1 }, {}] });
    const gate = origins[0]?.gate();
    if (gate !== undefined) origins[0]?.on('/held', gate);
    const held = get(edge.url, '/held');
    await gate?.arrived;
    expect(await whoAnswers(edge, 3)).toBe('111');
    void gate?.end('held');
    expect(textOf(await held)).toBe('held');
    expect(counts()).toEqual([1, 3]);
  });
});

describe('a second server', () => {
  it('is asked where the first is slow, and the slow one is let go', async () => {
    const { edge, origins } = await groupScene({
      servers: [{}, {}],
      group: { hedge: { after: '20ms', budget: 100 } },
    });
    const gate = origins[0]?.gate();
    if (gate !== undefined) origins[0]?.on('/slow', gate);
    expect(textOf(await get(edge.url, '/slow'))).toBe('1');
    expect(await gate?.closed).toEqual({ finished: false });
  });

  it('is not asked for a POST, nor beyond the budget', async () => {
    const { edge, origins, counts } = await groupScene({
      servers: [{}, {}],
      group: { hedge: { after: '1ms', budget: 50 } },
    });
    const slow = { delayMs: 50, headers: NO_STORE, body: 'slow' };
    for (const origin of origins) origin.on('*', slow);
    expect(textOf(await get(edge.url, '/form', { method: 'POST' }))).toBe('slow');
    expect(counts()).toEqual([1, 0]);
    for (let i = 0; i < 4; i += 1) await get(edge.url, `/${i}`);
    const [a = 0, b = 0] = counts();
    expect(a + b).toBe(1 + 4 + 2);
  });
});

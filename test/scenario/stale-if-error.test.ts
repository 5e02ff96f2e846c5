// What stands in for an origin that fails (RFC 5861 §4, RFC 9111 §4.2.4), and what must not.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { hangUp, never, reset, type Step } from '../support/origin.ts';
import { crowd, type Scene, type Settings, scene, turns } from '../support/scene.ts';

const IF_ERROR = 'max-age=60, stale-if-error=30';
const QUICK: Settings = { timeouts: { firstByte: '40ms', connect: '40ms' } };

/** An edge that holds /a, 70 seconds old: stale for ten. Then the origin answers so. */
async function stale(control: string, answer: Step, settings: Settings = QUICK): Promise<Scene> {
  const given = await scene(settings);
  given.origin.on('/a', { headers: { 'Cache-Control': control, ETag: '"1"' }, body: 'old' });
  await get(given.edge.url, '/a');
  given.origin.on('/a', answer);
  given.clock.advance(70_000);
  return given;
}

describe('stale-if-error', () => {
  it.each([500, 502, 503, 504])('stands in for a %i', async (status) => {
    const { edge } = await stale(IF_ERROR, { status, body: 'oops' });
    const response = await get(edge.url, '/a');
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe('old');
    expect(response.headers).toMatchObject({ 'x-cache': 'STALE', age: '70' });
    expect(cacheStatus(response)).toMatchObject({
      fwd: 'stale',
      fwdStatus: status,
      ttl: -10,
      detail: 'stale-if-error',
    });
  });

  it.each([404, 410, 501, 403])('does not stand in for a %i', async (status) => {
    const { edge } = await stale(IF_ERROR, { status, body: 'said' });
    expect((await get(edge.url, '/a')).status).toBe(status);
  });

  it.each<[string, Step, string]>([
    ['closes the connection', hangUp, 'reset'],
    ['resets it', reset, 'reset'],
    ['does not answer in time', never, 'first-byte-timeout'],
  ])('stands in where the origin %s', async (_, answer, failure) => {
    const { edge } = await stale(IF_ERROR, answer);
    const response = await get(edge.url, '/a');
    expect(response.status).toBe(200);
    expect(cacheStatus(response)).toMatchObject({ fwd: 'stale', ttl: -10, detail: 'stale-if-error' });
    expect(edge.requests().at(-1)).toMatchObject({
      outcome: 'stale',
      failure,
      side: 'origin',
      tier: 'memory',
    });
  });

  it('stands in where the origin refuses connections', async () => {
    const { origin, edge } = await stale(IF_ERROR, never);
    await origin.close();
    const response = await get(edge.url, '/a');
    expect(response.body.toString()).toBe('old');
    expect(edge.requests().at(-1)).toMatchObject({ outcome: 'stale', failure: 'refused' });
  });

  it('ends with its window: the error reaches the client', async () => {
    const { edge, clock } = await stale(IF_ERROR, { status: 503, body: 'oops' });
    clock.advance(20_000);
    expect((await get(edge.url, '/a')).status).toBe(503);
  });

  it('ends with its window for an origin that cannot be reached, too', async () => {
    const { edge, clock } = await stale(IF_ERROR, hangUp);
    clock.advance(20_000);
    expect((await get(edge.url, '/a')).status).toBe(502);
  });

  it('of the operator stands in where the origin named none, or is closed where it did', async () => {
    const opened = await stale('max-age=60', { status: 500 }, { cache: { staleIfError: '30s' } });
    expect((await get(opened.edge.url, '/a')).status).toBe(200);
    const closed = await stale(IF_ERROR, { status: 500 }, { cache: { staleIfError: '0s' } });
    expect((await get(closed.edge.url, '/a')).status).toBe(500);
  });

  it('keeps what is stored: the origin is asked again by the next client, and a good answer replaces it', async () => {
    const { origin, edge } = await stale(IF_ERROR, { status: 500 });
    await get(edge.url, '/a');
    await get(edge.url, '/a');
    expect(origin.requests('/a')).toHaveLength(3);
    origin.on('/a', { headers: { 'Cache-Control': IF_ERROR }, body: 'new' });
    expect((await get(edge.url, '/a')).body.toString()).toBe('new');
  });

  it('answers everybody who waited for the failing fetch, of which there was one', async () => {
    const given = await stale(IF_ERROR, never, {});
    const { origin, edge } = given;
    const gate = origin.gate();
    origin.on('/a', gate);
    const clients = await crowd(edge, 10);
    const answers = clients.map((client) => client.send('/a'));
    await gate.arrived;
    await turns();
    await gate.head(503);
    await gate.end('oops');
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe('old');
    }
    expect(origin.requests('/a')).toHaveLength(2);
  });
});

describe('an origin that cannot be reached', () => {
  it('is stood in for by whatever nothing forbids to use', async () => {
    const { edge } = await stale('max-age=60', hangUp);
    const response = await get(edge.url, '/a');
    expect(response.body.toString()).toBe('old');
    expect(cacheStatus(response)).toMatchObject({ fwd: 'stale', ttl: -10, detail: 'disconnected' });
  });

  it.each<[string, Step, number]>([
    ['must-revalidate', hangUp, 502],
    ['proxy-revalidate', hangUp, 502],
    ['s-maxage=60', hangUp, 502],
    ['no-cache', hangUp, 502],
    ['must-revalidate', never, 504],
  ])('is an error where the response says %s', async (directive, answer, status) => {
    const { edge } = await stale(`${IF_ERROR}, ${directive}`, answer);
    const response = await get(edge.url, '/a');
    expect(response).toMatchObject({ status, complete: true });
    expect(response.headers['cache-control']).toBe('no-store');
    expect(cacheStatus(response)).toMatchObject({ hit: false, fwd: 'stale' });
  });

  it('is an error for a client that insists on validation', async () => {
    const { edge } = await stale(IF_ERROR, hangUp);
    const strict = await get(edge.url, '/a', { headers: { 'Cache-Control': 'no-cache' } });
    expect(strict.status).toBe(502);
  });

  it('does not turn a fresh response into an error: a reload gets it', async () => {
    const given = await scene(QUICK);
    const { origin, edge } = given;
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'kept' }, hangUp);
    await get(edge.url, '/a');
    const reload = await get(edge.url, '/a', { headers: { 'Cache-Control': 'max-age=0' } });
    expect(reload.body.toString()).toBe('kept');
    expect(cacheStatus(reload)).toMatchObject({ fwd: 'request', detail: 'fresh', ttl: 60 });
  });

  it('answers 502 or 504 where nothing is stored, names the failure, and stores nothing', async () => {
    const { origin, edge } = await scene(QUICK);
    origin.on('/closed', hangUp);
    origin.on('/late', never);
    const closed = await get(edge.url, '/closed');
    expect(closed).toMatchObject({ status: 502, complete: true });
    expect(cacheStatus(closed)).toMatchObject({ fwd: 'uri-miss', detail: 'reset', stored: false });
    const late = await get(edge.url, '/late');
    expect(late).toMatchObject({ status: 504, complete: true });
    expect(cacheStatus(late)).toMatchObject({ fwd: 'uri-miss', detail: 'first-byte-timeout' });
    origin.on('/closed', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    expect((await get(edge.url, '/closed')).status).toBe(200);
  });
});

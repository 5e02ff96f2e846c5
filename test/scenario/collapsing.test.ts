// Many clients, one request to the origin: who shares a fetch, how its bytes reach them, and when they are let go.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, open, type Response } from '../support/client.ts';
import type { OriginGate } from '../support/origin.ts';
import { crowd, fleeting, type Scene, scene, sha256, turns, until } from '../support/scene.ts';

const MINUTE = { 'Cache-Control': 'max-age=60', ETag: '"1"' };
const BODY = Buffer.alloc(200_000, 'abcdefghij');
const SIZED = { ...MINUTE, 'Content-Length': BODY.length };

interface Crowd extends Scene {
  readonly gate: OriginGate;
  /** Sends /a for every client and waits until the edge has them all. */
  readonly answers: readonly Promise<Response>[];
}

/** So many clients wait for /a, whose origin has not answered yet. */
async function crowded(
  count: number,
  headers?: (nth: number) => Readonly<Record<string, string>>,
): Promise<Crowd> {
  const given = await scene();
  const gate = given.origin.gate();
  given.origin.on('/a', gate, { headers: SIZED, body: BODY });
  const clients = await crowd(given.edge, count);
  const answers = clients.map((client, nth) => client.send('/a', { headers: headers?.(nth) ?? {} }));
  await gate.arrived;
  await turns();
  return { ...given, gate, answers };
}

describe('a cold response', () => {
  it('is fetched once for all who ask; one is the leader, the rest are collapsed', async () => {
    const { origin, edge, gate, answers } = await crowded(50);
    await gate.head(200, SIZED);
    await gate.end(BODY);
    const responses = await Promise.all(answers);
    for (const response of responses) {
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(sha256(response.body)).toBe(sha256(BODY));
    }
    const said = responses.map(cacheStatus);
    expect(said.filter(({ collapsed }) => collapsed)).toHaveLength(49);
    expect(said.filter(({ stored }) => stored)).toHaveLength(1);
    expect(said.every(({ fwd }) => fwd === 'uri-miss')).toBe(true);
    expect(origin.requests()).toHaveLength(1);
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });

  it('reaches followers as it comes: head and first bytes with the leader’s, before the origin has sent the rest', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const opening = Array.from({ length: 10 }, () => open(edge.url, '/a'));
    await gate.arrived;
    await turns();
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 1000));
    const clients = await Promise.all(opening);
    for (const client of clients) expect(await client.read(1000)).toEqual(BODY.subarray(0, 1000));
    await gate.end(BODY.subarray(1000));
    for (const client of clients) expect(await client.rest()).toEqual(BODY.subarray(1000));
    expect(origin.requests()).toHaveLength(1);
  });

  it('gives who comes late the bytes so far, then the rest live', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = open(edge.url, '/a');
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 100_000));
    expect(await (await leader).read(100_000)).toEqual(BODY.subarray(0, 100_000));
    const late = await open(edge.url, '/a');
    expect(cacheStatus(late)).toMatchObject({ fwd: 'uri-miss', collapsed: true, stored: false });
    expect(await late.read(100_000)).toEqual(BODY.subarray(0, 100_000));
    const rest = late.rest();
    await gate.end(BODY.subarray(100_000));
    expect(await rest).toEqual(BODY.subarray(100_000));
    expect(await (await leader).rest()).toEqual(BODY.subarray(100_000));
    expect(origin.requests()).toHaveLength(1);
  });

  it('of unknown length is shared the same way', async () => {
    const { origin, gate, answers } = await crowded(5);
    await gate.head(200, MINUTE);
    await gate.write('one ');
    await gate.end('two');
    for (const response of await Promise.all(answers)) {
      expect(response).toMatchObject({ complete: true });
      expect(response.body.toString()).toBe('one two');
    }
    expect(origin.requests()).toHaveLength(1);
  });

  it('to GET and HEAD alike leaves each what it asked for', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('GET /a', gate);
    origin.on('HEAD /a', { headers: SIZED });
    const leader = get(edge.url, '/a');
    await gate.arrived;
    expect(await get(edge.url, '/a', { method: 'HEAD' })).toMatchObject({ status: 200, complete: true });
    await gate.head(200, SIZED);
    await gate.end(BODY);
    expect((await leader).body).toHaveLength(BODY.length);
  });

  it('keeps different URLs from waiting for one another', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/slow', gate);
    origin.on('/quick', { headers: MINUTE, body: 'x' });
    const slow = get(edge.url, '/slow');
    await gate.arrived;
    expect((await get(edge.url, '/quick')).status).toBe(200);
    await gate.head(200, MINUTE);
    await gate.end();
    expect((await slow).status).toBe(200);
  });
});

describe('a client that leaves', () => {
  it('as the leader before the head harms nobody', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = await fleeting(edge, '/a');
    await gate.arrived;
    const followers = await crowd(edge, 4);
    const answers = followers.map((client) => client.send('/a'));
    await turns();
    leader.reset();
    await until(() => edge.requests().some(({ status }) => status === 499));
    await gate.head(200, SIZED);
    await gate.end(BODY);
    for (const response of await Promise.all(answers)) expect(response.body).toEqual(BODY);
    expect(origin.requests()).toHaveLength(1);
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });

  it('as the leader in the middle of the body harms nobody, and the response is stored', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leading = open(edge.url, '/a');
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 1000));
    const leader = await leading;
    await leader.read(1000);
    const follower = get(edge.url, '/a');
    await turns();
    leader.reset();
    await until(() => edge.requests().some(({ incomplete }) => incomplete === 'client-gone'));
    await gate.end(BODY.subarray(1000));
    expect((await follower).body).toEqual(BODY);
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ hit: true });
    expect(origin.requests()).toHaveLength(1);
  });

  it('as the last one, after the head of a storable response, does not stop it from being stored', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const opening = open(edge.url, '/a');
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 1000));
    (await opening).reset();
    await until(() => edge.requests().length === 1);
    await gate.end(BODY.subarray(1000));
    const { finished } = await gate.closed;
    expect(finished).toBe(true);
    const next = await get(edge.url, '/a');
    expect(next.body).toEqual(BODY);
    expect(origin.requests()).toHaveLength(1);
  });

  it('as the last one before the head ends the request to the origin', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate, { headers: MINUTE, body: 'second' });
    const clients = await Promise.all([1, 2, 3].map(() => fleeting(edge, '/a')));
    await gate.arrived;
    await turns();
    for (const client of clients) client.reset();
    expect((await gate.closed).finished).toBe(false);
    expect((await get(edge.url, '/a')).body.toString()).toBe('second');
  });

  it('as the last one of a response that is not stored ends the transfer from the origin', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const opening = open(edge.url, '/a');
    await gate.head(200, { 'Cache-Control': 'no-store' });
    await gate.write('some');
    (await opening).reset();
    expect((await gate.closed).finished).toBe(false);
  });
});

describe('a client that reads slowly', () => {
  const large = Buffer.alloc(12_000_000, 'abcdefghij');
  const headers = { ...MINUTE, 'Content-Length': large.length };

  it('as the leader holds nobody back', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers, body: large });
    const leader = await open(edge.url, '/a');
    const follower = await get(edge.url, '/a');
    expect(sha256(follower.body)).toBe(sha256(large));
    expect(sha256(await leader.rest())).toBe(sha256(large));
    expect(origin.requests()).toHaveLength(1);
  });

  it('as the only one holds the origin back instead of filling the memory', async () => {
    const { origin, edge } = await scene({ memory: '8MB' });
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = open(edge.url, '/a');
    await gate.head(200, headers);
    let written = false;
    const writing = gate.write(large).then(() => {
      written = true;
    });
    const client = await leader;
    await client.read(1);
    await turns(200);
    expect(written).toBe(false);
    expect(sha256(await client.rest())).toBe(sha256(large.subarray(1)));
    await writing;
    await gate.end();
  });
});

describe('a fetch that fails', () => {
  it('before the head is a 502 for everybody, and is not tried once for each', async () => {
    const { origin, gate, answers } = await crowded(10);
    origin.on('/a', (_, response) => void response.socket?.destroy());
    await gate.cut();
    for (const response of await Promise.all(answers)) expect(response.status).toBe(502);
    expect(origin.requests('/a').length).toBeLessThanOrEqual(2);
  });

  it.each(['cut', 'reset'] as const)(
    'in the middle of the body (%s) breaks every transfer and stores nothing',
    async (how) => {
      const { origin, edge, gate, answers } = await crowded(5);
      await gate.head(200, SIZED);
      await gate.write(BODY.subarray(0, 1000));
      await gate[how]();
      for (const response of await Promise.all(answers)) expect(response.complete).toBe(false);
      const next = await get(edge.url, '/a');
      expect(next.body).toEqual(BODY);
      expect(cacheStatus(next)).toMatchObject({ fwd: 'uri-miss', stored: true });
      expect(origin.requests()).toHaveLength(2);
    },
  );

  it.each(['cut', 'reset'] as const)('in the middle of a chunked body (%s) does the same', async (how) => {
    const { edge, gate, answers } = await crowded(5);
    await gate.head(200, MINUTE);
    await gate.write(BODY.subarray(0, 1000));
    await gate[how]();
    for (const response of await Promise.all(answers)) expect(response.complete).toBe(false);
    expect(cacheStatus(await get(edge.url, '/a')).fwd).toBe('uri-miss');
  });
});

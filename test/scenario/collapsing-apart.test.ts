// Clients that came together and must not share: what is for one client, for one variant, or for nobody's store.

import { describe, expect, it } from 'vitest';
import { cacheStatus, get, type Response } from '../support/client.ts';
import type { Play } from '../support/origin.ts';
import { crowd, type Scene, scene, turns } from '../support/scene.ts';

type Headers = Readonly<Record<string, string>>;

/** So many clients ask for /a; the first request is answered only when all of them wait. */
async function together(
  given: Scene,
  headers: readonly Headers[],
  answer: (nth: number, request: Headers) => { readonly headers: Headers; readonly body: string },
): Promise<readonly Response[]> {
  const { origin, edge } = given;
  const gathered = Promise.withResolvers<void>();
  let nth = 0;
  const play: Play = async (request, response) => {
    const mine = nth++;
    if (mine === 0) await gathered.promise;
    const reply = answer(mine, request.headers as Headers);
    response.writeHead(200, reply.headers);
    response.end(reply.body);
  };
  origin.on('/a', play);
  const clients = await crowd(edge, headers.length);
  const answers = clients.map((client, i) => client.send('/a', { headers: headers[i] ?? {} }));
  await origin.waitFor('/a');
  await turns();
  gathered.resolve();
  return Promise.all(answers);
}

function alike(count: number, headers: Headers = {}): readonly Headers[] {
  return Array.from({ length: count }, () => headers);
}

const MINUTE = { 'Cache-Control': 'max-age=60' };

describe('a response that may not be shared', () => {
  it('is for its leader; everybody else is let go at once and asks for himself', async () => {
    const { origin, edge } = await scene();
    const gathered = Promise.withResolvers<void>();
    const rest = Promise.withResolvers<void>();
    let nth = 0;
    origin.on('/a', async (_, response) => {
      const mine = ++nth;
      if (mine === 20) rest.resolve();
      // None of the rest is answered until all of them have asked: they cannot go one after another.
      await (mine === 1 ? gathered : rest).promise;
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      response.end(`answer ${mine}`);
    });
    const clients = await crowd(edge, 20);
    const answers = clients.map((client) => client.send('/a'));
    await origin.waitFor('/a');
    await turns();
    gathered.resolve();
    const responses = await Promise.all(answers);
    expect(new Set(responses.map(({ body }) => body.toString())).size).toBe(20);
    expect(origin.requests()).toHaveLength(20);
    const said = responses.map(cacheStatus);
    expect(said.every(({ collapsed, stored }) => !collapsed && !stored)).toBe(true);
    expect(said.filter(({ detail }) => detail === 'not-shared')).toHaveLength(19);
  });

  it('is remembered: the next crowd does not wait for one another at all', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    await get(edge.url, '/a');
    let inFlight = 0;
    const all = Promise.withResolvers<void>();
    origin.on('/a', async (_, response) => {
      if (++inFlight === 20) all.resolve();
      await all.promise;
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      response.end('x');
    });
    const clients = await crowd(edge, 20);
    const responses = await Promise.all(clients.map((client) => client.send('/a')));
    expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
  });

  it('is forgotten when the origin changes its mind, and after half a minute', async () => {
    const { origin, edge, clock } = await scene();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    await get(edge.url, '/a');
    origin.on('/a', { headers: MINUTE, body: 'y' });
    expect(cacheStatus(await get(edge.url, '/a'))).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
    origin.on('/b', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    await get(edge.url, '/b');
    clock.advance(30_000);
    const gate = origin.gate();
    origin.on('/b', gate);
    const clients = await crowd(edge, 5);
    const answers = clients.map((client) => client.send('/b'));
    await gate.arrived;
    await turns();
    await gate.head(200, { ...MINUTE, 'Content-Length': 1 });
    await gate.end('x');
    for (const answer of await Promise.all(answers)) expect(answer.status).toBe(200);
    expect(origin.requests('/b')).toHaveLength(2);
  });
});

describe('nobody gets what was for another', () => {
  const users = Array.from({ length: 8 }, (_, i) => `user-${i}`);

  it.each<[string, Headers]>([
    ['max-age, asked with Authorization', MINUTE],
    ['private', { 'Cache-Control': 'private, max-age=60' }],
    ['no-store', { 'Cache-Control': 'no-store' }],
    ['Set-Cookie', { ...MINUTE, 'Set-Cookie': 'session=1' }],
    ['Vary: Authorization', { 'Cache-Control': 'public, max-age=60', Vary: 'Authorization' }],
    ['Vary: *', { ...MINUTE, Vary: '*' }],
    [
      'public no-cache with Vary',
      { 'Cache-Control': 'public, no-cache', ETag: '"1"', Vary: 'authorization' },
    ],
  ])('with Authorization, where the response is %s', async (_, headers) => {
    const given = await scene();
    const answer = (_nth: number, request: Headers) => ({
      headers,
      body: request.authorization ?? 'anonymous',
    });
    const asking = [...users.map((user) => ({ Authorization: user })), {}, {}];
    for (const round of [1, 2]) {
      const responses = await together(given, asking, answer);
      const bodies = responses.map(({ body }) => body.toString());
      expect(bodies.slice(users.length)).toEqual(['anonymous', 'anonymous']);
      // What was fetched without Authorization is for everybody (RFC 9111 §3.5).
      if (round === 1) expect(bodies.slice(0, users.length)).toEqual(users);
      for (const [i, user] of users.entries()) expect([user, 'anonymous']).toContain(bodies[i]);
    }
  });

  it.each<[string, Headers]>([
    ['private', { 'Cache-Control': 'private, max-age=60' }],
    ['no-store', { 'Cache-Control': 'no-store' }],
    ['Set-Cookie', { ...MINUTE, 'Set-Cookie': 'session=1' }],
    ['Vary: Cookie', { ...MINUTE, Vary: 'Cookie' }],
  ])('with Cookie, where the response is %s', async (_, headers) => {
    const given = await scene();
    const answer = (_nth: number, request: Headers) => ({ headers, body: request.cookie ?? 'anonymous' });
    const asking = [...users.map((user) => ({ Cookie: `id=${user}` })), {}, {}];
    const expected = [...users.map((user) => `id=${user}`), 'anonymous', 'anonymous'];
    for (const _round of [1, 2]) {
      const responses = await together(given, asking, answer);
      expect(responses.map(({ body }) => body.toString())).toEqual(expected);
    }
  });

  it('of a response with fields that are private, followers get the rest', async () => {
    const given = await scene();
    const headers = { 'Cache-Control': 'max-age=60, private="X-User"', 'X-User': 'ann' };
    const responses = await together(given, alike(5), () => ({ headers, body: 'x' }));
    expect(responses.filter((response) => 'x-user' in response.headers)).toHaveLength(1);
    expect(given.origin.requests()).toHaveLength(1);
  });

  it('the client’s no-store keeps its fetch to itself', async () => {
    const given = await scene();
    const responses = await together(given, alike(4, { 'Cache-Control': 'no-store' }), (nth) => ({
      headers: MINUTE,
      body: `answer ${nth}`,
    }));
    expect(new Set(responses.map(({ body }) => body.toString())).size).toBe(4);
    expect(cacheStatus(await get(given.edge.url, '/a')).hit).toBe(false);
  });
});

describe('variants', () => {
  const play = (_: number, request: Headers) => ({
    headers: { ...MINUTE, Vary: 'Accept-Encoding' },
    body: request['accept-encoding'] ?? 'none',
  });
  const asking = ['gzip', 'br', 'gzip', 'br', 'zstd', 'gzip'].map((coding) => ({
    'Accept-Encoding': coding,
  }));

  it('each follower gets his own, never the leader’s', async () => {
    const given = await scene();
    const responses = await together(given, asking, play);
    expect(responses.map(({ body }) => body.toString())).toEqual([
      'gzip',
      'br',
      'gzip',
      'br',
      'zstd',
      'gzip',
    ]);
  });

  it('those who ask alike still share when the key turns out to have variants', async () => {
    const given = await scene();
    await together(given, asking, play);
    expect(given.origin.requests()).toHaveLength(3);
  });

  it('once the variants are known, wait only for their own', async () => {
    const given = await scene();
    await together(given, asking.slice(0, 2), play);
    given.clock.advance(61_000);
    const before = given.origin.requests().length;
    await together(given, asking, play);
    expect(given.origin.requests().length - before).toBe(3);
  });
});

describe('one client’s private request', () => {
  it('does not stop the others from sharing', async () => {
    const given = await scene();
    const answer = () => ({ headers: MINUTE, body: 'for everybody' });
    await together(given, [{ Authorization: 'Basic YTpi' }], answer);
    const before = given.origin.requests().length;
    await together(given, alike(10), answer);
    expect(given.origin.requests().length - before).toBe(1);
  });
});

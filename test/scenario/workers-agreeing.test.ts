// What one worker has stored the others find at once: whoever asks next, and however, gets what the client before got.

import { expect, it } from 'vitest';
import { type Connection, cacheStatus, type Response } from '../support/client.ts';
import { crowd, diskDir, type Scene, type Settings, scene } from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
const ROUNDS = 30;
const BODY = '0123456789';
const RANGE = { headers: { Range: 'bytes=2-4' } };

function pair(settings: Settings = {}): Promise<Scene> {
  return scene({ ...settings, workers: 2, log: { level: 'silent' } }, Date.now());
}

type Ask = (client: Connection, path: string) => Promise<Response>;

const GET: Ask = (client, path) => client.send(path);
const HEAD: Ask = (client, path) => client.send(path, { method: 'HEAD' });
const PART: Ask = (client, path) => client.send(path, RANGE);
const POST: Ask = (client, path) => client.send(path, { method: 'POST', body: 'x' });

/** The first asks for what the next find. */
const KINDS: readonly [string, Readonly<Record<string, string | number>>, Ask, readonly Ask[]][] = [
  ['a response of known length', { ...HOUR, 'Content-Length': BODY.length }, GET, [HEAD, PART, GET]],
  ['a response in chunks', HOUR, GET, [PART, HEAD, GET]],
  ['what POST has brought', { ...HOUR, 'X-Located': 'yes' }, POST, [GET, HEAD]],
];

it.each(KINDS)('%s is a hit for all who ask next', async (_, headers, first, then) => {
  const { origin, edge } = await pair();
  const clients = await crowd(edge, 8);
  const client = (turn: number): Connection => {
    const one = clients[turn % clients.length];
    if (one === undefined) throw new Error('there are clients');
    return one;
  };
  let turn = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const path = `/${round}`;
    const located = 'X-Located' in headers ? { 'Content-Location': path } : {};
    origin.on(path, { headers: { ...headers, ...located }, body: BODY });
    expect(await first(client(turn++), path)).toMatchObject({ status: 200, complete: true });
    for (const ask of then) expect(cacheStatus(await ask(client(turn++), path))).toMatchObject({ hit: true });
    expect(origin.requests()).toHaveLength(round + 1);
  }
});

it('a response that is freshened is fresh for all who ask next', async () => {
  const { origin, edge } = await pair();
  const clients = await crowd(edge, 8);
  for (let round = 0; round < ROUNDS; round += 1) {
    const path = `/${round}`;
    origin.on(path, { headers: { ...HOUR, Age: '4000' }, body: BODY }, { status: 304, headers: HOUR });
    const statuses = [];
    for (const ask of [GET, GET, HEAD, GET])
      statuses.push(cacheStatus(await ask(clients[statuses.length + (round % 5)] as Connection, path)));
    expect(statuses[1]).toMatchObject({ fwd: 'stale', fwdStatus: 304 });
    expect(statuses.slice(2).map(({ hit }) => hit)).toEqual([true, true]);
    expect(origin.requests()).toHaveLength(2 * round + 2);
  }
});

it('a range waits for the whole that another worker fetches', async () => {
  const { origin, edge } = await pair();
  const gate = origin.gate();
  origin.on('/a', gate, { status: 500 });
  const clients = await crowd(edge, 12);
  const whole = clients.slice(0, 2).map((one) => GET(one, '/a'));
  await gate.arrived;
  const parts = clients.slice(2).map((one) => PART(one, '/a'));
  await gate.head(200, { ...HOUR, 'Content-Length': BODY.length });
  await gate.end(BODY);
  for (const { body } of await Promise.all(whole)) expect(body.toString()).toBe(BODY);
  for (const { status, body } of await Promise.all(parts))
    expect([status, body.toString()]).toEqual([206, '234']);
  expect(origin.requests()).toHaveLength(1);
});

it('a body that is written while it comes is not fetched again by who asks next', async () => {
  const { origin, edge } = await pair({ memory: '32MB', disk: { dir: await diskDir() } });
  const clients = await crowd(edge, 8);
  const body = Buffer.alloc(18 * 1024 * 1024, BODY);
  for (const [round, path] of ['/a', '/b', '/c'].entries()) {
    origin.on(path, { headers: { ...HOUR, 'Content-Length': body.length }, body });
    expect((await GET(clients[round] as Connection, path)).body.length).toBe(body.length);
    for (const other of clients.slice(4)) expect((await PART(other, path)).status).toBe(206);
    expect(origin.requests()).toHaveLength(round + 1);
  }
}, 60_000);

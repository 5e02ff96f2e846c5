// One fetch for clients of several workers: who shares it, how its bytes reach them, what becomes of it when a worker ends. On
// the real clock. With this many connections the system gives each worker some.

import type { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Connection, cacheStatus, get, open, type Response } from '../support/client.ts';
import { never } from '../support/origin.ts';
import { crowd, diskDir, metricsOf, type Scene, type Settings, scene, sha256 } from '../support/scene.ts';

const HOUR = { 'Cache-Control': 'max-age=3600', ETag: '"1"' };
const BODY = Buffer.alloc(3_000_000, 'abcdefghij');
const SIZED = { ...HOUR, 'Content-Length': BODY.length };
const MANY = 40;

function share(settings: Settings = {}, workers = 2): Promise<Scene> {
  return scene({ ...settings, workers, log: { level: 'silent' } }, Date.now());
}

/** The threads that a run has started so far: without a disk, the workers. */
function threads(): readonly Worker[] {
  const started: Worker[] = [];
  const note = (worker: Worker): void => void started.push(worker);
  process.on('worker', note);
  onTestFinished(() => void process.off('worker', note));
  return started;
}

function ask(
  clients: readonly Connection[],
  path = '/a',
  headers: (nth: number) => Readonly<Record<string, string>> = () => ({}),
): readonly Promise<Response>[] {
  return clients.map((client, nth) => client.send(path, { headers: headers(nth) }));
}

/** Every request that was sent has been read: what was asked after them on the same connections is answered. */
async function arrived(edge: Scene['edge'], count: number): Promise<void> {
  while (((await metricsOf(edge)).get('holdfast_client_connections') ?? 0) < count);
  for (let i = 0; i < 20; i += 1) await metricsOf(edge);
}

describe('a cold response', () => {
  it('is fetched once for 500 clients of two workers, who all get its bytes', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    origin.on('/a', gate, { headers: SIZED, body: BODY });
    const answers = ask(await crowd(edge, 500));
    await gate.arrived;
    await arrived(edge, 500);
    await gate.head(200, { ...HOUR, 'Content-Length': 50_000 });
    await gate.end(BODY.subarray(0, 50_000));
    const responses = await Promise.all(answers);
    const hash = sha256(BODY.subarray(0, 50_000));
    expect(
      responses.every(({ status, complete, body }) => status === 200 && complete && sha256(body) === hash),
    ).toBe(true);
    expect(responses.filter((response) => cacheStatus(response).collapsed).length).toBeGreaterThan(400);
    expect(responses.filter((response) => cacheStatus(response).stored)).toHaveLength(1);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is fetched once for clients of three workers', async () => {
    const { origin, edge } = await share({}, 3);
    const gate = origin.gate();
    origin.on('/a', gate, { headers: SIZED, body: BODY });
    const answers = ask(await crowd(edge, 60));
    await gate.arrived;
    await gate.head(200, SIZED);
    await gate.end(BODY);
    for (const { body } of await Promise.all(answers)) expect(sha256(body)).toBe(sha256(BODY));
    expect(origin.requests()).toHaveLength(1);
  });

  it('reaches all as it comes, and those who come late from its first byte', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    origin.on('/a', gate);
    const opening = Array.from({ length: 16 }, () => open(edge.url, '/a'));
    await gate.arrived;
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 1000));
    const clients = await Promise.all(opening);
    for (const client of clients) expect((await client.read(1000)).equals(BODY.subarray(0, 1000))).toBe(true);
    const late = await Promise.all(Array.from({ length: 16 }, () => open(edge.url, '/a')));
    for (const client of late) expect((await client.read(1000)).equals(BODY.subarray(0, 1000))).toBe(true);
    await gate.end(BODY.subarray(1000));
    const rests = await Promise.all([...clients, ...late].map((client) => client.rest()));
    expect(rests.every((rest) => sha256(rest) === sha256(BODY.subarray(1000)))).toBe(true);
    expect(origin.requests()).toHaveLength(1);
  });

  it('is a hit for whoever asks next, whichever worker fetched it', async () => {
    const { origin, edge } = await share();
    origin.on('*', { headers: HOUR, body: 'hello' });
    for (let i = 0; i < MANY; i += 1) {
      await get(edge.url, `/${i}`);
      expect(cacheStatus(await get(edge.url, `/${i}`)).hit).toBe(true);
    }
    expect(origin.requests()).toHaveLength(MANY);
  });

  it('that varies is fetched once for each kind of request', async () => {
    const { origin, edge } = await share();
    const gates = [origin.gate(), origin.gate()] as const;
    origin.on('/a', ...gates, { status: 500 });
    const answers = ask(await crowd(edge, MANY), '/a', (nth) => ({
      'Accept-Language': nth % 2 === 0 ? 'en' : 'de',
    }));
    for (const gate of gates) {
      const { headers } = await gate.arrived;
      const language = headers['accept-language'] ?? '';
      await gate.head(200, { ...HOUR, Vary: 'Accept-Language', 'Content-Length': 2 });
      await gate.end(language);
    }
    const bodies = (await Promise.all(answers)).map(({ body }) => body.toString());
    expect(bodies).toEqual(bodies.map((_, nth) => (nth % 2 === 0 ? 'en' : 'de')));
    expect(origin.requests()).toHaveLength(2);
  });

  it('that breaks off breaks off for all', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    origin.on('/a', gate);
    const opening = Array.from({ length: 16 }, () => open(edge.url, '/a'));
    await gate.head(200, SIZED);
    await gate.write(BODY.subarray(0, 1000));
    const clients = await Promise.all(opening);
    await gate.cut();
    const ends = await Promise.allSettled(clients.map((client) => client.rest()));
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
  });
});

describe('a response for one client', () => {
  it('lets the others go at once, and they never wait for one another again', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    const NO_STORE = { headers: { 'Cache-Control': 'no-store' }, body: 'own' };
    origin.on('/a', gate, NO_STORE);
    const clients = await crowd(edge, MANY);
    const first = ask(clients);
    await gate.arrived;
    await gate.head(200, NO_STORE.headers);
    await gate.end('own');
    await Promise.all(first);
    expect(origin.requests()).toHaveLength(MANY);
    // One that is never answered holds nobody up.
    origin.on('/a', never, NO_STORE);
    const second = ask(clients);
    const answered: number[] = [];
    for (const answer of second) void answer.then(({ status }) => answered.push(status));
    await expect
      .poll(() => answered.filter((status) => status === 200).length, { timeout: 20_000 })
      .toBe(MANY - 1);
  });
});

describe('a stale response', () => {
  it('is revalidated behind once, for clients of both workers', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    const STALE = { 'Cache-Control': 'max-age=10, stale-while-revalidate=3600', Age: '20', ETag: '"1"' };
    origin.on('/a', { headers: STALE, body: 'old' }, gate, { headers: HOUR, body: 'third' });
    await get(edge.url, '/a');
    const clients = await crowd(edge, MANY);
    const during = await Promise.all(ask(clients));
    expect(during.every(({ body }) => body.toString() === 'old')).toBe(true);
    await gate.head(200, { ...HOUR, 'Content-Length': 3 });
    await gate.end('new');
    await expect
      .poll(async () => (await Promise.all(ask(clients))).every(({ body }) => body.toString() === 'new'), {
        timeout: 15_000,
      })
      .toBe(true);
    expect(origin.requests()).toHaveLength(2);
  });

  it('that must be validated is so once, and everybody gets what was confirmed', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    origin.on('/a', { headers: { ...HOUR, Age: '4000' }, body: 'same' }, gate, { status: 500 });
    await get(edge.url, '/a');
    const answers = ask(await crowd(edge, MANY));
    await gate.arrived;
    await arrived(edge, MANY);
    await gate.head(304, HOUR);
    await gate.end();
    const responses = await Promise.all(answers);
    expect(responses.every(({ status, body }) => status === 200 && body.toString() === 'same')).toBe(true);
    expect(origin.requests()).toHaveLength(2);
  });
});

describe('a fetch that a purge overtakes', () => {
  it('serves those who waited on either worker, and nobody after the receipt', async () => {
    const { origin, edge } = await share();
    const gate = origin.gate();
    origin.on('/a', gate, { headers: HOUR, body: 'new' });
    const [before, after] = [await crowd(edge, 16), await crowd(edge, 16)];
    const waiting = ask(before);
    await gate.arrived;
    await arrived(edge, 32);
    await get(edge.url, '/a', { method: 'PURGE' });
    const fresh = await Promise.all(ask(after));
    expect(fresh.every(({ body }) => body.toString() === 'new')).toBe(true);
    await gate.head(200, { ...HOUR, 'Content-Length': 3 });
    await gate.end('old');
    expect((await Promise.all(waiting)).every(({ status }) => status === 200)).toBe(true);
    const later = await Promise.all(ask([...before, ...after]));
    expect(later.every(({ body }) => body.toString() === 'new')).toBe(true);
    expect(origin.requests('/a')).toHaveLength(2);
  });
});

describe('a worker that ends while others follow its fetch', () => {
  it.each([0, 1, 2])('costs its own clients, nobody else (worker %i)', async (which) => {
    const started = threads();
    const { origin, edge } = await share({}, 3);
    const gate = origin.gate();
    // Whoever led: one gate is answered at most.
    origin.on('/a', gate, { headers: { ...HOUR, 'Content-Length': 5 }, body: 'hello' });
    const answers = ask(await crowd(edge, 48));
    await gate.arrived;
    await arrived(edge, 48);
    await started[which]?.terminate();
    await gate.head(200, { ...HOUR, 'Content-Length': 5 });
    await gate.end('hello');
    const responses = await Promise.all(answers);
    const whole = responses.filter(({ status, complete }) => status === 200 && complete);
    expect(whole.length).toBeGreaterThan(16);
    expect(whole.every(({ body }) => body.toString() === 'hello')).toBe(true);
    // All others were cut with their worker's sockets.
    expect(responses.every(({ status, complete }) => complete === (status === 200))).toBe(true);
    expect(origin.requests('/a').length).toBeLessThanOrEqual(3);
    expect((await get(edge.url, '/a')).body.toString()).toBe('hello');
  });
});

describe('a body too large for memory', () => {
  it('comes from one fetch, to clients of either worker at their own pace', async () => {
    const { origin, edge } = await share({ memory: '32MB', disk: { dir: await diskDir() } });
    const gate = origin.gate();
    const large = Buffer.alloc(40 * 1024 * 1024, BODY);
    origin.on('/a', gate, { status: 500 });
    const opening = Array.from({ length: 8 }, () => open(edge.url, '/a'));
    await gate.arrived;
    await gate.head(200, { ...HOUR, 'Content-Length': large.length });
    const clients = await Promise.all(opening);
    void gate.end(large);
    // The last two read nothing until all others have everything.
    for (const part of [clients.slice(0, 6), clients.slice(6)]) {
      const bodies = await Promise.all(part.map((client) => client.rest()));
      expect(bodies.every((body) => body.equals(large))).toBe(true);
    }
    expect(origin.requests()).toHaveLength(1);
  }, 60_000);
});

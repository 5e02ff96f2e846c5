// The scripted origin and the manual clock: scripts, gates and breaks do what the scenarios assume.

import { afterEach, describe, expect, it } from 'vitest';
import { connect, get, open } from '../support/client.ts';
import { manualClock } from '../support/clock.ts';
import {
  garbage,
  hangUp,
  never,
  type OriginOptions,
  rawOrigin,
  reset,
  type ScriptedOrigin,
  type Step,
  scriptedOrigin,
} from '../support/origin.ts';

const toClose: ScriptedOrigin[] = [];
afterEach(async () => {
  for (const origin of toClose.splice(0)) await origin.close();
});

async function start(options: OriginOptions = {}): Promise<ScriptedOrigin> {
  const origin = await scriptedOrigin(options);
  toClose.push(origin);
  return origin;
}

describe('scripts', () => {
  it('answer in sequence; the last answer repeats; scripting again starts anew', async () => {
    const origin = await start();
    origin.on('GET /a', { body: 'one' }, { status: 503 }, { body: 'three' });
    const got = [];
    for (let i = 0; i < 4; i++) got.push((await get(origin.url, '/a')).body.toString());
    expect(got).toEqual(['one', '', 'three', 'three']);
    origin.on('GET /a', { body: 'new' });
    expect((await get(origin.url, '/a')).body.toString()).toBe('new');
  });

  it('are chosen by method, then query, then path, then *', async () => {
    const origin = await start();
    for (const pattern of ['GET /a?q', 'GET /a', '/a?q', '/a', '*']) origin.on(pattern, { body: pattern });
    const answer = async (method: string, target: string) =>
      (await get(origin.url, target, { method })).body.toString();
    expect(await answer('GET', '/a?q')).toBe('GET /a?q');
    expect(await answer('GET', '/a?r')).toBe('GET /a');
    expect(await answer('POST', '/a?q')).toBe('/a?q');
    expect(await answer('POST', '/a')).toBe('/a');
    expect(await answer('GET', '/b')).toBe('*');
  });

  it('answer 404, no-store where there is no script', async () => {
    const response = await get((await start()).url, '/nothing');
    expect(response).toMatchObject({ status: 404, headers: { 'cache-control': 'no-store' } });
  });

  it('take Date from the clock of the test', async () => {
    const clock = manualClock(Date.UTC(2030, 0, 1));
    const origin = await start({ now: clock.now });
    origin.on('/', {});
    origin.on('/none', { date: false });
    origin.on('/own', { headers: { date: 'yesterday' } });
    clock.advance(1000);
    expect((await get(origin.url, '/')).headers.date).toBe('Tue, 01 Jan 2030 00:00:01 GMT');
    expect((await get(origin.url, '/none')).headers.date).toBeUndefined();
    expect((await get(origin.url, '/own')).headers.date).toBe('yesterday');
  });

  it('send fields as given, interim responses and trailers', async () => {
    const origin = await start();
    origin.on('/', {
      headers: ['X-B', '1', 'x-b', '2'],
      body: 'hello',
      trailers: { 'X-Sum': '7' },
      informational: [{ status: 103, headers: { Link: '</a>' } }],
    });
    const response = await get(origin.url, '/');
    expect(response.rawHeaders.slice(0, 4)).toEqual(['X-B', '1', 'x-b', '2']);
    expect(response).toMatchObject({ complete: true, trailers: { 'x-sum': '7' } });
    expect(response.informational).toMatchObject([{ status: 103, headers: { link: '</a>' } }]);
  });

  it('wait for a promise of the test', async () => {
    const origin = await start();
    const release = Promise.withResolvers<void>();
    origin.on('/', { after: release.promise, body: 'ok' });
    const both = Promise.all([get(origin.url, '/'), get(origin.url, '/')]);
    await origin.waitFor('/', 2);
    release.resolve();
    expect((await both).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('records', () => {
  it('hold method, target, fields, body, count and connection', async () => {
    const origin = await start();
    origin.on('/a', {});
    const connection = await connect(origin.url);
    await connection.send('/a?x', { method: 'PUT', headers: ['A', '1', 'a', '2'], body: 'hello' });
    await connection.send('/a');
    connection.close();
    await get(origin.url, '/a');
    const [first, second, third] = origin.requests('/a');
    expect(first).toMatchObject({ method: 'PUT', url: '/a?x', path: '/a', nth: 1, connection: 1 });
    expect(first).toMatchObject({ headers: { a: '1, 2' }, bodyComplete: true });
    expect(first?.rawHeaders.slice(2, 6)).toEqual(['A', '1', 'a', '2']);
    expect(first?.body.toString()).toBe('hello');
    expect(second).toMatchObject({ nth: 2, connection: 1 });
    expect(third).toMatchObject({ nth: 3, connection: 2 });
    expect(origin.connections).toBe(2);
    expect(origin.requests('PUT /a')).toHaveLength(1);
    expect(origin.requests()).toHaveLength(3);
  });

  it('make a waiter fail that waits in vain', async () => {
    const origin = await scriptedOrigin();
    const waiting = origin.waitFor('GET /a', 2);
    await get(origin.url, '/a');
    const failed = expect(waiting).rejects.toThrow('origin closed: 1 of 2 requests for GET /a');
    await origin.close();
    await failed;
  });

  it('keep what a script threw, and break the connection', async () => {
    const origin = await start();
    origin.on('/', () => {
      throw new Error('oops');
    });
    expect(await get(origin.url, '/')).toMatchObject({ status: 0, complete: false });
    expect(origin.faults).toEqual([new Error('oops')]);
  });
});

describe('a gate', () => {
  it('lets the test play the response piece by piece', async () => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('GET /slow', gate);
    const opening = open(origin.url, '/slow');
    expect(await gate.arrived).toMatchObject({ method: 'GET', url: '/slow' });
    await gate.inform(103, { Link: '</a>' });
    await gate.head(200, { 'Content-Length': 10 });
    const response = await opening;
    expect(response).toMatchObject({ status: 200, informational: [{ status: 103 }] });
    await gate.write('hello');
    expect((await response.read(5)).toString()).toBe('hello');
    await gate.end('world');
    expect((await response.rest()).toString()).toBe('world');
    expect(await gate.closed).toEqual({ finished: true });
  });

  it('takes commands before the request is there', async () => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    void gate.write('a');
    void gate.end('b');
    const response = await get(origin.url, '/');
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.body.toString()).toBe('ab');
  });

  it.each([
    ['cut', { 'Content-Length': 9 }],
    ['cut', {}],
    ['reset', { 'Content-Length': 9 }],
  ] as const)('breaks the transfer by %s with %o', async (way, headers) => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    const response = get(origin.url, '/');
    await gate.head(200, headers);
    await gate.write('hello');
    await gate[way]();
    expect(await response).toMatchObject({ complete: false });
    expect(await gate.closed).toEqual({ finished: false });
  });

  it.each(['cut', 'reset'] as const)('breaks before the head by %s', async (way) => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    void gate[way]();
    expect(await get(origin.url, '/')).toMatchObject({ status: 0, complete: false });
  });

  it('tells when the client has gone, and swallows later commands', async () => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    const opening = open(origin.url, '/');
    await gate.head();
    (await opening).close();
    expect(await gate.closed).toEqual({ finished: false });
    await gate.write('x');
    await gate.end();
    expect(origin.faults).toEqual([]);
  });

  it('feels backpressure', async () => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    const opening = open(origin.url, '/');
    await gate.head();
    let taken = false;
    const writing = gate.write(Buffer.alloc(32 * 1024 * 1024)).then(() => {
      taken = true;
    });
    const response = await opening;
    await response.read(1);
    expect(taken).toBe(false);
    void gate.end();
    expect((await response.rest()).length).toBe(32 * 1024 * 1024 - 1);
    await writing;
  });

  it('breaks a second request, so that the test sees it', async () => {
    const origin = await start();
    const gate = origin.gate();
    origin.on('/', gate);
    const first = get(origin.url, '/');
    await gate.arrived;
    expect(await get(origin.url, '/')).toMatchObject({ status: 0, complete: false });
    expect(String(origin.faults[0])).toMatch(/a second request reached the gate of GET \//);
    await gate.end();
    expect(await first).toMatchObject({ complete: true });
  });
});

describe('breaks', () => {
  it.each<[string, Step, number]>([
    ['a cut', { body: 'hello', headers: { 'Content-Length': 9 }, cut: 'fin' }, 200],
    ['a cut between chunks', { body: 'hello', chunked: true, cut: 'fin' }, 200],
    ['a hang-up', hangUp, 0],
    ['a reset', reset, 0],
    ['garbage', garbage('no http\r\n\r\n'), 0],
  ])('%s is seen as one', async (_name, step, status) => {
    const origin = await start();
    origin.on('/', step);
    expect(await get(origin.url, '/')).toMatchObject({ status, complete: false });
    expect(origin.faults).toEqual([]);
  });

  it('never answers, until it is closed', async () => {
    const origin = await start();
    origin.on('/', never);
    const response = get(origin.url, '/');
    await origin.waitFor('/');
    expect(origin.openConnections).toBe(1);
    await origin.close();
    expect(await response).toMatchObject({ status: 0, complete: false });
    await expect(get(origin.url, '/')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('comes back on its port', async () => {
    const origin = await start();
    await origin.close();
    const again = await start({ port: origin.port });
    again.on('/', { body: 'back' });
    expect((await get(origin.url, '/')).body.toString()).toBe('back');
  });
});

describe('a raw origin', () => {
  it('reads requests with bodies one after another', async () => {
    const origin = await rawOrigin((_request, socket) => socket.write('HTTP/1.1 204 N\r\n\r\n'));
    const connection = await connect(origin.url);
    await Promise.all([connection.send('/a', { method: 'PUT', body: 'hello' }), connection.send('/b')]);
    connection.close();
    await origin.close();
    expect(origin.requests.map(({ method, url, body }) => [method, url, body.toString()])).toEqual([
      ['PUT', '/a', 'hello'],
      ['GET', '/b', ''],
    ]);
    expect(origin.faults).toEqual([]);
  });
});

describe('the manual clock', () => {
  it('stands still until moved', () => {
    const { now, advance, set } = manualClock(1000);
    expect(now()).toBe(1000);
    advance(5);
    expect(now()).toBe(1005);
    set(7);
    expect(now()).toBe(7);
    expect(() => advance(-1)).toThrow(RangeError);
    expect(() => advance(Number.NaN)).toThrow(RangeError);
    expect(() => set(Number.NaN)).toThrow(RangeError);
  });
});

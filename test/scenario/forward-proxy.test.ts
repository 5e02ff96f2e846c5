// The forward proxy: any host for those whom a rule lets, cached as for everybody, tunnels by CONNECT, and what it refuses.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { hashSync } from 'bcryptjs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { cacheStatus, connect, get, raw } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { listen } from '../support/listen.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/origin.ts';
import { edgeBefore, type Settings, sha256, until } from '../support/proxying.ts';

const REACH = ['127.0.0.1/32'];
const ALLOW = { action: 'allow', reach: REACH };
const ALICE = `alice:${hashSync('wonderland', 4)}`;
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;

/** An edge before nothing, with a forward proxy. */
function proxyWith(forwardProxy: Record<string, unknown>, settings: Settings = {}): Promise<TestEdge> {
  return edgeBefore('http://127.0.0.1:1', {
    ...settings,
    forwardProxy: { listen: '127.0.0.1:0', ...forwardProxy },
  });
}

async function server(): Promise<ScriptedOrigin> {
  const origin = await scriptedOrigin();
  onTestFinished(() => origin.close());
  return origin;
}

/** Asks the proxy for a URL on a connection of its own. */
async function ask(edge: TestEdge, url: string, headers: Record<string, string> = {}, method = 'GET') {
  const client = await connect(edge.forward);
  const { host } = new URL(url);
  const response = await client.send(url, { headers: { ...headers, Host: host }, method });
  client.close();
  return response;
}

/** A TCP server that sends back what it gets, and all it has got. */
async function echo(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const tcp = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  const port = await listen(tcp);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    tcp.close();
  });
  return { port, sockets };
}

async function dial(edge: TestEdge): Promise<{ socket: Socket; text: () => string; closed: () => boolean }> {
  const socket = connectSocket({
    port: Number(new URL(edge.forward).port),
    host: '127.0.0.1',
    allowHalfOpen: true,
  });
  onTestFinished(() => void socket.destroy());
  let text = '';
  let closed = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'connect');
  return { socket, text: () => text, closed: () => closed };
}

const connectTo = (port: number, more = ''): string =>
  `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`;

describe('A URL asked for through the forward proxy', () => {
  it('is fetched from its host and cached for all clients', async () => {
    const origin = await server();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'page' });
    const edge = await proxyWith({ acl: [ALLOW] });
    const first = await ask(edge, `${origin.url}/a?b`, {
      'Proxy-Authorization': basic('x:y'),
      'Proxy-Connection': 'keep-alive',
    });
    expect(first).toMatchObject({ status: 200, complete: true });
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(cacheStatus(await ask(edge, `${origin.url}/a?b`))).toMatchObject({ hit: true });
    const [request] = origin.requests();
    expect(request).toMatchObject({ url: '/a?b', headers: { host: `127.0.0.1:${origin.port}` } });
    for (const name of ['proxy-authorization', 'proxy-connection', 'x-forwarded-for', 'forwarded'])
      expect(request?.headers).not.toHaveProperty(name);
    expect(request?.headers.via).toMatch(/^1\.1 holdfast-/);
    expect(edge.requests()[0]).toMatchObject({
      host: `127.0.0.1:${origin.port}`,
      rule: 'acl[0]',
      outcome: 'miss',
    });
  });

  it('is another response than that of a site of ours with the same name, and both are purged together', async () => {
    const origin = await server();
    const site = await server();
    const url = `${origin.url}/a`;
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'the real one' });
    site.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'ours' });
    const edge = await edgeBefore(site.url, { forwardProxy: { listen: '127.0.0.1:0', acl: [ALLOW] } });
    const ours = await connect(edge.url);
    const host = { headers: { Host: new URL(url).host } };
    expect((await ours.send('/a', host)).body.toString()).toBe('ours');
    expect((await ask(edge, url)).body.toString()).toBe('the real one');
    expect((await ours.send('/a', host)).body.toString()).toBe('ours');
    const purge = await ours.send('/a', { ...host, method: 'PURGE' });
    expect(JSON.parse(purge.body.toString())).toMatchObject({ matched: { memory: { responses: 2 } } });
    expect(cacheStatus(await ask(edge, url)).fwd).toBe('uri-miss');
    expect(cacheStatus(await ours.send('/a', host)).fwd).toBe('uri-miss');
    ours.close();
  });

  it('is given by its own name, whatever Host says', async () => {
    const origin = await server();
    origin.on('/a', { body: 'x' });
    const edge = await proxyWith({ acl: [ALLOW] });
    const text = await raw(
      edge.forward,
      `GET ${origin.url}/a HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(origin.requests()[0]?.headers.host).toBe(new URL(origin.url).host);
  });

  it('may be posted to, and forgets what is stored for it', async () => {
    const origin = await server();
    origin.on('GET /a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    origin.on('POST /a', { status: 201, body: 'made' });
    const edge = await proxyWith({ acl: [ALLOW], bandwidth: '100MB' });
    await ask(edge, `${origin.url}/a`);
    const client = await connect(edge.forward);
    const body = Buffer.alloc(300_000, 1);
    const posted = await client.send(`${origin.url}/a`, {
      method: 'POST',
      body,
      headers: { Host: new URL(origin.url).host },
    });
    expect(posted.body.toString()).toBe('made');
    expect(origin.requests('POST /a')[0]?.body.equals(body)).toBe(true);
    expect(cacheStatus(await ask(edge, `${origin.url}/a`)).fwd).toBe('uri-miss');
    client.close();
  });

  it.each([
    [
      'off',
      { 'x-forwarded-for': '127.0.0.1', via: expect.stringContaining('holdfast-'), from: 'me@example.org' },
      [],
    ],
    [
      'transparent',
      {
        'x-forwarded-for': '9.9.9.9',
        via: expect.stringMatching(/^1\.1 x, 1\.1 holdfast-/),
        from: 'me@example.org',
      },
      ['x-forwarded-proto'],
    ],
    [
      'anonymous',
      { 'user-agent': 'test' },
      ['x-forwarded-for', 'forwarded', 'via', 'from', 'x-real-ip', 'cdn-loop', 'x-forwarded-host'],
    ],
  ])('tells servers of clients what anonymity "%s" says', async (anonymity, told, untold) => {
    const origin = await server();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    const edge = await proxyWith({ acl: [ALLOW], anonymity });
    const headers = {
      'X-Forwarded-For': '9.9.9.9',
      Via: '1.1 x',
      From: 'me@example.org',
      'X-Real-IP': '9.9.9.9',
      'User-Agent': 'test',
    };
    await ask(edge, `${origin.url}/a`, headers);
    expect(origin.requests()[0]?.headers).toMatchObject(told);
    for (const name of untold) expect(origin.requests()[0]?.headers).not.toHaveProperty(name);
  });
});

describe('Connections to servers', () => {
  it('are kept and used again, to so many servers as may be', async () => {
    const [one, two] = [await server(), await server()];
    for (const origin of [one, two]) origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    const edge = await proxyWith({ acl: [ALLOW], hosts: 1 });
    for (let i = 0; i < 3; i++) await ask(edge, `${one.url}/a`);
    expect(one.connections).toBe(1);
    await ask(edge, `${two.url}/a`);
    await until(() => one.openConnections === 0);
    await ask(edge, `${one.url}/a`);
    expect(one.connections).toBe(2);
    const metrics = (await get(edge.admin, '/metrics')).body.toString();
    expect(metrics).toMatch(/^holdfast_origin_requests_total 5$/m);
  });
});

describe('WebSocket asked for by URL', () => {
  it.each([{}, { bandwidth: '10MB' }])('is a tunnel too %j', async (more) => {
    const http = createHttpServer();
    const sockets = new WebSocketServer({ server: http });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
    const port = await listen(http);
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const edge = await proxyWith({ acl: [ALLOW], ...more });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, {
      createConnection: () => connectSocket(Number(new URL(edge.forward).port), '127.0.0.1'),
      finishRequest: (request) => {
        request.path = `http://127.0.0.1:${port}/chat`;
        request.end();
      },
    });
    await once(socket, 'open');
    const answer = once(socket, 'message');
    socket.send('through');
    expect(String((await answer)[0])).toBe('through');
    socket.terminate();
    await until(() => edge.requests().some(({ outcome }) => outcome === 'tunnel'));
  });
});

describe('The forward proxy refuses', () => {
  it('everything where no rule allows it', async () => {
    const origin = await server();
    const edge = await proxyWith({});
    expect(edge.log.some(({ msg }) => String(msg).includes('allows nothing'))).toBe(true);
    const response = await ask(edge, `${origin.url}/a`);
    expect(response.status).toBe(403);
    expect(cacheStatus(response).detail).toBe('acl-default');
    expect(await raw(edge.forward, connectTo(443))).toMatch(/^HTTP\/1\.1 403 /);
    expect(origin.requests()).toHaveLength(0);
  });

  it('addresses that are not public, by any spelling and by CONNECT, unless a rule reaches them', async () => {
    const origin = await server();
    const { port } = origin;
    const edge = await proxyWith({ acl: [{ action: 'allow' }], connectPorts: ['1-65535'] });
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '10.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
    ]) {
      const text = await raw(
        edge.forward,
        `GET http://${host}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      );
      expect(text, host).toMatch(/^HTTP\/1\.1 403[\s\S]*detail=denied/);
      const tunnel = await raw(
        edge.forward,
        `CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`,
      );
      expect(tunnel, host).toMatch(/^HTTP\/1\.1 403[\s\S]*detail=denied/);
    }
    // Clients' doings are in their records alone.
    expect(edge.log.filter(({ level }) => Number(level) >= 40)).toEqual([]);
    expect(origin.connections).toBe(0);
  });

  it('what one rule has fetched from a private address to those whose rule does not reach it', async () => {
    const origin = await server();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'inside' });
    const edge = await proxyWith({
      acl: [
        { ...ALLOW, users: ['alice'] },
        { action: 'allow', methods: ['GET'] },
      ],
      auth: { users: [ALICE, `bob:${hashSync('builder', 4)}`] },
    });
    const url = `${origin.url}/a`;
    expect((await ask(edge, url, { 'Proxy-Authorization': basic('alice:wonderland') })).body.toString()).toBe(
      'inside',
    );
    expect((await ask(edge, url, { 'Proxy-Authorization': basic('bob:builder') })).status).toBe(403);
  });

  it('to be asked like a web server, and to reach itself', async () => {
    const edge = await proxyWith({ acl: [ALLOW], connectPorts: ['1-65535'] });
    const direct = await raw(edge.forward, 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(direct).toMatch(/^HTTP\/1\.1 400[\s\S]*forward proxy/);
    for (const own of [edge.url, edge.forward]) {
      expect((await ask(edge, `${own}/`)).status).toBe(403);
      expect(await raw(edge.forward, connectTo(Number(new URL(own).port)))).toMatch(/^HTTP\/1\.1 403 /);
    }
  });

  it('users without the right password, and then to look at any more of them', async () => {
    const origin = await server();
    origin.on('/a', { body: 'x' });
    const edge = await proxyWith({
      acl: [{ ...ALLOW, users: ['*'] }],
      auth: { realm: 'inside', users: [ALICE] },
    });
    const url = `${origin.url}/a`;
    const none = await ask(edge, url);
    expect(none).toMatchObject({
      status: 407,
      headers: { 'proxy-authenticate': 'Basic realm="inside", charset="UTF-8"' },
    });
    for (const pair of ['alice:wrong', 'nobody:wonderland', 'alice:']) {
      expect((await ask(edge, url, { 'Proxy-Authorization': basic(pair) })).status).toBe(407);
    }
    expect((await ask(edge, url, { 'Proxy-Authorization': 'Bearer abc' })).status).toBe(407);
    const right = { 'Proxy-Authorization': basic('alice:wonderland') };
    expect((await ask(edge, url, right)).status).toBe(200);
    expect(edge.requests().at(-1)).toMatchObject({ user: 'alice', rule: 'acl[0]' });
    for (let i = 0; i < 7; i++) await ask(edge, url, { 'Proxy-Authorization': basic(`alice:${i}`) });
    expect(await ask(edge, url, right)).toMatchObject({ status: 429, headers: { 'retry-after': '5' } });
    edge.clock.advance(60_000);
    expect((await ask(edge, url, right)).status).toBe(200);
  });

  it('more connections of a client than it may have', async () => {
    const edge = await proxyWith({ acl: [ALLOW], connections: 2 });
    const [first, second] = [await dial(edge), await dial(edge)];
    const third = await dial(edge).catch(() => undefined);
    await until(() => third === undefined || third.closed());
    first.socket.destroy();
    await until(() => first.closed());
    expect(second.closed()).toBe(false);
  });

  it('servers that are not there: 502, and names that are none: 502', async () => {
    const edge = await proxyWith({ acl: [ALLOW], connectPorts: ['1-65535'] });
    const dead = await scriptedOrigin();
    await dead.close();
    expect((await ask(edge, `${dead.url}/`)).status).toBe(502);
    expect(await raw(edge.forward, connectTo(dead.port))).toMatch(/^HTTP\/1\.1 502[\s\S]*detail=refused/);
    expect(
      await raw(edge.forward, 'CONNECT nowhere.invalid:443 HTTP/1.1\r\nHost: nowhere.invalid:443\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 502[\s\S]*detail=dns/);
  });
});

describe('CONNECT', () => {
  it('makes a tunnel, with half-closes and a record at its end', async () => {
    const { port } = await echo();
    const edge = await proxyWith({
      acl: [{ ...ALLOW, users: ['*'] }],
      auth: { users: [ALICE] },
      connectPorts: ['1-65535'],
    });
    const { socket, text, closed } = await dial(edge);
    socket.write(`${connectTo(port, `Proxy-Authorization: ${basic('alice:wonderland')}\r\n`)}early`);
    await until(() => text().endsWith('\r\n\r\nearly'));
    expect(text()).toMatch(/^HTTP\/1\.1 200 OK\r\nVia: [^\r]+\r\n\r\nearly$/);
    socket.end(' and late');
    await until(() => closed() || socket.readableEnded);
    expect(text().endsWith('early and late')).toBe(true);
    await until(() => edge.requests().some(({ outcome }) => outcome === 'tunnel'));
    expect(edge.requests()[0]).toMatchObject({
      ...{ method: 'CONNECT', target: `127.0.0.1:${port}`, status: 200, user: 'alice', rule: 'acl[0]' },
      ...{ dialled: '127.0.0.1', received: 14, bytes: 14, ended: 'complete' },
    });
  });

  it.each([{}, { bandwidth: '64MB' }])('carries all bytes in order, both ways at once %j', async (more) => {
    const far = randomBytes(6 << 20);
    const near = randomBytes(5 << 20);
    const got = createHash('sha256');
    let ended = false;
    const tcp = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => got.update(chunk));
      socket.on('end', () => {
        ended = true;
      });
      socket.end(far);
    });
    const port = await listen(tcp);
    onTestFinished(() => void tcp.close());
    const edge = await proxyWith({ acl: [ALLOW], connectPorts: ['1-65535'], ...more });
    const { socket, text } = await dial(edge);
    // The clock stands; what is owed is paid as it moves.
    const ticking = setInterval(() => edge.clock.advance(50), 5);
    onTestFinished(() => clearInterval(ticking));
    socket.write(connectTo(port));
    for (let at = 0; at < near.length; at += 70_001) {
      if (!socket.write(near.subarray(at, at + 70_001))) await once(socket, 'drain');
    }
    socket.end();
    await until(() => ended && socket.readableEnded);
    expect(got.digest('hex')).toBe(sha256(near));
    const received = Buffer.from(text(), 'latin1');
    expect(sha256(received.subarray(received.indexOf('\r\n\r\n') + 4))).toBe(sha256(far));
  });

  it('asks for safe ports only', async () => {
    const { port, sockets } = await echo();
    const edge = await proxyWith({ acl: [ALLOW] });
    expect(await raw(edge.forward, connectTo(port))).toMatch(/^HTTP\/1\.1 403[\s\S]*detail=port-denied/);
    expect(sockets).toHaveLength(0);
  });

  it('opens many tunnels at a time, and no more than tunnels.max; idle ones are ended', async () => {
    const { port } = await echo();
    const edge = await proxyWith({
      acl: [ALLOW],
      connectPorts: ['1-65535'],
      tunnels: { max: 50, idle: '60s' },
    });
    const clients = await Promise.all(Array.from({ length: 50 }, () => dial(edge)));
    for (const { socket } of clients) socket.write(connectTo(port));
    await until(() => clients.every(({ text }) => text().endsWith('\r\n\r\n')));
    expect(await raw(edge.forward, connectTo(port))).toMatch(/^HTTP\/1\.1 503 /);
    clients.forEach(({ socket }, i) => {
      socket.write(`I am ${i}`);
    });
    await until(() => clients.every(({ text }, i) => text().endsWith(`I am ${i}`)));
    edge.clock.advance(61_000);
    await until(() => clients.every(({ closed }) => closed()));
    await until(() => edge.requests().filter(({ ended }) => ended === 'idle').length === 50);
  });

  it('is still refused by the listener that is no forward proxy', async () => {
    const edge = await proxyWith({ acl: [ALLOW] });
    expect(await raw(edge.url, connectTo(443))).toMatch(/^HTTP\/1\.1 405 /);
  });
});

describe('Bandwidth of a client', () => {
  it('is what responses are held back to, stored ones too', async () => {
    const origin = await server();
    const body = Buffer.alloc(1_300_000, 1);
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body });
    const edge = await proxyWith({ acl: [ALLOW], bandwidth: '1MB' });
    for (const expected of ['uri-miss', 'hit']) {
      const { socket, text } = await dial(edge);
      socket.write(`GET ${origin.url}/a HTTP/1.1\r\nHost: x\r\n\r\n`);
      // The clock stands: what is owed after the first second's worth is not paid until it moves.
      await until(() => text().length > 1 << 20);
      for (let i = 0; i < 50; i++) await new Promise(setImmediate);
      expect(text().length).toBeLessThan(body.length);
      edge.clock.advance(1000);
      await until(() => text().length > body.length);
      expect(text()).toContain(`holdfast; ${expected === 'hit' ? 'hit' : `fwd=${expected}`}`);
      edge.clock.advance(10_000);
    }
  });

  it('is what tunnels are held back to', async () => {
    const { port } = await echo();
    const edge = await proxyWith({ acl: [ALLOW], connectPorts: ['1-65535'], bandwidth: '64KB' });
    const { socket, text } = await dial(edge);
    socket.write(connectTo(port));
    await until(() => text().endsWith('\r\n\r\n'));
    socket.write(Buffer.alloc(1 << 20, 1));
    await until(() => text().length > 64_000);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(text().length).toBeLessThan(400_000);
  });
});

describe('A reload', () => {
  it('changes rules at once, for connections that are open too', async () => {
    const origin = await server();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const edge = await proxyWith({ acl: [ALLOW] });
    const client = await connect(edge.forward);
    const host = { headers: { Host: new URL(origin.url).host } };
    expect((await client.send(`${origin.url}/a`, host)).status).toBe(200);
    const forwardProxy = { listen: '127.0.0.1:0', acl: [{ action: 'deny' }], anonymity: 'off' };
    expect(await edge.reload({ forwardProxy })).toEqual({ ok: true, atRestart: [] });
    const after = await client.send(`${origin.url}/a`, host);
    expect(after.status).toBe(403);
    expect(edge.requests().at(-1)).toMatchObject({ reason: 'acl-denied', rule: 'acl[0]' });
    expect(await edge.reload({ forwardProxy: { listen: 'none' } })).toEqual({
      ok: true,
      atRestart: ['forwardProxy.listen'],
    });
    client.close();
  });
});

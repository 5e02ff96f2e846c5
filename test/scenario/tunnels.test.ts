// Upgrade: WebSocket both ways through the edge, and what makes sure that nothing else gets a tunnel.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { acceptOf } from '../../src/origin/switching.ts';
import { certificate, certificateDir } from '../support/certificates.ts';
import { cacheStatus, connect, get, raw } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { listen } from '../support/listen.ts';
import { edgeBefore, proxied, proxiedRaw, type Settings, until } from '../support/proxying.ts';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ASK = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': KEY,
};
const HEAD = Object.entries(ASK)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const ASKING = `GET /chat HTTP/1.1\r\nHost: a\r\n${HEAD}\r\n`;
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(KEY)}\r\n\r\n`;

/** A server that sends back what it is sent, and an edge before it. */
async function echoing(
  settings: Settings = {},
): Promise<{ edge: TestEdge; server: WebSocketServer; url: string }> {
  const http = createHttpServer((_request, response) => response.end('plain'));
  const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 64 } });
  server.on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  const port = await listen(http);
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  const edge = await edgeBefore(`http://127.0.0.1:${port}`, settings);
  return { edge, server, url: `ws://127.0.0.1:${edge.port}/chat` };
}

function received(socket: WebSocket): Promise<Buffer> {
  return new Promise((resolve) => socket.once('message', (data: RawData) => resolve(data as Buffer)));
}

function recordOf(edge: TestEdge): Readonly<Record<string, unknown>> | undefined {
  return edge.requests().find(({ outcome }) => outcome === 'tunnel');
}

/** A socket to the edge that gathers what it is sent. */
async function client(edge: TestEdge): Promise<{ socket: Socket; text: () => string; ended: () => boolean }> {
  const socket = connectSocket({ port: edge.port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  let text = '';
  let ended = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.on('end', () => {
    ended = true;
  });
  await once(socket, 'connect');
  return { socket, text: () => text, ended: () => ended };
}

describe('WebSocket', () => {
  it('carries messages both ways, compressed and large ones too, and close codes', async () => {
    const { edge, server, url } = await echoing();
    const socket = new WebSocket(url, ['chat'], {
      perMessageDeflate: { threshold: 64 },
      maxPayload: 64 << 20,
    });
    await once(socket, 'open');
    expect(socket.extensions).toContain('permessage-deflate');
    expect(socket.protocol).toBe('chat');
    for (const message of ['x', 'a'.repeat(100_000), Buffer.alloc(8 << 20, 7)]) {
      const answer = received(socket);
      socket.send(message);
      expect((await answer).equals(Buffer.from(message))).toBe(true);
    }
    const closed = once(socket, 'close');
    for (const one of server.clients) one.close(4321, 'enough');
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([4321, 'enough']);
    await until(() => recordOf(edge) !== undefined);
    expect(recordOf(edge)).toMatchObject({ status: 101, ended: 'complete', target: '/chat' });
    expect(Number(recordOf(edge)?.bytes)).toBeGreaterThan(100);
    expect(Number(recordOf(edge)?.received)).toBeGreaterThan(100);
  });

  it('stays ordinary HTTP for everybody else, and is shown in the metrics', async () => {
    const { edge, url } = await echoing();
    const sockets = Array.from({ length: 50 }, () => new WebSocket(url));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    expect((await get(edge.url, '/')).body.toString()).toBe('plain');
    const metrics = (await get(edge.admin, '/metrics')).body.toString();
    expect(metrics).toMatch(/^holdfast_tunnels_active 50$/m);
    const answers = sockets.map((socket) => received(socket));
    sockets.forEach((socket, i) => {
      socket.send(String(i));
    });
    expect((await Promise.all(answers)).map(String)).toEqual(sockets.map((_, i) => String(i)));
    for (const socket of sockets) socket.terminate();
    await until(() => edge.requests().filter(({ outcome }) => outcome === 'tunnel').length === 50);
    const after = (await get(edge.admin, '/metrics')).body.toString();
    expect(after).toMatch(/^holdfast_tunnels_active 0$/m);
    expect(after).toMatch(/^holdfast_tunnels_total 50$/m);
  });

  it('beyond the most tunnels gets 503', async () => {
    const { edge, url } = await echoing({ upgrades: { max: 1 } });
    const first = new WebSocket(url);
    await once(first, 'open');
    const refused = await get(edge.url, '/chat', { headers: ASK });
    expect(refused).toMatchObject({ status: 503, complete: true });
    expect(cacheStatus(refused).detail).toBe('too-many-tunnels');
    first.terminate();
  });

  it('ends when nothing has moved for upgrades.idle', async () => {
    const { edge, url } = await echoing({ upgrades: { idle: '60s' } });
    const socket = new WebSocket(url);
    socket.on('error', () => {});
    await once(socket, 'open');
    const closed = once(socket, 'close');
    edge.clock.advance(59_000);
    const answer = received(socket);
    socket.send('still here');
    await answer;
    edge.clock.advance(61_000);
    await closed;
    await until(() => recordOf(edge) !== undefined);
    expect(recordOf(edge)).toMatchObject({ ended: 'idle' });
  }, 20_000);

  it('is ended when the drain at the end of the program is over', async () => {
    const { edge, url } = await echoing();
    const socket = new WebSocket(url);
    socket.on('error', () => {});
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await edge.close();
    await closed;
    expect(recordOf(edge)).toMatchObject({ status: 101, ended: 'stopped' });
  });

  it('passes its fields end to end, with Via and the forwarding fields of any request', async () => {
    const { origin, edge } = await proxiedRaw((_request, socket) => socket.write(SWITCH));
    const { socket, text } = await client(edge);
    socket.write(ASKING.replace('\r\n\r\n', '\r\nSec-WebSocket-Protocol: chat\r\nX-Stays: 1\r\n\r\n'));
    await until(() => text().endsWith('\r\n\r\n'));
    expect(text()).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(text()).toMatch(/\r\nConnection: Upgrade\r\n/);
    expect(text()).toMatch(/\r\nUpgrade: websocket\r\n/);
    expect(text()).toMatch(/\r\nVia: /i);
    expect(text()).not.toMatch(/content-length|transfer-encoding/i);
    expect(origin.requests[0]?.headers).toMatchObject({
      host: 'a',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': KEY,
      'sec-websocket-protocol': 'chat',
      'x-stays': '1',
      'x-forwarded-for': '127.0.0.1',
      via: expect.stringContaining('1.1 holdfast-'),
    });
  });
});

describe('WebSocket over TLS', () => {
  it('is carried from a client over TLS to an origin over TLS, by a group, with several workers', async () => {
    const files = await (await certificateDir()).put('site', await certificate(['localhost']));
    const secure = createHttpsServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) });
    const server = new WebSocketServer({ server: secure });
    server.on('connection', (socket) =>
      socket.on('message', (data) => {
        socket.send(data);
        socket.close(1001);
      }),
    );
    const port = await listen(secure);
    onTestFinished(() => {
      for (const socket of server.clients) socket.terminate();
      secure.close();
    });
    const edge = await edgeBefore('app', {
      workers: 2,
      log: { level: 'silent' },
      origins: { app: { servers: [{ url: `https://localhost:${port}` }], tls: { insecure: true } } },
      tls: { listen: '127.0.0.1:0', certificates: [files] },
    });
    const url = `${edge.secureUrl.replace('https', 'wss')}/chat`;
    for (let i = 0; i < 4; i++) {
      const socket = new WebSocket(url, { rejectUnauthorized: false });
      await once(socket, 'open');
      const closed = once(socket, 'close');
      const message = Buffer.alloc(1 << 20, i);
      const answer = received(socket);
      socket.send(message);
      expect((await answer).equals(message)).toBe(true);
      expect((await closed)[0]).toBe(1001);
    }
  });
});

describe('Bytes of a tunnel', () => {
  it('that a client sends early stay here until the 101', async () => {
    let seen = '';
    let far: Socket | undefined;
    const server = createServer((socket) => {
      far = socket;
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.toString('latin1');
      });
    });
    const edge = await edgeBefore(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => void server.close());
    const { socket } = await client(edge);
    socket.write(`${ASKING}EARLY`);
    await until(() => seen.endsWith('\r\n\r\n'));
    socket.write(' BYTES');
    await get(edge.admin, '/healthz');
    const head = seen.length;
    expect(seen.endsWith('\r\n\r\n')).toBe(true);
    far?.write(SWITCH);
    await until(() => seen.slice(head) === 'EARLY BYTES');
  });

  it('that an origin sends with its 101 reach the client', async () => {
    const { edge } = await proxiedRaw((_request, socket) => void socket.write(`${SWITCH}hello`));
    const { socket, text } = await client(edge);
    socket.write(ASKING);
    await until(() => text().endsWith('\r\n\r\nhello'));
  });

  it('begin behind interim responses and a head that come bit by bit', async () => {
    const { edge } = await proxiedRaw(async (_request, socket) => {
      for (const byte of `HTTP/1.1 102 Processing\r\n\r\n${SWITCH}hello`) {
        socket.write(byte);
        await new Promise(setImmediate);
      }
    });
    const { socket, text } = await client(edge);
    socket.write(ASKING);
    await until(() => text().endsWith('\r\n\r\nhello'));
    expect(text()).toMatch(/^HTTP\/1\.1 102 [\s\S]*\r\n\r\nHTTP\/1\.1 101 /);
  });

  it('go on in one direction when the other has ended', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('end', () => socket.end('after your end'));
      socket.once('data', () => socket.write(SWITCH));
    });
    const edge = await edgeBefore(`http://127.0.0.1:${await listen(server)}`);
    onTestFinished(() => void server.close());
    const { socket, text, ended } = await client(edge);
    socket.write(ASKING);
    await until(() => text().endsWith('\r\n\r\n'));
    socket.end('the end');
    await until(ended);
    expect(text()).toMatch(/\r\n\r\nafter your end$/);
    await until(() => recordOf(edge) !== undefined);
    expect(recordOf(edge)).toMatchObject({ received: 7, bytes: 14, ended: 'complete' });
  });

  it.each([
    ['origin', false],
    ['origin', true],
    ['client', false],
    ['client', true],
  ] as const)(
    'end on both sides when the %s breaks off (the other half-closed: %s)',
    async (who, halfClosed) => {
      const far: Socket[] = [];
      let farClosed = false;
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        far.push(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          farClosed = true;
        });
        socket.once('data', () => socket.write(SWITCH));
      });
      const edge = await edgeBefore(`http://127.0.0.1:${await listen(server)}`);
      onTestFinished(() => void server.close());
      const { socket, text, ended } = await client(edge);
      let nearClosed = false;
      socket.on('close', () => {
        nearClosed = true;
      });
      socket.write(ASKING);
      await until(() => text().endsWith('\r\n\r\n'));
      const [origin] = far;
      const [breaking, other] = who === 'origin' ? [origin, socket] : [socket, origin];
      if (halfClosed) {
        other?.end();
        await until(() => (who === 'origin' ? origin?.readableEnded === true : ended()));
      }
      breaking?.resetAndDestroy();
      await until(() => nearClosed && farClosed);
      await until(() => recordOf(edge) !== undefined);
      expect(recordOf(edge)).toMatchObject({ ended: who });
    },
  );

  it('are not read faster than they are taken', async () => {
    const piece = Buffer.alloc(64 * 1024, 1);
    let written = 0;
    const { edge } = await proxiedRaw((_request, socket) => {
      socket.write(SWITCH);
      const pour = (): void => {
        while (written < 256 << 20) {
          written += piece.length;
          if (!socket.write(piece)) return void socket.once('drain', pour);
        }
      };
      pour();
      return new Promise(() => {});
    });
    const { socket } = await client(edge);
    socket.pause();
    socket.write(ASKING);
    let before = -1;
    await until(() => written > piece.length);
    // Still when the buffers of two connections are full.
    for (let still = 0; still < 50; ) {
      await new Promise(setImmediate);
      await get(edge.admin, '/healthz').catch(() => undefined);
      still = written === before ? still + 1 : 0;
      before = written;
    }
    expect(written).toBeLessThan(64 << 20);
  });
});

describe('No tunnel opens', () => {
  it.each([
    ['another protocol', 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    ['no protocol', 'HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n'],
    ['no Connection', SWITCH.replace('Connection: Upgrade\r\n', '')],
    ['a wrong Sec-WebSocket-Accept', SWITCH.replace(acceptOf(KEY), acceptOf('x'))],
    ['HTTP/1.0', SWITCH.replace('HTTP/1.1', 'HTTP/1.0')],
    ['a malformed head', SWITCH.replace('Upgrade: w', 'Upgrade : w')],
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['a head without end', SWITCH.replace('\r\n\r\n', '\r\nA: b'.repeat(60_000))],
    ['interim responses without end', `${'HTTP/1.1 103 x\r\n\r\n'.repeat(40)}${SWITCH}`],
  ])('by a 101 with %s: 502', async (_what, answer) => {
    const { edge } = await proxiedRaw((_request, socket) => void socket.write(answer));
    const response = await get(edge.url, '/chat', { headers: ASK });
    expect(response).toMatchObject({ status: 502, complete: true });
    expect(cacheStatus(response)).toMatchObject({ fwd: 'bypass', detail: 'malformed' });
  });

  it('by a refusal, which is passed on with its content, and never stored', async () => {
    const { origin, edge } = await proxied();
    origin.on(
      '/chat',
      {
        status: 401,
        headers: { 'WWW-Authenticate': 'Basic', 'Cache-Control': 'max-age=60' },
        body: 'who are you',
      },
      {
        status: 426,
        headers: { 'Sec-WebSocket-Version': '13' },
        body: Buffer.from('too old'),
        chunked: true,
      },
      { status: 200, headers: { 'Cache-Control': 'max-age=60' }, body: 'page' },
    );
    const kept = await connect(edge.url);
    const refused = await kept.send('/chat', { headers: ASK });
    expect(refused).toMatchObject({ status: 401, complete: true, headers: { 'www-authenticate': 'Basic' } });
    expect(refused.body.toString()).toBe('who are you');
    expect((await kept.send('/chat', { headers: ASK })).body.toString()).toBe('too old');
    expect((await kept.send('/chat', { headers: ASK })).body.toString()).toBe('page');
    expect(cacheStatus(await kept.send('/chat')).fwd).toBe('uri-miss');
    kept.close();
  });

  it('by a refusal that breaks off: its client is told', async () => {
    const { edge } = await proxiedRaw((_request, socket) =>
      socket.write('HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\nzz\r\n'),
    );
    const response = await get(edge.url, '/chat', { headers: ASK });
    expect(response).toMatchObject({ status: 403, complete: false });
    expect(response.body.toString()).toBe('no');
  });

  it('for bytes behind a request that is refused: they are no request of theirs', async () => {
    const { origin, edge } = await proxied();
    origin.on('/chat', { status: 403, body: 'no' });
    const answer = await raw(edge.url, `${ASKING}GET /secret HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(answer.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(origin.requests('/secret')).toHaveLength(0);
  });

  it('where the origin is not there: 502, and 504 where it says nothing', async () => {
    const dead = await edgeBefore('http://127.0.0.1:1');
    expect((await get(dead.url, '/chat', { headers: ASK })).status).toBe(502);
    const { edge } = await proxiedRaw(() => new Promise(() => {}), { timeouts: { firstByte: '50ms' } });
    expect((await get(edge.url, '/chat', { headers: ASK })).status).toBe(504);
  });

  it.each([
    ['HTTP/1.0', { request: ASKING.replace('HTTP/1.1', 'HTTP/1.0') }],
    ['content', { request: `${ASKING.slice(0, -2)}Content-Length: 5\r\n\r\nhello` }],
    ['chunked content', { request: `${ASKING.slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n` }],
    ['HEAD', { request: ASKING.replace('GET', 'HEAD') }],
  ])('for %s: the request is an ordinary one', async (_what, { request }) => {
    const { origin, edge } = await proxied();
    origin.on('/chat', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    expect(await raw(edge.url, request.replace('Connection: Upgrade', 'Connection: Upgrade, close'))).toMatch(
      /^HTTP\/1\.1 200 /,
    );
    expect(origin.requests('/chat')[0]?.headers).not.toHaveProperty('upgrade');
  });

  it.each([
    ['no key', { ...ASK, 'Sec-WebSocket-Key': '' }],
    ['a key of another length', { ...ASK, 'Sec-WebSocket-Key': 'aGVsbG8=' }],
  ])('for a handshake with %s: 400', async (_what, headers) => {
    const { origin, edge } = await proxied();
    expect((await get(edge.url, '/chat', { headers })).status).toBe(400);
    expect(origin.requests()).toHaveLength(0);
  });

  it('for a protocol that is not in upgrades.protocols; only those in it are passed on', async () => {
    const { origin, edge } = await proxiedRaw(
      (_request, socket) =>
        void socket.write('HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n'),
      { upgrades: { protocols: ['echo/1'] } },
    );
    const websocket = await get(edge.url, '/chat', { headers: ASK });
    expect(websocket.status).toBe(501);
    expect(cacheStatus(websocket).detail).toBe('upgrade-refused');
    const { socket, text } = await client(edge);
    socket.write(
      'POST /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c, echo/1, websocket\r\n\r\n',
    );
    await until(() => text().endsWith('\r\n\r\n'));
    expect(text()).toMatch(/^HTTP\/1\.1 101 /);
    expect(origin.requests[0]?.headers.upgrade).toBe('echo/1');
  });
});

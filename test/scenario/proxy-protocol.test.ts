// Connections: whose they are by the PROXY protocol, in the clear and under TLS, and how many there may be.

import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { certificate, certificateDir } from '../support/certificates.ts';
import { connect, get, raw } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { headersOf, proxied, until } from '../support/proxying.ts';
import { metricsOf } from '../support/scene.ts';

const FROM_HERE = { proxyProtocol: { mode: 'required', from: ['127.0.0.1'] } };
const HEADER = 'PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n';
const request = (target: string) =>
  `GET ${target} HTTP/1.1\r\nHost: a.example.org\r\nConnection: close\r\n\r\n`;

/** Writes pieces, each when the one before has gone out, and gives back all that comes. */
async function inPieces(socket: Socket, pieces: readonly (string | Buffer)[]): Promise<string> {
  let received = '';
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    for (let i = 0; i < 4; i++) await new Promise(setImmediate);
  }
  await closed;
  return received;
}

/** All that came back; nothing for a connection that was reset, however early. */
const said = (edge: TestEdge, bytes: string | Buffer, halfClose = false): Promise<string> =>
  raw(edge.port, bytes, { halfClose }).catch(() => '');

const dial = async (edge: TestEdge): Promise<Socket> => {
  const socket = connectSocket({ port: edge.port, host: '127.0.0.1', allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.once('end', () => socket.end());
  return socket;
};

describe('with the PROXY protocol required', () => {
  it('the client is the one that the proxy names: for the origin, the log and the gate', async () => {
    const { origin, edge } = await proxied({ ...FROM_HERE, access: { addresses: { deny: ['192.0.2.66'] } } });
    origin.on('*', { body: 'ok' });
    const answer = await raw(edge.port, HEADER + request('/x'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(headersOf(origin, '/x')).toMatchObject({ 'x-forwarded-for': '192.0.2.1' });
    expect(edge.requests()[0]).toMatchObject({ client: '192.0.2.1' });
    const denied = await raw(edge.port, HEADER.replace('192.0.2.1', '192.0.2.66') + request('/x'));
    expect(denied).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('version 2 does as well, and the connection is kept for more requests', async () => {
    const { origin, edge } = await proxied(FROM_HERE);
    origin.on('*', { body: 'ok' });
    const header = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000202c633640212340050', 'hex');
    const first = request('/a').replace('Connection: close\r\n', '');
    const answers = await raw(edge.port, Buffer.concat([header, Buffer.from(first + request('/b'))]));
    expect(answers.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    for (const path of ['/a', '/b']) expect(headersOf(origin, path)['x-forwarded-for']).toBe('192.0.2.2');
  });

  it('the header may come in any pieces', async () => {
    const { origin, edge } = await proxied(FROM_HERE);
    origin.on('*', { body: 'ok' });
    const whole = HEADER + request('/x');
    for (const cuts of [[1], [5, 20], [HEADER.length - 1], [HEADER.length], [HEADER.length + 3]]) {
      const pieces = [0, ...cuts].map((from, i) => whole.slice(from, cuts[i]));
      expect(await inPieces(await dial(edge), pieces)).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(new Set(origin.requests().map(({ headers }) => headers['x-forwarded-for']))).toEqual(
      new Set(['192.0.2.1']),
    );
  });

  it('a large first piece arrives whole', async () => {
    const { origin, edge } = await proxied(FROM_HERE);
    origin.on('*', { body: 'ok' });
    const body = 'x'.repeat(300_000);
    const head = `POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(await raw(edge.port, HEADER + head + body)).toMatch(/^HTTP\/1\.1 200 /);
    expect(origin.requests('/x')[0]?.body).toHaveLength(body.length);
  });

  it('a health check of the proxy itself (LOCAL, UNKNOWN) is served under its own address', async () => {
    const { origin, edge } = await proxied(FROM_HERE);
    origin.on('*', { body: 'ok' });
    await raw(edge.port, `PROXY UNKNOWN\r\n${request('/x')}`);
    expect(headersOf(origin, '/x')['x-forwarded-for']).toBe('127.0.0.1');
  });

  it('who does not say it, says it wrong, or ends before, gets nothing', async () => {
    const { origin, edge } = await proxied(FROM_HERE);
    for (const bytes of [request('/x'), 'PROXY TCP4 192.0.2.1\r\n', `PROXY TCP5 a b 1 2\r\n${request('/x')}`])
      expect(await said(edge, bytes)).toBe('');
    expect(await said(edge, 'PROXY TCP4', true)).toBe('');
    expect(origin.requests()).toHaveLength(0);
    expect((await metricsOf(edge)).get('holdfast_turned_away_total{reason="proxy-header"}')).toBe(3);
  });

  it('who says nothing is reset when the time is over', async () => {
    const { edge } = await proxied(FROM_HERE);
    const socket = await dial(edge);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    socket.write('PROXY ');
    socket.resume();
    while ((await metricsOf(edge)).get('holdfast_client_connections') !== 1);
    edge.clock.advance(5001);
    await closed;
  });

  it('from elsewhere nobody may say it', async () => {
    const { origin, edge } = await proxied({ proxyProtocol: { mode: 'required', from: ['192.0.2.0/24'] } });
    expect(await said(edge, HEADER + request('/x'))).toBe('');
    expect(origin.requests()).toHaveLength(0);
  });

  it('it stands before TLS: in one piece with the handshake, and apart from it', async () => {
    const site = await (await certificateDir()).put('site', await certificate(['a.example.org']));
    const { origin, edge } = await proxied({
      ...FROM_HERE,
      tls: { listen: '127.0.0.1:0', certificates: [site] },
    });
    origin.on('*', { body: 'ok' });
    for (const apart of [true, false]) {
      const port = Number(new URL(edge.secureUrl).port);
      const tcp = connectSocket({ port, host: '127.0.0.1' });
      onTestFinished(() => void tcp.destroy());
      await once(tcp, 'connect');
      if (!apart) tcp.cork();
      tcp.write(HEADER);
      if (apart) for (let i = 0; i < 8; i++) await new Promise(setImmediate);
      const secure = connectTls({ socket: tcp, servername: 'a.example.org', rejectUnauthorized: false });
      if (!apart) process.nextTick(() => setImmediate(() => tcp.uncork()));
      await once(secure, 'secureConnect');
      expect(await inPieces(secure, [request('/x')])).toMatch(/^HTTP\/1\.1 200 /);
    }
    const seen = origin
      .requests('/x')
      .map(({ headers }) => [headers['x-forwarded-for'], headers['x-forwarded-proto']]);
    expect(seen).toEqual([
      ['192.0.2.1', 'https'],
      ['192.0.2.1', 'https'],
    ]);
  });

  it('somebody has to be trusted with it', () => {
    const config = { origin: 'demo', proxyProtocol: { mode: 'required' } };
    expect(() => parseConfig(config, 'test')).toThrow('proxyProtocol.from: not given; allowed: addresses');
    expect(parseConfig({ ...config, trustedProxies: ['10.0.0.0/8'] }, 'test').proxyProtocol?.from).toEqual([
      '10.0.0.0/8',
    ]);
  });
});

const isServed = (edge: TestEdge): Promise<boolean> =>
  get(edge.url, '/x').then(
    ({ complete }) => complete,
    () => false,
  );

describe('connections', () => {
  it('beyond the most of one address are reset, and have room again when others end', async () => {
    const { origin, edge } = await proxied({ client: { maxConnectionsPerAddress: 2 } });
    origin.on('*', { body: 'ok' });
    const [first, second] = [await connect(edge.url), await connect(edge.url)];
    onTestFinished(() => second.close());
    await Promise.all([first.send('/x'), second.send('/x')]);
    expect(await isServed(edge)).toBe(false);
    expect((await metricsOf(edge)).get('holdfast_turned_away_total{reason="address"}')).toBe(1);
    first.close();
    while (!(await isServed(edge)));
    expect((await second.send('/x')).status).toBe(200);
  });

  it('beyond the most of all are reset; by the PROXY protocol each client is counted by itself', async () => {
    const { origin, edge } = await proxied({
      ...FROM_HERE,
      client: { maxConnections: 3, maxConnectionsPerAddress: 1 },
    });
    origin.on('*', { body: 'ok' });
    const open: Socket[] = [];
    const arrive = async (address: string): Promise<boolean> => {
      const socket = await dial(edge);
      socket.on('error', () => {});
      socket.write(HEADER.replace('192.0.2.1', address) + request('/x').replace('Connection: close\r\n', ''));
      open.push(socket);
      return new Promise((resolve) => {
        socket.once('data', () => resolve(true)).once('close', () => resolve(false));
      });
    };
    const came = [];
    for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'])
      came.push(await arrive(address));
    expect(came).toEqual([true, false, true, true, false]);
    for (const socket of open) socket.destroy();
    await until(() => open.every((socket) => socket.closed));
  });

  it('of one address are counted over all workers', async () => {
    const { origin, edge } = await proxied({
      workers: 2,
      log: { access: false, level: 'error' },
      client: { maxConnectionsPerAddress: 6 },
    });
    origin.on('*', { body: 'ok' });
    const served = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const connection = await connect(edge.url).catch(() => undefined);
        if (connection !== undefined) onTestFinished(() => connection.close());
        return (await connection?.send('/x'))?.complete === true;
      }),
    );
    expect(served.filter((one) => one)).toHaveLength(6);
  });
});

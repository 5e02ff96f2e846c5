// The connections on both sides: kept and reused towards the origin, ended with the client that wanted them, and an
// answer that comes before the request is complete.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect, get, open, raw } from '../support/client.ts';
import { never } from '../support/origin.ts';
import { proxied, until } from '../support/proxying.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };

describe('connections to the origin', () => {
  it('are reused for requests one after another, whoever asks', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { headers: NO_STORE, body: 'x' });
    origin.on('/none', { status: 204 });
    for (let nth = 0; nth < 5; nth++) {
      await get(edge.url, '/a', { headers: { Connection: 'close' } });
      await get(edge.url, '/a', { method: 'POST', body: 'content' });
      await get(edge.url, '/none', { method: 'DELETE' });
    }
    expect(origin.requests()).toHaveLength(15);
    expect(origin.connections).toBe(1);
  });

  it('are opened side by side for requests at the same time, up to the limit', async () => {
    const { origin, edge } = await proxied({ originConnections: 3 });
    const gates = Array.from({ length: 5 }, () => origin.gate());
    const answers = gates.map((gate, i) => {
      origin.on(`/${i}`, gate);
      return get(edge.url, `/${i}`);
    });
    await until(() => origin.requests().length === 3);
    expect(origin.connections).toBe(3);
    for (const gate of gates) {
      void gate.head(200, NO_STORE);
      void gate.end('x');
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(origin.connections).toBe(3);
  });

  it('that the origin has closed between requests cost no request', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { ...NO_STORE, 'Content-Length': '1' }).end('x');
      response.once('finish', () => response.socket?.end());
    });
    for (let nth = 0; nth < 10; nth++) {
      expect(await get(edge.url, '/a')).toMatchObject({ status: 200, complete: true });
    }
  });
});

describe('a client that leaves', () => {
  it('before the head ends the exchange with the origin', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', never);
    for (const method of ['GET', 'POST']) {
      const nth = origin.requests().length + 1;
      const client = connectSocket(edge.port, '127.0.0.1').on('error', () => {});
      client.write(`${method} /a HTTP/1.1\r\nHost: a\r\n\r\n`);
      await origin.waitFor('/a', nth);
      client.resetAndDestroy();
      await until(() => origin.openConnections === 0 && edge.requests().length === nth);
      const record = { method, status: 499, side: 'client', incomplete: 'client-gone' };
      expect(edge.requests().at(-1)).toMatchObject(record);
    }
    expect(edge.log.filter(({ msg }) => msg === 'the origin did not answer')).toEqual([]);
  });

  it('in the middle of an uncacheable response ends it at the origin', async () => {
    const { origin, edge } = await proxied();
    const gate = origin.gate();
    origin.on('/a', gate);
    void gate.head(200, NO_STORE);
    void gate.write('beginning');
    const response = await open(edge.url, '/a');
    expect((await response.read(9)).toString()).toBe('beginning');
    response.reset();
    expect(await gate.closed).toEqual({ finished: false });
    await until(() => edge.requests().length === 1);
    expect(edge.requests()[0]).toMatchObject({ status: 200, bytes: 9, incomplete: 'client-gone' });
  });

  it('with FIN, as one does that still listens, is found out by what is sent to it next', async () => {
    const { origin, edge } = await proxied();
    const gate = origin.gate();
    origin.on('/a', gate);
    void gate.head(200, NO_STORE);
    void gate.write('beginning');
    const response = await open(edge.url, '/a');
    await response.read(9);
    response.close();
    let closed = false;
    void gate.closed.then(() => {
      closed = true;
    });
    await until(() => {
      void gate.write('more');
      return closed;
    });
    expect(await gate.closed).toEqual({ finished: false });
    await until(() => edge.requests().length === 1);
    expect(edge.requests()[0]).toMatchObject({ incomplete: 'client-gone' });
  });

  it('has not left when it has only closed its side', async () => {
    const { origin, edge } = await proxied();
    const gate = origin.gate();
    origin.on('/a', gate);
    const received = raw(edge.url, 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n', { halfClose: true });
    await gate.arrived;
    void gate.head(200, { ...NO_STORE, 'Content-Length': '5' });
    void gate.end('whole');
    expect(await received).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nwhole$/s);
  });

  it('in the middle of an uncacheable response that it does not read ends it too', async () => {
    const { origin, edge } = await proxied();
    let ended = false;
    origin.on('/a', (_request: IncomingMessage, response: ServerResponse) => {
      response.once('close', () => {
        ended = true;
      });
      response.writeHead(200, NO_STORE).write(randomBytes(32 * 1024 * 1024));
    });
    const response = await open(edge.url, '/a');
    response.reset();
    await until(() => ended);
    expect(origin.openConnections).toBe(0);
  });

  it('in the middle of its upload ends it at the origin, and harms no other', async () => {
    const { origin, edge } = await proxied();
    origin.on('PUT /up', { status: 204 });
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield randomBytes(10_000);
    }
    const client = await connect(edge.url);
    void client.send('/up', { method: 'PUT', body: endless() });
    const [request] = await origin.waitFor('/up');
    await until(() => (request?.body.length ?? 0) > 100_000);
    client.close();
    await until(() => origin.openConnections === 0);
    expect(request?.bodyComplete).toBe(false);
    expect((await get(edge.url, '/up', { method: 'PUT', body: 'whole' })).status).toBe(204);
  });
});

describe('an answer before the request is complete', () => {
  it('reaches the client while it still sends; the connection is closed after it', async () => {
    const { origin, edge } = await proxied();
    origin.on('PUT /up', (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(413, { ...NO_STORE, 'Content-Type': 'text/plain' }).end('too large');
    });
    const enough = Promise.withResolvers<void>();
    async function* held(): AsyncGenerator<Buffer> {
      yield randomBytes(100_000);
      await enough.promise;
    }
    const client = await connect(edge.url);
    const response = await client.send('/up', { method: 'PUT', body: held() });
    expect(response).toMatchObject({ status: 413, complete: true, headers: { connection: 'close' } });
    expect(response.body.toString()).toBe('too large');
    enough.resolve();
    await client.closed;
    expect(edge.requests()[0]).toMatchObject({ status: 413, outcome: 'bypass' });
    expect((await get(edge.url, '/b')).status).toBe(404);
  });

  it('reaches a client that sends without a pause', async () => {
    const { origin, edge } = await proxied();
    origin.on('PUT /up', (request: IncomingMessage, response: ServerResponse) => {
      request.resume();
      response.writeHead(413, NO_STORE).end('too large');
    });
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield randomBytes(10_000);
    }
    for (let nth = 0; nth < 5; nth++) {
      const response = await get(edge.url, '/up', { method: 'PUT', body: endless() });
      expect(response).toMatchObject({ status: 413, complete: true });
      expect(response.body.toString()).toBe('too large');
    }
  });

  it('may be streamed while the request is: both go on to their ends', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /echo', async (request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, NO_STORE).flushHeaders();
      for await (const piece of request) response.write(piece);
      response.end();
    });
    const more = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    async function* pieces(): AsyncGenerator<string> {
      yield 'one';
      for (const { promise } of more) yield await promise;
    }
    const response = await open(edge.url, '/echo', { method: 'POST', body: pieces() });
    expect((await response.read(3)).toString()).toBe('one');
    more[0]?.resolve('two');
    expect((await response.read(3)).toString()).toBe('two');
    more[1]?.resolve('three');
    expect((await response.rest()).toString()).toBe('three');
  });
});

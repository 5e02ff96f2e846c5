// Methods and request content: what the client sends is what the origin gets, whatever the framing.

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cacheStatus, connect, get, raw } from '../support/client.ts';
import { proxied, proxiedRaw, sha256, until } from '../support/proxying.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };

async function* pieces(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

describe('methods', () => {
  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'BREW', 'get'])(
    '%s is forwarded as it is, with its target byte for byte',
    async (method) => {
      const { origin, edge } = await proxiedRaw(({ method: received }, socket) => {
        const content = received === 'HEAD' ? '' : 'ok';
        socket.write(`HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\n${content}`);
      });
      const target = "/a//b/../%7Ec;d='e'?x=1&y=%2F&&z={|}";
      const response = await get(edge.url, target, { method });
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(origin.requests.map(({ startLine }) => startLine)).toEqual([`${method} ${target} HTTP/1.1`]);
      const fwd = method === 'GET' || method === 'HEAD' ? 'uri-miss' : 'method';
      expect(cacheStatus(response)).toMatchObject({ fwd, fwdStatus: 200, stored: false });
    },
  );

  it('OPTIONS of the server as a whole is answered', async () => {
    const { origin, edge } = await proxied();
    origin.on('OPTIONS *', { status: 204 });
    const response = await get(edge.url, '*', { method: 'OPTIONS' });
    expect(response.status).toBeGreaterThanOrEqual(200);
    expect(response.status).toBeLessThan(300);
  });
});

describe('request content', () => {
  const content = randomBytes(1_000_003);

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'])(
    'of %s arrives byte-exact, with its length or chunked as sent',
    async (method) => {
      const { origin, edge } = await proxied();
      origin.on('/up', { headers: NO_STORE, body: 'taken' });
      const sized = await get(edge.url, '/up', { method, body: content });
      const chunked = await get(edge.url, '/up', { method, body: pieces(content, 70_001) });
      expect([sized.status, chunked.status]).toEqual([200, 200]);
      const [first, second] = origin.requests('/up');
      expect(first?.headers).toMatchObject({ 'content-length': String(content.length) });
      expect(first?.headers).not.toHaveProperty('transfer-encoding');
      expect(second?.headers).toMatchObject({ 'transfer-encoding': 'chunked' });
      expect(second?.headers).not.toHaveProperty('content-length');
      for (const request of [first, second]) {
        expect(request).toMatchObject({ method, bodyComplete: true });
        expect(sha256(request?.body ?? Buffer.alloc(0))).toBe(sha256(content));
      }
    },
  );

  it('that is empty stays empty: Content-Length: 0, or an empty chunked body', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /up', { status: 204 });
    expect((await get(edge.url, '/up', { method: 'POST', body: '' })).status).toBe(204);
    expect((await get(edge.url, '/up', { method: 'POST', body: pieces(Buffer.alloc(0), 1) })).status).toBe(
      204,
    );
    expect(origin.requests('/up').map(({ body, bodyComplete }) => [body.length, bodyComplete])).toEqual([
      [0, true],
      [0, true],
    ]);
    expect(origin.requests('/up')[0]?.headers['content-length']).toBe('0');
  });

  it('is streamed: the origin has the first piece before the client has sent the last', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /up', { headers: NO_STORE, body: 'taken' });
    const last = Promise.withResolvers<void>();
    async function* held(): AsyncGenerator<string> {
      yield 'first';
      await last.promise;
      yield 'last';
    }
    const answered = get(edge.url, '/up', { method: 'POST', body: held() });
    const [request] = await origin.waitFor('POST /up');
    await until(() => request?.body.toString() === 'first');
    last.resolve();
    expect((await answered).body.toString()).toBe('taken');
    expect(request?.body.toString()).toBe('firstlast');
  });

  it('loses chunk extensions and trailers on the way', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /up', { headers: NO_STORE, body: 'taken' });
    const received = await raw(
      edge.url,
      'POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
        '3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n.*taken$/s);
    const [request] = origin.requests('/up');
    expect(request?.body.toString()).toBe('abcde');
    expect(request?.headers).not.toHaveProperty('trailer');
    expect(request?.headers).not.toHaveProperty('x-sum');
  });

  it('that the client cuts short never looks complete to the origin', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /up', { headers: NO_STORE, body: 'taken' });
    for (const framing of ['Content-Length: 10', 'Transfer-Encoding: chunked']) {
      const client = await connect(edge.url);
      const part = framing.startsWith('T') ? '5\r\nabcde\r\n' : 'abcde';
      const nth = origin.requests('/up').length;
      client.write(`POST /up HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${part}`);
      const request = (await origin.waitFor('/up', nth + 1))[nth];
      await until(() => request?.body.toString() === 'abcde');
      const open = origin.openConnections;
      client.close();
      await until(() => origin.openConnections < open);
      expect(request?.bodyComplete).toBe(false);
    }
  });

  it('that is malformed gets 400, and the origin never sees it complete', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /up', { headers: NO_STORE, body: 'taken' });
    const client = await connect(edge.url);
    client.write('POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n');
    const [request] = await origin.waitFor('/up');
    client.write('zz\r\n');
    const response = await client.receive('POST');
    expect(response).toMatchObject({ status: 400, complete: true, headers: { connection: 'close' } });
    await client.closed;
    await until(() => origin.openConnections === 0);
    expect(request?.bodyComplete).toBe(false);
  });

  it('of GET is forwarded, never answered from the store and never stored', async () => {
    const { origin, edge } = await proxied();
    const cacheable = { 'Cache-Control': 'max-age=60' };
    origin.on('GET /a', { headers: cacheable, body: 'with content' }, { headers: cacheable, body: 'plain' });
    const first = await get(edge.url, '/a', { body: 'query' });
    expect(first.body.toString()).toBe('with content');
    expect(cacheStatus(first).stored).toBe(false);
    const plain = await get(edge.url, '/a');
    expect(plain.body.toString()).toBe('plain');
    expect(cacheStatus(plain)).toMatchObject({ fwd: 'uri-miss', stored: true });
    const again = await get(edge.url, '/a', { body: 'query' });
    expect(cacheStatus(again).hit).toBe(false);
    expect(origin.requests('/a').map(({ body }) => body.toString())).toEqual(['query', '', 'query']);
  });
});

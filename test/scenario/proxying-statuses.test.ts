// Answers without content, interim answers, 100-continue: each reaches the client as what it is.

import { describe, expect, it } from 'vitest';
import { cacheStatus, connect, get, raw } from '../support/client.ts';
import { edgeBefore, proxied, proxiedRaw } from '../support/proxying.ts';

describe('HEAD', () => {
  it("has the fields of GET's answer and no content", async () => {
    const { origin, edge } = await proxied();
    origin.on('HEAD /a', { headers: { 'Cache-Control': 'no-store', 'Content-Length': '5', ETag: '"1"' } });
    const client = await connect(edge.url);
    for (let nth = 1; nth <= 2; nth++) {
      const response = await client.send('/a', { method: 'HEAD' });
      expect(response).toMatchObject({
        status: 200,
        complete: true,
        headers: { 'content-length': '5', etag: '"1"' },
      });
    }
    expect((await client.send('/b')).status).toBe(404);
    client.close();
    expect(origin.requests('/a').map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  it('is answered from a stored GET, but never becomes a stored answer to GET', async () => {
    const { origin, edge } = await proxied();
    const headers = { 'Cache-Control': 'max-age=60' };
    origin.on('HEAD /a', { headers: { ...headers, 'Content-Length': '5' } });
    origin.on('GET /a', { headers, body: 'hello' });
    expect(cacheStatus(await get(edge.url, '/a', { method: 'HEAD' })).hit).toBe(false);
    const whole = await get(edge.url, '/a');
    expect(whole.body.toString()).toBe('hello');
    expect(cacheStatus(whole)).toMatchObject({ fwd: 'uri-miss', stored: true });
    const head = await get(edge.url, '/a', { method: 'HEAD' });
    expect(cacheStatus(head).hit).toBe(true);
    expect(head).toMatchObject({ complete: true, headers: { 'content-length': '5' } });
  });

  it('with content from a wrong origin does not garble the next answer', async () => {
    const { origin, edge } = await proxiedRaw(({ url }, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 5\r\n\r\n');
      socket.write(url === '/head' ? 'HTTP/' : 'right');
    });
    for (let nth = 1; nth <= 3; nth++) {
      expect(await get(edge.url, '/head', { method: 'HEAD' })).toMatchObject({ status: 200, complete: true });
      expect((await get(edge.url, '/a')).body.toString()).toBe('right');
    }
    expect(origin.requests).toHaveLength(6);
  });
});

describe('an answer without content', () => {
  it.each([
    [204, 'DELETE'],
    [204, 'GET'],
    [205, 'POST'],
    [304, 'GET'],
  ])('of status %d to %s leaves the connection in step', async (status, method) => {
    const { origin, edge } = await proxied({ cache: { bypass: true } });
    const noContent = status === 205 ? { 'Content-Length': '0' } : {};
    origin.on('/a', { status, headers: { ETag: '"1"', ...noContent } });
    const client = await connect(edge.url);
    for (let nth = 1; nth <= 2; nth++) {
      const response = await client.send('/a', { method, headers: { 'If-None-Match': '"1"' } });
      expect(response).toMatchObject({ status, complete: true, headers: { etag: '"1"' } });
      expect(response.body).toHaveLength(0);
      expect(response.headers).not.toHaveProperty('transfer-encoding');
      if (status === 204) expect(response.headers).not.toHaveProperty('content-length');
    }
    client.close();
    expect(origin.requests('/a').map(({ headers }) => headers['if-none-match'])).toEqual(['"1"', '"1"']);
  });

  it('304 is made by the edge where the origin was asked for the whole of an uncacheable response', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { headers: { ETag: '"1"', 'Cache-Control': 'no-store' }, body: 'whole' });
    const response = await get(edge.url, '/a', { headers: { 'If-None-Match': '"1"' } });
    expect(response).toMatchObject({ status: 304, complete: true, headers: { etag: '"1"' } });
    expect(cacheStatus(response)).toMatchObject({ fwd: 'uri-miss', fwdStatus: 200, stored: false });
  });
});

describe('interim responses', () => {
  const informational = [
    { status: 103, headers: { Link: '</style.css>; rel=preload', Connection: 'X-Hop', 'X-Hop': '1' } },
    { status: 102 },
  ];

  it.each(['no-store', 'max-age=60'])(
    'are forwarded in order, without hop-by-hop fields (%s)',
    async (control) => {
      const { origin, edge } = await proxied();
      origin.on('/a', { informational, headers: { 'Cache-Control': control }, body: 'x' });
      const response = await get(edge.url, '/a');
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(response.informational.map(({ status }) => status)).toEqual([103, 102]);
      const [hints] = response.informational;
      expect(hints?.headers).toMatchObject({ link: '</style.css>; rel=preload' });
      expect(hints?.headers).not.toHaveProperty('connection');
      expect(hints?.headers).not.toHaveProperty('x-hop');
    },
  );

  it('are no part of what is stored', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { informational, headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    await get(edge.url, '/a');
    const hit = await get(edge.url, '/a');
    expect(cacheStatus(hit).hit).toBe(true);
    expect(hit.informational).toEqual([]);
    expect(hit.headers).not.toHaveProperty('link');
  });

  it('reach the client before the final head', async () => {
    const { origin, edge } = await proxied();
    const gate = origin.gate();
    origin.on('/a', gate);
    void gate.inform(103, { Link: '</a.css>; rel=preload' });
    const client = await connect(edge.url);
    const received = raw(edge.url, 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n', {
      until: (text) => text.includes('\r\n\r\n'),
    });
    expect(await received).toMatch(/^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\n$/i);
    client.close();
  });

  it('are not sent to HTTP/1.0 clients', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { informational, headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    expect(await raw(edge.url, 'GET /a HTTP/1.0\r\nHost: a\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('of 100 that nobody asked for come before the answer (RFC 9110 §15.2.1)', async () => {
    const { edge } = await proxiedRaw((_request, socket) =>
      socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
    );
    const response = await get(edge.url, '/a', { method: 'POST', body: 'x' });
    expect(response.status).toBe(204);
    expect(cacheStatus(response)).toMatchObject({ fwd: 'method', fwdStatus: 204 });
  });
});

describe('Expect: 100-continue', () => {
  it('is answered by the edge when the content is wanted, and not forwarded', async () => {
    const { origin, edge } = await proxied();
    origin.on('PUT /up', { status: 201, headers: { 'Content-Length': '0' } });
    const response = await get(edge.url, '/up', { method: 'PUT', body: 'content', expectContinue: true });
    expect(response).toMatchObject({ status: 201, complete: true });
    expect(response.informational.map(({ status }) => status)).toEqual([100]);
    const [request] = origin.requests('/up');
    expect(request?.body.toString()).toBe('content');
    expect(request?.headers).not.toHaveProperty('expect');
  });

  it('is not answered with 100 where the answer needs no content', async () => {
    const { origin, edge } = await proxied();
    const refused = await edgeBefore(origin.url);
    await origin.close();
    for (const [to, method, status] of [
      [refused, 'PUT', 502],
      [edge, 'PURGE', 404],
    ] as const) {
      const response = await get(to.url, '/up', {
        method,
        body: 'content',
        expectContinue: true,
      });
      expect(response).toMatchObject({ status, informational: [], complete: true });
      expect(response.headers.connection).toBe('close');
    }
  });

  it('other than 100-continue gets 417', async () => {
    const { origin, edge } = await proxied();
    expect((await get(edge.url, '/a', { headers: { Expect: 'the unexpected' } })).status).toBe(417);
    expect(origin.requests()).toHaveLength(0);
  });
});

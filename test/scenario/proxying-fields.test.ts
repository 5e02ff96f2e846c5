// Which fields pass the edge: end-to-end ones unchanged and in order, hop-by-hop ones not, in both directions.

import { describe, expect, it } from 'vitest';
import { connect, get } from '../support/client.ts';
import { headersOf, proxied, proxiedRaw } from '../support/proxying.ts';

describe('request fields', () => {
  it('that are hop-by-hop, or that Connection names, stay at the edge', async () => {
    const { origin, edge } = await proxied();
    const response = await get(edge.url, '/a', {
      headers: [
        ...['Connection', 'keep-alive, X-Hop', 'Keep-Alive', 'timeout=5', 'Proxy-Connection', 'keep-alive'],
        ...['Connection', 'x-other', 'X-Hop', '1', 'X-Other', '2', 'X-Stays', '3'],
        ...['TE', 'trailers', 'Proxy-Authorization', 'Basic eDp5', 'Trailer', 'X-Sum'],
      ],
    });
    expect(response.status).toBe(404);
    const headers = headersOf(origin, '/a');
    expect(headers['x-stays']).toBe('3');
    for (const name of [
      'keep-alive',
      'proxy-connection',
      'x-hop',
      'x-other',
      'te',
      'proxy-authorization',
      'trailer',
    ])
      expect(headers, name).not.toHaveProperty(name);
  });

  it('that are end-to-end arrive in order, names and values as sent', async () => {
    const { origin, edge } = await proxied();
    const sent = [
      'X-B',
      'caf\xe9',
      'x-a',
      '',
      'X-B',
      'two,  three',
      'Cookie',
      'a=1; b="2"',
      'AUTHORIZATION',
      'Basic eDp5',
    ];
    await get(edge.url, '/a', { headers: sent });
    const received = origin.requests('/a')[0]?.rawHeaders ?? [];
    const kept: string[] = [];
    for (let i = 0; i < received.length; i += 2) {
      const name = received[i] ?? '';
      if (sent.some((one, j) => j % 2 === 0 && one === name)) kept.push(name, received[i + 1] ?? '');
    }
    expect(kept).toEqual(sent);
  });

  it('of the edge cannot be taken away by a client that names them in Connection', async () => {
    const { origin, edge } = await proxied();
    await get(edge.url, '/a', {
      headers: {
        Connection: 'host, via, cdn-loop, forwarded, x-forwarded-for',
        Via: '1.1 before',
        'CDN-Loop': 'other',
      },
    });
    const headers = headersOf(origin, '/a');
    expect(headers.host).toBe(`127.0.0.1:${edge.port}`);
    expect(headers.via).toMatch(/^1\.1 before, 1\.1 holdfast-/);
    expect(headers['cdn-loop']).toMatch(/^other, holdfast; id=/);
    expect(headers['x-forwarded-for']).toBe('127.0.0.1');
    expect(headers.forwarded).toContain('for=127.0.0.1');
  });
});

describe('response fields', () => {
  const HEAD =
    'Connection: X-Hop, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nProxy-Connection: keep-alive\r\n' +
    'Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nTrailer: X-Sum\r\nX-Stays: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n';

  it.each(['no-store', 'max-age=60'])(
    'that are hop-by-hop, or that Connection names, stay at the edge (%s)',
    async (control) => {
      const { edge } = await proxiedRaw((_request, socket) =>
        socket.write(`HTTP/1.1 200 OK\r\nCache-Control: ${control}\r\n${HEAD}Content-Length: 2\r\n\r\nok`),
      );
      for (let nth = 1; nth <= 2; nth++) {
        const { headers, rawHeaders, body } = await get(edge.url, '/a');
        expect(body.toString()).toBe('ok');
        expect(headers['x-stays']).toBe('2');
        for (const name of [
          'keep-alive',
          'x-hop',
          'proxy-connection',
          'proxy-authenticate',
          'upgrade',
          'trailer',
        ])
          expect(headers, name).not.toHaveProperty(name);
        const cookies = rawHeaders.filter((_, i) => rawHeaders[i - 1]?.toLowerCase() === 'set-cookie');
        expect(cookies).toEqual(['a=1', 'b=2']);
      }
    },
  );

  it('keep obs-text, empty values and their order', async () => {
    const { edge } = await proxiedRaw((_request, socket) =>
      socket.write(
        Buffer.from(
          'HTTP/1.1 299 Whatever\r\nCache-Control: no-store\r\nX-B: caf\xe9\r\nx-a:\r\nX-B:  two,  three \r\nContent-Length: 0\r\n\r\n',
          'latin1',
        ),
      ),
    );
    const { status, rawHeaders } = await get(edge.url, '/a');
    expect(status).toBe(299);
    expect(rawHeaders.slice(0, 8)).toEqual([
      'Cache-Control',
      'no-store',
      'X-B',
      'caf\xe9',
      'x-a',
      '',
      'X-B',
      'two,  three',
    ]);
  });

  it('in a trailer section are dropped, the content complete', async () => {
    const { origin, edge } = await proxied();
    for (const control of ['no-store', 'max-age=60']) {
      const path = `/${control}`;
      const headers = { 'Cache-Control': control, Trailer: 'X-Sum' };
      origin.on(path, { headers, body: 'content', trailers: { 'X-Sum': '1' } });
      const response = await get(edge.url, path);
      expect(response).toMatchObject({ complete: true, trailers: {} });
      expect(response.headers).not.toHaveProperty('trailer');
      expect(response.headers).not.toHaveProperty('x-sum');
      expect(response.body.toString()).toBe('content');
    }
  });

  it('that speak of the connection to the origin do not end the one to the client', async () => {
    const { edge } = await proxiedRaw((_request, socket) => {
      socket.end(
        'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
      );
    });
    const client = await connect(edge.url);
    for (let nth = 1; nth <= 3; nth++) {
      const response = await client.send('/a');
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(response.headers).not.toHaveProperty('connection');
    }
    client.close();
  });
});

// An origin that fails: 502 where nothing has gone out yet, a transfer that is visibly broken where it has; and the log
// says which side it was.

import { describe, expect, it } from 'vitest';
import { cacheStatus, connect, get, type Response } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { hangUp, reset } from '../support/origin.ts';
import { edgeBefore, proxied, proxiedRaw } from '../support/proxying.ts';

const NO_STORE = { 'Cache-Control': 'no-store' };
const CACHEABLE = { 'Cache-Control': 'max-age=60' };

/** A short plain error body, Cache-Status and the two log lines. */
function expectFailure(edge: TestEdge, response: Response, status: number, failure: string): void {
  expect(response).toMatchObject({ status, complete: true });
  expect(response.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-cache': expect.any(String),
  });
  expect(response.body.toString()).toMatch(new RegExp(`^${status} [A-Z][A-Za-z ]+\n[A-Z][^\n]+\\.\n$`));
  expect(cacheStatus(response)).toMatchObject({
    hit: false,
    fwd: expect.any(String),
    stored: false,
    detail: failure,
  });
  expect(edge.requests().at(-1)).toMatchObject({ status, outcome: 'failed', failure, side: 'origin' });
  expect(edge.log.find(({ msg }) => msg === 'the origin did not answer')).toMatchObject({
    failure,
    side: 'origin',
  });
}

describe('before its head', () => {
  it('an origin that refuses the connection gives 502', async () => {
    const { origin, edge } = await proxied();
    await origin.close();
    for (const method of ['GET', 'POST'])
      expectFailure(edge, await get(edge.url, '/a', { method }), 502, 'refused');
  });

  it('an origin whose name is not known gives 502', async () => {
    const edge = await edgeBefore('http://no-such-host.invalid:1');
    expectFailure(edge, await get(edge.url, '/a'), 502, 'dns');
  });

  it.each([
    ['closes', hangUp],
    ['resets the connection', reset],
  ])('an origin that %s gives 502, after one more try where that is safe', async (_how, play) => {
    const { origin, edge } = await proxied();
    origin.on('/a', play);
    expectFailure(edge, await get(edge.url, '/a'), 502, 'reset');
    expect(origin.requests('GET /a')).toHaveLength(2);
    expectFailure(edge, await get(edge.url, '/a', { method: 'POST' }), 502, 'reset');
    expect(origin.requests('POST /a')).toHaveLength(1);
    expectFailure(edge, await get(edge.url, '/a', { method: 'PUT', body: 'content' }), 502, 'reset');
    expect(origin.requests('PUT /a')).toHaveLength(1);
  });

  it('an origin that closes once is asked again, and the client sees nothing of it', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', hangUp, { headers: NO_STORE, body: 'second try' });
    const response = await get(edge.url, '/a');
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.body.toString()).toBe('second try');
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['half a status line', 'HTTP/1.1\r\n\r\n'],
    ['another protocol', 'HTTQ/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['a field name with a blank', 'HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 2\r\n\r\nok'],
    ['a control character in a value', 'HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\nok'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok'],
    ['a length that is no number', 'HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok!'],
    [
      'a length and chunked',
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    [
      'an unknown transfer coding',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    ['an unknown transfer coding alone', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok'],
    ['chunked twice', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    [
      'chunked in two lines',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    ],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}`],
    [
      'an upgrade nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
  ])('an origin that answers with %s gives 502', async (_what, bytes) => {
    const { edge } = await proxiedRaw((_request, socket) => socket.end(Buffer.from(bytes, 'latin1')));
    expectFailure(edge, await get(edge.url, '/a'), 502, 'malformed');
  });

  it('a failure to one client is no failure to the next', async () => {
    const { origin, edge } = await proxied();
    origin.on('POST /a', hangUp, { headers: NO_STORE, body: 'x' });
    const client = await connect(edge.url);
    expect((await client.send('/a', { method: 'POST' })).status).toBe(502);
    expect((await client.send('/a', { method: 'POST' })).status).toBe(200);
    client.close();
  });
});

describe('in the middle of its content', () => {
  it.each([
    ['closes', 'fin', {}],
    ['resets', 'reset', {}],
    ['closes chunked content', 'fin', { chunked: true }],
    ['resets chunked content', 'reset', { chunked: true }],
  ] as const)(
    'an origin that %s gives a broken transfer, and nothing is stored',
    async (_how, cut, framing) => {
      for (const headers of [NO_STORE, CACHEABLE]) {
        const { origin, edge } = await proxied();
        const length = 'chunked' in framing ? {} : { 'Content-Length': '100' };
        origin.on(
          '/a',
          { headers: { ...headers, ...length }, body: 'the beginning', cut, ...framing },
          { headers, body: 'whole' },
        );
        const response = await get(edge.url, '/a');
        expect(response).toMatchObject({ status: 200, complete: false });
        expect('the beginning'.startsWith(response.body.toString())).toBe(true);
        expect(edge.requests().at(-1)).toMatchObject({ status: 200, incomplete: 'broken' });
        expect(edge.log.find(({ msg }) => msg === 'the origin broke off its response')).toMatchObject({
          failure: 'reset',
          side: 'origin',
        });
        const again = await get(edge.url, '/a');
        expect(again.body.toString()).toBe('whole');
        expect(cacheStatus(again).hit).toBe(false);
      }
    },
  );

  it('an origin whose content runs to the close is complete with FIN, broken with RST', async () => {
    for (const headers of ['no-store', 'max-age=60']) {
      const { edge } = await proxiedRaw(({ url }, socket) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nCache-Control: ${headers}\r\nConnection: close\r\n\r\ncontent`,
          () => {
            if (url === '/fin') socket.end();
          },
        );
        if (url === '/rst') setTimeout(() => socket.resetAndDestroy(), 20);
      });
      const whole = await get(edge.url, '/fin');
      expect(whole).toMatchObject({ status: 200, complete: true });
      expect(whole.body.toString()).toBe('content');
      expect((await get(edge.url, '/rst')).complete).toBe(false);
      expect(cacheStatus(await get(edge.url, '/rst')).hit).toBe(false);
    }
  });

  it('an origin with a malformed chunk gives a broken transfer', async () => {
    const { edge } = await proxiedRaw((_request, socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n',
      );
    });
    expect(await get(edge.url, '/a')).toMatchObject({ status: 200, complete: false });
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(false);
    expect(edge.log.find(({ msg }) => msg === 'the origin broke off its response')).toMatchObject({
      failure: 'malformed',
      side: 'origin',
    });
  });

  it('an origin that sends more than its Content-Length is cut there, and the rest is never an answer', async () => {
    for (const control of ['no-store', 'max-age=60']) {
      const { edge } = await proxiedRaw(({ url }, socket) => {
        const smuggled = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nevil';
        socket.write(
          `HTTP/1.1 200 OK\r\nCache-Control: ${control}\r\nContent-Length: ${url.length}\r\n\r\n${url}${smuggled}`,
        );
      });
      const client = await connect(edge.url);
      for (const path of ['/a', '/bb', '/ccc', '/a']) {
        const response = await client.send(path);
        expect(response).toMatchObject({ status: 200, complete: true });
        expect(response.body.toString()).toBe(path);
      }
      client.close();
    }
  });
});

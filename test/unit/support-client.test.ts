// The test client must tell a broken transfer from a complete one: every verdict of the scenarios rests on it.

import { createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { connect, get, open, raw } from '../support/client.ts';
import { address, listen } from '../support/listen.ts';
import { type RawRequest, rawOrigin } from '../support/origin.ts';

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of toClose.splice(0)) await server.close();
});

async function serving(play: (socket: Socket, request: RawRequest) => unknown): Promise<string> {
  const origin = await rawOrigin((request, socket) => play(socket, request));
  toClose.push(origin);
  return origin.url;
}

const bytes = (text: string) => serving((socket) => socket.end(text, 'latin1'));

describe('a complete transfer', () => {
  it.each([
    ['by length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
    [
      'by chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n',
    ],
    ['by close', 'HTTP/1.0 200 OK\r\n\r\nhello'],
  ])('%s is read as one', async (_name, wire) => {
    const response = await get(await bytes(wire), '/');
    expect(response).toMatchObject({ status: 200, reason: 'OK', complete: true, error: undefined });
    expect(response.body.toString()).toBe('hello');
    expect(response.firstContentAt).toBeGreaterThanOrEqual(response.firstByteAt);
    expect(response.endAt).toBeGreaterThanOrEqual(response.firstByteAt);
  });

  it('however the network cuts it into segments', async () => {
    const wire = Buffer.from(
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '5\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 7\r\n\r\n',
    );
    let cuts: readonly number[] = [];
    const url = await serving(async (socket) => {
      let from = 0;
      for (const to of [...cuts, wire.length]) {
        await new Promise((sent) => socket.write(wire.subarray(from, to), sent));
        from = to;
      }
    });
    const places = fc.uniqueArray(fc.integer({ min: 1, max: wire.length - 1 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(places, async (at) => {
        cuts = at.toSorted((a, b) => a - b);
        const response = await get(url, '/');
        expect(response).toMatchObject({ status: 200, complete: true, trailers: { 'x-sum': '7' } });
        expect(response.body.toString()).toBe('hello world');
        expect(response.headers.a).toBe('1, 2');
        expect(response.rawHeaders.slice(0, 4)).toEqual(['A', '1', 'a', '2']);
        expect(response.informational).toMatchObject([{ status: 103, headers: { link: '</a>' } }]);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('has no content for %s with %d, whatever Content-Length says', async (method, status) => {
    const url = await bytes(`HTTP/1.1 ${status} X\r\nContent-Length: 9\r\n\r\n`);
    const response = await get(url, '/', { method });
    expect(response).toMatchObject({ status, complete: true, body: Buffer.alloc(0) });
  });
});

describe('a broken transfer', () => {
  it.each([
    [
      'a body shorter than its length',
      'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello',
      200,
      /1 bytes early/,
    ],
    [
      'a missing last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      200,
      /last chunk/,
    ],
    [
      'an unfinished chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel',
      200,
      /2 bytes early/,
    ],
    [
      'a chunk longer than its size',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n',
      200,
      /chunk does not end/,
    ],
    [
      'an unfinished trailer',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: 1\r\n',
      200,
      /trailer/,
    ],
    [
      'length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      200,
      /both/,
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
      200,
      /Content-Length/,
    ],
    ['an unfinished head', 'HTTP/1.1 200 OK\r\nA: 1\r\n', 0, /inside a head/],
    ['a bare LF', 'HTTP/1.1 200 OK\n\n', 0, /bare LF/],
    ['no HTTP at all', 'SSH-2.0-x\r\n\r\n', 0, /not a status line/],
    ['no answer', '', 0, /without an answer/],
  ])('is told by %s', async (_name, wire, status, why) => {
    const response = await get(await bytes(wire), '/');
    expect(response).toMatchObject({ status, complete: false });
    expect(response.error?.message).toMatch(why);
  });

  it('is told by a reset', async () => {
    const url = await serving((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
      socket.write('hello', () => socket.resetAndDestroy());
    });
    const response = await get(url, '/');
    expect(response.complete).toBe(false);
    expect(response.error?.name).toBe('BrokenTransfer');
  });

  it('rejects only when nobody listens', async () => {
    const origin = await rawOrigin(() => {});
    await origin.close();
    await expect(get(origin.url, '/')).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('a kept connection', () => {
  it('matches pipelined responses to requests in order', async () => {
    const url = await serving((socket, request) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${request.url}`),
    );
    const connection = await connect(url);
    const [a, b] = await Promise.all([connection.send('/a'), connection.send('/b')]);
    expect([a.body.toString(), b.body.toString()]).toEqual(['/a', '/b']);
    connection.write('GET /c HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await connection.receive()).body.toString()).toBe('/c');
    expect(connection.isOpen).toBe(true);
    connection.close();
    await connection.closed;
    expect(connection.isOpen).toBe(false);
  });

  it('sends what it is told: method, fields in order, framed bodies', async () => {
    const seen: RawRequest[] = [];
    const url = await serving((socket, request) => {
      seen.push(request);
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    });
    async function* pieces() {
      yield 'one ';
      yield Buffer.from('two');
    }
    const connection = await connect(url);
    await connection.send('/p?q', { method: 'POST', headers: ['B', '2', 'A', '1', 'B', '3'], body: 'ab' });
    await connection.send('/q', { method: 'PUT', headers: { Host: 'other' }, body: pieces() });
    connection.close();
    expect(seen[0]).toMatchObject({ startLine: 'POST /p?q HTTP/1.1', body: Buffer.from('ab') });
    expect(seen[0]?.rawHeaders.slice(2)).toEqual(['B', '2', 'A', '1', 'B', '3', 'Content-Length', '2']);
    expect(seen[1]).toMatchObject({ headers: { host: 'other', 'transfer-encoding': 'chunked' } });
    expect(seen[1]?.body.toString()).toBe('one two');
  });

  it('holds the body back until 100 (Continue)', async () => {
    const order: string[] = [];
    const server = createServer((socket) => {
      socket.on('data', (chunk: Buffer) => {
        order.push(chunk.includes('\r\n\r\n') ? 'head' : chunk.toString());
        if (order.length === 1) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        else socket.end('HTTP/1.1 204 No Content\r\n\r\n');
      });
    });
    const url = address(await listen(server));
    const response = await get(url, '/', { method: 'PUT', body: 'x', expectContinue: true });
    server.close();
    expect(order).toEqual(['head', 'x']);
    expect(response).toMatchObject({ status: 204, informational: [{ status: 100 }] });
  });
});

describe('an open response', () => {
  it('leaves the peer blocked while the test does not read', async () => {
    const size = 32 * 1024 * 1024;
    let drained = false;
    const url = await serving((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, 'x'), () => {
        drained = true;
      });
    });
    const response = await open(url, '/');
    expect(response.status).toBe(200);
    expect(await response.read(3)).toEqual(Buffer.from('xxx'));
    expect(drained).toBe(false);
    expect((await response.rest()).length).toBe(size - 3);
    expect(drained).toBe(true);
  });

  it('rejects reading past a break', async () => {
    const response = await open(await bytes('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello'), '/');
    expect((await response.read(5)).toString()).toBe('hello');
    await expect(response.read(1)).rejects.toThrow(/1 bytes early/);
  });

  it.each(['close', 'reset'] as const)('can leave with %s', async (way) => {
    const gone = Promise.withResolvers<void>();
    const url = await serving((socket) => {
      socket.once('close', () => gone.resolve());
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n');
    });
    const response = await open(url, '/');
    response[way]();
    await gone.promise;
    await expect(response.read(1)).rejects.toThrow();
  });
});

describe('raw bytes', () => {
  it('come back as received, until the peer closes or the test has enough', async () => {
    const url = await serving((socket, { url: target }) =>
      target === '/keep' ? socket.write('a\xff') : socket.end('gone'),
    );
    expect(await raw(url, 'GET / HTTP/1.1\r\n\r\n')).toBe('gone');
    expect(await raw(url, 'GET /keep HTTP/1.1\r\n\r\n', { until: (got) => got.length >= 2 })).toMatch(/^a/);
    expect(await raw(Number(new URL(url).port), '\r\n', { halfClose: true })).toBe('');
  });
});

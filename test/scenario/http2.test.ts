// HTTP/2 with clients, over TLS: what HTTP/1.1 clients get, they get.

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { certificate, certificateDir } from '../support/certificates.ts';
import type { TestEdge } from '../support/edge.ts';
import { ask, closed, h2, RawH2 } from '../support/h2.ts';
import type { ScriptedOrigin } from '../support/origin.ts';
import { headersOf, proxied, proxiedRaw, type Settings, until } from '../support/proxying.ts';

const AUTHORITY = 'a.example.org';
const of = (path: string, more: Record<string, string> = {}) => ({
  ':path': path,
  ':authority': AUTHORITY,
  ...more,
});

async function tlsSettings(tls: Settings = {}): Promise<Settings> {
  const files = await (await certificateDir()).put('site', await certificate([AUTHORITY]));
  return { tls: { listen: '127.0.0.1:0', certificates: [files], ...tls } };
}

async function given(settings: Settings = {}): Promise<{ origin: ScriptedOrigin; edge: TestEdge }> {
  return proxied({ ...(await tlsSettings()), ...settings });
}

describe('a request by HTTP/2', () => {
  it('is a miss, then a hit, and is told to the origin as what it was', async () => {
    const { origin, edge } = await given();
    origin.on('/a?b=c', {
      headers: { 'Cache-Control': 'max-age=60', Connection: 'x-hop', 'X-Hop': '1' },
      body: 'hello',
    });
    const client = await h2(edge.secureUrl);
    const first = await ask(client, of('/a?b=c', { 'x-custom': 'Ä' }));
    expect(first).toMatchObject({ status: 200, resetBy: 0 });
    expect(first.body.toString()).toBe('hello');
    expect(first.headers).toMatchObject({ 'content-length': '5', 'x-cache': 'MISS' });
    expect(first.headers['x-hop']).toBeUndefined();
    expect(first.headers.connection).toBeUndefined();
    const second = await ask(client, of('/a?b=c'));
    expect(second.headers['cache-status']).toMatch(/hit/);
    expect(second.headers.age).toBe('0');
    expect(headersOf(origin, '/a')).toMatchObject({
      host: AUTHORITY,
      'x-forwarded-proto': 'https',
      'x-forwarded-host': AUTHORITY,
      via: expect.stringMatching(/^2\.0 holdfast/),
    });
    expect(edge.requests()[0]).toMatchObject({ scheme: 'https', host: AUTHORITY, target: '/a?b=c' });
  });

  it('shares what is stored with HTTP/1.1 over TLS', async () => {
    const { origin, edge } = await given();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'hello' });
    await ask(await h2(edge.secureUrl), of('/a'));
    const { connect } = await import('../support/client.ts');
    const old = await connect(edge.secureUrl);
    const response = await old.send('/a', { headers: { Host: AUTHORITY } });
    expect(response.headers['x-cache']).toBe('HIT');
    old.close();
  });

  it('is one of many at a time on its connection, each with its own response', async () => {
    const { origin, edge } = await given();
    for (let i = 0; i < 40; i++) origin.on(`/n${i}`, { body: `number ${i}` });
    const client = await h2(edge.secureUrl);
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(client, of(`/n${i}`))));
    expect(all.map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 40 }, (_, i) => `number ${i}`),
    );
  });

  it('by HEAD, or answered 204 or 304, has no content', async () => {
    const { origin, edge } = await given();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60', ETag: '"e"' }, body: 'hello' });
    origin.on('/none', { status: 204, headers: { 'Cache-Control': 'no-store' } });
    const client = await h2(edge.secureUrl);
    await ask(client, of('/a'));
    const head = await ask(client, of('/a', { ':method': 'HEAD' }));
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '5', 0]);
    const same = await ask(client, of('/a', { 'if-none-match': '"e"' }));
    expect([same.status, same.headers['content-length'], same.body.length]).toEqual([304, undefined, 0]);
    const none = await ask(client, of('/none'));
    expect([none.status, none.headers['content-length'], none.resetBy]).toEqual([204, undefined, 0]);
  });

  it('gets a range, and content of any size', async () => {
    const { origin, edge } = await given();
    const content = Buffer.alloc(5_000_000, 'abcdefghij');
    origin.on('/big', { headers: { 'Cache-Control': 'max-age=60' }, body: content });
    origin.on('/chunked', { headers: { 'Cache-Control': 'no-store' }, body: content, chunked: true });
    const client = await h2(edge.secureUrl);
    for (let i = 0; i < 2; i++) expect((await ask(client, of('/big'))).body.equals(content)).toBe(true);
    const part = await ask(client, of('/big', { range: 'bytes=10-19' }));
    expect([part.status, part.body.toString()]).toEqual([206, 'abcdefghij']);
    const chunked = await ask(client, of('/chunked'));
    expect(chunked.headers['content-length']).toBeUndefined();
    expect(chunked.body.equals(content)).toBe(true);
  });

  it('carries content to the origin, with its length or without', async () => {
    const { origin, edge } = await given();
    const content = Buffer.alloc(2_000_000, 'xyz');
    origin.on('/up', { body: 'taken' });
    const client = await h2(edge.secureUrl);
    const method = { ':method': 'POST' };
    expect((await ask(client, of('/up', method), content)).body.toString()).toBe('taken');
    const length = { 'content-length': String(content.length) };
    expect((await ask(client, of('/up', { ...method, ...length }), content)).status).toBe(200);
    const [first, second] = origin.requests('/up');
    expect(first?.body.equals(content) && second?.body.equals(content)).toBe(true);
    expect([first?.headers['content-length'], second?.headers['content-length']]).toEqual([
      undefined,
      String(content.length),
    ]);
  });

  it('hears interim responses: 103 of the origin, and 100 when its content is wanted', async () => {
    const { origin, edge } = await given();
    origin.on('/early', {
      informational: [{ status: 103, headers: ['Link', '</a>; rel=preload', 'Link', '</b>; rel=preload'] }],
      body: 'x',
    });
    origin.on('/up', { body: 'taken' });
    const client = await h2(edge.secureUrl);
    const early = await ask(client, of('/early'));
    expect(early.informational.map((fields) => [fields[':status'], fields.link])).toEqual([
      [103, '</a>; rel=preload, </b>; rel=preload'],
    ]);
    const up = client.request(of('/up', { ':method': 'POST', expect: '100-continue' }), { endStream: false });
    const [fields] = await once(up, 'headers');
    expect(fields[':status']).toBe(100);
    up.end('content');
    await closed(up.resume());
    expect(origin.requests('/up')[0]?.body.toString()).toBe('content');
  });

  it('has the crumbs of its cookie put together, and its trailers dropped', async () => {
    const { origin, edge } = await given();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    const client = await h2(edge.secureUrl);
    const stream = client.request(
      { ...of('/a', { ':method': 'POST' }), cookie: ['a=1', 'b=2'] },
      { endStream: false, waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': '1' }));
    stream.end('content');
    await closed(stream.resume());
    expect(headersOf(origin, '/a').cookie).toBe('a=1; b=2');
    expect(headersOf(origin, '/a')['x-trailer']).toBeUndefined();
    expect(origin.requests('/a')[0]?.body.toString()).toBe('content');
  });

  it('may purge', async () => {
    const { origin, edge } = await given();
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const client = await h2(edge.secureUrl);
    await ask(client, of('/a'));
    expect((await ask(client, of('/a', { ':method': 'PURGE' }))).status).toBe(200);
    expect((await ask(client, of('/a'))).headers['x-cache']).toBe('MISS');
  });

  it('whose response breaks off at the origin is reset, with its length known or not', async () => {
    const { origin, edge } = await given();
    origin.on('/cut', { headers: { 'Content-Length': '100000' }, body: 'x', cut: 'reset' });
    const held = Promise.withResolvers<void>();
    origin.on('/chunked', async (_request, response) => {
      response.writeHead(200, { 'Cache-Control': 'no-store' });
      response.write('the beginning');
      await held.promise;
      response.socket?.resetAndDestroy();
    });
    const client = await h2(edge.secureUrl);
    expect((await ask(client, of('/cut'))).resetBy).not.toBe(0);
    const stream = client.request(of('/chunked'));
    const over = closed(stream);
    await once(stream, 'data');
    held.resolve();
    await over;
    expect(stream.rstCode).not.toBe(0);
    expect((await ask(client, of('/other'))).resetBy).toBe(0);
  });

  it('that its client takes back is taken back from the origin, and the connection goes on', async () => {
    let gone = 0;
    const { edge } = await proxiedRaw(
      (request, socket) => {
        if (!request.startLine.includes('/slow'))
          return socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        socket.on('close', () => gone++);
      },
      await tlsSettings(),
    );
    const client = await h2(edge.secureUrl);
    const stream = client.request(of('/slow', { ':method': 'POST' }), { endStream: true });
    const other = await ask(client, of('/a'));
    expect(other.body.toString()).toBe('ok');
    stream.close(8);
    await until(() => edge.requests().some(({ status }) => status === 499));
    await until(() => gone === 1);
    expect((await ask(client, of('/b'))).status).toBe(200);
  });
});

describe('a slow client of HTTP/2', () => {
  it('holds back the origin, and nobody else on its connection', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const { edge } = await proxiedRaw(
      (request, socket) => {
        if (!request.startLine.includes('/endless'))
          return socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        socket.write('HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n');
        const more = (): void => {
          while (!socket.destroyed && socket.write(chunk)) written += chunk.length;
        };
        socket.on('drain', more);
        more();
      },
      await tlsSettings(),
    );
    const client = await h2(edge.secureUrl);
    const stream = client.request(of('/endless'));
    stream.on('error', () => {});
    await once(stream, 'response');
    expect((await ask(client, of('/a'))).body.toString()).toBe('ok');
    let before = -1;
    for (let same = 0; same < 50; ) {
      await new Promise(setImmediate);
      same = written === before ? same + 1 : 0;
      before = written;
    }
    expect(written).toBeLessThan(24 * 1024 * 1024);
    stream.close(8);
  });

  it('that takes nothing more loses its request at the deadline', async () => {
    const { origin, edge } = await given({ client: { writeIdle: '1s' } });
    origin.on('/big', { headers: { 'Cache-Control': 'max-age=60' }, body: Buffer.alloc(2_000_000) });
    const client = await h2(edge.secureUrl);
    const stream = client.request(of('/big'));
    stream.on('error', () => {});
    await once(stream, 'response');
    const over = closed(stream);
    const ticking = setInterval(() => edge.clock.advance(500), 20);
    await over;
    clearInterval(ticking);
    expect(stream.rstCode).not.toBe(0);
  });
});

describe('the end of an HTTP/2 connection', () => {
  it('is announced when the edge drains: what is under way is answered', async () => {
    const { origin, edge } = await given({ timeouts: { drain: '30s' } });
    const held = Promise.withResolvers<void>();
    origin.on('/slow', { body: 'late', after: held.promise });
    const client = await h2(edge.secureUrl);
    const slow = ask(client, of('/slow'));
    await until(() => origin.requests('/slow').length === 1);
    const goaway = once(client, 'goaway');
    const ended = edge.close();
    expect((await goaway)[0]).toBe(0);
    held.resolve();
    expect((await slow).body.toString()).toBe('late');
    await ended;
  });

  it('comes when the client closes its side, whatever is under way', async () => {
    const { origin, edge } = await given({ timeouts: { drain: '30s' } });
    origin.on('/slow', { body: 'never', after: new Promise(() => {}) });
    const client = await RawH2.open(edge.secureUrl);
    client.get(1, '/slow');
    await until(() => origin.requests('/slow').length === 1);
    const closed = once(client.socket, 'close');
    client.socket.end();
    await closed;
    await edge.close();
  });

  it('comes when nothing was asked for long enough', async () => {
    const { edge } = await given({ client: { keepAlive: '5s' } });
    const client = await h2(edge.secureUrl);
    await ask(client, of('/a'));
    const ended = once(client, 'close');
    edge.clock.advance(6000);
    await ended;
  });
});

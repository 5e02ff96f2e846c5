// HTTP/2 clients that break the rules, or keep to them and cost more than they ask for.

import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { certificate, certificateDir } from '../support/certificates.ts';
import {
  ask,
  block,
  closed,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  h2,
  RawH2,
  requestLines,
} from '../support/h2.ts';
import { proxied, type Settings, until } from '../support/proxying.ts';

const PROTOCOL_ERROR = 1;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;
const get = { ':path': '/', ':authority': 'a.example.org' };

async function given(settings: Settings = {}, tls: Settings = {}) {
  const files = await (await certificateDir()).put('site', await certificate(['a.example.org']));
  return proxied({ tls: { listen: '127.0.0.1:0', certificates: [files], ...tls }, ...settings });
}

describe('a malformed request by HTTP/2', () => {
  const good = requestLines('/');
  const without = (name: string): string[] => good.filter((_, i) => good[i - (i % 2)] !== name);
  const replaced = (name: string, value: string): string[] =>
    good.map((one, i) => (i % 2 === 1 && good[i - 1] === name ? value : one));
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['no method', without(':method')],
    ['no scheme', without(':scheme')],
    ['no path', without(':path')],
    ['no authority', without(':authority')],
    ['a pseudo-header field twice', [...good, ':path', '/b']],
    ['a pseudo-header field after others', [...without(':path'), 'x', 'y', ':path', '/']],
    ['an unknown pseudo-header field', [...good, ':x', 'y']],
    ['a status', [...good, ':status', '200']],
    ['a protocol that was not offered', [...replaced(':method', 'CONNECT'), ':protocol', 'websocket']],
    ['another scheme', replaced(':scheme', 'http')],
    ['an empty path', replaced(':path', '')],
    ['a path in absolute form', replaced(':path', 'https://a.example.org/')],
    ['a fragment', replaced(':path', '/a#b')],
    ['a backslash', replaced(':path', '/a\\b')],
    ['a blank in the path', replaced(':path', '/a b')],
    ['an asterisk without OPTIONS', replaced(':path', '*')],
    ['a user in the authority', replaced(':authority', 'u@a.example.org')],
    ['an authority with a path', replaced(':authority', 'a.example.org/x')],
    ['another Host', [...good, 'host', 'b.example.org']],
    ['two Hosts', [...good, 'host', 'a.example.org', 'host', 'a.example.org']],
    ['a method that is no token', replaced(':method', 'GE T')],
    ['an upper-case name', [...good, 'X-A', 'b']],
    ['Connection', [...good, 'connection', 'close']],
    ['Transfer-Encoding', [...good, 'transfer-encoding', 'chunked']],
    ['Upgrade', [...good, 'upgrade', 'h2c']],
    ['Keep-Alive', [...good, 'keep-alive', 'timeout=5']],
    ['Proxy-Connection', [...good, 'proxy-connection', 'x']],
    ['TE other than trailers', [...good, 'te', 'gzip']],
    ['white space before a value', [...good, 'x-a', ' b']],
    ['white space after a value', [...good, 'x-a', 'b\t']],
    ['a length that is no number', [...good, 'content-length', '+1']],
    ['two lengths', [...good, 'content-length', '0', 'content-length', '0']],
    ['content announced that does not come', [...good, 'content-length', '5']],
  ];

  it.each(cases)('is refused: %s', async (_name, lines) => {
    const { origin, edge } = await given();
    const client = await RawH2.open(edge.secureUrl);
    client.send(FRAME.headers, END_STREAM | END_HEADERS, 1, block(lines));
    // Refused by us with 400, or by the library with a reset. The connection goes on.
    const answer = await client.until(
      ({ type, stream }) => stream === 1 && (type === FRAME.headers || type === FRAME.reset),
    );
    expect(answer).toBeDefined();
    expect(origin.requests()).toEqual([]);
    client.get(3, '/good');
    expect(await client.until(({ type, stream }) => stream === 3 && type === FRAME.headers)).toBeDefined();
    expect(origin.requests('/good').length).toBe(1);
    expect(edge.log.filter(({ msg }) => msg === 'request')).toHaveLength(1);
  });
});

describe('a field by HTTP/2 that no field can be', () => {
  it.each([
    ['its name is no token', 'x a', 'b'],
    ['there is a line break in its value', 'x-a', 'b\r\nx-b: c'],
    ['there is NUL in its value', 'x-a', 'b\0'],
  ])('never comes further: %s', async (_name, name, value) => {
    const { origin, edge } = await given();
    const client = await RawH2.open(edge.secureUrl);
    client.send(FRAME.headers, END_STREAM | END_HEADERS, 1, block([...requestLines('/a'), name, value]));
    await client.until(({ type, stream }) => stream === 1 && type === FRAME.headers);
    const [seen] = origin.requests('/a');
    expect(Object.keys(seen?.headers ?? {}).filter((one) => one.startsWith('x-'))).toEqual([
      'x-forwarded-for',
      'x-forwarded-proto',
      'x-forwarded-host',
    ]);
  });
});

describe('limits of HTTP/2', () => {
  it('hold for the head: its size, its fields, its target', async () => {
    const { origin, edge } = await given({ client: { maxHead: '4KB', maxFields: 20, maxTarget: '1KB' } });
    const client = await h2(edge.secureUrl);
    const many = Object.fromEntries(Array.from({ length: 22 }, (_, i) => [`x-${i}`, 'y']));
    expect((await ask(client, { ...get, ...many })).status).toBe(431);
    expect((await ask(client, { ...get, ':path': `/${'a'.repeat(2000)}` })).status).toBe(414);
    const raw = await RawH2.open(edge.secureUrl);
    raw.send(
      FRAME.headers,
      END_STREAM | END_HEADERS,
      1,
      block([...requestLines('/'), 'x', 'y'.repeat(6000)]),
    );
    const refused = await raw.until(
      ({ type, stream }) => stream === 1 && (type === FRAME.headers || type === FRAME.reset),
    );
    expect(refused).toBeDefined();
    expect(origin.requests()).toEqual([]);
  });

  it('hold for content: 413 by what is announced, and by what comes', async () => {
    const { edge } = await given({ client: { maxBody: '10KB' } });
    const client = await h2(edge.secureUrl);
    const post = { ...get, ':method': 'POST' };
    const content = Buffer.alloc(40_000);
    expect((await ask(client, { ...post, 'content-length': '40000' }, content)).status).toBe(413);
    expect((await ask(client, post, content)).status).toBe(413);
    expect((await ask(client, post, 'small')).status).toBe(404);
  });

  it('hold for content that does not come: 408', async () => {
    const { edge } = await given({ client: { bodyIdle: '5s' } });
    const client = await h2(edge.secureUrl);
    const stream = client.request({ ...get, ':method': 'POST' }, { endStream: false });
    const answered = once(stream, 'response');
    stream.write('some');
    const ticking = setInterval(() => edge.clock.advance(1000), 20);
    expect((await answered)[0][':status']).toBe(408);
    clearInterval(ticking);
    stream.close(CANCEL);
  });

  it('are told: how many streams, how large a head', async () => {
    const { edge } = await given({}, { http2: { maxStreams: 7 } });
    const client = await h2(edge.secureUrl);
    await until(() => client.remoteSettings.maxConcurrentStreams === 7);
    expect(client.remoteSettings).toMatchObject({ enablePush: false, maxHeaderListSize: 32 * 1024 });
  });
});

describe('a flood by HTTP/2', () => {
  it('of requests taken back ends the connection', async () => {
    const { origin, edge } = await given({}, { http2: { resetBurst: 20 } });
    origin.on('/slow', { body: 'x', after: new Promise(() => {}) });
    const client = await RawH2.open(edge.secureUrl);
    for (let i = 0; i < 100; i++) {
      client.get(2 * i + 1, '/slow');
      client.send(FRAME.reset, 0, 2 * i + 1, Buffer.from([0, 0, 0, CANCEL]));
      await new Promise(setImmediate);
    }
    expect(await client.goaway()).toBe(ENHANCE_YOUR_CALM);
    expect(origin.requests('/slow').length).toBeLessThan(60);
    expect(edge.log.some(({ reason }) => String(reason).includes('resets'))).toBe(true);
  });

  it('of requests taken back in the same breath asks the origin nothing', async () => {
    const { origin, edge } = await given({}, { http2: { resetBurst: 20 } });
    const client = await RawH2.open(edge.secureUrl);
    await client.until(({ type }) => type === FRAME.settings);
    const cancel = Buffer.from([0, 0, 0, CANCEL]);
    const both = Array.from({ length: 50 }, (_, i) => [
      frame(FRAME.headers, END_STREAM | END_HEADERS, 2 * i + 1, block(requestLines(`/slow?${i}`))),
      frame(FRAME.reset, 0, 2 * i + 1, cancel),
    ]);
    client.socket.write(Buffer.concat(both.flat()));
    expect(await client.goaway()).toBe(ENHANCE_YOUR_CALM);
    expect(origin.requests()).toEqual([]);
  });

  it('of requests taken back is no flood when they were answered before', async () => {
    const { origin, edge } = await given({}, { http2: { resetBurst: 20 } });
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const client = await h2(edge.secureUrl);
    for (let i = 0; i < 60; i++) {
      const stream = client.request({ ...get, ':path': '/a' });
      const over = closed(stream);
      await once(stream.resume(), 'end');
      stream.close(CANCEL);
      await over;
    }
    expect((await ask(client, { ...get, ':path': '/a' })).status).toBe(200);
  });

  it.each([
    ['pings', (client: RawH2) => client.send(FRAME.ping, 0, 0, Buffer.alloc(8))],
    ['settings', (client: RawH2) => client.send(FRAME.settings, 0, 0)],
  ])('of %s ends the connection', async (_name, send) => {
    const { edge } = await given();
    const client = await RawH2.open(edge.secureUrl);
    for (let i = 0; i < 2000 && !client.ended; i++) {
      send(client);
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    await until(() => client.ended);
    expect(edge.log.some(({ status }) => status === 429)).toBe(true);
  });

  it.each([
    ['that mean nothing', 0xee, Buffer.alloc(16_000), 50],
    ['of flow control', FRAME.windowUpdate, Buffer.from([0, 0, 0, 1]), 10_000],
  ])('of frames %s ends the connection', async (_name, type, payload, count) => {
    const { edge } = await given();
    const client = await RawH2.open(edge.secureUrl);
    const many = Buffer.concat(Array.from({ length: count }, () => frame(type, 0, 0, payload)));
    while (!client.ended) {
      client.socket.write(many);
      await new Promise(setImmediate);
    }
    expect(await client.goaway()).toBe(ENHANCE_YOUR_CALM);
  });

  it('of empty DATA, or of CONTINUATION without end, ends the connection', async () => {
    const { edge } = await given();
    const empty = await RawH2.open(edge.secureUrl);
    empty.send(
      FRAME.headers,
      END_HEADERS,
      1,
      block([...requestLines('/')].map((one) => (one === 'GET' ? 'POST' : one))),
    );
    for (let i = 0; i < 5000 && !empty.ended; i++) {
      empty.send(FRAME.data, 0, 1);
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    await until(() => empty.ended);
    const endless = await RawH2.open(edge.secureUrl);
    endless.send(FRAME.headers, END_STREAM, 1, block(requestLines('/')));
    for (let i = 0; i < 5000 && !endless.ended; i++) {
      endless.send(FRAME.continuation, 0, 1, block(['x', 'y']));
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    await until(() => endless.ended);
  });

  it('of streams beyond what was offered is refused', async () => {
    const { origin, edge } = await given({}, { http2: { maxStreams: 5 } });
    origin.on('/slow', { body: 'x', after: new Promise(() => {}) });
    const client = await RawH2.open(edge.secureUrl);
    await client.until(({ type, flags }) => type === FRAME.settings && flags === 1);
    client.send(FRAME.settings, 1, 0);
    for (let i = 0; i < 50; i++) client.get(2 * i + 1, `/slow?${i}`);
    expect(await client.goaway()).toBe(PROTOCOL_ERROR);
    await until(() => client.ended);
    expect(origin.requests('/slow').length).toBeLessThanOrEqual(5);
  });
});

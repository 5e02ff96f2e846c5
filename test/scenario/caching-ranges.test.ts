// Ranges taken from a stored response, or from one that is on its way (RFC 9110 §14, RFC 9111 §3.3).

import { describe, expect, it } from 'vitest';
import { cacheStatus, get } from '../support/client.ts';
import { type Scene, scene } from '../support/scene.ts';

const HEADERS = {
  'Cache-Control': 'max-age=60',
  ETag: '"v1"',
  'Last-Modified': 'Wed, 14 Jan 2026 12:00:00 GMT',
  'Content-Type': 'text/plain',
};
const BODY = '0123456789';
const NOW = 'Thu, 15 Jan 2026 12:00:00 GMT';

async function holding(headers: Readonly<Record<string, string>> = HEADERS): Promise<Scene> {
  const given = await scene();
  given.origin.on('/a', { headers, body: BODY });
  await get(given.edge.url, '/a');
  return given;
}

describe('from a stored response', () => {
  it.each<[string, string, string]>([
    ['bytes=2-4', 'bytes 2-4/10', '234'],
    ['bytes=0-0', 'bytes 0-0/10', '0'],
    ['bytes=7-', 'bytes 7-9/10', '789'],
    ['bytes=7-99', 'bytes 7-9/10', '789'],
    ['bytes=-3', 'bytes 7-9/10', '789'],
    ['bytes=-99', 'bytes 0-9/10', BODY],
    ['bytes=0-', 'bytes 0-9/10', BODY],
    ['bytes=1-2,3-4', 'bytes 1-4/10', '1234'],
    ['Bytes=2-4', 'bytes 2-4/10', '234'],
  ])('%s', async (Range, contentRange, content) => {
    const { origin, edge } = await holding();
    const response = await get(edge.url, '/a', { headers: { Range } });
    expect(response).toMatchObject({ status: 206, complete: true });
    expect(response.headers).toMatchObject({
      'content-range': contentRange,
      'content-length': String(content.length),
      etag: '"v1"',
      'x-cache': 'HIT',
    });
    expect(response.body.toString()).toBe(content);
    expect(origin.requests()).toHaveLength(1);
  });

  it('several ranges as multipart/byteranges', async () => {
    const { edge } = await holding();
    const response = await get(edge.url, '/a', { headers: { Range: 'bytes=0-1,5-6,-1' } });
    expect(response.status).toBe(206);
    expect(response.headers).not.toHaveProperty('content-range');
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(
      response.headers['content-type'] ?? '',
    )?.[1];
    const part = (range: string, content: string): string =>
      `--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${range}/10\r\n\r\n${content}\r\n`;
    expect(response.body.toString()).toBe(
      `${part('0-1', '01')}${part('5-6', '56')}${part('9-9', '9')}--${boundary}--\r\n`,
    );
    expect(response.headers['content-length']).toBe(String(response.body.length));
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0'])('416 for %s, with the length there is', async (Range) => {
    const { edge } = await holding();
    const response = await get(edge.url, '/a', { headers: { Range } });
    expect(response).toMatchObject({
      status: 416,
      complete: true,
      headers: { 'content-range': 'bytes */10' },
    });
    expect(cacheStatus(response).hit).toBe(true);
  });

  it.each(['bytes=4-2', 'chapters=1-2', 'bytes=a-b', 'bytes=', '2-4'])('%j is ignored', async (Range) => {
    const { edge } = await holding();
    const response = await get(edge.url, '/a', { headers: { Range } });
    expect(response.status).toBe(200);
    expect(response.body.toString()).toBe(BODY);
  });

  it.each<[string, number]>([
    ['"v1"', 206],
    ['"v0"', 200],
    ['W/"v1"', 200],
    ['Wed, 14 Jan 2026 12:00:00 GMT', 206],
    ['Thu, 15 Jan 2026 11:00:00 GMT', 200],
  ])('with If-Range: %s, %i', async (condition, status) => {
    const { origin, edge } = await holding();
    const headers = { Range: 'bytes=2-4', 'If-Range': condition };
    const response = await get(edge.url, '/a', { headers });
    expect(response.status).toBe(status);
    expect(response.body.toString()).toBe(status === 206 ? '234' : BODY);
    expect(origin.requests()).toHaveLength(1);
  });

  it.each([
    ['a weak tag', 'W/"v1"', { ETag: 'W/"v1"' }],
    ['the date of what may have changed again since', NOW, { 'Last-Modified': NOW, Date: NOW }],
  ])('not by %s', async (_, condition, validators) => {
    const { origin, edge } = await holding({ 'Cache-Control': 'max-age=60', ...validators });
    const headers = { Range: 'bytes=2-4', 'If-Range': condition };
    expect((await get(edge.url, '/a', { headers })).status).toBe(200);
    expect(origin.requests()).toHaveLength(1);
  });

  it('a condition goes before the range', async () => {
    const { edge } = await holding();
    const headers = { Range: 'bytes=2-4', 'If-None-Match': '"v1"' };
    expect((await get(edge.url, '/a', { headers })).status).toBe(304);
    const other = await get(edge.url, '/a', { headers: { ...headers, 'If-None-Match': '"v0"' } });
    expect(other.status).toBe(206);
  });

  it('HEAD knows no ranges', async () => {
    const { edge } = await holding();
    const head = await get(edge.url, '/a', { method: 'HEAD', headers: { Range: 'bytes=2-4' } });
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '10' } });
  });

  it('nor does an error', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { status: 404, headers: HEADERS, body: BODY });
    await get(edge.url, '/a');
    const response = await get(edge.url, '/a', { headers: { Range: 'bytes=2-4' } });
    expect(response.status).toBe(404);
    expect(response.body.toString()).toBe(BODY);
  });
});

describe('on a miss', () => {
  it("a client's Range goes to the origin, and a part is stored as a part", async () => {
    const { origin, edge } = await scene();
    const part = { status: 206, headers: { ...HEADERS, 'Content-Range': 'bytes 2-4/10' }, body: '234' };
    const rest = { status: 206, headers: { ...HEADERS, 'Content-Range': 'bytes 5-9/10' }, body: '56789' };
    origin.on('/a', part, rest);
    const first = await get(edge.url, '/a', { headers: { Range: 'bytes=2-4' } });
    expect(first).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-4/10' } });
    expect(origin.requests()[0]?.headers.range).toBe('bytes=2-4');
    const inside = await get(edge.url, '/a', { headers: { Range: 'bytes=3-3' } });
    expect(inside.body.toString()).toBe('3');
    expect(cacheStatus(inside).hit).toBe(true);
    const longer = await get(edge.url, '/a', { headers: { Range: 'bytes=2-9' } });
    expect(longer.body.toString()).toBe('23456789');
    expect(cacheStatus(longer)).toMatchObject({ fwd: 'partial', fwdStatus: 206 });
    expect(origin.requests()[1]?.headers).toMatchObject({ range: 'bytes=5-', 'if-range': '"v1"' });
    expect(cacheStatus(await get(edge.url, '/a', { headers: { Range: 'bytes=2-9' } })).hit).toBe(true);
  });

  it('a part never answers a request for the whole', async () => {
    const { origin, edge } = await scene();
    const part = { status: 206, headers: { ...HEADERS, 'Content-Range': 'bytes 2-4/10' }, body: '234' };
    origin.on('/a', part, { headers: HEADERS, body: BODY });
    await get(edge.url, '/a', { headers: { Range: 'bytes=2-4' } });
    expect((await get(edge.url, '/a')).body.toString()).toBe(BODY);
    expect(cacheStatus(await get(edge.url, '/a')).hit).toBe(true);
  });

  it('an origin that sends the whole: the client gets its range, the whole is stored', async () => {
    const { origin, edge } = await scene();
    origin.on('/a', { headers: HEADERS, body: BODY });
    const first = await get(edge.url, '/a', { headers: { Range: 'bytes=2-4' } });
    expect(first.status).toBe(206);
    expect(first.body.toString()).toBe('234');
    const whole = await get(edge.url, '/a');
    expect(cacheStatus(whole).hit).toBe(true);
    expect(whole.body.toString()).toBe(BODY);
  });

  it('of a response that is on its way a follower gets its range', async () => {
    const { origin, edge } = await scene();
    const gate = origin.gate();
    origin.on('/a', gate);
    const leader = get(edge.url, '/a');
    await gate.head(200, { ...HEADERS, 'Content-Length': 10 });
    await gate.write('01234');
    const part = get(edge.url, '/a', { headers: { Range: 'bytes=3-6' } });
    await gate.end('56789');
    expect((await leader).body.toString()).toBe(BODY);
    expect((await part).body.toString()).toBe('3456');
  });
});

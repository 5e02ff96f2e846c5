// What origins have done, or could have done, to the edge and to what it keeps.

import { describe, expect, it } from 'vitest';
import { certificate, certificateDir } from '../support/certificates.ts';
import { get } from '../support/client.ts';
import { ask, h2 } from '../support/h2.ts';
import { proxiedRaw } from '../support/proxying.ts';
import { scene } from '../support/scene.ts';

it('an interim response with a field named like what every object has harms nobody (HTTP/2)', async () => {
  const files = await (await certificateDir()).put('site', await certificate(['a.example.org']));
  const { edge } = await proxiedRaw(
    ({ url }, socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\n${url.slice(1)}: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
      ),
    { tls: { listen: '127.0.0.1:0', certificates: [files] } },
  );
  const client = await h2(edge.secureUrl);
  for (const name of ['constructor', 'valueof', '__proto__'])
    expect((await ask(client, { ':path': `/${name}`, ':authority': 'a.example.org' })).status).toBe(200);
});

describe('content that comes after a response that has none', () => {
  for (const head of [
    '204 No Content\r\nContent-Length: 4',
    '204 No Content\r\nTransfer-Encoding: chunked',
    '304 Not Modified\r\nContent-Length: 60',
  ]) {
    it(`is nobody else's response: ${head.replaceAll('\r\n', ', ')}`, async () => {
      const { edge, origin } = await proxiedRaw(({ url }, socket) => {
        if (url === '/a') socket.write(`HTTP/1.1 ${head}\r\n\r\n`);
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
      });
      await get(edge.url, '/a', { headers: { 'If-None-Match': '"x"' } });
      expect((await get(edge.url, '/b')).body.toString()).toBe('good');
      expect(origin.connections).toBe(2);
    });
  }
});

for (const workers of [1, 2]) {
  it(`a late 304 does not give its fields to bytes that have come meanwhile (workers: ${workers})`, async () => {
    const { origin, edge } = await scene({ workers, log: { access: false } }, Date.now());
    const v1 = { 'Cache-Control': 'max-age=0, stale-while-revalidate=0', ETag: '"1"' };
    const v2 = { 'Cache-Control': 'public, max-age=600', ETag: '"2"' };
    const late = origin.gate();
    origin.on('/', { headers: v1, body: 'one' }, late, { headers: v2, body: 'two' });
    await get(edge.url, '/');
    const validating = get(edge.url, '/');
    await late.arrived;
    const headers = { Authorization: 'Basic x', 'Cache-Control': 'no-cache' };
    expect((await get(edge.url, '/', { headers })).body.toString()).toBe('two');
    await late.head(304, { 'Cache-Control': 'max-age=600', ETag: '"1"' });
    await late.end();
    expect((await validating).body.toString()).toBe('one');
    for (let i = 0; i < 4; i++) {
      const next = await get(edge.url, '/');
      expect([next.headers.etag, next.body.toString()]).toEqual(['"2"', 'two']);
    }
  });
}

it('a 408 on a connection that was used before is asked again on another', async () => {
  const { edge, origin } = await proxiedRaw(({ url, connection }, socket) => {
    if (url === '/b' && connection === 1)
      socket.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    else if (url === '/c') socket.write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  await get(edge.url, '/a');
  expect((await get(edge.url, '/b')).status).toBe(200);
  expect(origin.connections).toBe(2);
  expect((await get(edge.url, '/c')).status).toBe(408);
  expect(origin.requests.map(({ url }) => url)).toEqual(['/a', '/b', '/b', '/c', '/c']);
});

// What the edge answers itself and does not forward: upgrades, CONNECT, last hops, malformed heads.

import { describe, expect, it } from 'vitest';
import { cacheStatus, connect, get, raw } from '../support/client.ts';
import { headersOf, proxied } from '../support/proxying.ts';

describe('Upgrade', () => {
  it('to what is not allowed gets 501; the connection goes on', async () => {
    const { origin, edge } = await proxied();
    const client = await connect(edge.url);
    const upgrade = { Connection: 'keep-alive, Upgrade', Upgrade: 'irc/6.9' };
    const response = await client.send('/chat', { headers: upgrade });
    expect(response).toMatchObject({ status: 501, complete: true });
    expect(response.body.toString()).toMatch(/^501 Not Implemented\n.+\n$/);
    expect(cacheStatus(response)).toMatchObject({ hit: false, detail: 'upgrade-refused' });
    expect(origin.requests()).toHaveLength(0);
    expect((await client.send('/a')).status).toBe(404);
    client.close();
    expect(edge.requests()[0]).toMatchObject({ status: 501, outcome: 'refused', reason: 'upgrade-refused' });
  });

  it('to h2c is ignored and not passed on', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    const response = await get(edge.url, '/a', {
      headers: {
        Connection: 'Upgrade, HTTP2-Settings',
        Upgrade: 'h2c',
        'HTTP2-Settings': 'AAMAAABkAAQAAP__',
      },
    });
    expect(response).toMatchObject({ status: 200, complete: true });
    const headers = headersOf(origin, '/a');
    for (const name of ['upgrade', 'http2-settings']) expect(headers).not.toHaveProperty(name);
  });

  it('that Connection does not name is no request to upgrade', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { headers: { 'Cache-Control': 'no-store' }, body: 'x' });
    expect((await get(edge.url, '/a', { headers: { Upgrade: 'websocket' } })).status).toBe(200);
    expect(origin.requests('/a')[0]?.headers).not.toHaveProperty('upgrade');
  });
});

describe('CONNECT', () => {
  it('gets 405 with what is allowed, and the connection is closed', async () => {
    const { origin, edge } = await proxied();
    const received = await raw(
      edge.url,
      'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(received).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/);
    expect(received).toMatch(/\r\nConnection: close\r\n/i);
    expect(received).toMatch(/\r\nCache-Status: holdfast; detail=connect-refused\r\n/i);
    expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(received).toMatch(/\r\nAllow: /i);
    expect(origin.requests()).toHaveLength(0);
  });
});

describe('Max-Forwards', () => {
  it('of 0 ends TRACE and OPTIONS at the edge', async () => {
    const { origin, edge } = await proxied();
    const headers = { 'Max-Forwards': '0', Authorization: 'Basic eDp5', Cookie: 'a=1', 'X-Kept': 'yes' };
    const trace = await get(edge.url, '/a?b', { method: 'TRACE', headers });
    expect(trace).toMatchObject({ status: 200, complete: true, headers: { 'content-type': 'message/http' } });
    expect(trace.body.toString()).toMatch(/^TRACE \/a\?b HTTP\/1\.1\r\nHost: .*X-Kept: yes\r\n\r\n$/s);
    expect(trace.body.toString()).not.toMatch(/eDp5|a=1/);
    const options = await get(edge.url, '/a', { method: 'OPTIONS', headers });
    expect(options).toMatchObject({ status: 200, complete: true, headers: { 'content-length': '0' } });
    expect(options.headers.allow).toContain('GET');
    expect(origin.requests()).toHaveLength(0);
  });

  it('is counted down on the way, and ignored where it means nothing', async () => {
    const { origin, edge } = await proxied();
    for (const [method, value] of [
      ['TRACE', '3'],
      ['OPTIONS', '1'],
      ['OPTIONS', 'x'],
      ['GET', '0'],
    ] as const) {
      await get(edge.url, '/a', { method, headers: { 'Max-Forwards': value } });
    }
    expect(origin.requests('/a').map(({ headers }) => headers['max-forwards'])).toEqual([
      '2',
      '0',
      undefined,
      undefined,
    ]);
  });
});

describe('a request head that RFC 9112 forbids', () => {
  it.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a target that differs from Host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a backslash in the path', 'GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a control character in the target', 'GET /a\x01b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a control character in a value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n'],
    ['a blank before the colon', 'GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n'],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n'],
    ['bare line feeds', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['HTTP/0.9', 'GET /\r\n'],
    [
      'Transfer-Encoding that does not end in chunked',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n',
    ],
    [
      'Content-Length with Transfer-Encoding',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['two Content-Lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx'],
    [
      'Transfer-Encoding in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('with %s gets 400 and the end of the connection; nothing is forwarded', async (_what, head) => {
    const { origin, edge } = await proxied();
    const received = await raw(edge.url, `${head}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(received).toMatch(/\r\nConnection: close\r\n/i);
    expect(received).toMatch(/\r\nCache-Status: holdfast; detail=malformed-request\r\n/i);
    expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(origin.requests()).toHaveLength(0);
    expect(edge.log.filter(({ msg }) => msg === 'request refused')).toEqual([
      expect.objectContaining({ status: 400, client: '127.0.0.1' }),
    ]);
  });
});

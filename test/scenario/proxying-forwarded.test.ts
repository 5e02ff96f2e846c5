// Who asked, as the origin hears it: Via, Forwarded, X-Forwarded-* and Host are the edge's word, not the client's.

import { describe, expect, it } from 'vitest';
import { get, raw } from '../support/client.ts';
import { edgeBefore, headersOf, proxied } from '../support/proxying.ts';

const CLAIMS = {
  Host: 'www.example.org',
  'X-Forwarded-For': '203.0.113.7',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-Port': '444',
  Forwarded: 'for=203.0.113.7;proto=https',
};

describe('what the origin is told of the client', () => {
  it('comes from the socket, whatever the client claims', async () => {
    const { origin, edge } = await proxied();
    await get(edge.url, '/a', { headers: CLAIMS });
    const headers = headersOf(origin, '/a');
    expect(headers).toMatchObject({
      host: 'www.example.org',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'www.example.org',
      forwarded: 'for=127.0.0.1;host="www.example.org";proto=http',
    });
    expect(headers).not.toHaveProperty('x-forwarded-port');
  });

  it('continues what a trusted proxy says', async () => {
    const { origin, edge } = await proxied({ trustedProxies: ['127.0.0.0/8'] });
    await get(edge.url, '/a', { headers: CLAIMS });
    expect(origin.requests('/a')[0]?.headers).toMatchObject({
      'x-forwarded-for': '203.0.113.7, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
      forwarded: 'for=203.0.113.7;proto=https, for=127.0.0.1;host="www.example.org";proto=http',
    });
  });

  it('is trusted by the address of the peer alone', async () => {
    const { origin, edge } = await proxied({ trustedProxies: ['10.0.0.0/8', '::1'] });
    await get(edge.url, '/a', { headers: { ...CLAIMS, 'X-Forwarded-For': '10.0.0.1' } });
    expect(origin.requests('/a')[0]?.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    });
  });
});

describe('Via', () => {
  it('names the edge after the hops before it, in requests and responses', async () => {
    const { origin, edge } = await proxied();
    origin.on('/a', { headers: { Via: '1.0 inner', 'Cache-Control': 'no-store' }, body: 'x' });
    const response = await get(edge.url, '/a', { headers: { Via: '1.0 fred, 1.1 p.example.net' } });
    expect(origin.requests('/a')[0]?.headers.via).toMatch(
      /^1\.0 fred, 1\.1 p\.example\.net, 1\.1 holdfast-[0-9a-f]+$/,
    );
    expect(response.headers.via).toMatch(/^1\.0 inner, 1\.1 holdfast-[0-9a-f]+$/);
  });

  it('gives the version in which the request came', async () => {
    const { origin, edge } = await proxied({ forwarding: { via: 'Edge7' } });
    await raw(edge.url, 'GET /a HTTP/1.0\r\n\r\n');
    expect(origin.requests('/a')[0]?.headers.via).toMatch(/^1\.0 edge7-[0-9a-f]+$/);
  });
});

describe('Host', () => {
  it('is preserved, in lower case and without the default port', async () => {
    const { origin, edge } = await proxied();
    await get(edge.url, '/a', { headers: { Host: 'WWW.Example.org:80' } });
    expect(origin.requests('/a')[0]?.headers.host).toBe('www.example.org');
  });

  it("is the origin's own where the policy says so", async () => {
    const { origin, edge } = await proxied({ host: 'origin' });
    await get(edge.url, '/a', { headers: { Host: 'www.example.org' } });
    expect(origin.requests('/a')[0]?.headers).toMatchObject({
      host: `127.0.0.1:${origin.port}`,
      'x-forwarded-host': 'www.example.org',
    });
  });

  it("is the origin's own for an HTTP/1.0 client without one", async () => {
    const { origin, edge } = await proxied();
    const received = await raw(edge.url, 'GET /a HTTP/1.0\r\n\r\n');
    expect(received).toMatch(/^HTTP\/1\.1 404 /);
    expect(origin.requests('/a')[0]?.headers.host).toBe(`127.0.0.1:${origin.port}`);
  });

  it('comes from an absolute-form target that agrees with it, which becomes origin-form', async () => {
    const { origin, edge } = await proxied();
    await get(edge.url, 'http://www.example.org/a?b', { headers: { Host: 'www.example.org' } });
    expect(origin.requests('/a')[0]).toMatchObject({ url: '/a?b', headers: { host: 'www.example.org' } });
  });

  it('tells stored responses apart', async () => {
    const { origin, edge } = await proxied();
    const headers = { 'Cache-Control': 'max-age=60' };
    origin.on('/a', { headers, body: 'one' }, { headers, body: 'two' });
    const ask = async (Host: string): Promise<string> =>
      (await get(edge.url, '/a', { headers: { Host } })).body.toString();
    expect([await ask('one.example'), await ask('two.example'), await ask('one.example')]).toEqual([
      'one',
      'two',
      'one',
    ]);
  });
});

describe('a chain of two edges', () => {
  it('lists both hops, the trusted one in front included', async () => {
    const { origin, edge: inner } = await proxied({ trustedProxies: ['127.0.0.1'] });
    const outer = await edgeBefore(inner.url);
    await get(outer.url, '/a', { headers: { ...CLAIMS } });
    expect(origin.requests('/a')[0]?.headers).toMatchObject({
      host: 'www.example.org',
      'x-forwarded-for': '127.0.0.1, 127.0.0.1',
      'x-forwarded-host': 'www.example.org',
      forwarded: expect.stringMatching(
        /^for=127\.0\.0\.1;host="www\.example\.org";proto=http, for=127\.0\.0\.1;/,
      ),
    });
  });
});

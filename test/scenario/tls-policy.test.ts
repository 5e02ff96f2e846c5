// What TLS makes of requests: sent on to https, HSTS, certificates of clients, connections that are for another host.

import { once } from 'node:events';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificate, certificateDir, type Pem } from '../support/certificates.ts';
import { type Connection, connect, get } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { ask, h2 } from '../support/h2.ts';
import { headersOf, proxied, type Settings } from '../support/proxying.ts';

const Host = 'a.example.org';

async function given(tls: Settings = {}, settings: Settings = {}) {
  const files = await (await certificateDir()).put('site', await certificate([Host, '*.b.example.org']));
  return proxied({ tls: { listen: '127.0.0.1:0', certificates: [files], ...tls }, ...settings });
}

async function over(edge: TestEdge, options: ConnectionOptions = {}): Promise<Connection> {
  const connection = await connect(edge.secureUrl, options);
  onTestFinished(() => connection.close());
  return connection;
}

describe('a request in the clear', () => {
  const redirectHttp = { enabled: true, port: 443 };

  it('is sent on to https, with its method, its path and its query', async () => {
    const { origin, edge } = await given({ redirectHttp });
    const page = await get(edge.url, '/a//b?c=%20d', { headers: { Host: `${Host}:8080` } });
    expect([page.status, page.headers.location]).toEqual([301, `https://${Host}/a//b?c=%20d`]);
    const form = await get(edge.url, '/form', { method: 'POST', headers: { Host }, body: 'x' });
    expect([form.status, form.headers.location]).toEqual([308, `https://${Host}/form`]);
    expect((await get(edge.url, '/a', { headers: { Host }, method: 'PURGE' })).status).toBe(308);
    expect(origin.requests()).toEqual([]);
    expect(edge.requests()[0]).toMatchObject({ outcome: 'refused', reason: 'https-redirect' });
  });

  it('is sent on for now only, and to another port, where the settings say so', async () => {
    const { edge } = await given({ redirectHttp: { enabled: true, permanent: false, port: 8443 } });
    const page = await get(edge.url, '/', { headers: { Host: '[::1]:80' } });
    expect([page.status, page.headers.location]).toEqual([302, 'https://[::1]:8443/']);
    const form = await get(edge.url, '/', { method: 'PUT', headers: { Host }, body: 'x' });
    expect(form.status).toBe(307);
  });

  it('is served where its path is excepted, however it is spelt, and no other path is', async () => {
    const { origin, edge } = await given({ redirectHttp });
    origin.on('/.well-known/acme-challenge/token', { body: 'proof' });
    const asked = (path: string) => get(edge.url, path, { headers: { Host } });
    expect((await asked('/.well-known/acme-challenge/token')).body.toString()).toBe('proof');
    expect((await asked('/.well-known/acme-challenge/../../secret')).status).toBe(301);
    expect((await asked('/.well-known/acme-challenge/%2e%2e/%2e%2e/secret')).status).toBe(301);
  });

  it('is served where a trusted proxy says that it came by https', async () => {
    const trusted = await given({ redirectHttp }, { trustedProxies: ['127.0.0.1'] });
    const headers = { Host, 'X-Forwarded-Proto': 'https' };
    expect((await get(trusted.edge.url, '/', { headers })).status).toBe(404);
    const untrusted = await given({ redirectHttp });
    expect((await get(untrusted.edge.url, '/', { headers })).status).toBe(301);
  });

  it('carries no HSTS; every response over TLS does, in place of the origin’s own', async () => {
    const { origin, edge } = await given({
      hsts: { maxAge: '365d', includeSubDomains: true, preload: true },
    });
    const own = { 'Cache-Control': 'max-age=60', 'Strict-Transport-Security': 'max-age=1' };
    origin.on('/a', { headers: own, body: 'x' });
    const field = 'strict-transport-security';
    const value = 'max-age=31536000; includeSubDomains; preload';
    const client = await over(edge);
    const session = await h2(edge.secureUrl);
    for (let i = 0; i < 2; i++) {
      expect((await client.send('/a', { headers: { Host } })).headers[field]).toBe(value);
      const modern = await ask(session, { ':path': '/a', ':authority': Host });
      expect(modern.headers[field]).toBe(value);
    }
    const plain = await get(edge.url, '/b', { headers: { Host } });
    expect(plain.headers[field]).toBeUndefined();
    const refused = await (await over(edge)).send('/', { headers: ['Host', 'a', 'Host', 'b'] });
    expect([refused.status, refused.headers[field]]).toEqual([400, value]);
  });
});

describe('certificates of clients', () => {
  async function withAuthority(clientAuth: Settings) {
    const ca = await certificate([], { name: 'authority', isAuthority: true });
    const file = await (await certificateDir()).write('ca.pem', ca.cert);
    const made = await given({ clientAuth: { ca: file, ...clientAuth } });
    made.origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const good = await certificate([], { name: 'somebody', by: ca });
    const stranger = await certificate([], { name: 'stranger' });
    return { ...made, good, stranger, servername: Host };
  }
  const send = async (edge: TestEdge, pem: Pem | undefined, headers: Record<string, string> = {}) => {
    const client = await over(edge, { servername: Host, ...pem });
    return client.send('/a', { headers: { Host, ...headers } });
  };

  it('are required where the settings say so, and checked against the authorities', async () => {
    const { edge, good, stranger } = await withAuthority({ mode: 'require' });
    expect((await send(edge, good)).status).toBe(200);
    expect(
      await send(edge, undefined).then(
        ({ complete }) => complete,
        () => false,
      ),
    ).toBe(false);
    expect(
      await send(edge, stranger).then(
        ({ complete }) => complete,
        () => false,
      ),
    ).toBe(false);
  });

  it('may be asked for only, and are told to the origin where the settings say so', async () => {
    const { origin, edge, good, stranger } = await withAuthority({ mode: 'request', forward: true });
    for (const pem of [good, stranger, undefined]) await send(edge, pem);
    const told = origin
      .requests('/a')
      .map(({ headers }) => [headers['x-client-verify'], headers['client-cert']]);
    expect(told).toEqual([
      ['SUCCESS', expect.stringMatching(/^:[A-Za-z0-9+/]+=*:$/)],
      [expect.stringMatching(/^FAILED:DEPTH_ZERO_SELF_SIGNED_CERT$/), undefined],
      ['NONE', undefined],
    ]);
    const der = Buffer.from(told[0]?.[1]?.slice(1, -1) ?? '', 'base64');
    expect(good.cert.replace(/-----[^-]+-----|\s/g, '')).toBe(der.toString('base64'));
  });

  it('keep what is told under them from being stored for others, unless the origin says that it may', async () => {
    const { origin, edge, good } = await withAuthority({ mode: 'request', forward: true });
    await send(edge, good);
    await send(edge, good);
    expect(origin.requests('/a').length).toBe(2);
    origin.on('/a', {
      headers: { 'Cache-Control': 'public, max-age=60', Vary: 'Client-Cert' },
      body: 'mine',
    });
    await send(edge, good);
    expect((await send(edge, good)).headers['x-cache']).toBe('HIT');
    expect((await send(edge, undefined)).headers['x-cache']).toBe('MISS');
  });

  it('cannot be claimed by a field, with or without TLS', async () => {
    const { origin, edge, good } = await withAuthority({ mode: 'request', forward: true });
    const claims = { 'Client-Cert': ':AAAA:', 'Client-Cert-Chain': ':AAAA:', 'X-Client-Verify': 'SUCCESS' };
    await send(edge, undefined, claims);
    await send(edge, good, claims);
    await get(edge.url, '/a', { headers: { Host, ...claims } });
    const told = origin
      .requests('/a')
      .map(({ headers }) => [
        headers['x-client-verify'],
        headers['client-cert'] === ':AAAA:',
        headers['client-cert-chain'],
      ]);
    expect(told).toEqual([
      ['NONE', false, undefined],
      ['SUCCESS', false, undefined],
      [undefined, false, undefined],
    ]);
  });

  it('are not told where the settings do not say so, and fields of a trusted proxy pass', async () => {
    const { origin, edge, good } = await withAuthority({ mode: 'require' });
    await send(edge, good);
    expect(headersOf(origin, '/a')['client-cert']).toBeUndefined();
    const behind = await given({}, { trustedProxies: ['127.0.0.1'] });
    behind.origin.on('/a', { body: 'x' });
    await get(behind.edge.url, '/a', { headers: { Host, 'Client-Cert': ':AAAA:' } });
    expect(headersOf(behind.origin, '/a')['client-cert']).toBe(':AAAA:');
  });

  it('make a connection for its own hosts only: 421 for another', async () => {
    const { edge, good } = await withAuthority({ mode: 'require' });
    const client = await over(edge, { servername: Host, ...good });
    expect((await client.send('/a', { headers: { Host } })).status).toBe(200);
    expect((await client.send('/a', { headers: { Host: 'x.b.example.org:443' } })).status).toBe(200);
    expect((await client.send('/a', { headers: { Host: 'c.example.org' } })).status).toBe(421);
  });

  it('do not come back by a ticket once another authority vouches', async () => {
    const dir = await certificateDir();
    const [one, two] = [
      await certificate([], { name: 'one', isAuthority: true }),
      await certificate([], { name: 'two', isAuthority: true }),
    ];
    const ca = await dir.write('ca.pem', one.cert);
    const { edge } = await given({ clientAuth: { mode: 'require', ca } });
    const pem = await certificate([], { name: 'somebody', by: one });
    const port = Number(new URL(edge.secureUrl).port);
    const options = {
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
      ...pem,
    } as const;
    const first = connectTls(options);
    await once(first, 'secureConnect');
    const session = first.getSession();
    first.destroy();
    const again = connectTls({ ...options, session });
    await once(again, 'secureConnect');
    expect(again.isSessionReused()).toBe(true);
    again.destroy();
    await dir.write('ca.pem', two.cert);
    expect(await edge.reload()).toMatchObject({ ok: true });
    const late = connectTls({ ...options, session });
    await expect(once(late, 'secureConnect')).rejects.toThrow();
  });
});

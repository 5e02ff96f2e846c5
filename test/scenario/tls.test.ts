// TLS with clients over HTTP/1.1: which certificate is shown, what the request is taken for, resumption, reload.

import { once } from 'node:events';
import { symlink, unlink } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { createLog } from '../../src/observe/log.ts';
import { TlsKeeper } from '../../src/tls/keeper.ts';
import type { TlsTerms } from '../../src/tls/terms.ts';
import { certificate, certificateDir } from '../support/certificates.ts';
import { cacheStatus, connect } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import { headersOf, proxied, type Settings, until } from '../support/proxying.ts';

const named = async (...hosts: string[]) => (await certificateDir()).put('site', await certificate(hosts));

/** Settings of TLS with a certificate for a.example.org, and more. */
async function withTls(tls: Settings = {}): Promise<Settings> {
  return { tls: { listen: '127.0.0.1:0', certificates: [await named('a.example.org')], ...tls } };
}

/** A handshake; the caller ends it. */
async function shake(edge: TestEdge, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const port = Number(new URL(edge.secureUrl).port);
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

/** A handshake, and the session that it lets the client come back with. */
async function sessionOf(edge: TestEdge, options: ConnectionOptions): Promise<Buffer> {
  const port = Number(new URL(edge.secureUrl).port);
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  const [session] = await once(socket, 'session');
  socket.destroy();
  return session;
}

const subjectOf = async (edge: TestEdge, servername: string | undefined): Promise<string | undefined> => {
  const socket = await shake(edge, servername === undefined ? {} : { servername });
  const subject = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return Array.isArray(subject) ? subject.join() : subject;
};

describe('the certificate shown', () => {
  it('is the one for the host that the client names: exact, by wildcard, else the first', async () => {
    const certificates = [
      await named('a.example.org', 'b.example.org'),
      await named('*.example.org'),
      await named('example.net'),
    ];
    const { edge } = await proxied({ tls: { listen: '127.0.0.1:0', certificates } });
    const shown = async (name?: string): Promise<string | undefined> => subjectOf(edge, name);
    expect(await shown('a.example.org')).toBe('a.example.org');
    expect(await shown('B.Example.org')).toBe('a.example.org');
    expect(await shown('x.example.org')).toBe('*.example.org');
    expect(await shown('x.y.example.org')).toBe('a.example.org');
    expect(await shown('example.net')).toBe('example.net');
    expect(await shown('unknown.example')).toBe('a.example.org');
    expect(await shown()).toBe('a.example.org');
  });

  it('is refused for an unknown host where the settings say so', async () => {
    const { edge } = await proxied(await withTls({ unknownHost: 'refuse' }));
    await expect(shake(edge, { servername: 'unknown.example' })).rejects.toThrow();
    expect(await subjectOf(edge, 'a.example.org')).toBe('a.example.org');
  });

  it('may be of two kinds for the first host, by what the client knows', async () => {
    const dir = await certificateDir();
    const certificates = [
      await dir.put('ec', await certificate(['a.example.org'], { name: 'ec', keyType: 'ec' })),
      await dir.put('rsa', await certificate(['a.example.org'], { name: 'rsa', keyType: 'rsa' })),
    ];
    const { edge } = await proxied({ tls: { listen: '127.0.0.1:0', certificates } });
    const shown = async (sigalgs: string): Promise<unknown> => {
      const socket = await shake(edge, { servername: 'a.example.org', sigalgs });
      return socket.getPeerCertificate().subject.CN;
    };
    expect(await shown('ecdsa_secp256r1_sha256')).toBe('ec');
    expect(await shown('rsa_pss_rsae_sha256:RSA+SHA256')).toBe('rsa');
  });
});

describe('a request over TLS', () => {
  it('is taken for https: in the key, in what the origin sees, and in what is logged', async () => {
    const { origin, edge } = await proxied(await withTls());
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'over TLS' });
    const client = await connect(edge.secureUrl, { servername: 'a.example.org' });
    const first = await client.send('/a', { headers: { Host: 'a.example.org:443' } });
    const second = await client.send('/a', { headers: { Host: 'a.example.org' } });
    client.close();
    expect([first.status, first.body.toString(), first.complete]).toEqual([200, 'over TLS', true]);
    expect(cacheStatus(second)).toMatchObject({ hit: true });
    const plain = await connect(edge.url);
    expect(cacheStatus(await plain.send('/a', { headers: { Host: 'a.example.org' } }))).toMatchObject({
      fwd: 'uri-miss',
    });
    plain.close();
    expect(headersOf(origin, '/a')).toMatchObject({ 'x-forwarded-proto': 'https' });
    expect(headersOf(origin, '/a').forwarded).toContain('proto=https');
    expect(edge.requests().map(({ scheme }) => scheme)).toEqual(['https', 'https', 'http']);
  });

  it('may purge what is stored under https', async () => {
    const { origin, edge } = await proxied(await withTls());
    origin.on('/a', { headers: { 'Cache-Control': 'max-age=60' }, body: 'x' });
    const client = await connect(edge.secureUrl);
    const Host = 'a.example.org';
    await client.send('/a', { headers: { Host } });
    const receipt = await client.send('/a', { method: 'PURGE', headers: { Host } });
    expect(receipt.status).toBe(200);
    expect(JSON.parse(receipt.body.toString())).toMatchObject({ selector: { url: `//${Host}/a` } });
    expect(cacheStatus(await client.send('/a', { headers: { Host } }))).toMatchObject({ fwd: 'uri-miss' });
    client.close();
  });

  it('carries large content both ways, whole', async () => {
    const { origin, edge } = await proxied(await withTls());
    const content = Buffer.alloc(3_000_000, 'abcdefghij');
    origin.on('/up', { body: 'taken' });
    origin.on('/down', { body: content });
    const client = await connect(edge.secureUrl);
    const up = await client.send('/up', { method: 'POST', body: content });
    expect(up.body.toString()).toBe('taken');
    expect(origin.requests('/up')[0]?.body.equals(content)).toBe(true);
    const down = await client.send('/down');
    expect(down.body.equals(content)).toBe(true);
    client.close();
  });

  it('that breaks off at the origin breaks off visibly', async () => {
    const { origin, edge } = await proxied(await withTls());
    origin.on('/cut', { headers: { 'Content-Length': '1000000' }, body: 'x', cut: 'fin' });
    const client = await connect(edge.secureUrl);
    expect((await client.send('/cut')).complete).toBe(false);
    await client.closed;
  });
});

describe('a client over TLS that closes its side', () => {
  it('is answered what it has asked', async () => {
    const { origin, edge } = await proxied(await withTls());
    const held = Promise.withResolvers<void>();
    origin.on('/slow', { body: 'late', after: held.promise });
    const port = Number(new URL(edge.secureUrl).port);
    const below = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
    const socket = await shake(edge, { servername: 'a.example.org', socket: below });
    socket.end('GET /slow HTTP/1.1\r\nHost: a.example.org\r\n\r\n');
    await until(() => origin.requests('/slow').length === 1);
    held.resolve();
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 .*late$/s);
  });
});

describe('a handshake', () => {
  it('is of TLS 1.2 or newer, and of 1.3 only where the settings say so', async () => {
    const { edge } = await proxied(await withTls());
    expect((await shake(edge, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2');
    expect((await shake(edge)).getProtocol()).toBe('TLSv1.3');
    await expect(
      shake(edge, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ).rejects.toThrow();
    const { edge: strict } = await proxied(await withTls({ minVersion: '1.3' }));
    await expect(shake(strict, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });

  it('that never comes ends at the deadline for a head', async () => {
    const { edge } = await proxied({ ...(await withTls()), client: { headTimeout: '200ms' } });
    const socket = connectSocket(Number(new URL(edge.secureUrl).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    const closed = once(socket.resume(), 'close');
    edge.clock.advance(1000);
    await closed;
  });

  it('whose client closes its side ends at once', async () => {
    const { edge } = await proxied(await withTls());
    const port = Number(new URL(edge.secureUrl).port);
    const socket = connectSocket({ port, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.end();
    await once(socket.resume(), 'end');
  });

  it('that fails is counted, and the next is made', async () => {
    const { edge } = await proxied(await withTls());
    const socket = connectSocket(Number(new URL(edge.secureUrl).port), '127.0.0.1');
    socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket.resume(), 'close');
    expect(await subjectOf(edge, 'a.example.org')).toBe('a.example.org');
    const page = await (await fetch(`${edge.admin}/metrics`)).text();
    expect(page).toMatch(/holdfast_tls_handshake_failures_total\{reason="ERR_SSL_HTTP_REQUEST"\} 1/);
  });

  it('is shortened by a session ticket, in TLS 1.2 and 1.3, on every worker', async () => {
    const { edge } = await proxied({ ...(await withTls()), workers: 2 });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const session = await sessionOf(edge, { maxVersion, servername: 'a.example.org' });
      for (let i = 0; i < 8; i++) {
        const again = await shake(edge, { maxVersion, servername: 'a.example.org', session });
        expect(again.isSessionReused()).toBe(true);
        again.destroy();
      }
    }
  });
});

describe('draining', () => {
  it('lets a response over TLS finish, and ends idle connections and handshakes under way', async () => {
    const { origin, edge } = await proxied({ ...(await withTls()), timeouts: { drain: '30s' } });
    const held = Promise.withResolvers<void>();
    origin.on('/slow', { body: 'late', after: held.promise });
    const [busy, idle] = [await connect(edge.secureUrl), await connect(edge.secureUrl)];
    const silent = connectSocket(Number(new URL(edge.secureUrl).port), '127.0.0.1');
    await once(silent, 'connect');
    await idle.send('/other');
    const slow = busy.send('/slow');
    await until(() => origin.requests('/slow').length === 1);
    edge.clock.advance(1000);
    const closed = edge.close();
    await Promise.all([idle.closed, once(silent.resume(), 'close')]);
    held.resolve();
    expect((await slow).body.toString()).toBe('late');
    expect((await slow).headers.connection).toBe('close');
    await closed;
  });
});

describe('new certificates', () => {
  it('are shown after a reload, and connections that are open go on', async () => {
    const dir = await certificateDir();
    const files = await dir.put('site', await certificate(['a.example.org'], { name: 'old' }));
    const { origin, edge } = await proxied({
      tls: { listen: '127.0.0.1:0', certificates: [files] },
      workers: 2,
    });
    origin.on('/a', { body: 'x' });
    const open = await connect(edge.secureUrl);
    expect((await open.send('/a')).status).toBe(200);
    await dir.put('site', await certificate(['a.example.org'], { name: 'new' }));
    expect(await edge.reload()).toMatchObject({ ok: true });
    for (let i = 0; i < 4; i++) expect(await subjectOf(edge, 'a.example.org')).toBe('new');
    expect((await open.send('/a')).status).toBe(200);
    open.close();
  });

  it('that cannot be used leave the old ones, and the reload says why', async () => {
    const dir = await certificateDir();
    const files = await dir.put('site', await certificate(['a.example.org'], { name: 'old' }));
    const { edge } = await proxied({ tls: { listen: '127.0.0.1:0', certificates: [files] } });
    await dir.write('site.pem', (await certificate(['a.example.org'], { name: 'new' })).cert);
    expect(await edge.reload()).toMatchObject({
      ok: false,
      error: expect.stringMatching(
        /tls\.certificates\[0\]\.key: ".*site\.key": not the private key of the certificate/,
      ),
    });
    expect(await subjectOf(edge, 'a.example.org')).toBe('old');
  });

  it('are found by themselves when a link is put on other files, once both are there', async () => {
    const dir = await certificateDir();
    const given: TlsTerms[] = [];
    const lines: string[] = [];
    const { log } = createLog({ level: 'info', to: { write: (line) => void lines.push(line) } });
    const link = async (to: string, name: string): Promise<void> => {
      await unlink(join(dir.path, name)).catch(() => undefined);
      await symlink(to, join(dir.path, name));
    };
    const one = await dir.put('1', await certificate(['a.example.org'], { name: 'one' }));
    const two = await dir.put('2', await certificate(['b.example.org'], { name: 'two' }));
    await link(one.cert, 'live.pem');
    await link(one.key, 'live.key');
    const certificates = [{ cert: join(dir.path, 'live.pem'), key: join(dir.path, 'live.key') }];
    const { tls } = parseConfig({ origin: 'demo', tls: { listen: '127.0.0.1:0', certificates } }, 'test');
    if (tls === undefined) throw new Error('no TLS');
    const keeper = await TlsKeeper.open({
      settings: tls,
      log,
      now: Date.now,
      give: async (terms) => void given.push(terms),
      everyMs: 5,
    });
    onTestFinished(() => keeper.close());
    keeper.watch();
    await link(two.cert, 'live.pem');
    await until(() => lines.some((line) => line.includes('not the private key')));
    expect(given).toEqual([]);
    await link(two.key, 'live.key');
    await until(() => given.length > 0);
    expect(given.at(-1)?.certificates.map(({ names }) => names)).toEqual([['b.example.org']]);
  });

  it('keep the key for tickets until its time is over; then every worker gets the same new one', async () => {
    const { tls } = parseConfig({ origin: 'demo', ...(await withTls()) }, 'test');
    if (tls === undefined) throw new Error('no TLS');
    const { log } = createLog({ level: 'silent' });
    const given: TlsTerms[] = [];
    let now = Date.now();
    const keeper = await TlsKeeper.open({
      settings: tls,
      log,
      now: () => now,
      give: async (terms) => void given.push(terms),
      everyMs: 5,
    });
    onTestFinished(() => keeper.close());
    const { ticketKey } = keeper.terms;
    await keeper.reload();
    expect(given.at(-1)?.ticketKey).toEqual(ticketKey);
    keeper.watch();
    now += 12 * 3_600_000;
    await until(() => given.length > 1);
    expect(given.at(-1)?.ticketKey).not.toEqual(ticketKey);
    expect(given.at(-1)?.ticketKey).toHaveLength(48);
  });
});

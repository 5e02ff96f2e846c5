// What is spoken with the origins of a group, and over what: TLS by the operator's terms, HTTP/2, unix sockets, names.

import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { constants, createSecureServer, type Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { certificate, certificateDir } from '../support/certificates.ts';
import { cacheStatus, get } from '../support/client.ts';
import { scratchDir, startEdge, type TestEdge } from '../support/edge.ts';
import { textOf } from '../support/group.ts';
import { ConnectionSet, listen } from '../support/listen.ts';

const NO_STORE = { 'cache-control': 'no-store' };

async function edgeWith(app: Readonly<Record<string, unknown>>): Promise<TestEdge> {
  const edge = await startEdge({
    origin: 'app',
    settings: { origins: { app }, timeouts: { drain: '0ms' } },
  });
  onTestFinished(() => edge.close());
  return edge;
}

async function serve(
  server: Server,
): Promise<{ readonly port: number; readonly connections: ConnectionSet }> {
  const connections = new ConnectionSet();
  server.on('connection', (socket: Socket) => connections.add(socket));
  onTestFinished(() => connections.close(server));
  return { port: await listen(server), connections };
}

describe('an origin over TLS', () => {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { servername } = request.socket as TLSSocket;
    response.writeHead(200, NO_STORE).end(String(servername));
  };

  it('is taken by the terms of the settings: its own authority and name, or any', async () => {
    const dir = await certificateDir();
    const ca = await certificate([], { name: 'Our authority', isAuthority: true });
    const own = await certificate(['app.internal'], { by: ca });
    const caFile = await dir.write('ca.pem', ca.cert);
    const { port } = await serve(createHttps(own, answer));
    const url = `https://127.0.0.1:${port}`;
    const failure = async (tls: unknown): Promise<unknown> => {
      const response = await get((await edgeWith({ servers: [{ url, tls }] })).url, '/a');
      return response.status === 200 ? textOf(response) : cacheStatus(response).detail;
    };
    expect(await failure(undefined)).toBe('tls');
    expect(await failure({ ca: caFile })).toBe('tls');
    expect(await failure({ serverName: 'app.internal' })).toBe('tls');
    expect(await failure({ ca: caFile, serverName: 'other.internal' })).toBe('tls');
    expect(await failure({ ca: caFile, serverName: 'app.internal' })).toBe('app.internal');
    expect(await failure({ insecure: true })).toBe('false');
  });

  it('is shown the certificate of the settings', async () => {
    const dir = await certificateDir();
    const ca = await certificate([], { name: 'Our authority', isAuthority: true });
    const own = await certificate(['localhost'], { by: ca });
    const edges = await dir.put('edge', await certificate(['edge.internal'], { by: ca }));
    const { port } = await serve(
      createHttps(
        { ...own, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
        (request, response) => {
          const { subject } = (request.socket as TLSSocket).getPeerCertificate();
          response.writeHead(200, NO_STORE).end(subject.CN);
        },
      ),
    );
    const tls = { ca: await dir.write('ca.pem', ca.cert) };
    const url = `https://localhost:${port}`;
    const without = await edgeWith({ servers: [{ url }], tls });
    expect((await get(without.url, '/a')).status).toBe(502);
    const edge = await edgeWith({
      servers: [{ url }],
      tls: { ...tls, certificate: edges.cert, key: edges.key },
    });
    expect(textOf(await get(edge.url, '/a'))).toBe('edge.internal');
  });
});

describe('an origin on a unix socket', () => {
  it('is asked like any other', async () => {
    const { path, remove } = await scratchDir();
    const server = createHttp((request, response) => {
      response.writeHead(200, NO_STORE).end(`${request.headers.host} ${request.url}`);
    });
    server.listen(join(path, 'app.sock'));
    await once(server, 'listening');
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await remove();
    });
    const edge = await edgeWith({ servers: [{ url: `unix:${join(path, 'app.sock')}` }] });
    expect(textOf(await get(edge.url, '/a?b', { headers: { Host: 'www.example.org' } }))).toBe(
      'www.example.org /a?b',
    );
    const gone = await edgeWith({ servers: [{ url: `unix:${join(path, 'none.sock')}` }] });
    expect(cacheStatus(await get(gone.url, '/a'))).toMatchObject({ detail: 'refused' });
  });
});

describe('an origin that speaks HTTP/2', () => {
  async function given(http2: boolean, answer: (path: string, response: Http2ServerResponse) => void) {
    const dir = await certificateDir();
    const own = await certificate(['localhost']);
    const versions = new Set<string>();
    const sessions: ServerHttp2Session[] = [];
    const server = createSecureServer({ ...own, allowHTTP1: true }, (request, response) => {
      versions.add(request.httpVersion);
      answer(request.url, response);
    });
    server.on('session', (session) => sessions.push(session));
    const { port, connections } = await serve(server);
    const edge = await edgeWith({
      servers: [{ url: `https://localhost:${port}` }],
      tls: { ca: await dir.write('ca.pem', own.cert) },
      http2,
    });
    return { edge, versions, sessions, connections };
  }

  const echo = (path: string, response: Http2ServerResponse): void => {
    response.writeHead(200, { ...NO_STORE, 'set-cookie': ['a=1', 'b=2'] });
    response.end(path.repeat(1000));
  };

  it('is spoken with in HTTP/2 by setting, many at once on one connection', async () => {
    const { edge, versions, connections } = await given(true, echo);
    await get(edge.url, '/first');
    const responses = await Promise.all(Array.from({ length: 50 }, (_, i) => get(edge.url, `/${i}`)));
    responses.forEach((response, i) => {
      expect(response).toMatchObject({ status: 200, complete: true });
      expect(response.body.toString()).toBe(`/${i}`.repeat(1000));
    });
    expect(versions).toEqual(new Set(['2.0']));
    expect(connections.accepted).toBe(1);
    const [one] = responses;
    expect(one?.rawHeaders.filter((name) => name.toLowerCase() === 'set-cookie')).toHaveLength(2);
  });

  it('is spoken with in HTTP/1.1 else', async () => {
    const { edge, versions } = await given(false, echo);
    await get(edge.url, '/a');
    expect(versions).toEqual(new Set(['1.1']));
  });

  it('takes content', async () => {
    const { edge } = await given(true, (_path, response) => {
      const { stream } = response;
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
      stream.on('end', () => response.writeHead(200, NO_STORE).end(String(bytes)));
    });
    const posted = await get(edge.url, '/form', { method: 'POST', body: 'x'.repeat(200_000) });
    expect(textOf(posted)).toBe('200000');
  });

  it('that breaks off or contradicts its length gives a broken transfer, or 502 before the head', async () => {
    const { edge } = await given(true, (path, response) => {
      const { stream } = response;
      if (path === '/early') return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': '100' });
      response.write('the beginning');
      if (path === '/short') response.end();
      else setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 30);
    });
    expect(cacheStatus(await get(edge.url, '/early'))).toMatchObject({ detail: 'reset' });
    for (const path of ['/short', '/late']) {
      expect(await get(edge.url, path)).toMatchObject({ complete: false });
      expect(cacheStatus(await get(edge.url, path)).hit).toBe(false);
    }
  });

  it('that goes away is asked anew on another connection', async () => {
    const { edge, sessions, connections } = await given(true, echo);
    await get(edge.url, '/a');
    sessions[0]?.goaway(0);
    await Promise.all(Array.from({ length: 5 }, (_, i) => get(edge.url, `/${i}`))).then((all) => {
      for (const one of all) expect(one).toMatchObject({ status: 200, complete: true });
    });
    expect(connections.accepted).toBeGreaterThan(1);
  });
});

describe('an origin by name', () => {
  it('is found at whichever of its addresses answers', async () => {
    const server = createHttp((_request, response) => response.writeHead(200, NO_STORE).end('here'));
    const { port } = await serve(server);
    // localhost may be ::1 as well, where nobody listens.
    const edge = await edgeWith({ servers: [{ url: `http://localhost:${port}` }] });
    for (let i = 0; i < 3; i += 1) expect(textOf(await get(edge.url, `/${i}`))).toBe('here');
  });
});

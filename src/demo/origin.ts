// The demonstration origin: a small real site on a free port of this host that answers slowly, so that the first and the
// second request through the edge differ visibly. Owns the server and its delay; site.ts says what there is.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, answer } from './answer.ts';
import { loadSite, type Site } from './site.ts';

export interface DemoOriginOptions {
  /** How long each answer takes; 800 unless told. */
  readonly delayMs?: number;
  /** Epoch ms. */
  readonly now?: () => number;
}

export interface DemoOrigin {
  /** http://127.0.0.1:port */
  readonly url: string;
  /** Cuts what is in flight. */
  close(): Promise<void>;
}

const METHODS = ['GET', 'HEAD'];

export async function startDemoOrigin({
  delayMs = 800,
  now = Date.now,
}: DemoOriginOptions = {}): Promise<DemoOrigin> {
  const site = loadSite();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    const timer = setTimeout(() => reply(request, response, respond(site, request, now()), now()), delayMs);
    response.on('close', () => clearTimeout(timer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the demonstration origin has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function respond(site: Site, request: IncomingMessage, now: number): Answer {
  if (!METHODS.includes(request.method ?? '')) {
    return plain(405, { allow: METHODS.join(', ') }, 'This site is only for reading.\n');
  }
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (path === '/api/time') {
    const body = JSON.stringify({
      time: new Date(now).toISOString(),
      note: 'no-store: every request reaches the origin',
    });
    return {
      status: 200,
      fields: { 'cache-control': 'no-store', 'content-type': 'application/json' },
      body: Buffer.from(body),
    };
  }
  const fields = Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values]) => [name, values?.join(', ')]),
  );
  const found = site.find(path, now);
  return found === undefined ? answer(site.notFound, fields, 404) : answer(found, fields);
}

function plain(status: number, fields: Readonly<Record<string, string>>, text: string): Answer {
  return {
    status,
    fields: { 'content-type': 'text/plain; charset=utf-8', ...fields },
    body: Buffer.from(text),
  };
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  { status, fields, body }: Answer,
  now: number,
): void {
  const length = status === 304 ? {} : { 'content-length': String(body.length) };
  response.writeHead(status, { date: new Date(now).toUTCString(), ...fields, ...length });
  response.end(request.method === 'HEAD' ? undefined : body);
}

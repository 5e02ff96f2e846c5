// An edge before a FastCGI server: what it is asked, what becomes of its answers, and of its faults.

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cacheStatus, get, open } from '../support/client.ts';
import type { TestEdge } from '../support/edge.ts';
import {
  endRecord,
  type FastCgiHandler,
  type FastCgiResponder,
  fastCgiResponder,
  record,
} from '../support/fastcgi.ts';
import { edgeBefore, type Settings, until } from '../support/proxying.ts';
import { diskDir, fleeting } from '../support/scene.ts';

const OK = 'Content-Type: text/plain\r\nCache-Control: max-age=60\r\n\r\nhello';

async function before(
  handler: FastCgiHandler,
  fastcgi: Settings = {},
  settings: Settings = {},
  path?: string,
): Promise<{ edge: TestEdge; php: FastCgiResponder }> {
  const php = await fastCgiResponder(handler, path);
  onTestFinished(() => php.close());
  const set = { root: '/srv', checkFiles: false, ...fastcgi };
  return { php, edge: await edgeBefore(php.url, { ...settings, fastcgi: set }) };
}

const hello: FastCgiHandler = (_, reply) => {
  reply.stdout(OK);
  reply.end();
};

describe('a FastCGI origin', () => {
  it('is asked for a script with its variables, and its answer is stored as any', async () => {
    const { edge, php } = await before(hello, { params: { APP_ENV: 'test' } });
    const first = await get(edge.url, '/a.php/b?q=1', { headers: { 'X-Custom': 'yes', Proxy: 'evil' } });
    const second = await get(edge.url, '/a.php/b?q=1');
    expect(first).toMatchObject({ status: 200, complete: true });
    expect(first.body.toString()).toBe('hello');
    expect(cacheStatus(first)).toMatchObject({ fwd: 'uri-miss', stored: true });
    expect(cacheStatus(second)).toMatchObject({ hit: true });
    expect(php.requests).toHaveLength(1);
    expect(php.requests[0]?.params).toMatchObject({
      SCRIPT_FILENAME: '/srv/a.php',
      SCRIPT_NAME: '/a.php',
      PATH_INFO: '/b',
      QUERY_STRING: 'q=1',
      REQUEST_URI: '/a.php/b?q=1',
      REMOTE_ADDR: '127.0.0.1',
      REDIRECT_STATUS: '200',
      HTTP_X_CUSTOM: 'yes',
      HTTP_X_FORWARDED_FOR: '127.0.0.1',
      HTTP_HOST: `127.0.0.1:${edge.port}`,
      APP_ENV: 'test',
    });
    expect(php.requests[0]?.params).not.toHaveProperty('HTTP_PROXY');
  });

  it('is told of the client that a trusted proxy names', async () => {
    const { edge, php } = await before(hello, {}, { trustedProxies: ['127.0.0.1'] });
    await get(edge.url, '/a.php', {
      headers: { 'X-Forwarded-For': '192.0.2.9', 'X-Forwarded-Proto': 'https' },
    });
    expect(php.requests[0]?.params).toMatchObject({ REMOTE_ADDR: '192.0.2.9', HTTPS: 'on' });
  });

  it('may listen on a unix socket', async () => {
    const { edge } = await before(hello, {}, {}, join(await diskDir(), 'php.sock'));
    expect((await get(edge.url, '/a.php')).status).toBe(200);
  });

  it('is asked for nothing outside the root and for no script inside a file', async () => {
    const { edge, php } = await before(hello);
    const statuses: Record<string, number> = {};
    for (const path of ['/..%2f..%2fetc/x.php', '/a%00.php', '/upload.jpg/x.php', '/upload.jpg'])
      statuses[path] = (await get(edge.url, path)).status;
    expect(statuses).toEqual({
      '/..%2f..%2fetc/x.php': 400,
      '/a%00.php': 400,
      '/upload.jpg/x.php': 404,
      '/upload.jpg': 404,
    });
    expect(php.requests).toHaveLength(0);
  });

  it('is asked only for scripts that are there, where the root is on this host', async () => {
    const root = await diskDir();
    await mkdir(join(root, 'dir'));
    for (const name of ['index.php', 'dir/index.php', 'a.php', 'upload.jpg'])
      await writeFile(join(root, name), '');
    const { edge, php } = await before(hello, { root, checkFiles: true, fallback: '/index.php' });
    const statuses: number[] = [];
    for (const path of ['/dir/', '/pretty', '/a.php', '/no.php', '/upload.jpg/x.php'])
      statuses.push((await get(edge.url, path)).status);
    expect(statuses).toEqual([200, 200, 200, 404, 404]);
    expect(php.requests.map(({ params }) => params.SCRIPT_FILENAME)).toEqual(
      ['dir/index.php', 'index.php', 'a.php'].map((name) => join(root, name)),
    );
  });

  it('says what it has written to its error stream, bounded, in the log', async () => {
    const { edge } = await before((_, reply) => {
      for (let i = 0; i < 100; i++) reply.stderr('Notice: something '.repeat(100));
      hello(_, reply);
    });
    await get(edge.url, '/a.php');
    const line = edge.log.find(({ msg }) => msg === 'a script wrote to its error stream');
    expect(line).toMatchObject({ script: '/a.php' });
    expect(String(line?.stderr)).toMatch(/^Notice: something/);
    expect(String(line?.stderr)).toHaveLength(8192);
  });
});

describe('content to a FastCGI origin', () => {
  const echo: FastCgiHandler = async ({ params, content }, reply) => {
    const body = await content();
    reply.stdout(`X-Length: ${params.CONTENT_LENGTH}\n\n`);
    reply.stdout(body);
    reply.end();
  };
  async function* pieces(content: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < content.length; at += 10_000) yield content.subarray(at, at + 10_000);
  }

  it.each([0, 1, 65_535, 65_536, 1_000_003])('of %i bytes arrives as it was sent', async (bytes) => {
    const { edge } = await before(echo);
    const body = randomBytes(bytes);
    const response = await get(edge.url, '/a.php', { method: 'POST', body });
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.headers['x-length']).toBe(bytes === 0 ? '' : String(bytes));
    expect(response.body.equals(body)).toBe(true);
  });

  it('without a length is held until its length is known', async () => {
    const { edge } = await before(echo);
    const body = randomBytes(300_000);
    const response = await get(edge.url, '/a.php', { method: 'POST', body: pieces(body) });
    expect(response.headers['x-length']).toBe('300000');
    expect(response.body.equals(body)).toBe(true);
  });

  it('without a length is refused with 411 beyond the bound', async () => {
    const { edge, php } = await before(echo, { maxChunked: '64KB' });
    const response = await get(edge.url, '/a.php', { method: 'POST', body: pieces(randomBytes(70_000)) });
    expect(response.status).toBe(411);
    expect(php.requests).toHaveLength(0);
    // What was held is given back.
    const fits = await get(edge.url, '/a.php', { method: 'POST', body: pieces(randomBytes(60_000)) });
    expect(fits.status).toBe(200);
  });

  it('that its client breaks off ends the request', async () => {
    const { edge, php } = await before(() => undefined);
    const headers = { 'Content-Length': '100' };
    void open(edge.url, '/a.php', { method: 'POST', headers, body: 'half' }).catch(() => undefined);
    await until(() => php.requests.length === 1);
    const client = await fleeting(edge, '/b.php');
    await until(() => php.requests.length === 2);
    client.reset();
    expect(await php.requests[1]?.gone).toMatch(/aborted|closed/);
  });
});

describe('responses of a FastCGI origin', () => {
  it('arrive whole in records of any size, with padding', async () => {
    const body = randomBytes(200_000);
    const { edge } = await before((_, reply) => {
      reply.stdout('Content-Type: a/b\n\n', { size: 3, padding: 5 });
      reply.stdout(body, { size: 1021, padding: 7 });
      reply.end();
    });
    const response = await get(edge.url, '/a.php');
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.body.equals(body)).toBe(true);
  });

  it('are streamed: the client has the first bytes before the script has ended', async () => {
    let finish = (): void => undefined;
    const { edge } = await before((_, reply) => {
      reply.stdout('Cache-Control: no-store\n\nfirst');
      finish = () => {
        reply.stdout('second');
        reply.end();
      };
    });
    const response = await open(edge.url, '/a.php');
    expect(String(await response.read(5))).toBe('first');
    finish();
    expect(String(await response.rest())).toBe('second');
  });

  it.each([
    ['HEAD', 'Content-Length: 5\n\nhello', 'HEAD', 200],
    ['a 304', 'Status: 304 Not Modified\nETag: "a"\n\njunk', 'GET', 304],
    ['a 204', 'Status: 204 No Content\n\njunk', 'GET', 204],
  ])('have no content where there is none: %s', async (_, output, method, status) => {
    const { edge } = await before((_request, reply) => {
      reply.stdout(output);
      reply.end();
    });
    const response = await get(edge.url, '/a.php', { method });
    expect(response).toMatchObject({ status, complete: true });
    expect(response.body).toHaveLength(0);
  });

  it('are validated with 304', async () => {
    const { edge, php } = await before(({ params }, reply) => {
      const known = params.HTTP_IF_NONE_MATCH === '"v1"';
      reply.stdout(`${known ? 'Status: 304 Not Modified\n' : ''}ETag: "v1"\nCache-Control: no-cache\n\n`);
      if (!known) reply.stdout('content');
      reply.end();
    });
    await get(edge.url, '/a.php');
    const again = await get(edge.url, '/a.php');
    expect(again.body.toString()).toBe('content');
    expect(cacheStatus(again)).toMatchObject({ fwdStatus: 304 });
    expect(php.requests).toHaveLength(2);
  });

  it('held back by a slow client hold the script back', async () => {
    const TOTAL = 800;
    let written = 0;
    const { edge } = await before((_, reply) => {
      reply.stdout('Cache-Control: no-store\n\n');
      const more = (): void => {
        while (written < TOTAL) {
          written++;
          if (!reply.socket.write(record(6, Buffer.alloc(60_000))))
            return void reply.socket.once('drain', more);
        }
        reply.end();
      };
      more();
    });
    const response = await open(edge.url, '/a.php');
    for (let seen = -1; seen !== written || written === 0; ) {
      seen = written;
      await wait(200);
    }
    expect(written).toBeLessThan(TOTAL);
    expect(await response.rest()).toHaveLength(TOTAL * 60_000);
  });
});

describe('faults of a FastCGI origin', () => {
  const faults: readonly [string, number, string, (reply: Parameters<FastCgiHandler>[1]) => void][] = [
    ['no head', 502, 'malformed', (reply) => reply.end()],
    ['a head that is none', 502, 'malformed', (reply) => reply.stdout('<html>\n\n')],
    ['a field with a CR in it', 502, 'malformed', (reply) => reply.stdout('X: a\rSet-Cookie: evil\n\n')],
    ['no records at all', 502, 'malformed', (reply) => void reply.socket.write('HTTP/1.1 200 OK\r\n\r\n')],
    ['a close before the head', 502, 'reset', (reply) => void reply.socket.end()],
    [
      'a refusal for want of processes',
      503,
      'overloaded',
      (reply) => void reply.socket.write(endRecord(0, 2)),
    ],
    ['an unknown role', 502, 'malformed', (reply) => void reply.socket.write(endRecord(0, 3))],
    ['silence', 504, 'first-byte-timeout', () => undefined],
  ];

  it.each(faults)('%s gives %i %s', async (_, status, detail, act) => {
    const { edge } = await before((_request, reply) => act(reply), {}, { timeouts: { firstByte: '300ms' } });
    const response = await get(edge.url, '/a.php');
    expect(response.status).toBe(status);
    expect(cacheStatus(response)).toMatchObject({ detail });
  });

  const broken: readonly [string, (reply: Parameters<FastCgiHandler>[1]) => void][] = [
    ['a close', (reply) => void reply.socket.end()],
    ['less than announced', (reply) => reply.end()],
    ['more than announced', (reply) => reply.stdout('x'.repeat(100))],
    ['a record of another request', (reply) => void reply.socket.write(record(6, Buffer.from('x'), 0, 9))],
    ['silence', () => undefined],
  ];

  it.each(broken)('in the middle break the transfer and store nothing: %s', async (_, act) => {
    const { edge, php } = await before(
      (_request, reply) => {
        reply.stdout('Content-Length: 20\nCache-Control: max-age=60\n\nhalf');
        act(reply);
      },
      {},
      { timeouts: { idle: '300ms' } },
    );
    const response = await get(edge.url, '/a.php');
    expect(response.complete).toBe(false);
    await get(edge.url, '/a.php');
    expect(php.requests).toHaveLength(2);
  });

  it('that a script tells by its status break a transfer whose end nothing else tells', async () => {
    const { edge } = await before((_, reply) => {
      reply.stdout(OK);
      reply.end(255);
    });
    expect((await get(edge.url, '/a.php')).complete).toBe(false);
  });

  it('are no ground for forgetting: what is stored stands in', async () => {
    let works = true;
    const { edge } = await before((_, reply) => {
      if (works) reply.stdout('Cache-Control: max-age=1, stale-if-error=600\n\nkept');
      else reply.socket.destroy();
      reply.end();
    });
    await get(edge.url, '/a.php');
    works = false;
    edge.clock.advance(10_000);
    const response = await get(edge.url, '/a.php');
    expect(response).toMatchObject({ status: 200 });
    expect(cacheStatus(response)).toMatchObject({ detail: 'stale-if-error' });
  });

  it('of nobody listening is told as refused', async () => {
    const { edge } = await before(hello, {}, {}, join(await diskDir(), 'php.sock'));
    const gone = await edgeBefore(`fastcgi://${join(await diskDir(), 'none.sock')}`, {
      fastcgi: { root: '/srv', checkFiles: false },
    });
    expect((await get(edge.url, '/a.php')).status).toBe(200);
    expect(cacheStatus(await get(gone.url, '/a.php'))).toMatchObject({ detail: 'refused' });
  });
});

describe('connections to a FastCGI origin', () => {
  const private_: FastCgiHandler = (_, reply) => {
    reply.stdout('Cache-Control: no-store\n\nx');
    reply.end();
  };

  it('are closed after each request unless some are to be kept', async () => {
    const { edge, php } = await before(private_);
    for (let i = 0; i < 3; i++) await get(edge.url, '/a.php');
    expect(php.requests.map(({ keepConnection }) => keepConnection)).toEqual([false, false, false]);
    expect(php.connections).toBe(3);
  });

  it('are used again where some are kept', async () => {
    const { edge, php } = await before(private_, { keepAlive: 2 });
    for (let i = 0; i < 3; i++) await get(edge.url, '/a.php');
    expect(php.requests.map(({ connection }) => connection)).toEqual([1, 1, 1]);
    expect(php.requests[0]?.keepConnection).toBe(true);
  });

  it('that the server closed just now cost a GET a second try, and a POST a 502', async () => {
    const { edge, php } = await before(
      (request, reply) => {
        if (php.requests.filter(({ connection }) => connection === request.connection).length > 1)
          return void reply.socket.destroy();
        private_(request, reply);
      },
      { keepAlive: 2 },
    );
    await get(edge.url, '/a.php');
    expect((await get(edge.url, '/a.php')).status).toBe(200);
    expect(php.requests.map(({ connection }) => connection)).toEqual([1, 1, 2]);
    expect((await get(edge.url, '/a.php', { method: 'POST', body: 'x' })).status).toBe(502);
    expect(php.requests).toHaveLength(4);
  });

  it('that have broken a rule serve nobody else', async () => {
    let first = true;
    const { edge, php } = await before(
      (request, reply) => {
        if (!first) return void private_(request, reply);
        first = false;
        reply.socket.write(
          Buffer.concat([record(6, Buffer.from('X: y\n\n')), endRecord(), Buffer.from('junk')]),
        );
      },
      { keepAlive: 2 },
    );
    expect((await get(edge.url, '/a.php')).complete).toBe(false);
    expect((await get(edge.url, '/b.php')).status).toBe(200);
    expect(php.connections).toBe(2);
  });

  it('are no more than allowed: others wait for them', async () => {
    const waiting: (() => void)[] = [];
    const { edge, php } = await before(
      (request, reply) => waiting.push(() => private_(request, reply)),
      {},
      {
        originConnections: 2,
      },
    );
    const responses = ['/1.php', '/2.php', '/3.php', '/4.php'].map((path) => get(edge.url, path));
    await until(() => waiting.length === 2);
    expect(php.connections).toBe(2);
    for (let done = 0; done < 4; done++) {
      await until(() => waiting.length > done);
      waiting[done]?.();
    }
    expect((await Promise.all(responses)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(php.requests).toHaveLength(4);
  });
});

describe('a group of FastCGI origins', () => {
  const before_ = async (group: Settings, handlers: readonly FastCgiHandler[]) => {
    const php = await Promise.all(handlers.map((handler) => fastCgiResponder(handler)));
    for (const one of php) onTestFinished(() => one.close());
    const servers = php.map(({ url }) => ({ url }));
    const origins = { php: { servers, fastcgi: { root: '/other' }, ...group } };
    const edge = await edgeBefore('php', { origins, fastcgi: { root: '/srv', checkFiles: false } });
    return { php, edge };
  };

  it('has its own root, and what it leaves out from the settings of all', async () => {
    const { php, edge } = await before_({}, [hello]);
    await get(edge.url, '/a.php');
    expect(php[0]?.requests[0]?.params.SCRIPT_FILENAME).toBe('/other/a.php');
  });

  it('passes over a server that fails', async () => {
    const { edge } = await before_({}, [(_, reply) => void reply.socket.destroy(), hello]);
    for (const path of ['/1.php', '/2.php', '/3.php']) expect((await get(edge.url, path)).status).toBe(200);
  });

  it('gives up a script that takes longer than all may take', async () => {
    const { edge, php } = await before_({ timeouts: { total: '300ms' }, retries: { attempts: 0 } }, [
      () => undefined,
    ]);
    const response = await get(edge.url, '/a.php');
    expect(response.status).toBe(504);
    expect(cacheStatus(response)).toMatchObject({ detail: 'total-timeout' });
    expect(await php[0]?.requests[0]?.gone).toMatch(/aborted|closed/);
  });
});

describe('several workers', () => {
  it('ask a FastCGI origin too', async () => {
    const { edge, php } = await before(hello, {}, { workers: 2 });
    expect((await get(edge.url, '/a.php')).body.toString()).toBe('hello');
    expect(php.requests).toHaveLength(1);
  });
});

// The listener over real sockets: every client here is a bare TCP socket, so that the bytes on the wire are what is tested.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type Limits } from '../../src/http/limits.ts';
import { createListener, type Listener, type ListenerOptions } from '../../src/http/listener.ts';
import type { Handler, Request, Responder, ResponseHead } from '../../src/http/message.ts';
import { manualClock } from '../support/clock.ts';

const clock = manualClock();
const DATE = 'Date: Thu, 15 Jan 2026 12:00:00 GMT\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
  clock.set(Date.UTC(2026, 0, 15, 12, 0, 0));
});

interface Served {
  readonly listener: Listener;
  readonly port: number;
  readonly refusals: string[];
}

/** A sweep every 20 ms: its clock moves only when the test moves it. */
async function serve(
  handler: Handler,
  limits: Partial<Limits> = {},
  more: Partial<ListenerOptions> = {},
): Promise<Served> {
  const refusals: string[] = [];
  const listener = createListener(
    {
      limits: { ...DEFAULT_LIMITS, keepAliveTimeoutMs: 80, ...limits },
      now: clock.now,
      onRefused: (status, reason) => refusals.push(`${status} ${reason}`),
      ...more,
    },
    handler,
  );
  closers.push(() => listener.destroy());
  const { port } = await listener.listen('127.0.0.1', 0);
  return { listener, port, refusals };
}

class Client {
  readonly socket: Socket;
  text = '';
  readonly #ended = Promise.withResolvers<string>();
  #waiting: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    closers.push(() => this.socket.destroy());
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#waiting?.();
    });
    this.socket.on('end', () => this.#ended.resolve('end'));
    this.socket.on('error', () => this.#ended.resolve('reset'));
    this.socket.on('close', () => this.#ended.resolve('closed'));
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Resolves once the text received ends so (or matches). */
  async until(wanted: string | RegExp): Promise<string> {
    const there = (): boolean =>
      typeof wanted === 'string' ? this.text.endsWith(wanted) : wanted.test(this.text);
    while (!there()) {
      const more = new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      const over = await Promise.race([more, this.#ended.promise]);
      if (over !== undefined && !there())
        throw new Error(`${over} before ${wanted}: ${JSON.stringify(this.text)}`);
    }
    return this.text;
  }

  /** How the listener ended the connection. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** Everything received until the listener closes its side cleanly. */
  async all(): Promise<string> {
    expect(await this.#ended.promise).toBe('end');
    this.socket.end();
    return this.text;
  }
}

const text = (content: string, status = 200): [ResponseHead, Buffer] => [
  { status, lines: [], length: content.length },
  Buffer.from(content),
];
const echoTarget: Handler = (request, responder) => responder.send(...text(request.target));
const ok = (content: string): string =>
  `HTTP/1.1 200 OK\r\n${DATE}Content-Length: ${content.length}\r\n\r\n${content}`;
const okClose = (content: string): string =>
  `HTTP/1.1 200 OK\r\n${DATE}Content-Length: ${content.length}\r\nConnection: close\r\n\r\n${content}`;

async function readAll(request: Request): Promise<string> {
  let content = '';
  if (request.body === null) return content;
  for await (const part of request.body.stream) content += String(part);
  return content;
}

const echoBody: Handler = (request, responder) => {
  readAll(request).then(
    (content) => responder.send(...text(`${request.method} ${content}`)),
    () => responder.drop(),
  );
};

describe('a connection', () => {
  it('is kept for the next request', async () => {
    const { port, listener } = await serve(echoTarget);
    const client = new Client(port);
    await client.send(GET).until(ok('/'));
    await client.send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n').until(ok('/2'));
    expect(client.text).toBe(ok('/') + ok('/2'));
    expect(listener.connections).toBe(1);
  });

  it('gives the handler the request as plain data', async () => {
    let seen: Request | undefined;
    const { port } = await serve((request, responder) => {
      seen = request;
      responder.send(...text(''));
    });
    const client = new Client(port);
    await client.send('GET http://A.b:80/x?y HTTP/1.1\r\nHost: A.b\r\nX: z\r\n\r\n').until('\r\n\r\n');
    expect(seen).toMatchObject({
      method: 'GET',
      target: '/x?y',
      scheme: 'http',
      authority: 'a.b',
      version: '1.1',
      body: null,
      receivedAt: clock.now(),
      peer: {
        address: '127.0.0.1',
        port: client.socket.localPort,
      },
    });
    expect(seen?.fields.lines).toEqual(['Host', 'A.b', 'X', 'z']);
  });

  it('closes after a response when the client says close', async () => {
    const { port } = await serve(echoTarget);
    const text = await new Client(port)
      .send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n${GET}`)
      .all();
    expect(text).toBe(okClose('/'));
  });

  it.each([
    ['GET / HTTP/1.0\r\n\r\n', 'Connection: close\r\n'],
    ['GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n', 'Connection: close\r\n'],
    ['CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 'Connection: close\r\n'],
  ])('closes after %j', async (request, field) => {
    const { port } = await serve(echoTarget);
    expect(await new Client(port).send(request).all()).toContain(field);
  });

  it('of HTTP/1.0 is kept when the client asks', async () => {
    const { port } = await serve(echoTarget);
    const client = new Client(port);
    const request = 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n';
    const response = `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 1\r\nConnection: keep-alive\r\n\r\n/`;
    await client.send(request).until(response);
    await client.send(request).until(response + response);
  });

  it('answers pipelined requests in order, however the handlers finish, and one at a time', async () => {
    const running: (() => void)[] = [];
    let most = 0;
    const { port } = await serve((request, responder) => {
      running.push(() => responder.send(...text(request.target)));
      most = Math.max(most, running.length);
      setImmediate(() => running.shift()?.());
    });
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    const client = new Client(port).send(
      paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''),
    );
    expect(await client.until(ok('/19'))).toBe(paths.map(ok).join(''));
    expect(most).toBe(1);
  });

  it('answers pipelined requests that are answered at once in few writes', async () => {
    const { port } = await serve(echoTarget);
    const client = new Client(port);
    let arrivals = 0;
    client.socket.on('data', () => arrivals++);
    await client.send(GET.repeat(50)).until(ok('/').repeat(50));
    expect(arrivals).toBeLessThan(10);
  });

  it('takes a request byte by byte', async () => {
    const { port } = await serve(echoBody);
    const client = new Client(port);
    for (const byte of 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n') {
      await new Promise((resolve) => client.socket.write(byte, resolve));
    }
    await client.until(ok('POST abc'));
    await client
      .send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy')
      .until(ok('POST abc') + ok('PUT xy'));
  });

  it('answers what a client asked that then closed its side', async () => {
    const { port } = await serve((request, responder) => {
      setImmediate(() => responder.send(...text(request.target)));
    });
    const client = new Client(port).send(GET + GET);
    client.socket.end();
    expect(await client.all()).toBe(ok('/') + ok('/'));
  });

  it('ends quietly when the client closes in the middle of a head', async () => {
    const { port, listener } = await serve(echoTarget);
    const client = new Client(port).send('GET / HTTP/1.1\r\nHo');
    client.socket.end();
    expect(await client.all()).toBe('');
    await listener.close(1000);
  });
});

describe('a client that has said close', () => {
  const LAST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const answer = (_request: Request, responder: Responder): void => responder.send(...text('abc'));

  it.each([LAST, 'GET / HTTP/1.0\r\n\r\n'])('is left as soon as it is answered: %j', async (sent) => {
    const { listener, port } = await serve(answer);
    const client = new Client(port).send(sent);
    expect(await client.ended).toBe('end');
    expect(client.text).toMatch(/Connection: close\r\n\r\nabc$/);
    // Its own side is still open, and the clock stands.
    await expect.poll(() => listener.connections).toBe(0);
  });

  it('and sends on all the same is waited for, so that it can read the answer', async () => {
    const { listener, port } = await serve(answer);
    const client = new Client(port).send(LAST + GET);
    expect(await client.ended).toBe('end');
    expect(client.text).toMatch(/Connection: close\r\n\r\nabc$/);
    expect(listener.connections).toBe(1);
    client.socket.end();
    await expect.poll(() => listener.connections).toBe(0);
  });
});

describe('content of a request', () => {
  it('is read from the same packet, from later ones, and leaves the next request alone', async () => {
    const { port } = await serve(echoBody);
    const client = new Client(port).send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab`);
    client.send(`cde${GET}`);
    await client.until(ok('POST abcde') + ok('GET '));
  });

  it('is asked for with 100 on the first read only', async () => {
    let read: (() => void) | undefined;
    const { port } = await serve((request, responder) => {
      read = () => echoBody(request, responder);
    });
    const client = new Client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    while (read === undefined) await new Promise(setImmediate);
    expect(client.text).toBe('');
    read();
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    await client.send('hi').until(ok('POST hi'));
    await client.send(GET);
  });

  it('is not asked for when the answer comes first, and the connection closes', async () => {
    const { port } = await serve(echoTarget);
    const client = new Client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.all()).toBe(okClose('/'));
  });

  it('that nobody read is thrown away when little, and never taken for a request', async () => {
    const { port } = await serve(echoTarget);
    const client = new Client(port);
    client.send(`POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: ${GET.length}\r\n\r\n`);
    await client.until(ok('/1'));
    await client
      .send(GET)
      .send('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
      .until(ok('/1') + ok('/2'));
  });

  it.each([
    ['large', 'Content-Length: 70000\r\n\r\n'],
    ['of unknown length', 'Transfer-Encoding: chunked\r\n\r\n'],
  ])('that nobody read closes the connection when it is %s, and the answer arrives', async (_, framing) => {
    const { port } = await serve(echoTarget);
    const client = new Client(port).send(`POST /1 HTTP/1.1\r\nHost: a\r\n${framing}${GET.repeat(3000)}`);
    expect(await client.all()).toBe(okClose('/1'));
  });

  it.each([
    ['Content-Length: 5\r\n\r\nab', 'Content-Length cut short'],
    ['Transfer-Encoding: chunked\r\n\r\n5\r\nab', 'chunk cut short'],
    ['Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n', 'last chunk missing'],
  ])('that ends early (%j) breaks the stream and gets 400', async (rest) => {
    const broken = Promise.withResolvers<Error>();
    let aborts = 0;
    const { port, refusals } = await serve((request, responder) => {
      responder.onAbort(() => aborts++);
      readAll(request).catch(broken.resolve);
    });
    const client = new Client(port).send(`POST / HTTP/1.1\r\nHost: a\r\n${rest}`);
    client.socket.end();
    expect(await client.all()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect((await broken.promise).message).toBe('The content ended early.');
    expect(aborts).toBe(1);
    expect(refusals).toEqual(['400 The content ended early.']);
  });

  it('that is malformed or too large gets its refusal, unread by anyone without an error', async () => {
    const { port, refusals } = await serve(echoBody, { maxRequestBodyBytes: 10 });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
    const answers = await Promise.all(
      [
        'Content-Length: 11\r\n\r\n',
        'Transfer-Encoding: chunked\r\n\r\nb\r\n',
        'Transfer-Encoding: chunked\r\n\r\nx\r\n',
      ].map((rest) => new Client(port).send(head + rest + GET).all()),
    );
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual(['413', '413', '400']);
    expect(refusals).toHaveLength(3);
  });

  it('is pulled no faster than the handler reads', async () => {
    let request: Request | undefined;
    const { port } = await serve((given) => {
      request = given;
    });
    const client = new Client(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n');
    const piece = Buffer.alloc(1_000_000, 'x');
    for (let i = 0; i < 50; i++) client.socket.write(piece);
    while (request === undefined) await new Promise(setImmediate);
    const stalled = await settled(() => client.socket.bytesWritten - client.socket.writableLength);
    expect(stalled).toBeLessThan(30_000_000);
    let bytes = 0;
    for await (const part of request.body?.stream ?? []) bytes += Buffer.from(part).length;
    expect(bytes).toBe(50_000_000);
  });
});

/** A number once it has stood still for 200 turns of the event loop, which both ends of the connection share. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let still = 0; still < 200; still++) {
    await new Promise(setImmediate);
    if (read() !== last) still = 0;
    last = read();
  }
  return last;
}

describe('framing of a response', () => {
  const stream =
    (head: ResponseHead, parts: readonly string[], how: 'end' | 'abort' = 'end'): Handler =>
    (_request, responder) => {
      const sink = responder.start(head);
      for (const part of parts) sink.write(Buffer.from(part));
      sink[how]();
    };
  const unknown: ResponseHead = { status: 200, lines: [], length: undefined };

  it.each([
    ['HEAD', text('hello'), `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 5\r\n\r\n`],
    [
      'HEAD',
      [{ status: 200, lines: [], length: 99 }, null],
      `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 99\r\n\r\n`,
    ],
    ['HEAD', [unknown, null], `HTTP/1.1 200 OK\r\n${DATE}\r\n`],
    ['GET', [unknown, Buffer.from('hey')], ok('hey')],
    ['GET', [unknown, null], ok('')],
    ['GET', [{ status: 204, lines: [], length: 0 }, null], `HTTP/1.1 204 No Content\r\n${DATE}\r\n`],
    [
      'GET',
      [{ status: 304, lines: [], length: 9 }, Buffer.from('x')],
      `HTTP/1.1 304 Not Modified\r\n${DATE}\r\n`,
    ],
  ] as const)('%s sent whole: %j', async (method, [head, body], wire) => {
    const { port } = await serve((_request, responder) => responder.send(head, body));
    const client = new Client(port);
    const request = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`;
    for (let times = 1; times <= 3; times++)
      expect(await client.send(request).until(wire.repeat(times))).toBe(wire.repeat(times));
  });

  it.each([
    [
      'GET',
      'chunked',
      unknown,
      ['ab', 'c'],
      `HTTP/1.1 200 OK\r\n${DATE}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`,
    ],
    ['GET', 'by length', { ...unknown, length: 3 }, ['ab', '', 'c'], ok('abc')],
    ['GET', 'empty', { ...unknown, length: 0 }, [], ok('')],
    [
      'HEAD',
      'without content',
      { ...unknown, length: 3 },
      ['ab', 'c'],
      `HTTP/1.1 200 OK\r\n${DATE}Content-Length: 3\r\n\r\n`,
    ],
    [
      'GET',
      'without content for 304',
      { ...unknown, status: 304 },
      ['ab'],
      `HTTP/1.1 304 Not Modified\r\n${DATE}\r\n`,
    ],
    [
      'GET',
      'without content for 204',
      { ...unknown, status: 204 },
      ['ab'],
      `HTTP/1.1 204 No Content\r\n${DATE}\r\n`,
    ],
  ] as const)('%s streamed %s', async (method, _, head, parts, wire) => {
    const { port } = await serve(stream(head, parts));
    const client = new Client(port);
    const request = `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`;
    await client.send(request).until(wire);
    expect(await client.send(request).until(wire + wire)).toBe(wire + wire);
  });

  it('to HTTP/1.0 without length ends with the connection', async () => {
    const { port } = await serve(stream(unknown, ['ab', 'c']));
    const client = new Client(port).send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    expect(await client.all()).toBe(`HTTP/1.1 200 OK\r\n${DATE}Connection: close\r\n\r\nabc`);
  });

  it('cuts content that exceeds its length, and closes', async () => {
    const { port } = await serve(stream({ ...unknown, length: 3 }, ['ab', 'cdef', 'g']));
    expect(await new Client(port).send(GET + GET).all()).toBe(ok('abc'));
  });

  it.each([
    ['short of its length', { ...unknown, length: 4 }, 'end', '1.1'],
    ['aborted, by length', { ...unknown, length: 4 }, 'abort', '1.1'],
    ['aborted, chunked', unknown, 'abort', '1.1'],
    ['aborted, until close', unknown, 'abort', '1.0'],
  ] as const)('%s breaks visibly', async (_, head, how, version) => {
    const { port } = await serve(stream(head, ['abc'], how));
    const client = new Client(port).send(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
    expect(await client.ended).toBe('reset');
    expect(client.text).not.toContain('0\r\n\r\n');
  });

  it.each([
    [[{ status: 200, lines: ['X', 'a\r\nY: b'], length: 0 }, null]],
    [[{ status: 200, lines: ['X y', 'a'], length: 0 }, null]],
    [[{ status: 99, lines: [], length: 0 }, null]],
    [[{ status: 200, lines: [], length: 3 }, Buffer.from('ab')]],
  ] as const)('that must not be sent becomes a 500: %j', async ([head, body]) => {
    const { port } = await serve((_request, responder) => responder.send(head, body));
    expect(await new Client(port).send(GET + GET).all()).toMatch(
      /^HTTP\/1\.1 500 [^Y]*Connection: close\r\n\r\n[^Y]*$/,
    );
  });

  it.each([
    [{ status: 200, lines: ['X', 'a\nb'], length: undefined }],
    [{ status: 200, lines: [], length: -1 }],
    [{ status: 200, lines: [], length: 1.5 }],
  ])('that must not be begun becomes a 500 and lets the handler go: %j', async (head) => {
    const aborted = Promise.withResolvers<void>();
    const { port } = await serve((_request, responder) => {
      const sink = responder.start(head);
      expect(sink.write(Buffer.from('Y'))).toBe(false);
      responder.onAbort(aborted.resolve);
    });
    expect(await new Client(port).send(GET).all()).toMatch(/^HTTP\/1\.1 500 [^Y]*$/);
    await aborted.promise;
  });

  it('becomes a 500 when the handler throws', async () => {
    const { port } = await serve(() => {
      throw new Error('a secret');
    });
    const answer = await new Client(port).send(GET).all();
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain('secret');
  });

  it('can follow interim responses, which HTTP/1.0 does not get', async () => {
    const { port } = await serve((_request, responder) => {
      responder.inform(103, ['Link', '</a>']);
      responder.inform(103, ['Link', 'a\r\nb']);
      responder.send(...text('x'));
    });
    await new Client(port).send(GET).until(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok('x')}`);
    expect(await new Client(port).send('GET / HTTP/1.0\r\n\r\n').all()).toBe(okClose('x'));
  });

  it('is sent once, whatever the handler does afterwards', async () => {
    const { port } = await serve((_request, responder) => {
      responder.send(...text('1'));
      responder.send(...text('2'));
      responder.start(unknown).end();
      responder.inform(103, []);
      responder.drop();
    });
    const client = new Client(port);
    await client.send(GET + GET).until(ok('1') + ok('1'));
    expect(client.text).toBe(ok('1') + ok('1'));
  });

  it('is left out on drop, after what was sent before', async () => {
    const { port } = await serve((request, responder) => {
      if (request.target === '/drop') responder.drop();
      else responder.send(...text('x'));
    });
    const client = new Client(port).send(`${GET}GET /drop HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
    await client.ended;
    expect(client.text).toBe(ok('x'));
  });

  it.each([10_000, 70_000, 3_000_000])(
    'of %i bytes arrives whole, thrice over one connection',
    async (size) => {
      const body = Buffer.alloc(size, 'x');
      const head = { status: 200, lines: [], length: size };
      const { port } = await serve((_request, responder) => responder.send(head, body));
      const client = new Client(port).send(GET + GET + GET);
      await client.until(ok(body.toString()).repeat(3));
    },
  );
});

describe('a slow reader', () => {
  it('holds back a streamed response and gets all of it in the end', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const total = 1000 * chunk.length;
    let written = 0;
    const { port } = await serve((_request, responder) => {
      const sink = responder.start({ status: 200, lines: [], length: total });
      const pump = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!sink.write(chunk)) {
            sink.onDrain(pump);
            return;
          }
        }
        sink.end();
      };
      pump();
    });
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.pause();
    socket.write(GET);
    const stalled = await settled(() => written);
    expect(stalled).toBeLessThan(total / 2);
    let received = 0;
    for await (const part of socket) {
      received += Buffer.from(part).length;
      if (received > total) break;
    }
    expect(written).toBe(total);
  });

  it('of pipelined responses is not read further, so that little is queued for it', async () => {
    let answered = 0;
    const [head, body] = text('x'.repeat(100_000));
    const { port } = await serve((_request, responder) => {
      answered++;
      responder.send(head, body);
    });
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.pause();
    socket.write(GET.repeat(2000));
    expect(await settled(() => answered)).toBeLessThan(500);
    let received = 0;
    for await (const part of socket) {
      received += Buffer.from(part).length;
      if (received === 2000 * ok('x'.repeat(100_000)).length) break;
    }
    expect(answered).toBe(2000);
  });

  it('that takes nothing for too long is dropped, and the handler told', async () => {
    const gone = Promise.withResolvers<Responder>();
    const { port, listener } = await serve((_request, responder) => {
      responder.onAbort(() => gone.resolve(responder));
      responder.send({ status: 200, lines: [], length: 50_000_000 }, Buffer.alloc(50_000_000));
    });
    const socket = connect(port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.on('error', () => {});
    socket.pause();
    socket.write(GET);
    while (listener.connections === 0) await new Promise(setImmediate);
    const ticking = setInterval(() => clock.advance(1000), 5);
    expect((await gone.promise).gone).toBe(true);
    clearInterval(ticking);
  });
});

describe('a client that goes', () => {
  it.each(['before an answer', 'in the middle of one'])(
    '%s is told of once, and later calls do nothing',
    async (when) => {
      const aborted = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<Responder>();
      let aborts = 0;
      const { port } = await serve((_request, responder) => {
        responder.onAbort(() => {
          aborts++;
          aborted.resolve();
        });
        if (when !== 'before an answer') {
          responder.start({ status: 200, lines: [], length: 100 }).write(Buffer.from('a'));
        }
        begun.resolve(responder);
      });
      const client = new Client(port).send(GET);
      const responder = await begun.promise;
      client.socket.resetAndDestroy();
      await aborted.promise;
      expect(responder.gone).toBe(true);
      responder.send(...text('late'));
      const sink = responder.start({ status: 200, lines: [], length: 1 });
      expect(sink.write(Buffer.from('a'))).toBe(false);
      sink.end();
      sink.abort();
      responder.drop();
      expect(aborts).toBe(1);
      expect(await new Promise((resolve) => responder.onAbort(() => resolve('told')))).toBe('told');
    },
  );

  it('at any point of a request harms nobody else', async () => {
    const { port } = await serve(echoBody);
    const whole = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    for (let length = 1; length <= whole.length; length += 3) {
      const client = new Client(port);
      await new Promise((resolve) => client.socket.write(whole.slice(0, length), resolve));
      if (length % 2 === 0) client.socket.resetAndDestroy();
      else client.socket.destroy();
    }
    await new Client(port).send(GET).until(ok('GET '));
  });
});

describe('a refused request', () => {
  it('is answered shortly, the connection closed, and nothing after it interpreted', async () => {
    const { port, refusals } = await serve(
      echoTarget,
      {},
      { refusalLines: ['Cache-Status', 'holdfast; fwd=bypass'] },
    );
    const reason = 'There is more than one Host field.';
    expect(
      await new Client(port).send(`${GET}GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n${GET}`).all(),
    ).toBe(
      `${ok('/')}HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Cache-Status: holdfast; fwd=bypass\r\n${DATE}Content-Length: ${reason.length + 1}\r\nConnection: close\r\n\r\n${reason}\n`,
    );
    expect(refusals).toEqual([`400 ${reason}`]);
  });

  it('can be read to its end by a client that is still sending', async () => {
    const { port } = await serve(echoTarget);
    const client = new Client(port).send('BAD\r\n\r\n');
    for (let i = 0; i < 100; i++) client.send('x'.repeat(10_000));
    expect(await client.all()).toMatch(/^HTTP\/1\.1 400 .*\n$/s);
  });

  it('over the head limits gets 431 or 414', async () => {
    const { port } = await serve(echoTarget);
    expect(
      await new Client(port).send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}`).all(),
    ).toMatch(/^HTTP\/1\.1 431 /);
    expect(await new Client(port).send(`GET /${'x'.repeat(9000)}`).all()).toMatch(/^HTTP\/1\.1 414 /);
  });
});

describe('deadlines', () => {
  it('close a connection without a request quietly', async () => {
    const { port, listener } = await serve(echoTarget);
    const fresh = new Client(port);
    const used = new Client(port).send(GET);
    await used.until(ok('/'));
    while (listener.connections < 2) await new Promise(setImmediate);
    clock.advance(80);
    expect(await fresh.all()).toBe('');
    expect(await used.all()).toBe(ok('/'));
  });

  it('answer a head that takes too long with 408, whatever trickles in', async () => {
    const { port, refusals } = await serve(echoTarget, { headTimeoutMs: 1000, keepAliveTimeoutMs: 80 });
    const client = new Client(port).send('GET / HTTP/1.1\r\n');
    for (let lines = 0; lines < 4; lines++) {
      client.send('X: y\r\n');
      for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
      clock.advance(300);
    }
    expect(await client.ended).toBe('end');
    expect(client.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(refusals).toEqual(['408 The request head took too long.']);
  });

  it('answer a body that stops with 408 and break its stream', async () => {
    const broken = Promise.withResolvers<Error>();
    const reading = Promise.withResolvers<void>();
    const { port } = await serve((request) => {
      readAll(request).catch(broken.resolve);
      reading.resolve();
    });
    const client = new Client(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
    await reading.promise;
    const ticking = setInterval(() => clock.advance(1000), 5);
    expect(await client.all()).toMatch(/^HTTP\/1\.1 408 /);
    clearInterval(ticking);
    expect((await broken.promise).message).toBe('The content took too long.');
  });

  it('leave a handler all the time it takes', async () => {
    let responder: Responder | undefined;
    const { port, listener } = await serve((_request, given) => {
      responder = given;
    });
    const client = new Client(port).send(GET);
    const idle = new Client(port);
    while (responder === undefined || listener.connections < 2) await new Promise(setImmediate);
    clock.advance(3_600_000);
    await idle.ended;
    responder.send(...text('late'));
    await client.until(/late$/);
  });
});

describe('a drain', () => {
  /** Swept every 20 ms; idle connections are kept for long. */
  const KEEPING = { keepAliveTimeoutMs: 60_000, bodyIdleTimeoutMs: 80 };
  const aSecondLater = (response: string): string => response.replace('12:00:00', '12:00:01');

  it('closes connections that are idle for long at once, and lets a response finish with Connection: close', async () => {
    let responder: Responder | undefined;
    const { port, listener } = await serve((request, given) => {
      if (request.target === '/slow') responder = given;
      else given.send(...text('x'));
    }, KEEPING);
    const idle = new Client(port).send(GET);
    await idle.until(ok('x'));
    const busy = new Client(port).send(`GET /slow HTTP/1.1\r\nHost: a\r\n\r\n`);
    while (responder === undefined) await new Promise(setImmediate);
    clock.advance(1000);
    const closed = listener.close(60_000);
    expect(await idle.all()).toBe(ok('x'));
    await expect(new Client(port).ended).resolves.toBe('reset');
    responder.send(...text('done'));
    expect(await busy.all()).toBe(aSecondLater(okClose('done')));
    await closed;
    expect(listener.connections).toBe(0);
  });

  it('answers what had come before it, and throws away what comes after', async () => {
    const { port, listener } = await serve((_request, responder) => responder.send(...text('x')), KEEPING);
    const [before, after] = [new Client(port).send(GET), new Client(port).send(GET)];
    for (const client of [before, after]) await client.until(ok('x'));
    clock.advance(1000);
    before.send(GET);
    const closed = listener.close(60_000);
    expect(await before.all()).toBe(ok('x') + aSecondLater(okClose('x')));
    expect(await after.ended).toBe('end');
    after.send(GET);
    await new Promise(setImmediate);
    const gone = once(after.socket, 'close');
    expect(await after.all()).toBe(ok('x'));
    expect(await gone).toEqual([false]);
    await closed;
  });

  it('answers those once more who asked just now', async () => {
    const { port, listener } = await serve((_request, responder) => responder.send(...text('x')), KEEPING);
    const [asking, silent] = [new Client(port).send(GET), new Client(port).send(GET)];
    for (const client of [asking, silent]) await client.until(ok('x'));
    const closed = listener.close(60_000);
    clock.advance(900);
    expect(await asking.send(GET).all()).toBe(ok('x') + okClose('x'));
    clock.advance(100);
    expect(await silent.all()).toBe(ok('x'));
    await closed;
  });

  it('waits no longer than a moment for clients that do not close their side', async () => {
    const { port, listener } = await serve((_request, responder) => responder.send(...text('x')), KEEPING);
    const client = new Client(port).send(GET);
    await client.until(ok('x'));
    clock.advance(1000);
    const closed = listener.close(60_000);
    expect(await client.ended).toBe('end');
    clock.advance(2000);
    await closed;
  });

  it('destroys what is left when the grace is over', async () => {
    const aborted = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { port, listener } = await serve((_request, responder) => {
      responder.onAbort(aborted.resolve);
      begun.resolve();
    });
    const client = new Client(port).send(GET);
    await begun.promise;
    await listener.close(1);
    await aborted.promise;
    expect(await client.ended).toBe('reset');
  });

  it('of a listener that never listened is done at once; a taken port is an error', async () => {
    await createListener({ limits: DEFAULT_LIMITS, now: clock.now }, echoTarget).close(1000);
    const { port } = await serve(echoTarget);
    const second = createListener({ limits: DEFAULT_LIMITS, now: clock.now }, echoTarget);
    await expect(second.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

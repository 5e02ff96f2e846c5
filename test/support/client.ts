// A raw HTTP/1.1 client for tests: sends what it is told, hides nothing that came back.
// One-shot `get`, a kept connection (`connect`: keep-alive, pipelining), `open` to read at the test's own pace,
// `raw` for bytes that are not HTTP. Never retries, never follows, never decodes.

import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { Sender, type SendOptions } from './send.ts';
import {
  BodyReader,
  BrokenTransfer,
  ByteReader,
  type Framing,
  framingOf,
  headerMap,
  readHead,
} from './wire.ts';

export { type CacheStatus, cacheStatus, cacheStatusList } from './cache-status.ts';
export type { SendOptions } from './send.ts';
export { BrokenTransfer, type HeaderInput } from './wire.ts';

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Lower-case names, lines combined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** name, value, name, value, … as received. */
  readonly rawHeaders: readonly string[];
  /** The 1xx responses that came before. */
  readonly informational: readonly Pick<ResponseHead, 'status' | 'headers' | 'rawHeaders'>[];
  /** performance.now() when the first byte of the final head was at hand. */
  readonly firstByteAt: number;
}

export interface Response extends ResponseHead {
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
  /** False when the transfer broke: cut short, reset, garbled. Then `error` says how; `status` is 0 if no head came. */
  readonly complete: boolean;
  readonly error: Error | undefined;
  /** performance.now(): request written; first byte of content (undefined without content); last byte or break. */
  readonly sentAt: number;
  readonly firstContentAt: number | undefined;
  readonly endAt: number;
}

/** A response whose content the test reads itself. Nothing is read from the socket in between. */
export interface OpenResponse extends ResponseHead {
  /** Exactly `bytes` bytes, fewer only at the end. Rejects with BrokenTransfer when the transfer breaks. */
  read(bytes: number): Promise<Buffer>;
  /** All that is left. Rejects with BrokenTransfer when the transfer breaks. */
  rest(): Promise<Buffer>;
  /** Leaves with FIN (`close`) or RST (`reset`). */
  close(): void;
  reset(): void;
}

export interface Connection {
  /** Sends at once (so calls without await are pipelined); resolves with the response in its turn. Does not reject. */
  send(target: string, options?: SendOptions): Promise<Response>;
  /** Raw bytes, for requests that `send` would not make. */
  write(bytes: string | Buffer): void;
  /** Reads one response that `write` asked for. */
  receive(method?: string): Promise<Response>;
  /** Resolves when the socket is closed, by whichever side. */
  readonly closed: Promise<void>;
  /** True while neither side has ended. */
  readonly isOpen: boolean;
  close(): void;
}

/** One request on its own connection, closed afterwards. Rejects only when no connection can be made. */
export async function get(base: string | URL, target?: string, options: SendOptions = {}): Promise<Response> {
  const url = new URL(base);
  const connection = await connect(url);
  try {
    return await connection.send(target ?? url.pathname + url.search, options);
  } finally {
    connection.close();
  }
}

/** Resolves when the head is there; the content stays unread. Read it to the end or close it. Rejects with BrokenTransfer when no head comes. */
export async function open(
  base: string | URL,
  target?: string,
  options: SendOptions = {},
): Promise<OpenResponse> {
  const url = new URL(base);
  const socket = await dial(url);
  const reader = new ByteReader(socket);
  const sender = new Sender(socket, url.host, target ?? url.pathname + url.search, options);
  const head = await readResponseHead(reader, sender.onInform).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  const body = new BodyReader(reader, responseFraming(head, options.method ?? 'GET'));
  const read = async (bytes: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const part = await body.next(left);
      if (part === undefined) break;
      parts.push(part);
      left -= part.length;
    }
    if (body.done) socket.destroy();
    return Buffer.concat(parts);
  };
  return {
    ...head,
    read,
    rest: () => read(Number.POSITIVE_INFINITY),
    close: () => socket.destroy(),
    reset: () => socket.resetAndDestroy(),
  };
}

/** A connection kept for several requests. */
export async function connect(base: string | URL, tls: ConnectionOptions = {}): Promise<Connection> {
  const url = new URL(base);
  const socket = await dial(url, tls);
  const reader = new ByteReader(socket);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = (method: string, sentAt: number, onInform: (status: number) => void): Promise<Response> => {
    const response = turn.then(() => readResponse(reader, method, sentAt, onInform));
    turn = response.then(({ complete }) => {
      if (!complete) socket.destroy(); // what follows a broken message means nothing
    });
    return response;
  };
  return {
    send: (target, options = {}) => {
      const sender = new Sender(socket, url.host, target, options);
      return inTurn(options.method ?? 'GET', performance.now(), sender.onInform);
    },
    write: (bytes) => void socket.write(bytes),
    receive: (method = 'GET') => inTurn(method, performance.now(), () => {}),
    closed,
    get isOpen() {
      return !socket.destroyed && !socket.readableEnded && !socket.writableEnded;
    },
    close: () => void socket.destroy(),
  };
}

export interface RawOptions {
  /** Sends FIN after the bytes. */
  readonly halfClose?: boolean;
  /** Stops listening as soon as this holds; without it, when the peer closes. */
  readonly until?: (received: string) => boolean;
}

/** Sends bytes and resolves with everything received (latin1) until the peer ends, resets, or `until` holds. */
export async function raw(
  to: number | string | URL,
  bytes: string | Buffer,
  options: RawOptions = {},
): Promise<string> {
  const url = typeof to === 'number' ? new URL(`http://127.0.0.1:${to}`) : new URL(to);
  const socket = await dial(url);
  let received = '';
  const done = new Promise<string>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (options.until?.(received) === true) socket.destroy();
    });
    socket.once('close', () => resolve(received));
  });
  if (options.halfClose === true) socket.end(bytes, 'latin1');
  else socket.write(bytes, 'latin1');
  return done;
}

async function dial(url: URL, tls: ConnectionOptions = {}): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  const socket = secure
    ? connectTls({ port, host, rejectUnauthorized: false, ...tls })
    : connectSocket({ port, host });
  socket.setNoDelay(true);
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.on('error', () => {}); // seen by the reader
  return socket;
}

async function readResponseHead(
  reader: ByteReader,
  onInform: (status: number) => void,
): Promise<ResponseHead> {
  const informational: Pick<ResponseHead, 'status' | 'headers' | 'rawHeaders'>[] = [];
  for (;;) {
    const head = await readHead(reader);
    if (head === undefined) throw new BrokenTransfer('the peer closed without an answer');
    const match = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(head.startLine);
    if (match === null) throw new BrokenTransfer(`not a status line: ${JSON.stringify(head.startLine)}`);
    const status = Number(match[1]);
    const { rawHeaders, firstByteAt } = head;
    const headers = headerMap(rawHeaders);
    if (status >= 200 || status === 101) {
      return { status, reason: match[2] ?? '', headers, rawHeaders, informational, firstByteAt };
    }
    informational.push({ status, headers, rawHeaders });
    onInform(status);
  }
}

function responseFraming(head: ResponseHead, method: string): Framing {
  const empty = method === 'HEAD' || head.status === 204 || head.status === 304;
  return empty ? { by: 'length', bytes: 0 } : framingOf(head.rawHeaders, { by: 'close' });
}

const NO_HEAD: ResponseHead = {
  status: 0,
  reason: '',
  headers: {},
  rawHeaders: [],
  informational: [],
  firstByteAt: Number.NaN,
};

async function readResponse(
  reader: ByteReader,
  method: string,
  sentAt: number,
  onInform: (status: number) => void,
): Promise<Response> {
  let head = NO_HEAD;
  let trailers: readonly string[] = [];
  let firstContentAt: number | undefined;
  let error: Error | undefined;
  const parts: Buffer[] = [];
  try {
    head = await readResponseHead(reader, onInform);
    const body = new BodyReader(reader, responseFraming(head, method));
    for (;;) {
      const part = await body.next();
      if (part === undefined) break;
      firstContentAt ??= reader.pulledAt;
      parts.push(part);
    }
    trailers = body.trailers;
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown));
  }
  return {
    ...head,
    body: Buffer.concat(parts),
    trailers: headerMap(trailers),
    complete: error === undefined,
    error,
    sentAt,
    firstContentAt,
    endAt: performance.now(),
  };
}

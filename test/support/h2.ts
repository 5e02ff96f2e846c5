// HTTP/2 clients for tests: the library's own for what is right, and bare frames (RFC 9113 §4) for what is not.

import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

export interface H2Response {
  /** 0 when the stream ended without a final head. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly informational: readonly IncomingHttpHeaders[];
  /** RFC 9113 §7; 0 for a good end. */
  readonly resetBy: number;
}

export async function h2(url: string): Promise<ClientHttp2Session> {
  const session = connectHttp2(url, { rejectUnauthorized: false });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  await once(session, 'connect');
  return session;
}

/** One request; resolves when its stream is closed. */
export async function ask(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string | readonly string[]>>,
  content?: string | Buffer,
): Promise<H2Response> {
  const fields: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers))
    fields[name] = typeof value === 'string' ? value : [...value];
  const stream = session.request(fields, { endStream: content === undefined });
  const parts: Buffer[] = [];
  const informational: IncomingHttpHeaders[] = [];
  let head: IncomingHttpHeaders = {};
  stream.on('headers', (fields) => informational.push(fields));
  stream.on('response', (fields) => {
    head = fields;
  });
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => {});
  if (content !== undefined) stream.end(content);
  await closed(stream);
  const status = Number(head[':status'] ?? 0);
  return { status, headers: head, body: Buffer.concat(parts), informational, resetBy: stream.rstCode };
}

/** Resolves when a stream is closed, however it ended. */
export function closed(stream: ClientHttp2Stream): Promise<void> {
  stream.on('error', () => {});
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** A connection on which frames are written as they are given. */
export class RawH2 {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  ended = false;
  #held = Buffer.alloc(0);
  #heard: (() => void) | undefined;

  constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => {
      this.ended = true;
      this.#heard?.();
    });
  }

  static async open(url: string): Promise<RawH2> {
    const port = Number(new URL(url).port);
    const socket = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const client = new RawH2(socket);
    socket.write(PREFACE);
    client.send(FRAME.settings, 0, 0);
    return client;
  }

  send(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void {
    this.socket.write(frame(type, flags, stream, payload));
  }

  /** HEADERS of a GET for `path`, with END_STREAM. */
  get(stream: number, path: string): void {
    this.send(FRAME.headers, END_STREAM | END_HEADERS, stream, block(requestLines(path)));
  }

  /** The first frame, past or to come, for which this holds; undefined when the connection ends before. */
  async until(holds: (frame: Frame) => boolean): Promise<Frame | undefined> {
    for (;;) {
      const found = this.frames.find(holds);
      if (found !== undefined || this.ended) return found;
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** The error code with which the other side takes its leave; undefined for none. */
  async goaway(): Promise<number | undefined> {
    const last = await this.until(({ type }) => type === FRAME.goaway);
    return last?.payload.readUInt32BE(4);
  }

  /** The error code with which a stream is reset. */
  async resetOf(stream: number): Promise<number | undefined> {
    const found = await this.until((one) => one.type === FRAME.reset && one.stream === stream);
    return found?.payload.readUInt32BE(0);
  }

  #receive(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.#held.length >= 9) {
      const length = this.#held.readUIntBE(0, 3);
      if (this.#held.length < 9 + length) break;
      this.frames.push({
        type: this.#held.readUInt8(3),
        flags: this.#held.readUInt8(4),
        stream: this.#held.readUInt32BE(5) & 0x7f_ff_ff_ff,
        payload: this.#held.subarray(9, 9 + length),
      });
      this.#held = this.#held.subarray(9 + length);
    }
    this.#heard?.();
  }
}

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function requestLines(path: string): string[] {
  return [':method', 'GET', ':scheme', 'https', ':authority', 'a.example.org', ':path', path];
}

/** Field lines by RFC 7541 §6.2.2: literal, never indexed, no Huffman. */
export function block(lines: readonly string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    parts.push(Buffer.from([0]), literal(lines[i] ?? ''), literal(lines[i + 1] ?? ''));
  }
  return Buffer.concat(parts);
}

/** RFC 7541 §5.1, §5.2. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}

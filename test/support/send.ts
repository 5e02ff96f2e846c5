// How the test client writes one request: start line, field lines, a framed body at the peer's pace.

import type { Socket } from 'node:net';
import { flatHeaders, type HeaderInput, headerMap } from './wire.ts';

export interface SendOptions {
  readonly method?: string;
  /** Host is added unless named here. */
  readonly headers?: HeaderInput;
  /** A string or Buffer goes with Content-Length, pieces go chunked; a field given in `headers` wins. */
  readonly body?: string | Buffer | AsyncIterable<string | Buffer>;
  /** Sends `Expect: 100-continue` and holds the body back until a 100 has come. */
  readonly expectContinue?: boolean;
}

/** Writes one request; the body waits for 100 (Continue) where the options say so. */
export class Sender {
  readonly onInform: (status: number) => void;

  constructor(socket: Socket, host: string, target: string, options: SendOptions) {
    const { body } = options;
    const lines = flatHeaders(options.headers);
    const named = headerMap(lines);
    if (named.host === undefined) lines.unshift('Host', host);
    if (options.expectContinue === true) lines.push('Expect', '100-continue');
    const framed = named['content-length'] !== undefined || named['transfer-encoding'] !== undefined;
    const whole = typeof body === 'string' ? Buffer.from(body) : body;
    if (!framed && Buffer.isBuffer(whole)) lines.push('Content-Length', String(whole.length));
    else if (!framed && whole !== undefined) lines.push('Transfer-Encoding', 'chunked');
    let head = `${options.method ?? 'GET'} ${target} HTTP/1.1\r\n`;
    for (let i = 0; i < lines.length; i += 2) head += `${lines[i]}: ${lines[i + 1]}\r\n`;
    const waits = options.expectContinue === true;
    const first = Buffer.from(`${head}\r\n`, 'latin1');
    if (Buffer.isBuffer(whole) && !waits) {
      socket.write(Buffer.concat([first, whole]));
    } else {
      socket.write(first);
      if (whole !== undefined && !waits) void sendBody(socket, whole);
    }
    let held = waits ? whole : undefined;
    this.onInform = (status) => {
      if (status !== 100 || held === undefined) return;
      void sendBody(socket, held);
      held = undefined;
    };
  }
}

async function sendBody(socket: Socket, body: Buffer | AsyncIterable<string | Buffer>): Promise<void> {
  if (Buffer.isBuffer(body)) {
    socket.write(body);
    return;
  }
  try {
    for await (const part of body) {
      const bytes = Buffer.from(part);
      if (bytes.length === 0) continue;
      socket.write(`${bytes.length.toString(16)}\r\n`);
      socket.write(bytes);
      const room = socket.write('\r\n');
      if (!room) await drained(socket);
      if (socket.destroyed) return;
    }
    socket.write('0\r\n\r\n');
  } catch {
    socket.destroy(); // the body's source failed, or the peer went: either way the request is cut
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
    if (socket.destroyed) done();
  });
}

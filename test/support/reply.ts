// Scripted answers as data, and how they are played on a response. origin.ts chooses which one is played when.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { writeInterim } from './gate.ts';
import { flatHeaders, type HeaderInput } from './wire.ts';

/** An answer as data. The origin reads the request's body to its end before it answers. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Content-Length is added for a body unless framed here; Date unless given here or `date: false`. */
  readonly headers?: HeaderInput;
  readonly body?: string | Buffer;
  /** Flat list or object; makes the response chunked. */
  readonly trailers?: HeaderInput;
  /** Sends the body chunked, without Content-Length. */
  readonly chunked?: boolean;
  /** false leaves Date out. */
  readonly date?: boolean;
  /** 1xx responses sent first. */
  readonly informational?: readonly { readonly status: number; readonly headers?: HeaderInput }[];
  /** The head waits for this promise. */
  readonly after?: Promise<unknown>;
  /** The head waits this long (real time), after `after`. */
  readonly delayMs?: number;
  /** The body is sent in 20 pieces over this time (real time). */
  readonly spreadMs?: number;
  /** After the body: `fin` closes, `reset` resets the connection, whatever the head promised. */
  readonly cut?: 'fin' | 'reset';
}

/** Answers by hand. May be async; what it throws is kept in `origin.faults` and breaks the connection. */
export type Play = (request: IncomingMessage, response: ServerResponse) => unknown;

/** Takes the request and never answers. */
export const never: Play = () => {};

/** Closes the connection with FIN before any head. */
export const hangUp: Play = (_request, response) => void response.socket?.destroy();

/** Resets the connection (RST) before any head. */
export const reset: Play = (_request, response) => void response.socket?.resetAndDestroy();

/** Writes these bytes in place of a response, then closes. */
export function garbage(bytes: string | Buffer): Play {
  return (_request, response) => {
    const { socket } = response;
    socket?.end(Buffer.from(bytes), () => socket.destroy());
  };
}

/** Plays a reply. `dateAt` is the instant for Date, epoch ms. */
export async function playReply(reply: Reply, response: ServerResponse, dateAt: () => number): Promise<void> {
  for (const { status, headers = [] } of reply.informational ?? []) writeInterim(response, status, headers);
  if (reply.after !== undefined) await reply.after;
  if (reply.delayMs !== undefined) await wait(reply.delayMs);
  if (response.destroyed) return;
  const body = Buffer.from(reply.body ?? '');
  const lines = flatHeaders(reply.headers);
  const status = reply.status ?? 200;
  const trailers = flatHeaders(reply.trailers);
  const chunked = reply.chunked === true || trailers.length > 0;
  if (reply.date !== false) addDate(lines, dateAt());
  if (!chunked && mayHaveContent(status) && !names(lines, 'content-length', 'transfer-encoding')) {
    lines.push('Content-Length', String(body.length));
  }
  response.writeHead(status, lines);
  response.flushHeaders();
  await sendContent(response, body, reply.spreadMs);
  if (response.destroyed) return;
  const { socket } = response;
  if (reply.cut === 'reset') socket?.resetAndDestroy();
  else if (reply.cut === 'fin') socket?.end(() => socket.destroy());
  else {
    for (let i = 0; i < trailers.length; i += 2)
      response.addTrailers([[trailers[i] ?? '', trailers[i + 1] ?? '']]);
    response.end();
  }
}

/** Adds Date (IMF-fixdate) unless the lines have one. */
export function addDate(lines: string[], atMs: number): string[] {
  if (!names(lines, 'date')) lines.push('Date', new Date(atMs).toUTCString());
  return lines;
}

function names(lines: readonly string[], ...wanted: readonly string[]): boolean {
  return lines.some((name, i) => i % 2 === 0 && wanted.includes(name.toLowerCase()));
}

function mayHaveContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 304;
}

async function sendContent(
  response: ServerResponse,
  body: Buffer,
  spreadMs: number | undefined,
): Promise<void> {
  const pieces = spreadMs === undefined ? 1 : 20;
  const size = Math.ceil(body.length / pieces);
  for (let at = 0; at < body.length && !response.destroyed; at += size) {
    if (spreadMs !== undefined) await wait(spreadMs / pieces);
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.write(body.subarray(at, at + size), () => {
        response.off('close', resolve);
        resolve();
      });
    });
  }
}

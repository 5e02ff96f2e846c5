// Backpressure: nobody is read faster than the other side takes it, so that little is held however large the transfer.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { open } from '../support/client.ts';
import { proxied, sha256 } from '../support/proxying.ts';

const MIB = 1024 * 1024;
const TOTAL = 64 * MIB;
/** What the edge may hold, and the buffers of four sockets on loopback. */
const BOUND = 32 * MIB;
const PIECE = Buffer.alloc(256 * 1024, 'holdfast ');

/** Resolves with a count that has not moved for 200 ms. */
async function settled(count: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = count();
    if (now === before && now > 0) return now;
    before = now;
    await wait(200);
  }
}

/** Also when the peer has gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

function digestOf(total: number): string {
  const hash = createHash('sha256');
  for (let sent = 0; sent < total; sent += PIECE.length) hash.update(PIECE);
  return hash.digest('hex');
}

describe('a client that reads slowly', () => {
  it.each([
    ['no-store', { 'Content-Length': String(TOTAL) }],
    ['no-store', {}],
    ['max-age=60', { 'Content-Length': String(TOTAL) }],
    ['max-age=60', {}],
  ] as const)('holds the origin back, and gets every byte in the end (%s, %o)', async (control, framing) => {
    const { origin, edge } = await proxied();
    let pulled = 0;
    origin.on('/large', async (_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'Cache-Control': control, ...framing });
      for (; pulled < TOTAL; pulled += PIECE.length) {
        if (!response.write(PIECE)) await drained(response);
        if (response.destroyed) return;
      }
      response.end();
    });
    const response = await open(edge.url, '/large');
    expect(await settled(() => pulled)).toBeLessThan(BOUND);
    const body = await response.rest();
    expect(body.length).toBe(TOTAL);
    expect(sha256(body)).toBe(digestOf(TOTAL));
  });
});

describe('an origin that reads slowly', () => {
  it.each(['content-length', 'chunked'])(
    'holds the client back, and gets every byte in the end (%s)',
    async (framing) => {
      const { origin, edge } = await proxied();
      const go = Promise.withResolvers<void>();
      const hash = createHash('sha256');
      let received = 0;
      origin.on('PUT /large', async (incoming: IncomingMessage, response: ServerResponse) => {
        await go.promise;
        for await (const piece of incoming) {
          hash.update(piece);
          received += piece.length;
        }
        response.writeHead(204).end();
      });
      let sent = 0;
      const headers = framing === 'chunked' ? {} : { 'Content-Length': String(TOTAL) };
      const client = request(`${edge.url}/large`, { method: 'PUT', headers });
      const answered = once(client, 'response') as Promise<[IncomingMessage]>;
      const finished = (async () => {
        for (; sent < TOTAL; sent += PIECE.length) if (!client.write(PIECE)) await once(client, 'drain');
        client.end();
      })();
      expect(await settled(() => sent)).toBeLessThan(BOUND);
      go.resolve();
      await finished;
      expect((await answered)[0].statusCode).toBe(204);
      expect(received).toBe(TOTAL);
      expect(hash.digest('hex')).toBe(digestOf(TOTAL));
    },
  );
});

// An origin that writes its own bytes: for heads, framings and closes that node:http would not produce.

import { createServer, type Socket } from 'node:net';
import { address, ConnectionSet, listen } from './listen.ts';
import { BodyReader, ByteReader, framingOf, headerMap, readHead } from './wire.ts';

export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly startLine: string;
  /** name, value, name, value, … as received. */
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** Read to its end before the handler is called. */
  readonly body: Buffer;
  /** 1 for the first connection to this origin, 2 for the second, … */
  readonly connection: number;
}

export interface RawOrigin {
  readonly url: string;
  readonly port: number;
  readonly connections: number;
  readonly requests: readonly RawRequest[];
  /** Requests that could not be parsed, and what handlers threw. */
  readonly faults: readonly unknown[];
  close(): Promise<void>;
}

/**
 * Calls `handler` for each request on each connection; it writes to the socket what it likes. The next request of a
 * connection is read when the handler's promise has settled.
 */
export async function rawOrigin(
  handler: (request: RawRequest, socket: Socket) => unknown,
): Promise<RawOrigin> {
  const connections = new ConnectionSet();
  const requests: RawRequest[] = [];
  const faults: unknown[] = [];
  const server = createServer((socket) => {
    connections.add(socket);
    serve(socket).catch((error: unknown) => {
      if (!socket.destroyed) faults.push(error);
      socket.destroy();
    });
  });

  const serve = async (socket: Socket): Promise<void> => {
    const reader = new ByteReader(socket);
    for (;;) {
      const head = await readHead(reader);
      if (head === undefined) return;
      const { startLine, rawHeaders } = head;
      const [method = '', url = ''] = startLine.split(' ');
      const content = new BodyReader(reader, framingOf(rawHeaders, { by: 'length', bytes: 0 }));
      const parts: Buffer[] = [];
      for (let part = await content.next(); part !== undefined; part = await content.next()) parts.push(part);
      const connection = connections.numberOf(socket);
      const headers = headerMap(rawHeaders);
      const request = { method, url, startLine, rawHeaders, headers, body: Buffer.concat(parts), connection };
      requests.push(request);
      await handler(request, socket);
    }
  };

  const port = await listen(server);
  return {
    url: address(port),
    port,
    get connections() {
      return connections.accepted;
    },
    requests,
    faults,
    close: () => connections.close(server),
  };
}

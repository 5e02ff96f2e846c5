// The bench's own client: fills a store before it is measured, asks the origin what it has seen, and holds connections
// idle. Not a load.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';

/** Asks for every path once. Throws when one is not answered with `status`. */
export async function fetchAll(
  { port, secure }: { readonly port: number; readonly secure: boolean },
  paths: readonly string[],
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pool = new Pool(`${secure ? 'https' : 'http'}://127.0.0.1:${port}`, {
    connections: 16,
    connect: { rejectUnauthorized: false },
  });
  let next = 0;
  const work = async (): Promise<void> => {
    for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
      const { statusCode, body } = await pool.request({ path, method: 'GET', headers });
      await body.dump({ limit: 1e9 });
      if (statusCode !== status) throw new Error(`${path} is answered with ${statusCode}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: 16 }, work));
  } finally {
    await pool.destroy();
  }
}

/** Requests for content that the origin has answered. */
export async function originCount(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/count`);
  return Number(await response.text());
}

/** Connections that have each had one answer and are now idle, as many as can be opened. */
export async function openIdle(port: number, path: string, count: number): Promise<readonly Socket[]> {
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const open: Socket[] = [];
  while (open.length < count) {
    const batch = Array.from({ length: Math.min(200, count - open.length) }, async () => {
      const socket = connect(port, '127.0.0.1');
      // Whoever cannot be opened is left out of the count.
      socket.on('error', () => socket.destroy());
      const signal = AbortSignal.timeout(10_000);
      await once(socket, 'connect', { signal });
      socket.write(request);
      await once(socket, 'data', { signal });
      socket.resume();
      return socket;
    });
    const opened = (await Promise.allSettled(batch)).filter((one) => one.status === 'fulfilled');
    open.push(...opened.map(({ value }) => value));
    if (opened.length < batch.length) break;
  }
  return open;
}

/** Resolves when all are closed here, so that the other side has heard of it. */
export async function closeAll(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => {
      const closed = once(socket, 'close');
      socket.destroy();
      return closed;
    }),
  );
}

// Listening on a free loopback port, and closing with nothing left open.

import { once } from 'node:events';
import type { Server, Socket } from 'node:net';

/** Listens on 127.0.0.1. @returns the port. */
export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('not listening on a port');
  return bound.port;
}

export function address(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** The connections of a server, numbered from 1. */
export class ConnectionSet {
  readonly #numbers = new WeakMap<Socket, number>();
  readonly #open = new Set<Socket>();
  #accepted = 0;

  get accepted(): number {
    return this.#accepted;
  }

  get open(): number {
    return this.#open.size;
  }

  numberOf(socket: Socket): number {
    return this.#numbers.get(socket) ?? 0;
  }

  add(socket: Socket): void {
    this.#numbers.set(socket, ++this.#accepted);
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
  }

  /** Destroys every connection and closes the server; does nothing the second time. */
  async close(server: Server): Promise<void> {
    const closed = server.listening
      ? new Promise<void>((resolve) => server.close(() => resolve()))
      : undefined;
    for (const socket of this.#open) socket.destroy();
    await closed;
  }
}

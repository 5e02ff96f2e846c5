// Connections to a FastCGI server: at most so many, a queue for who finds none, some kept open between requests.
// Knows no records: whoever holds a connection owns its socket until it gives it back.

import { connect, type Socket } from 'node:net';
import { nameFailure, OriginFailure } from '../failure.ts';
import type { FastCgiAddress } from './address.ts';

export interface PoolOptions {
  readonly address: FastCgiAddress;
  /** Connections at most; further requests queue. */
  readonly connections: number;
  /** Connections that are kept open without a request, at most. */
  readonly idleConnections: number;
  readonly idleMs: number;
  readonly connectTimeoutMs: number;
}

export interface Lease {
  readonly socket: Socket;
  /** It has served a request before: the server may be closing it just now. */
  readonly reused: boolean;
  /** Gives the connection back; `reusable` when nothing of the request is left on it. */
  release(reusable: boolean): void;
}

/** A request that waits for a connection. */
interface Waiting {
  /** It wants one that has served nothing yet. */
  readonly fresh: boolean;
  readonly take: (lease: Lease) => void;
  readonly fail: (failure: OriginFailure) => void;
}

interface Idle {
  readonly socket: Socket;
  readonly onData: () => void;
}

export class Pool {
  readonly #options: PoolOptions;
  /** The last used is used first, so that the others can time out. */
  readonly #idle: Idle[] = [];
  readonly #open = new Set<Socket>();
  readonly #queue = new Set<Waiting>();
  #destroyed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** @returns gives the request up while it waits; neither callback is called then */
  lease(fresh: boolean, take: Waiting['take'], fail: Waiting['fail']): () => void {
    let waits = true;
    const waiting: Waiting = {
      fresh,
      take: (given) => (waits ? take(given) : given.release(true)),
      fail: (failure) => {
        if (waits) fail(failure);
      },
    };
    if (this.#destroyed) queueMicrotask(() => waiting.fail(new OriginFailure('closing')));
    else this.#serve(waiting);
    return () => {
      waits = false;
      this.#queue.delete(waiting);
    };
  }

  destroy(): void {
    this.#destroyed = true;
    for (const waiting of this.#queue) waiting.fail(new OriginFailure('closing'));
    this.#queue.clear();
    for (const socket of this.#open) socket.destroy(new OriginFailure('closing'));
  }

  #serve(waiting: Waiting): void {
    const idle = waiting.fresh ? undefined : this.#idle.pop();
    if (idle !== undefined) {
      idle.socket.off('data', idle.onData).off('timeout', idle.onData).setTimeout(0);
      return waiting.take(this.#leaseOf(idle.socket, true));
    }
    if (this.#open.size < this.#options.connections) return this.#connect(waiting);
    this.#queue.add(waiting);
    // An idle one makes room for a fresh one.
    const oldest = this.#idle[0];
    if (oldest !== undefined) this.#drop(oldest.socket);
  }

  #connect(waiting: Waiting): void {
    const { address, connectTimeoutMs } = this.#options;
    const { host, port } = address;
    const socket = address.path === undefined ? connect({ host, port }) : connect({ path: address.path });
    this.#open.add(socket);
    const timer = setTimeout(() => socket.destroy(new OriginFailure('connect-timeout')), connectTimeoutMs);
    let connected = false;
    socket.on('error', () => {});
    socket.once('connect', () => {
      clearTimeout(timer);
      connected = true;
      socket.setNoDelay(true);
      waiting.take(this.#leaseOf(socket, false));
    });
    socket.once('close', () => {
      clearTimeout(timer);
      this.#drop(socket);
      if (!connected) waiting.fail(nameFailure(socket.errored, false));
    });
  }

  #leaseOf(socket: Socket, reused: boolean): Lease {
    let held = true;
    return {
      socket,
      reused,
      release: (reusable) => {
        if (!held) return;
        held = false;
        if (reusable && !socket.destroyed && !this.#destroyed) this.#keep(socket);
        else this.#drop(socket);
      },
    };
  }

  #keep(socket: Socket): void {
    const [next] = this.#queue;
    if (next !== undefined && !next.fresh) {
      this.#queue.delete(next);
      return next.take(this.#leaseOf(socket, true));
    }
    if (next !== undefined || this.#idle.length >= this.#options.idleConnections) return this.#drop(socket);
    // Whatever it says now belongs to no request.
    const onData = (): void => this.#drop(socket);
    this.#idle.push({ socket, onData });
    socket.on('data', onData).on('timeout', onData).setTimeout(this.#options.idleMs);
    socket.resume();
  }

  /** Closes a connection, and lets the next who waits open one. */
  #drop(socket: Socket): void {
    if (!this.#open.delete(socket)) return;
    const at = this.#idle.findIndex((one) => one.socket === socket);
    if (at !== -1) this.#idle.splice(at, 1);
    socket.destroy();
    const [next] = this.#queue;
    if (next === undefined || this.#destroyed) return;
    this.#queue.delete(next);
    this.#connect(next);
  }
}

// A TCP listener for clients, in the clear or over TLS: accepts connections, sweeps their deadlines with one coarse timer,
// drains and closes. What is spoken over a connection is the affair of a Connection; nothing here knows a grammar.

import { createServer, type Server, type Socket } from 'node:net';
import { Http2Door } from '../http2/door.ts';
import { sweepPace } from '../pace.ts';
import type { TlsTerms } from '../tls/terms.ts';
import { Connection } from './connection.ts';
import type { FieldLines } from './fields.ts';
import { Handshakes, type Protocol } from './handshake.ts';
import { HeadParser } from './head.ts';
import { Introduction, type ProxyTerms } from './introduction.ts';
import type { Limits } from './limits.ts';
import type { Handler, Peer } from './message.ts';
import { Scratch } from './scratch.ts';
import type { Served } from './served.ts';
import type { Shared } from './shared.ts';
import { Composer } from './wire.ts';

export interface ListenerOptions {
  /** Ends TLS by these terms, until `secure`; undefined listens in the clear. */
  readonly tls?: TlsTerms | undefined;
  readonly limits: Limits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Hears of each answer that the listener gave itself. */
  readonly onRefused?: (status: number, reason: string, peer: Peer) => void;
  /** Hears of each handshake that failed. */
  readonly onHandshakeFailed?: (reason: string, peer: Peer) => void;
  /** Connections come by a proxy that says whose they are; undefined takes them as they come. */
  readonly proxy?: ProxyTerms | undefined;
  /** Counts connections, and says which are too many. */
  readonly crowd?: Doorkeeper | undefined;
  /** Hears of each connection that was reset at once: why, in a word and in several. */
  readonly onTurnedAway?: (reason: string, detail: string, peer: Peer) => void;
  /** Extra field lines on those answers. */
  readonly refusalLines?: FieldLines;
  /** Lets several listeners share the port (SO_REUSEPORT), where the platform can. */
  readonly reusePort?: boolean;
  /** Clients ask it as a forward proxy: for URLs, and by CONNECT. */
  readonly forProxy?: boolean;
  /** Hears of each connection; undefined turns it away, what is returned is called at its end. */
  readonly onConnection?: (peer: Peer) => (() => void) | undefined;
  /** Gives every read a buffer of its own, as where sharing one is not possible (read-buffer.ts). */
  readonly ownReads?: boolean;
}

/** Who may come in, by the client's address. */
export interface Doorkeeper {
  /** Counts a connection in, unless it returns why it is one too many. */
  enter(address: string): string | undefined;
  leave(address: string): void;
}

export interface Listener {
  /** Without a host on all interfaces; port 0 takes any free port. Rejects with the system's error (EADDRINUSE, EACCES, …). */
  listen(host: string | undefined, port: number, fd?: number): Promise<{ host: string; port: number }>;
  /** Handshakes to come are made by these terms; for a listener that ends TLS. @throws when they cannot be used */
  secure(terms: TlsTerms): void;
  /**
   * Drains: accepts no more, closes idle connections at once (new ones a moment later, for their first request), lets responses finish with `Connection: close`,
   * destroys what is left after `graceMs`. Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void>;
  /** Open connections. */
  readonly connections: number;
  /** From the next head on, these limits, and from the next connection on these terms. */
  use(limits: Limits, proxy?: ProxyTerms): void;
  /** Stops at once and resets every connection. */
  destroy(): void;
}

/** As much as Node reads at a time. */
const READ_BYTES = 64 * 1024;

export function createListener(options: ListenerOptions, handler: Handler): Listener {
  return new TcpListener(options, handler);
}

class TcpListener implements Listener {
  readonly #options: ListenerOptions;
  readonly #shared: Shared;
  readonly #server: Server;
  /** By the TCP socket: a handshake, then what is spoken over it. */
  readonly #connections = new Map<Socket, Served>();
  #handshakes: Handshakes | undefined;
  #http2: Http2Door | undefined;
  #proxy: ProxyTerms | undefined;
  #sweeper: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  /** The grace of draining is over. */
  #broken = false;
  /** Set once the server has closed: hears of the last connection's end. */
  #emptied: (() => void) | undefined;

  constructor(options: ListenerOptions, handler: Handler) {
    this.#options = options;
    this.#proxy = options.proxy;
    const scheme = options.tls === undefined ? 'http' : 'https';
    this.#shared = {
      scheme,
      limits: options.limits,
      handler,
      parser: new HeadParser(scheme, options.limits, options.forProxy),
      composer: new Composer(options.now),
      readBuffer: options.ownReads === true ? undefined : Buffer.allocUnsafeSlow(READ_BYTES),
      scratch: new Scratch(),
      refusalLines: options.refusalLines ?? [],
      draining: false,
      now: options.now,
      refused: options.onRefused ?? (() => {}),
    };
    if (options.tls !== undefined) this.secure(options.tls);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  use(limits: Limits, proxy?: ProxyTerms): void {
    this.#proxy = proxy;
    this.#shared.limits = limits;
    this.#shared.parser = new HeadParser(this.#shared.scheme, limits, this.#options.forProxy);
    this.#http2?.use(limits);
    this.#rest();
  }

  get connections(): number {
    return this.#connections.size;
  }

  listen(host: string | undefined, port: number, fd?: number): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      const server = this.#server;
      server.once('error', reject);
      const reusePort = this.#options.reusePort === true;
      const where = { ...(host !== undefined && { host }), port, reusePort };
      server.listen({ ...(fd === undefined ? where : { fd }), backlog: 1024 }, () => {
        server.off('error', reject);
        // A failed accept (no descriptor left) costs one client, not the listener.
        server.on('error', () => {});
        this.#rest();
        const bound = server.address();
        if (bound === null || typeof bound === 'string')
          reject(new Error('The listener has no TCP address.'));
        else resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  secure(terms: TlsTerms): void {
    this.#shared.composer = new Composer(this.#options.now, terms.hsts);
    this.#http2 = terms.http2 && new Http2Door(this.#shared, terms.http2, terms.hsts);
    this.#handshakes = new Handshakes(terms, {
      now: this.#options.now,
      timeoutMs: () => this.#shared.limits.headTimeoutMs,
      secured: (...made) => this.#secured(...made),
      failed: (reason, peer) => this.#options.onHandshakeFailed?.(reason, peer),
    });
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#drain(graceMs);
    return this.#closing;
  }

  destroy(): void {
    this.#shared.draining = true;
    this.#broken = true;
    this.#closing ??= this.#stop();
    for (const connection of this.#connections.values()) connection.breakOff();
  }

  async #drain(graceMs: number): Promise<void> {
    this.#shared.draining = true;
    const stopped = this.#stop();
    for (const connection of this.#connections.values()) connection.drain();
    const timer = setTimeout(() => {
      this.#broken = true;
      for (const connection of this.#connections.values()) connection.breakOff();
    }, graceMs);
    await stopped;
    clearTimeout(timer);
  }

  /** Resolves when the last connection has closed. */
  #stop(): Promise<void> {
    return new Promise((resolve) => {
      // The callback's only error is that the server was never listening.
      this.#server.close(() => {
        clearInterval(this.#sweeper);
        if (this.#connections.size === 0) resolve();
        else this.#emptied = resolve;
      });
    });
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket);
    // Who was let in by the system just before the listener closed is served.
    if (peer === undefined || this.#broken) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    if (this.#proxy === undefined) {
      this.#enter(socket, peer);
      return;
    }
    socket.on('close', () => this.#forget(socket));
    const introduction = new Introduction(socket, peer, this.#proxy, this.#options.now(), {
      introduced: (...introduced) => this.#enter(...introduced),
      failed: (...fault) => this.#options.onTurnedAway?.(...fault),
    });
    if (!socket.destroyed) this.#connections.set(socket, introduction);
  }

  /** It is known whose connection it is. @param early what has been read of it already */
  #enter(socket: Socket, peer: Peer, early?: Buffer): void {
    const { crowd, onConnection } = this.#options;
    const beyond = crowd?.enter(peer.address);
    if (beyond !== undefined) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
      this.#options.onTurnedAway?.(beyond, 'too many connections', peer);
      return;
    }
    const left = onConnection?.(peer);
    socket.on('close', () => {
      crowd?.leave(peer.address);
      left?.();
      this.#forget(socket);
    });
    if (onConnection !== undefined && left === undefined) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    if (this.#handshakes === undefined) {
      const connection = new Connection(socket, peer, this.#shared);
      this.#keep(socket, connection);
      if (early !== undefined && early.length > 0) connection.begin(early);
      return;
    }
    if (early !== undefined) {
      // TLS takes from the socket what was read of it; nobody else may meanwhile.
      socket.pause();
      if (early.length > 0) socket.unshift(early);
    }
    this.#connections.set(socket, this.#handshakes.begin(socket, peer));
  }

  #forget(socket: Socket): void {
    this.#connections.delete(socket);
    if (this.#connections.size === 0) this.#emptied?.();
  }

  /** @param raw the TCP socket under the one of TLS */
  #secured(raw: Socket, socket: Socket, peer: Peer, protocol: Protocol): void {
    const http2 = protocol === 'h2' ? this.#http2 : undefined;
    this.#keep(raw, http2?.open(socket, raw, peer) ?? new Connection(socket, peer, this.#shared, raw));
  }

  #keep(raw: Socket, connection: Served): void {
    this.#connections.set(raw, connection);
    if (this.#shared.draining) connection.drain();
  }

  /** Sets the pace of the sweeps. */
  #rest(): void {
    clearInterval(this.#sweeper);
    if (!this.#server.listening) return;
    const { headTimeoutMs, keepAliveTimeoutMs, bodyIdleTimeoutMs, writeIdleTimeoutMs } = this.#shared.limits;
    const pace = sweepPace([headTimeoutMs, keepAliveTimeoutMs, bodyIdleTimeoutMs, writeIdleTimeoutMs]);
    this.#sweeper = setInterval(() => this.#sweep(), pace).unref();
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const connection of this.#connections.values()) connection.sweep(now);
  }
}

/** @returns undefined when the client has gone already. */
function peerOf(socket: Socket): Peer | undefined {
  const { remoteAddress, remotePort } = socket;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: unmapped(remoteAddress), port: remotePort };
}

/** An IPv4-mapped IPv6 address as IPv4 (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

// One origin: its connections (clients.ts) and the exchanges on them.
// Owns: sending a request, the response as events with backpressure, timeouts, naming failures, one retry of a
// request that met a connection the origin had just closed. Knows nothing of caching.

import { endToEnd } from '../cache/stored-fields.ts';
import type { Fields } from '../http/fields.ts';
import { lazily } from '../library.ts';
import { sweepPace } from '../pace.ts';
import type { Carrier, CarrierEvents, Control } from './carrier.ts';
import { Clients, type Connection, type Tenant } from './clients.ts';
import { type Dial, type Guard, type OriginTls, originConnector } from './connect.ts';
import { nameFailure, OriginFailure } from './failure.ts';
import { Http1 } from './http1.ts';
import { LibraryCarrier } from './library-carrier.ts';
import type { Names } from './names.ts';
import { MAX_HEAD_BYTES } from './response-head.ts';
import { UpgradeExchange, type UpgradeOptions } from './upgrade.ts';
import type { Exchange, ExchangeEvents, OriginRequest, Upstream, Urgency } from './upstream.ts';
import type { WaitingRules } from './waiting.ts';

export interface OriginOptions {
  /** scheme://host:port of the origin, or `unix:` and the path of its socket. */
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** From the request sent to the response head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the response body. */
  readonly idleTimeoutMs: number;
  /** From the request to the end of its response; no bound unless given. */
  readonly totalTimeoutMs?: number | undefined;
  /** Connections at most; further requests wait. */
  readonly connections: number;
  /** For how long and how many; without bounds unless given. */
  readonly waiting?: WaitingRules | undefined;
  /** Connections that have grown so old are used no more. */
  readonly maxAgeMs?: number | undefined;
  readonly names?: Names | undefined;
  readonly guard?: Guard | undefined;
  readonly tls?: OriginTls | undefined;
  /** Speak HTTP/2 where the origin agrees to it (TLS). */
  readonly http2?: boolean | undefined;
  /** A reset is answered by one more try on a connection that was used before only, not on a new one. */
  readonly triesOnce?: boolean | undefined;
  /** Epoch ms. */
  readonly now?: (() => number) | undefined;
}

/** Methods whose requests may be sent twice (RFC 9110 §9.2.2). */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

const KEEP_ALIVE_MS = 30_000;
/** What all connections to origins read into, one after the other. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);
/** Exchanges at a time on a connection that speaks HTTP/2. */
const STREAMS = 100;

/** Loaded for origins that may speak HTTP/2 only. */
const undici = lazily<typeof import('undici')>('undici');

export class Origin implements Upstream {
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** Requests sent, retries included. */
  requests = 0;
  /** Exchanges that are under way. */
  active = 0;
  /** Hears of the end of a connection that has gone over to another protocol. */
  onTunnelGone: (() => void) | undefined;
  /** What the exchanges are to know of the options. */
  readonly triesOnce: boolean;
  readonly totalTimeoutMs: number | undefined;
  readonly #clients: Clients;
  #sweeper: NodeJS.Timeout | undefined;
  readonly #upgrades: Omit<UpgradeOptions, 'onGone'>;

  constructor(options: OriginOptions) {
    const { names, maxAgeMs = Number.POSITIVE_INFINITY, now = Date.now, http2 = false } = options;
    const socketPath = options.url.startsWith('unix:') ? options.url.slice('unix:'.length) : undefined;
    const url = new URL(socketPath === undefined ? options.url : 'http://localhost');
    this.authority = url.host;
    this.scheme = url.protocol === 'https:' ? 'https' : 'http';
    this.triesOnce = options.triesOnce ?? false;
    this.totalTimeoutMs = options.totalTimeoutMs;
    const { connectTimeoutMs: timeoutMs, tls, guard } = options;
    const dialling = { url, socketPath, timeoutMs, tls, names, guard };
    const dial = originConnector({ ...dialling, http2 });
    const dialRaw = originConnector({ ...dialling, halfOpen: true });
    const { firstByteTimeoutMs, idleTimeoutMs } = options;
    this.#upgrades = {
      dial: dialRaw,
      firstByteTimeoutMs,
      idleTimeoutMs,
    };
    const pace = sweepPace([firstByteTimeoutMs, idleTimeoutMs]);
    const http1 = { firstByteTimeoutMs, idleTimeoutMs, keepAliveMs: KEEP_ALIVE_MS, readBuffer: READ_BUFFER };
    const dialFor = (connection: Connection): Dial => {
      return (callback) =>
        dial((error, socket) => {
          if (socket !== null && socket !== undefined) {
            const isH2 = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
            connection.made(socket.remoteAddress, isH2 ? STREAMS : 1);
          }
          callback(error, socket);
        });
    };
    const Client = http2 ? undici().Client : undefined;
    const open = (connection: Connection): Carrier => {
      this.#sweeper ??= setInterval(() => this.#clients.sweep(performance.now()), pace).unref();
      if (Client !== undefined) {
        const client = new Client(url.origin, {
          pipelining: 1,
          allowH2: true,
          headersTimeout: firstByteTimeoutMs,
          bodyTimeout: idleTimeoutMs,
          keepAliveTimeout: KEEP_ALIVE_MS,
          maxHeaderSize: MAX_HEAD_BYTES,
          connect: (_asked, callback) =>
            dialFor(connection)((error, socket) => {
              if (socket) callback(null, socket);
              else callback(error ?? new Error('no connection'), null);
            }),
        });
        return new LibraryCarrier(client, this.authority, IDEMPOTENT);
      }
      return new Http1({ ...http1, dial: dialFor(connection) });
    };
    const isOld =
      names === undefined && maxAgeMs === Number.POSITIVE_INFINITY
        ? undefined
        : (madeAt: number, address: string | undefined): boolean =>
            names?.hasLeft(address) === true || now() - madeAt > maxAgeMs;
    const { connections: max, waiting } = options;
    this.#clients = new Clients({ open, max, waiting, isOld, now });
  }

  /** Sends a request; events follow asynchronously. */
  send(request: OriginRequest, events: ExchangeEvents): Exchange {
    if (request.upgrade !== undefined) return this.#upgrade(request, request.upgrade, events);
    const exchange = new RunningExchange(this, this.#clients, request, events);
    exchange.start();
    return exchange;
  }

  /** On a connection of its own, which counts for as long as it is open. */
  #upgrade(request: OriginRequest, protocols: readonly string[], events: ExchangeEvents): Exchange {
    this.requests++;
    this.active++;
    const onGone = (): void => {
      this.active--;
      this.onTunnelGone?.();
    };
    const exchange = new UpgradeExchange({ ...this.#upgrades, onGone }, request, protocols, events);
    exchange.start();
    return exchange;
  }

  /** Ends idle connections and waits for the exchanges under way. */
  async close(): Promise<void> {
    await this.#clients.close();
    clearInterval(this.#sweeper);
  }

  async destroy(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#clients.destroy();
  }
}

class RunningExchange implements Exchange, Tenant, CarrierEvents {
  readonly urgency: Urgency;
  readonly #origin: Origin;
  readonly #clients: Clients;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  #connection: Connection | undefined;
  #control: Control | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  /** The connection had carried others before. */
  #reused = false;
  #headSeen = false;
  #ended = false;
  #paused = false;

  constructor(origin: Origin, clients: Clients, request: OriginRequest, events: ExchangeEvents) {
    this.#origin = origin;
    this.#clients = clients;
    this.#request = request;
    this.#events = events;
    this.urgency = request.urgency;
  }

  start(): void {
    const { totalTimeoutMs } = this.#origin;
    this.#origin.active++;
    if (totalTimeoutMs !== undefined) this.#timer = setTimeout(() => this.#takesTooLong(), totalTimeoutMs);
    this.#clients.lend(this);
  }

  take(connection: Connection): void {
    this.#connection = connection;
    this.#dispatch(connection);
  }

  onRefused(reason: 'full' | 'timeout' | 'closing'): void {
    const failure = new OriginFailure(reason === 'closing' ? 'closing' : 'overloaded');
    queueMicrotask(() => this.#fail(failure));
  }

  #dispatch({ carrier, served }: Connection): void {
    this.#attempts++;
    this.#origin.requests++;
    this.#reused = served > 0;
    this.#control = carrier.dispatch(this.#request, this);
  }

  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#control?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#ended) this.#control?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#control?.abort();
    this.#finish();
  }

  onInterim(status: number, fields: Fields): void {
    if (!this.#ended) this.#events.onInterim(status, endToEnd(fields));
  }

  onHead(status: number, fields: Fields): void {
    if (this.#ended) return;
    // RFC 9110 §15.5.9: said of the connection's silence before this request, and read as the answer to it.
    if (status === 408 && this.#reused && this.#isRepeatable && this.#connection !== undefined) {
      this.#control?.abort();
      return this.#dispatch(this.#connection);
    }
    this.#headSeen = true;
    this.#events.onHead({ status, fields, attempts: this.#attempts });
  }

  onData(chunk: Buffer): void {
    if (!this.#ended) this.#events.onData(chunk);
  }

  onEnd(): void {
    if (this.#ended) return;
    if (this.#connection !== undefined) this.#connection.served++;
    this.#finish();
    this.#events.onEnd();
  }

  onError(error: unknown): void {
    if (this.#ended) return;
    const failure = nameFailure(error, this.#headSeen);
    // RFC 9110 §9.2.2: the connection may have been closed by the origin just as the request went out.
    const retriable = failure.kind === 'reset' && !this.#headSeen && this.#isRepeatable;
    if (retriable && (this.#reused || !this.#origin.triesOnce) && this.#connection !== undefined) {
      this.#dispatch(this.#connection);
      if (this.#paused) this.#control?.pause();
      return;
    }
    this.#fail(failure);
  }

  /** Once. */
  get #isRepeatable(): boolean {
    const { body, method } = this.#request;
    return this.#attempts === 1 && body === null && IDEMPOTENT.has(method);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#finish();
    const failure = nameFailure(error, this.#headSeen);
    // Nothing that the library or the socket names: the stream's own error.
    const clients = failure.kind === 'internal' && Boolean(this.#request.body?.stream.errored);
    this.#events.onFailure(clients ? new OriginFailure('request-body', error) : failure);
  }

  #takesTooLong(): void {
    if (this.#ended) return;
    this.#control?.abort();
    this.#fail(new OriginFailure('total-timeout'));
  }

  #finish(): void {
    this.#ended = true;
    this.#origin.active--;
    clearTimeout(this.#timer);
    if (this.#connection === undefined) this.#clients.leave(this);
    else this.#connection.giveBack();
  }
}

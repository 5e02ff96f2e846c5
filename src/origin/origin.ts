// One origin: its connections (clients.ts) and the exchanges on them.
// Owns: sending a request, the response as events with backpressure, timeouts, naming failures, one retry of a
// request that met a connection the origin had just closed. Knows nothing of caching.

import { Client, type Dispatcher } from 'undici';
import { endToEnd } from '../cache/stored-fields.ts';
import { Fields } from '../http/fields.ts';
import { Clients, type Connection, type Tenant } from './clients.ts';
import { type Guard, type OriginTls, originConnector } from './connect.ts';
import { nameFailure, OriginFailure } from './failure.ts';
import type { Names } from './names.ts';
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

/** Of a response: 64 KB of tags (cache/tags.ts) and all else beside them. */
const MAX_HEAD_BYTES = 256 * 1024;
const KEEP_ALIVE_MS = 30_000;
/** Exchanges at a time on a connection that speaks HTTP/2. */
const STREAMS = 100;

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
    const { host, protocol, port } = url;
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    this.#upgrades = {
      dial: (callback) => dialRaw({ hostname, host, protocol, port }, callback),
      firstByteTimeoutMs: options.firstByteTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs,
    };
    const settings: Client.Options = {
      pipelining: 1,
      allowH2: http2,
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
    };
    const open = (connection: Connection): Client =>
      new Client(url.origin, {
        ...settings,
        connect: (to, callback) =>
          dial(to, (...result) => {
            const [error, socket] = result;
            if (error === null) {
              const isH2 = 'alpnProtocol' in socket && socket.alpnProtocol === 'h2';
              connection.made(socket.remoteAddress, isH2 ? STREAMS : 1);
            }
            callback(...result);
          }),
      });
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
  close(): Promise<void> {
    return this.#clients.close();
  }

  destroy(): Promise<void> {
    return this.#clients.destroy();
  }
}

class RunningExchange implements Exchange, Tenant, Dispatcher.DispatchHandler {
  readonly urgency: Urgency;
  readonly #origin: Origin;
  readonly #clients: Clients;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attempts = 0;
  /** The connection had carried others before. */
  #reused = false;
  #headSeen = false;
  #ended = false;
  #aborted = false;
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

  #dispatch({ client, served }: Connection): void {
    this.#attempts++;
    this.#origin.requests++;
    this.#reused = served > 0;
    const { method, target, lines, body } = this.#request;
    const headers = body?.length === undefined ? lines : [...lines, 'content-length', String(body.length)];
    // The library would take the certificate's name from Host, and reconnect where it changes.
    const servername = this.#origin.authority;
    const options = {
      method,
      path: target,
      headers: headers as string[],
      body: body?.stream ?? null,
      idempotent: IDEMPOTENT.has(method),
      servername,
    };
    try {
      client.dispatch(options, this);
    } catch (error) {
      queueMicrotask(() => this.#fail(error));
    }
  }

  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#aborted = true;
    this.#finish();
    this.#controller?.abort(new Error('given up'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(new Error('given up'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#ended) return;
    const lines = rawLines(controller.rawHeaders);
    if (status < 200) {
      this.#events.onInterim(status, endToEnd(new Fields(lines)));
      return;
    }
    const fields = new Fields(lines);
    const fault = framingFault(fields);
    if (fault !== undefined) {
      const failure = new OriginFailure('malformed', new Error(fault));
      controller.abort(failure);
      this.#fail(failure);
      return;
    }
    this.#headSeen = true;
    this.#events.onHead({ status, fields, attempts: this.#attempts });
    if (this.#paused) controller.pause();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#ended) this.#events.onData(chunk);
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    if (this.#connection !== undefined) this.#connection.served++;
    this.#finish();
    this.#events.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    const failure = nameFailure(error, this.#headSeen);
    // RFC 9110 §9.2.2: the connection may have been closed by the origin just as the request went out.
    const retriable = failure.kind === 'reset' && !this.#headSeen && this.#request.body === null;
    const mayTry = this.#attempts === 1 && (this.#reused || !this.#origin.triesOnce);
    if (retriable && mayTry && IDEMPOTENT.has(this.#request.method) && this.#connection !== undefined) {
      this.#dispatch(this.#connection);
      return;
    }
    this.#fail(failure);
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
    const controller = this.#controller;
    this.#fail(new OriginFailure('total-timeout'));
    controller?.abort(new Error('given up'));
  }

  #finish(): void {
    this.#ended = true;
    this.#origin.active--;
    clearTimeout(this.#timer);
    if (this.#connection === undefined) this.#clients.leave(this);
    else this.#connection.giveBack();
  }
}

/** HTTP/1.1's in pairs as received, HTTP/2's by name. */
function rawLines(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const lines: string[] = [];
  if (!Array.isArray(raw)) {
    for (const [name, value] of Object.entries(raw ?? {})) {
      if (name.startsWith(':') || value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) lines.push(name, String(one));
    }
  } else {
    for (const part of raw) lines.push(typeof part === 'string' ? part : part.toString('latin1'));
    for (let i = 1; i < lines.length; i += 2) lines[i] = (lines[i] as string).trim();
  }
  return lines;
}

/** RFC 9112 §6.1: a coding that is not understood, or a length that contradicts the coding, cannot be framed. */
function framingFault(fields: Fields): string | undefined {
  const codings = fields.all('transfer-encoding');
  if (codings.length === 0) return undefined;
  if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked') {
    return `transfer coding not understood: ${codings.join(', ').slice(0, 80)}`;
  }
  return fields.has('content-length') ? 'both Transfer-Encoding and Content-Length' : undefined;
}

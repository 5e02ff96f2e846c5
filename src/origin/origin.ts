// One origin: a pool of keep-alive connections, one exchange at a time on each.
// Owns: sending a request, the response as events with backpressure, timeouts, naming failures, one retry of a
// request that met a connection the origin had just closed. Knows nothing of caching.

import { type Dispatcher, Pool } from 'undici';
import { endToEnd } from '../cache/stored-fields.ts';
import { Fields } from '../http/fields.ts';
import { originConnector } from './connect.ts';
import { nameFailure, OriginFailure } from './failure.ts';
import { UpgradeExchange, type UpgradeOptions } from './upgrade.ts';
import type { Exchange, ExchangeEvents, OriginRequest, Upstream } from './upstream.ts';

export interface OriginOptions {
  /** scheme://host:port of the origin. */
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** From the request sent to the response head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the response body. */
  readonly idleTimeoutMs: number;
  /** Connections at most; further requests queue. */
  readonly connections: number;
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** Of a response: 64 KB of tags (cache/tags.ts) and all else beside them. */
const MAX_HEAD_BYTES = 256 * 1024;

export class Origin implements Upstream {
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** Requests sent, retries included. */
  requests = 0;
  /** Exchanges that are under way. */
  active = 0;
  readonly #pool: Pool;
  readonly #upgrades: Omit<UpgradeOptions, 'onGone'>;

  constructor(options: OriginOptions) {
    const url = new URL(options.url);
    this.authority = url.host;
    this.scheme = url.protocol === 'https:' ? 'https' : 'http';
    const dialRaw = originConnector(url, options.connectTimeoutMs, true);
    const { hostname, host, protocol, port } = url;
    this.#upgrades = {
      dial: (callback) => dialRaw({ hostname, host, protocol, port }, callback),
      firstByteTimeoutMs: options.firstByteTimeoutMs,
      idleTimeoutMs: options.idleTimeoutMs,
    };
    this.#pool = new Pool(url.origin, {
      connections: options.connections,
      pipelining: 1,
      connect: originConnector(url, options.connectTimeoutMs),
      headersTimeout: options.firstByteTimeoutMs,
      bodyTimeout: options.idleTimeoutMs,
      keepAliveTimeout: 30_000,
      maxHeaderSize: MAX_HEAD_BYTES,
    });
  }

  /** Sends a request; events follow asynchronously. */
  send(request: OriginRequest, events: ExchangeEvents): Exchange {
    if (request.upgrade !== undefined) return this.#upgrade(request, request.upgrade, events);
    const exchange = new RunningExchange(this, this.#pool, request, events);
    exchange.start();
    return exchange;
  }

  /** On a connection of its own, which counts for as long as it is open. */
  #upgrade(request: OriginRequest, protocols: readonly string[], events: ExchangeEvents): Exchange {
    this.requests++;
    this.active++;
    const onGone = (): void => {
      this.active--;
    };
    const exchange = new UpgradeExchange({ ...this.#upgrades, onGone }, request, protocols, events);
    exchange.start();
    return exchange;
  }

  /** Ends idle connections and waits for the exchanges under way. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  destroy(): Promise<void> {
    return this.#pool.destroy();
  }
}

class RunningExchange implements Exchange, Dispatcher.DispatchHandler {
  readonly #origin: Origin;
  readonly #pool: Pool;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  #controller: Dispatcher.DispatchController | undefined;
  #attempts = 0;
  #headSeen = false;
  #ended = false;
  #aborted = false;
  #paused = false;

  constructor(origin: Origin, pool: Pool, request: OriginRequest, events: ExchangeEvents) {
    this.#origin = origin;
    this.#pool = pool;
    this.#request = request;
    this.#events = events;
  }

  start(): void {
    this.#attempts++;
    this.#origin.requests++;
    if (this.#attempts === 1) this.#origin.active++;
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
      this.#pool.dispatch(options, this);
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
    this.#finish();
    this.#events.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#ended) return;
    const failure = nameFailure(error, this.#headSeen);
    // RFC 9110 §9.2.2: the connection may have been closed by the origin just as the request went out.
    const retriable = failure.kind === 'reset' && !this.#headSeen && this.#request.body === null;
    if (retriable && this.#attempts === 1 && IDEMPOTENT.has(this.#request.method)) {
      this.start();
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

  #finish(): void {
    this.#ended = true;
    this.#origin.active--;
  }
}

function rawLines(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const lines: string[] = [];
  if (Array.isArray(raw)) {
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

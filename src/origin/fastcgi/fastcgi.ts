// A FastCGI server as an upstream: a request becomes a script and its variables, the script's output an HTTP response.
// Owns the order of the steps, one retry of a request that met a connection just closed, and the log of error streams.

import { stat } from 'node:fs/promises';
import type { FastCgiConfig } from '../../config.ts';
import { Fields } from '../../http/fields.ts';
import { nameFailure, OriginFailure } from '../failure.ts';
import type { Exchange, ExchangeEvents, OriginRequest, Upstream } from '../upstream.ts';
import { authorityOf, type FastCgiAddress } from './address.ts';
import { type Content, contentOf, Held } from './content.ts';
import { Exchanging } from './exchange.ts';
import { cgiParams } from './params.ts';
import { type Lease, Pool } from './pool.ts';
import { type FileTest, findScript, type ScriptRules } from './script.ts';

export interface FastCgiOptions extends ScriptRules {
  readonly address: FastCgiAddress;
  /** Scripts are looked for on this machine before they are asked for. */
  readonly checkFiles: boolean;
  /** Variables beside the usual ones, or in their place. */
  readonly params: Readonly<Record<string, string>>;
  /** Connections kept open without a request; 0 closes each after its request. */
  readonly keepAlive: number;
  readonly keepAliveIdleMs: number;
  /** Largest content without a length. */
  readonly maxChunkedBytes: number;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** From the request sent to the response head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of the response. */
  readonly idleTimeoutMs: number;
  /** From the first step to the last byte of the response; undefined sets no bound. */
  readonly totalTimeoutMs?: number | undefined;
  /** Takes what a script wrote to its error stream, cut to a bound. */
  readonly onErrorStream: (text: string, script: string) => void;
}

/** From the settings. Their texts are UTF-8, those of a request one character a byte: here all become the latter. */
export function fastCgiOptions(set: FastCgiConfig) {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return {
    root: bytes(set.root ?? ''),
    index: bytes(set.index),
    fallback: set.fallback === 'none' ? undefined : bytes(set.fallback),
    extensions: set.extensions,
    checkFiles: set.checkFiles,
    params: Object.fromEntries(Object.entries(set.params).map(([name, value]) => [name, bytes(value)])),
    keepAlive: set.keepAlive,
    keepAliveIdleMs: set.keepAliveIdle,
    maxChunkedBytes: set.maxChunked,
  };
}

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
const ANSWERS = {
  'bad-path': { status: 400, sentence: 'The path of the request is no path of a script.' },
  'no-script': { status: 404, sentence: 'There is no script of this name.' },
  'length-required': { status: 411, sentence: 'Content of this size has to announce its length.' },
} as const;
/** So many chunked contents of the largest size are held at a time. */
const HELD_AT_ONCE = 16;
const MAX_ERROR_STREAM_BYTES = 8 * 1024;

export class FastCgi implements Upstream {
  readonly authority: string;
  readonly scheme = 'http';
  requests = 0;
  active = 0;
  readonly options: FastCgiOptions;
  readonly pool: Pool;
  readonly held: Held;
  readonly isFile: FileTest;
  readonly #idle: (() => void)[] = [];

  constructor(options: FastCgiOptions) {
    this.options = options;
    const { host, port, path } = options.address;
    this.authority = path === undefined ? authorityOf(host, port) : 'localhost';
    this.pool = new Pool({ ...options, idleConnections: options.keepAlive, idleMs: options.keepAliveIdleMs });
    this.held = new Held(options.maxChunkedBytes * HELD_AT_ONCE);
    this.isFile = options.checkFiles ? isFile : undefined;
  }

  send(request: OriginRequest, events: ExchangeEvents): Exchange {
    this.active++;
    const running = new Running(this, request, events);
    running.start();
    return running;
  }

  async close(): Promise<void> {
    if (this.active > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    this.pool.destroy();
  }

  async destroy(): Promise<void> {
    this.pool.destroy();
  }

  /** An exchange is over. */
  leave(): void {
    this.active--;
    if (this.active === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

class Running implements Exchange {
  readonly #upstream: FastCgi;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  #exchanging: Exchanging | undefined;
  #content: Content | undefined;
  #leaveQueue: () => void = () => undefined;
  #waitTimer: NodeJS.Timeout | undefined;
  #totalTimer: NodeJS.Timeout | undefined;
  #attempts = 0;
  #paused = false;
  #ended = false;
  readonly #stderr: Buffer[] = [];
  #stderrBytes = 0;
  #script = '';

  constructor(upstream: FastCgi, request: OriginRequest, events: ExchangeEvents) {
    this.#upstream = upstream;
    this.#request = request;
    this.#events = events;
  }

  start(): void {
    const { totalTimeoutMs } = this.#upstream.options;
    if (totalTimeoutMs !== undefined) this.#totalTimer = setTimeout(() => this.#giveUp(), totalTimeoutMs);
    this.#prepare().then(
      (params) => {
        if (params !== undefined) this.#attempt(params, false);
      },
      (error: unknown) => this.#fail(nameFailure(error, false)),
    );
  }

  pause(): void {
    this.#paused = true;
    this.#exchanging?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#exchanging?.resume();
  }

  abort(): void {
    if (this.#finish()) this.#breakOff();
  }

  #giveUp(): void {
    if (!this.#finish()) return;
    this.#breakOff();
    this.#events.onFailure(new OriginFailure('total-timeout'));
  }

  #breakOff(): void {
    this.#leaveQueue();
    this.#exchanging?.abort();
  }

  /** The request's variables, its content at hand; undefined when there is nothing to ask the server. */
  async #prepare(): Promise<ReadonlyMap<string, string> | undefined> {
    const { options, held, isFile } = this.#upstream;
    const { method, target, lines, client, body } = this.#request;
    const found = await findScript(target.split('?', 1)[0] ?? '', options, isFile);
    if (found.kind !== 'script') return this.#answer(ANSWERS[found.kind]);
    const { script } = found;
    this.#script = script.name;
    const content = await contentOf(body, held, options.maxChunkedBytes);
    if (content === undefined) return this.#answer(ANSWERS['length-required']);
    this.#content = content;
    if (this.#ended) {
      content.release();
      return undefined;
    }
    const { root, params } = options;
    const contentLength = body === null ? undefined : content.length;
    return cgiParams({ method, target, lines, client, script, root, contentLength, extra: params });
  }

  /** What a web server before the FastCGI server would have answered. */
  #answer({ status, sentence }: { readonly status: number; readonly sentence: string }): undefined {
    if (!this.#finish()) return;
    const body = Buffer.from(`${sentence}\n`);
    const fields = new Fields(['Content-Type', 'text/plain', 'Content-Length', String(body.length)]);
    this.#events.onHead({ status, fields, attempts: 0 });
    if (this.#request.method !== 'HEAD') this.#events.onData(body);
    this.#events.onEnd();
  }

  #attempt(params: ReadonlyMap<string, string>, fresh: boolean): void {
    const { pool, options } = this.#upstream;
    this.#attempts++;
    // Who waits for a connection waits for the first byte.
    this.#waitTimer = setTimeout(() => {
      this.#leaveQueue();
      this.#fail(new OriginFailure('first-byte-timeout'));
    }, options.firstByteTimeoutMs);
    this.#leaveQueue = pool.lease(
      fresh,
      (lease) => {
        clearTimeout(this.#waitTimer);
        this.#talk(lease, params);
      },
      (failure) => this.#fail(failure),
    );
  }

  #talk(lease: Lease, params: ReadonlyMap<string, string>): void {
    const { options } = this.#upstream;
    const content = this.#content;
    if (content === undefined) return lease.release(true);
    this.#upstream.requests++;
    this.#exchanging = new Exchanging(
      {
        lease,
        params,
        content,
        keepConnection: options.keepAlive > 0,
        isHead: this.#request.method === 'HEAD',
        firstByteTimeoutMs: options.firstByteTimeoutMs,
        idleTimeoutMs: options.idleTimeoutMs,
      },
      {
        onHead: ({ status, fields }) => {
          this.#events.onHead({ status, fields, attempts: this.#attempts });
        },
        onData: (chunk) => this.#events.onData(chunk),
        onStderr: (piece) => this.#hear(piece),
        onEnd: () => {
          if (this.#finish()) this.#events.onEnd();
        },
        onFailure: (failure, untouched) => {
          const retriable = lease.reused && untouched && failure.kind === 'reset' && content.repeatable;
          if (retriable && this.#attempts === 1 && IDEMPOTENT.has(this.#request.method))
            return this.#attempt(params, true);
          this.#fail(failure);
        },
      },
    );
    if (this.#paused) this.#exchanging.pause();
  }

  #hear(piece: Buffer): void {
    const room = MAX_ERROR_STREAM_BYTES - this.#stderrBytes;
    if (room <= 0) return;
    const kept = Buffer.from(piece.subarray(0, room));
    this.#stderrBytes += kept.length;
    this.#stderr.push(kept);
  }

  #fail(failure: OriginFailure): void {
    if (this.#finish()) this.#events.onFailure(failure);
  }

  /** @returns false when it was over before */
  #finish(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    clearTimeout(this.#waitTimer);
    clearTimeout(this.#totalTimer);
    this.#content?.release();
    this.#upstream.leave();
    if (this.#stderr.length > 0)
      this.#upstream.options.onErrorStream(Buffer.concat(this.#stderr).toString('utf8'), this.#script);
    return true;
  }
}

async function isFile(filename: string): Promise<boolean> {
  try {
    return (await stat(Buffer.from(filename, 'latin1'))).isFile();
  } catch {
    return false;
  }
}

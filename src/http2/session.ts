// One HTTP/2 connection of a client (RFC 9113), over the library's session: its streams become requests, its deadlines are
// kept, it drains, and what a client may cost beside its requests is bounded. Knows neither HPACK nor frames.

import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { TokenBucket } from '../admin/token-bucket.ts';
import type { FieldLines } from '../http/fields.ts';
import type { Peer } from '../http/message.ts';
import { Refusal } from '../http/refusal.ts';
import { reset } from '../http/reset.ts';
import type { Served } from '../http/served.ts';
import type { Shared } from '../http/shared.ts';
import type { Http2Terms } from '../tls/terms.ts';
import type { Composer } from './composer.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { LastBlock } from './header-block.ts';
import { Intake } from './intake.ts';
import { ENHANCE_YOUR_CALM, FLAG_END_STREAM, http2, NO_ERROR } from './library.ts';
import { type Requests, toRequest } from './request.ts';

/** What the sessions of one listener share. */
export interface Http2Shared {
  readonly shared: Shared;
  requests: Requests;
  readonly composer: Composer;
  readonly terms: Http2Terms;
}

/** Upload windows: of a stream, and of all streams of a session together. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const SESSION_WINDOW_BYTES = 1024 * 1024;
/** What the library may hold for a session, MB. */
const SESSION_MEMORY_MB = 16;
const LAST_STREAM = 2 ** 31 - 1;
/** Between the word that there will be an end and the end, so that requests on their way still come in (RFC 9113 §6.8). */
const NOTICE_MS = 100;
const LINGER_MS = 2000;
/** How many seconds a burst takes to fill again. */
const RESET_REFILL_SECONDS = 10;
const PINGS = { perSecond: 10, burst: 100 };
const SETTINGS = { perSecond: 1, burst: 20 };
/** Bytes that are neither requests nor content: flow control, priorities, frames that mean nothing. */
const OVERHEAD = { perSecond: 64 * 1024, burst: 1024 * 1024 };

const BROKEN = new Refusal(500, 'The request could not be handled.');

function ignore(): void {}

export class Http2Connection implements Served, ExchangeOwner {
  readonly composer: Composer;
  readonly refusalLines: FieldLines;
  readonly #context: Http2Shared;
  readonly #socket: Socket;
  readonly #tcp: Socket;
  readonly #peer: Peer;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new Set<Exchange>();
  readonly #last = new LastBlock();
  readonly #resets: TokenBucket;
  readonly #pings: TokenBucket;
  readonly #settings: TokenBucket;
  readonly #overhead: TokenBucket;
  /** Bytes that requests and their content account for. */
  #accounted = 0;
  #received = 0;
  #sent = 0;
  #idleSince: number;
  /** When a session that is to end has done so, at the latest. */
  #endsAt = Number.POSITIVE_INFINITY;
  #closing = false;

  constructor(socket: Socket, tcp: Socket, peer: Peer, context: Http2Shared) {
    const { shared, terms } = context;
    const { limits, now } = shared;
    this.#context = context;
    this.composer = context.composer;
    this.refusalLines = shared.refusalLines;
    this.#socket = socket;
    this.#tcp = tcp;
    this.#peer = peer;
    this.#idleSince = now();
    this.#resets = new TokenBucket(terms.resetBurst / RESET_REFILL_SECONDS, terms.resetBurst, now);
    this.#pings = new TokenBucket(PINGS.perSecond, PINGS.burst, now);
    this.#settings = new TokenBucket(SETTINGS.perSecond, SETTINGS.burst, now);
    this.#overhead = new TokenBucket(OVERHEAD.perSecond, OVERHEAD.burst, now);
    const session = http2().performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: terms.maxStreams,
        maxHeaderListSize: limits.maxHeadBytes,
        initialWindowSize: STREAM_WINDOW_BYTES,
        enablePush: false,
      },
      maxHeaderListPairs: limits.maxFields + 8,
      maxSessionMemory: SESSION_MEMORY_MB,
      strictSingleValueFields: false,
      // What the library finds wrong with white space it leaves out; we refuse it.
      strictFieldWhitespaceValidation: false,
    });
    this.#session = session;
    session.on('stream', (stream, fields, flags, raw) =>
      this.#begin(stream, fields[':method'] === 'HEAD', flags, raw),
    );
    session.on('ping', () => this.#charge(this.#pings, 1, 'pings'));
    session.on('remoteSettings', () => this.#charge(this.#settings, 1, 'settings'));
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    });
    // What is wrong with a session ends it; its streams and 'close' say so.
    session.on('error', () => {});
    session.once('close', () => this.#ended());
    socket.on('error', () => {});
  }

  sweep(now: number): void {
    const { limits } = this.#context.shared;
    if (now >= this.#endsAt) {
      this.#tcp.destroy();
      return;
    }
    const { bodyIdleTimeoutMs, writeIdleTimeoutMs } = limits;
    for (const exchange of this.#exchanges) exchange.sweep(now, bodyIdleTimeoutMs, writeIdleTimeoutMs);
    if (this.#closing) return;
    if (this.#exchanges.size === 0 && now - this.#idleSince >= limits.keepAliveTimeoutMs) this.#finish();
    else this.#sweepOverhead();
  }

  drain(): void {
    if (this.#closing || this.#session.destroyed) return;
    if (this.#exchanges.size === 0) {
      this.#finish();
      return;
    }
    this.#session.goaway(NO_ERROR, LAST_STREAM);
    setTimeout(() => this.#finish(), NOTICE_MS).unref();
  }

  breakOff(): void {
    reset(this.#socket, this.#tcp);
  }

  refused({ status, reason }: Refusal): void {
    this.#context.shared.refused(status, reason, this.#peer);
  }

  #begin(stream: ServerHttp2Stream, isHead: boolean, flags: number, raw: readonly string[]): void {
    const { shared, requests } = this.#context;
    const { limits, now } = shared;
    const head = requests.read(raw, this.#last);
    const exchange = new Exchange(this, stream, isHead);
    this.#exchanges.add(exchange);
    this.#accounted += limits.maxHeadBytes;
    // A stream that was reset with an error says so by 'close', too.
    stream.on('error', ignore);
    stream.on('close', () => this.#over(exchange, stream));
    // Taken back in the same breath: nothing is done for it.
    if (stream.destroyed) return;
    if (head instanceof Refusal) {
      exchange.refuse(head);
      return;
    }
    const intake =
      (flags & FLAG_END_STREAM) !== 0
        ? undefined
        : new Intake({
            stream,
            maxBytes: limits.maxRequestBodyBytes,
            expectsContinue: head.block.expectsContinue,
            now,
            onContent: (bytes) => {
              this.#accounted += bytes;
            },
            onFault: (refusal) => exchange.refuse(refusal),
          });
    if (intake !== undefined) {
      exchange.intake = intake;
      if (head.block.contentLength > limits.maxRequestBodyBytes) {
        exchange.refuse(new Refusal(413, 'The content is too large.'));
        return;
      }
    }
    try {
      shared.handler(toRequest(head, intake?.body, this.#peer, now()), exchange);
    } catch {
      exchange.refuse(BROKEN);
    }
  }

  #over(exchange: Exchange, stream: ServerHttp2Stream): void {
    this.#exchanges.delete(exchange);
    const wasPending = exchange.pending;
    exchange.closed();
    if (this.#exchanges.size === 0) this.#idleSince = this.#context.shared.now();
    // Taken back before it was answered: the work for it is done all the same (CVE-2023-44487).
    if (wasPending && stream.rstCode !== NO_ERROR) this.#charge(this.#resets, 1, 'resets');
  }

  #sweepOverhead(): void {
    const { bytesRead, bytesWritten } = this.#socket;
    const fresh = bytesRead - this.#received;
    // A client that reads sends as much for flow control.
    const accounted = this.#accounted + (bytesWritten - this.#sent) / 64;
    this.#received = bytesRead;
    this.#sent = bytesWritten;
    this.#accounted = 0;
    if (fresh > accounted) this.#charge(this.#overhead, fresh - accounted, 'overhead');
  }

  #charge(bucket: TokenBucket, count: number, what: string): void {
    if (this.#closing || bucket.take(count) === 0) return;
    this.#closing = true;
    this.#context.shared.refused(429, `Too many ${what} on an HTTP/2 connection.`, this.#peer);
    this.#session.destroy(new Error(what), ENHANCE_YOUR_CALM);
    this.#endsAt = this.#context.shared.now() + LINGER_MS;
  }

  /** No new streams; ends when those that there are have ended. */
  #finish(): void {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#exchanges.size === 0) this.#endsAt = this.#context.shared.now() + LINGER_MS;
    if (!this.#session.destroyed) this.#session.close();
  }

  #ended(): void {
    this.#closing = true;
    this.#endsAt = this.#context.shared.now() + LINGER_MS;
    for (const exchange of this.#exchanges) exchange.closed();
    this.#exchanges.clear();
  }
}

// One request that asks an origin for another protocol, on a connection of its own. After the 101 that was asked for the
// connection is handed on as a raw end; any other answer is a response like those of the pool, and then it is closed.
// Owns the exchange and its deadlines; how the origin is dialled is connect.ts.

import type { Socket } from 'node:net';
import { endToEnd } from '../cache/stored-fields.ts';
import { type BodyDecoder, LengthDecoder } from '../http/body.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import type { Fields } from '../http/fields.ts';
import { readFraming } from '../http/framing.ts';
import { Refusal } from '../http/refusal.ts';
import { SocketEnd } from '../tunnel/raw.ts';
import type { Dial } from './connect.ts';
import { nameFailure, OriginFailure } from './failure.ts';
import { composeRequestHead, MAX_HEAD_BYTES, parseResponseHead } from './response-head.ts';
import { switchFault } from './switching.ts';
import type { Exchange, ExchangeEvents, OriginRequest } from './upstream.ts';

export interface UpgradeOptions {
  readonly dial: Dial;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Called once, when the connection is gone or was never made. */
  readonly onGone: () => void;
}

const MAX_INTERIM = 16;
const MAX_TRAILERS = 128;

export class UpgradeExchange implements Exchange {
  readonly #options: UpgradeOptions;
  readonly #request: OriginRequest;
  readonly #protocols: readonly string[];
  readonly #events: ExchangeEvents;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The head as far as it has come. */
  #held: Buffer = Buffer.alloc(0);
  #interim = 0;
  /** Of the response's content, once its head is there; 'close' runs to the end of the connection. */
  #decoder: BodyDecoder | 'close' | undefined;
  #ended = false;
  #paused = false;

  constructor(
    options: UpgradeOptions,
    request: OriginRequest,
    protocols: readonly string[],
    events: ExchangeEvents,
  ) {
    this.#options = options;
    this.#request = request;
    this.#protocols = protocols;
    this.#events = events;
  }

  start(): void {
    this.#options.dial((error, socket) => {
      if (socket === null || socket === undefined) {
        this.#options.onGone();
        this.#fail(error ?? new Error('no connection'));
        return;
      }
      socket.on('error', (broken) => this.#fail(broken));
      socket.on('close', () => {
        this.#options.onGone();
        this.#fail(new OriginFailure('reset'));
      });
      if (this.#ended) socket.destroy();
      else this.#send(socket);
    });
  }

  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#ended) return;
    this.#arm(this.#options.idleTimeoutMs, 'idle-timeout');
    this.#socket?.resume();
  }

  abort(): void {
    this.#finish();
    this.#socket?.destroy();
  }

  #send(socket: Socket): void {
    this.#socket = socket;
    const { method, target, lines } = this.#request;
    let head: string;
    try {
      const asking = ['connection', 'Upgrade', 'upgrade', this.#protocols.join(', ')];
      head = composeRequestHead(method, target, [...lines, ...asking]);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#arm(this.#options.firstByteTimeoutMs, 'first-byte-timeout');
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.write(head, 'latin1');
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ended) return;
    if (this.#decoder !== undefined) {
      this.#content(chunk);
      return;
    }
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#head();
  };

  readonly #onEnd = (): void => {
    if (this.#ended) return;
    if (this.#decoder !== 'close') {
      this.#fail(new OriginFailure('reset'));
      return;
    }
    this.#complete();
  };

  /** Takes heads until the final one, or the switch. */
  #head(): void {
    while (!this.#ended && this.#decoder === undefined) {
      const head = parseResponseHead(this.#held);
      if (head === undefined) {
        if (this.#held.length > MAX_HEAD_BYTES) this.#garbled('its head is too large');
        return;
      }
      if (typeof head === 'string') return this.#garbled(head);
      const { status, fields, end, version } = head;
      this.#held = this.#held.subarray(end);
      if (status === 101) {
        if (version === '1.0') return this.#garbled('HTTP/1.0 knows no 101');
        return this.#switch(fields);
      }
      if (status >= 200) return this.#final(status, fields);
      if (++this.#interim > MAX_INTERIM) return this.#garbled('it has too many interim responses');
      this.#events.onInterim(status, endToEnd(fields));
    }
  }

  #switch(fields: Fields): void {
    const fault = switchFault(this.#protocols, this.#request.lines, fields);
    const socket = this.#socket;
    if (fault !== undefined || socket === undefined) return this.#garbled(`not the 101 asked for: ${fault}`);
    this.#finish();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.pause();
    this.#events.onSwitch({ status: 101, fields, attempts: 1 }, new SocketEnd(socket, this.#held));
  }

  #final(status: number, fields: Fields): void {
    const framing = readFraming(fields);
    if (framing instanceof Refusal) return this.#garbled(framing.reason);
    const { chunked, contentLength } = framing;
    const bodyless = status === 204 || status === 304 || this.#request.method === 'HEAD';
    if (bodyless || contentLength === 0) this.#decoder = new LengthDecoder(0);
    else if (chunked) this.#decoder = new ChunkedDecoder(Number.MAX_SAFE_INTEGER, MAX_TRAILERS);
    else this.#decoder = contentLength === -1 ? 'close' : new LengthDecoder(contentLength);
    this.#arm(this.#options.idleTimeoutMs, 'idle-timeout');
    const rest = this.#held;
    this.#events.onHead({ status, fields, attempts: 1 });
    this.#content(rest);
  }

  #content(chunk: Buffer): void {
    if (this.#ended) return;
    const decoder = this.#decoder;
    if (!this.#paused) this.#arm(this.#options.idleTimeoutMs, 'idle-timeout');
    if (decoder === undefined) return;
    if (decoder === 'close') {
      if (chunk.length > 0) this.#events.onData(chunk);
      return;
    }
    decoder.decode(chunk, 0, chunk.length);
    if (decoder.content !== undefined && chunk.length > 0) this.#events.onData(decoder.content);
    if (decoder.fault !== undefined) this.#fail(new OriginFailure('reset', new Error(decoder.fault.reason)));
    else if (decoder.done) this.#complete();
  }

  #complete(): void {
    if (this.#ended) return;
    this.#finish();
    this.#socket?.destroy();
    this.#events.onEnd();
  }

  #garbled(what: string): void {
    this.#fail(new OriginFailure('malformed', new Error(what)));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#finish();
    this.#socket?.destroy();
    this.#events.onFailure(nameFailure(error, this.#decoder !== undefined));
  }

  #finish(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number, kind: 'first-byte-timeout' | 'idle-timeout'): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new OriginFailure(kind)), ms);
  }
}

// One request that asks an origin for another protocol, on a connection of its own. After the 101 that was asked for the
// connection is handed on as a raw end; any other answer is a response like those of the pool, and then it is closed.
// Owns the exchange and its deadlines; what a response is, is response-reader.ts, and how the origin is dialled connect.ts.

import type { Socket } from 'node:net';
import { endToEnd } from '../cache/stored-fields.ts';
import type { Fields } from '../http/fields.ts';
import { Inbox } from '../http/inbox.ts';
import { SocketEnd } from '../tunnel/raw.ts';
import type { Dial } from './connect.ts';
import { nameFailure, OriginFailure } from './failure.ts';
import { composeRequestHead } from './response-head.ts';
import { type ReaderOwner, ResponseReader } from './response-reader.ts';
import { switchFault } from './switching.ts';
import type { Exchange, ExchangeEvents, OriginRequest } from './upstream.ts';

export interface UpgradeOptions {
  readonly dial: Dial;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Called once, when the connection is gone or was never made. */
  readonly onGone: () => void;
}

export class UpgradeExchange implements Exchange, ReaderOwner {
  readonly #options: UpgradeOptions;
  readonly #request: OriginRequest;
  readonly #protocols: readonly string[];
  readonly #events: ExchangeEvents;
  readonly #inbox = new Inbox();
  readonly #reader = new ResponseReader(this);
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #headSeen = false;
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
    this.#reader.begin(method);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.write(head, 'latin1');
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ended) return;
    if (this.#headSeen && !this.#paused) this.#arm(this.#options.idleTimeoutMs, 'idle-timeout');
    this.#inbox.add(chunk);
    this.#reader.read(this.#inbox);
  };

  readonly #onEnd = (): void => {
    if (!this.#ended && !this.#reader.finish()) this.#fail(new OriginFailure('reset'));
  };

  onInterim(status: number, fields: Fields): void {
    this.#events.onInterim(status, endToEnd(fields));
  }

  onSwitch(fields: Fields): void {
    const fault = switchFault(this.#protocols, this.#request.lines, fields);
    const socket = this.#socket;
    if (fault !== undefined || socket === undefined) return this.onGarbled(`not the 101 asked for: ${fault}`);
    this.#finish();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.pause();
    const { bytes, start, end } = this.#inbox;
    const early = bytes.subarray(start, end);
    this.#events.onSwitch({ status: 101, fields, attempts: 1 }, new SocketEnd(socket, early));
  }

  onHead(status: number, fields: Fields): void {
    this.#headSeen = true;
    this.#arm(this.#options.idleTimeoutMs, 'idle-timeout');
    this.#events.onHead({ status, fields, attempts: 1 });
  }

  onContent(chunk: Buffer): void {
    if (!this.#ended) this.#events.onData(chunk);
  }

  onComplete(): void {
    if (this.#ended) return;
    this.#finish();
    this.#socket?.destroy();
    this.#events.onEnd();
  }

  onGarbled(what: string): void {
    const failure = new OriginFailure('malformed', new Error(what));
    if (!this.#headSeen) return this.#fail(failure);
    // What came before is on its way first.
    setImmediate(() => this.#fail(failure));
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#finish();
    this.#socket?.destroy();
    this.#events.onFailure(nameFailure(error, this.#headSeen));
  }

  #finish(): void {
    this.#ended = true;
    this.#reader.cancel();
    clearTimeout(this.#timer);
  }

  #arm(ms: number, kind: 'first-byte-timeout' | 'idle-timeout'): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(new OriginFailure(kind)), ms);
  }
}

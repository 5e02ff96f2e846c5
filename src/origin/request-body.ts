// A request's content on its way to an origin: with the announced length or chunked (RFC 9112 §6), at the origin's pace.

import type { Socket } from 'node:net';
import type { RequestBody } from '../http/message.ts';

export interface BodyWriterEvents {
  /** From now on it is the origin that is waited for, or the client. */
  onTurn(of: 'origin' | 'client'): void;
  /** The content broke, or is not as long as announced: the request can't be completed. */
  onError(error: unknown): void;
}

export class RequestBodyWriter {
  /** All of it is handed to the socket. */
  sent = false;
  readonly #body: RequestBody;
  readonly #socket: Socket;
  readonly #events: BodyWriterEvents;
  #written = 0;
  #stopped = false;

  constructor(body: RequestBody, socket: Socket, events: BodyWriterEvents) {
    this.#body = body;
    this.#socket = socket;
    this.#events = events;
  }

  start(): void {
    const { stream } = this.#body;
    this.#events.onTurn('client');
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
  }

  /** Writes no more; what of the content was not read stays unread. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const { stream } = this.#body;
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('close', this.#onClose);
    this.#socket.off('drain', this.#onDrain);
    if (!this.sent) stream.pause();
  }

  readonly #onData = (chunk: Buffer): void => {
    const { length, stream } = this.#body;
    this.#written += chunk.length;
    if (length !== undefined && this.#written > length)
      return this.#fail(new Error('more content than announced'));
    if (this.#write(chunk)) return;
    this.#events.onTurn('origin');
    stream.pause();
    this.#socket.once('drain', this.#onDrain);
  };

  readonly #onDrain = (): void => {
    this.#events.onTurn('client');
    this.#body.stream.resume();
  };

  readonly #onEnd = (): void => {
    const { length } = this.#body;
    if (length !== undefined && this.#written < length)
      return this.#fail(new Error('less content than announced'));
    if (length === undefined) this.#socket.write('0\r\n\r\n', 'latin1');
    this.sent = true;
    this.#events.onTurn('origin');
  };

  readonly #onError = (error: unknown): void => this.#fail(error);

  readonly #onClose = (): void => {
    if (!this.sent) this.#fail(new Error('the content ended early'));
  };

  #write(chunk: Buffer): boolean {
    const socket = this.#socket;
    if (this.#body.length !== undefined) return socket.write(chunk);
    if (chunk.length === 0) return true;
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    socket.write(chunk);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#events.onError(error);
  }
}

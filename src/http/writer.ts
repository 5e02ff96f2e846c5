// The Responder of one HTTP/1.1 exchange: which framing a response has (RFC 9112 §6), its bytes on the socket, and
// when it is complete. What becomes of the connection afterwards is the connection's affair (Outlet).

import type { Socket } from 'node:net';
import type { RawEnd } from '../tunnel/raw.ts';
import type { FieldLines } from './fields.ts';
import type { BodySink, Responder, ResponseHead } from './message.ts';
import { COPIED_BYTES, type Scratch } from './scratch.ts';
import { BodyWriter, DEAD_SINK, type Framed, SLICE_BYTES } from './sink.ts';
import { CHUNKED, type Composer, NOTHING, type Persistence } from './wire.ts';

/** What an exchange needs of its connection. */
export interface Outlet {
  readonly socket: Socket;
  readonly composer: Composer;
  readonly scratch: Scratch;
  /** Whether the connection can stay open after a response whose head is composed now. */
  persists(): boolean;
  /** The handler has sent an interim response; true once no 100 is owed any more. */
  informed(status: number): void;
  /** The response is complete. */
  completed(persist: boolean): void;
  /** The handler gave a head that must not be sent; nothing was written. */
  misused(reason: string): void;
  /** Ends the connection without an answer, what was sent before excepted. */
  leave(): void;
  /** Ends the connection so that no client takes the response for complete. */
  breakOff(): void;
  /** The head that ends HTTP here is `text`; undefined while content of the request is still to come. */
  tunnel(text: string): RawEnd | undefined;
}

export class Exchange implements Responder {
  bytesSent = 0;
  gone = false;
  readonly isHead: boolean;
  readonly #outlet: Outlet;
  readonly #version: '1.0' | '1.1';
  #state: 'open' | 'started' | 'over' = 'open';
  #persist = false;
  #abort: (() => void) | undefined;
  #writer: BodyWriter | undefined;

  constructor(outlet: Outlet, isHead: boolean, version: '1.0' | '1.1') {
    this.#outlet = outlet;
    this.isHead = isHead;
    this.#version = version;
  }

  get started(): boolean {
    return this.#state !== 'open';
  }

  onAbort(callback: () => void): void {
    if (this.gone) process.nextTick(callback);
    else this.#abort = callback;
  }

  inform(status: number, lines: FieldLines): void {
    if (this.#state !== 'open' || this.#version === '1.0') return;
    const text = this.#outlet.composer.interim(status, lines);
    if (text === undefined) return;
    this.#outlet.informed(status);
    this.#outlet.socket.write(text, 'latin1');
  }

  send(head: ResponseHead, body: Buffer | null): void {
    if (this.#state !== 'open') return;
    const bodyless = this.isHead || isBodyless(head.status);
    const content = bodyless || body === null || body.length === 0 ? null : body;
    const length = body === null ? 0 : body.length;
    if (!isLength(head.length) || (!bodyless && (head.length ?? length) !== length)) {
      this.#misuse('The content has not the announced length.');
      return;
    }
    const announced = bodyless ? this.#announce(head, body === null ? undefined : length) : length;
    const persist = this.#outlet.persists();
    if (content !== null && content.length > SLICE_BYTES) {
      const sink = this.start({ ...head, length });
      sink.write(content);
      sink.end();
      return;
    }
    const persistence = this.#persistence(persist);
    if (
      !(head.once === true
        ? this.#writeOnce(head, announced, content, persistence)
        : this.#writeKept(head, announced, content, persistence))
    ) {
      this.#misuse();
      return;
    }
    if (content !== null) this.bytesSent = content.length;
    this.#complete(persist);
  }

  start(head: ResponseHead): BodySink {
    if (this.#state !== 'open') return DEAD_SINK;
    const bodyless = this.isHead || isBodyless(head.status);
    const old = this.#version === '1.0';
    const announced = bodyless ? this.#announce(head, undefined) : (head.length ?? (old ? NOTHING : CHUNKED));
    // RFC 9112 §6.3: without length and coding the content ends with the connection.
    const toClose = !bodyless && announced === NOTHING;
    const persist = !toClose && this.#outlet.persists();
    const text = this.#outlet.composer.compose(head, announced, this.#persistence(persist));
    if (text === undefined || !isLength(head.length)) {
      this.#misuse();
      return DEAD_SINK;
    }
    this.#state = 'started';
    this.#persist = persist;
    const framed: Framed = bodyless
      ? 'nothing'
      : toClose
        ? 'close'
        : announced === CHUNKED
          ? 'chunked'
          : announced;
    this.#writer = new BodyWriter(this, this.#outlet.socket, framed, text);
    return this.#writer;
  }

  drop(): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#outlet.leave();
  }

  takeOver(status: number, lines: FieldLines): RawEnd | undefined {
    if (this.#state !== 'open') return undefined;
    const text = this.#outlet.composer.switching(status, lines);
    const end = text === undefined ? undefined : this.#outlet.tunnel(text);
    if (end === undefined) {
      this.#misuse();
      return undefined;
    }
    this.#state = 'over';
    this.#abort = undefined;
    return end;
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.#writer?.drained();
  }

  /** The client has gone, or is being sent away. */
  lose(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.gone = true;
    this.#writer?.kill();
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.();
  }

  /** For the BodyWriter: all content is handed to the socket. `cut`: the handler wrote more than it announced. */
  finished(cut: boolean): void {
    if (this.#state === 'started') this.#complete(this.#persist && !cut);
  }

  /** For the BodyWriter: the content will never be complete. */
  broken(): void {
    if (this.#state !== 'started') return;
    this.#state = 'over';
    this.#outlet.breakOff();
  }

  #complete(persist: boolean): void {
    this.#state = 'over';
    this.#abort = undefined;
    this.#outlet.completed(persist);
  }

  #misuse(reason = 'The response head cannot be sent.'): void {
    this.#outlet.misused(reason);
    // The handler is let go as by a client that has gone.
    this.lose();
  }

  /** Content-Length of a response without content: a HEAD's is what GET would have (RFC 9110 §8.6), 204 and 304 have none. */
  #announce(head: ResponseHead, known: number | undefined): number {
    return isBodyless(head.status) ? NOTHING : (head.length ?? known ?? NOTHING);
  }

  #persistence(persist: boolean): Persistence {
    if (!persist) return 'close';
    return this.#version === '1.0' ? 'keep-alive' : '';
  }

  /** @returns false when the head must not be sent: nothing was written. */
  #writeOnce(
    head: ResponseHead,
    announced: number,
    content: Buffer | null,
    persistence: Persistence,
  ): boolean {
    const { socket, composer, scratch } = this.#outlet;
    const text = composer.compose(head, announced, persistence);
    if (text === undefined) return false;
    if (content === null) socket.write(text, 'latin1');
    else if (content.length <= COPIED_BYTES) scratch.write(socket, text, content);
    else this.#writePair(Buffer.from(text, 'latin1'), content);
    return true;
  }

  /** The same, for a head that may come again. */
  #writeKept(
    head: ResponseHead,
    announced: number,
    content: Buffer | null,
    persistence: Persistence,
  ): boolean {
    const { socket, composer } = this.#outlet;
    const bytes = composer.usual(head, announced, content, persistence);
    if (bytes === undefined) return false;
    if (content === null || bytes.length > content.length) socket.write(bytes);
    else this.#writePair(bytes, content);
    return true;
  }

  #writePair(head: Buffer, content: Buffer): void {
    const { socket } = this.#outlet;
    socket.cork();
    socket.write(head);
    socket.write(content);
    socket.uncork();
  }
}

function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

function isLength(length: number | undefined): boolean {
  return length === undefined || (Number.isSafeInteger(length) && length >= 0);
}

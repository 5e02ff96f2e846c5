// The client's end of a tunnel: what is left of an HTTP/1.1 connection once HTTP on it is over. The connection passes on what
// its socket says; bytes that came before the tunnel was opened are handed over first.

import type { Socket } from 'node:net';
import { KEEP_ALIVE_MS, type RawEnd, type RawEvents } from '../tunnel/raw.ts';

export class ClientEnd implements RawEnd {
  readonly #socket: Socket;
  readonly #breakOff: () => void;
  #early: Buffer | undefined;
  /** The client's side was closed before the tunnel was opened. */
  #ended: boolean;
  #closed = false;
  #events: RawEvents | undefined;

  /** @param early bytes that came after the request's head, the end's own. @param breakOff resets the connection */
  constructor(socket: Socket, early: Buffer | undefined, ended: boolean, breakOff: () => void) {
    this.#socket = socket;
    this.#breakOff = breakOff;
    this.#early = early;
    this.#ended = ended;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  begin(events: RawEvents): void {
    this.#events = events;
    if (this.#closed) {
      process.nextTick(() => events.onClose());
      return;
    }
    this.resume();
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) events.onData(early);
    if (this.#ended) events.onEnd();
  }

  write(chunk: Buffer): boolean {
    return this.#socket.write(chunk);
  }

  end(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  finish(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#breakOff();
  }

  /** Bytes have come; the chunk is not used again by the one who gives it. */
  receive(chunk: Buffer): void {
    if (this.#events !== undefined) this.#events.onData(chunk);
    else this.#early = this.#early === undefined ? chunk : Buffer.concat([this.#early, chunk]);
  }

  receiveEnd(): void {
    if (this.#events === undefined) this.#ended = true;
    else this.#events.onEnd();
  }

  drained(): void {
    this.#events?.onDrain();
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events?.onClose();
  }
}

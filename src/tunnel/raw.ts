// One end of a connection that carries bytes which are nobody's messages: a client's after a switch of protocols or a
// CONNECT, an origin's, a far server's. Owns the contract and the end that is a plain socket; the client's is http/raw-end.ts.

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { reset } from '../http/reset.ts';

/** What an end tells whoever holds it. Chunks are the holder's own. */
export interface RawEvents {
  onData(chunk: Buffer): void;
  /** The other party will send no more; it may still receive. */
  onEnd(): void;
  /** Writes are taken again without waiting. */
  onDrain(): void;
  /** Gone altogether; the last event. */
  onClose(): void;
}

export interface RawEnd {
  /** Called once; what has come before comes now. */
  begin(events: RawEvents): void;
  /** @returns false when the bytes wait: no more should come before onDrain. */
  write(chunk: Buffer): boolean;
  /** No more will be written; reading goes on. */
  end(): void;
  /** Stops reading; the other party feels it through its socket. */
  pause(): void;
  resume(): void;
  /** Closes when what was written is out. */
  finish(): void;
  /** Breaks off at once. */
  destroy(): void;
}

/** Keeps a silent connection's peer honest: a host that has vanished is noticed. */
export const KEEP_ALIVE_MS = 60_000;

/** An end that is a socket of our own making, connected, paused or not yet read. */
export class SocketEnd implements RawEnd {
  readonly #socket: Socket;
  readonly #early: Buffer | undefined;

  /** @param early bytes that have been read from it already */
  constructor(socket: Socket, early?: Buffer) {
    this.#socket = socket;
    this.#early = early;
    // Until `begin` an error has nobody to tell; 'close' follows.
    socket.on('error', () => {});
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
  }

  begin(events: RawEvents): void {
    const socket = this.#socket;
    socket.on('drain', () => events.onDrain());
    socket.on('close', () => events.onClose());
    if (socket.destroyed) {
      process.nextTick(() => events.onClose());
      return;
    }
    socket.on('data', (chunk: Buffer) => events.onData(chunk));
    socket.on('end', () => events.onEnd());
    // Takes effect after this turn: what has been read already comes first, and may pause it again.
    socket.resume();
    if (this.#early !== undefined && this.#early.length > 0) events.onData(this.#early);
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
    this.#socket.resume();
  }

  finish(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    const socket = this.#socket;
    // TLS knows no reset; its end without close_notify says as much.
    if (socket instanceof TLSSocket) socket.destroy();
    else reset(socket, socket);
  }
}

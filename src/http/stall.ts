// Whether a client still takes what it is sent. Looks only at the socket's public counters, now and then, so that
// writing costs nothing; a write counts as taken when all of it is (sink.ts keeps writes small).

import type { Socket } from 'node:net';

export class StallWatch {
  readonly #socket: Socket;
  #taken = 0;
  /** When `#taken` last changed; 0 while nothing waits. */
  #since = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Milliseconds for which bytes have waited and none were taken; undefined while nothing waits. */
  waitedMs(now: number): number | undefined {
    const waiting = this.#socket.writableLength;
    if (waiting === 0) {
      this.#since = 0;
      return undefined;
    }
    const taken = this.#socket.bytesWritten - waiting;
    if (this.#since === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#since = now;
    }
    return now - this.#since;
  }
}

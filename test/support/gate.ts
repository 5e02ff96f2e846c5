// One response that a test plays by hand: head, pieces, end, cut. The commands may be given before the request is there;
// they run in order once it has arrived. No command rejects: a client that has gone shows in `closed`, not in the origin.

import type { ServerResponse } from 'node:http';
import { flatHeaders, type HeaderInput } from './wire.ts';

export class Gate<R> {
  readonly #arrived = Promise.withResolvers<{ request: R; response: ServerResponse }>();
  readonly #closed = Promise.withResolvers<{ finished: boolean }>();
  readonly #prepare: (lines: string[]) => string[];
  #turn: Promise<unknown> = this.#arrived.promise;
  #taken = false;

  /** @param prepare gives the field lines of the head their last touch (Date). */
  constructor(prepare: (lines: string[]) => string[]) {
    this.#prepare = prepare;
  }

  /** Resolves with the request when it reaches the gate. */
  get arrived(): Promise<R> {
    return this.#arrived.promise.then(({ request }) => request);
  }

  /** Resolves when the response is over; `finished` is false when the connection went before its end. */
  get closed(): Promise<{ readonly finished: boolean }> {
    return this.#closed.promise;
  }

  /** An interim response (1xx). */
  inform(status: number, headers: HeaderInput = []): Promise<void> {
    return this.#play((response, done) => {
      writeInterim(response, status, headers);
      done();
    });
  }

  /** Sends the head; the content follows by `write`. Chunked unless the fields give a Content-Length. */
  head(status = 200, headers: HeaderInput = []): Promise<void> {
    return this.#play((response, done) => {
      response.writeHead(status, this.#prepare(flatHeaders(headers)));
      response.flushHeaders();
      done();
    });
  }

  /** Sends a piece of content; resolves when the socket has taken it, so that backpressure is felt. */
  write(piece: string | Buffer): Promise<void> {
    return this.#play((response, done) => void response.write(piece, done));
  }

  /** Ends the response (with a last piece); a gate without `head` answers 200. */
  end(piece: string | Buffer = ''): Promise<void> {
    return this.#play((response, done) => {
      if (!response.headersSent) response.writeHead(200, this.#prepare([]));
      response.end(piece, done);
    });
  }

  /** Closes the connection (FIN) after what was sent: mid-body, or before any head. */
  cut(): Promise<void> {
    return this.#play((response, done) => {
      response.socket?.end(() => response.socket?.destroy());
      done();
    });
  }

  /** Resets the connection (RST): mid-body, or before any head. What is still on its way may be lost. */
  reset(): Promise<void> {
    return this.#play((response, done) => {
      response.socket?.resetAndDestroy();
      done();
    });
  }

  /** Called by the origin. @returns false when another request holds this gate already. */
  take(request: R, response: ServerResponse): boolean {
    if (this.#taken) return false;
    this.#taken = true;
    response.once('close', () => this.#closed.resolve({ finished: response.writableFinished }));
    this.#arrived.resolve({ request, response });
    return true;
  }

  #play(command: (response: ServerResponse, done: () => void) => void): Promise<void> {
    const played = this.#turn
      .then(() => this.#arrived.promise)
      .then(({ response }) => {
        if (response.destroyed || response.socket === null) return;
        return new Promise<void>((resolve) => {
          const done = (): void => {
            response.off('close', done);
            resolve();
          };
          response.once('close', done);
          command(response, done);
        });
      });
    this.#turn = played;
    return played;
  }
}

/** Writes a 1xx of any kind; node:http itself offers 100, 102 and 103 only. */
export function writeInterim(response: ServerResponse, status: number, headers: HeaderInput): void {
  const lines = flatHeaders(headers);
  let text = `HTTP/1.1 ${status} Interim\r\n`;
  for (let i = 0; i < lines.length; i += 2) text += `${lines[i]}: ${lines[i + 1]}\r\n`;
  response.socket?.write(`${text}\r\n`, 'latin1');
}

// A limit on content whose length is not known before it has come: what is more breaks the transfer off with 413.

import { Readable } from 'node:stream';
import { BodyError } from '../http/body.ts';
import type { RequestBody } from '../http/message.ts';
import { Refusal } from '../http/refusal.ts';

const TOO_LARGE = new Refusal(413, 'The content is too large.');

/** The same content, as long as it is no more than so many bytes. It is read only when this is. */
export function bounded(body: RequestBody, maxBytes: number): RequestBody {
  return { length: body.length, stream: new Bounded(body.stream, maxBytes) };
}

class Bounded extends Readable {
  readonly #source: Readable;
  #left: number;
  #begun = false;

  constructor(source: Readable, maxBytes: number) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    this.#left = maxBytes;
    // Nobody may be reading when it breaks.
    this.on('error', () => {});
  }

  override _read(): void {
    if (!this.#begun) this.#begin();
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.destroy();
    done(error);
  }

  #begin(): void {
    this.#begun = true;
    this.#source.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#source.on('end', () => this.push(null));
    this.#source.on('error', (error) => this.destroy(error));
    this.#source.on('close', () => {
      if (!this.readableEnded && !this.#source.readableEnded)
        this.destroy(new Error('the content broke off'));
    });
  }

  #take(chunk: Buffer): void {
    this.#left -= chunk.length;
    if (this.#left < 0) this.destroy(new BodyError(TOO_LARGE));
    else if (!this.push(chunk)) this.#source.pause();
  }
}

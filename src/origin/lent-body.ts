// A request's content, lent to one try after another: as long as nothing of it was read, the next try can have it. What the
// client library does to the stream that it was given (it destroys it when it fails) does not reach the client's.

import { Readable } from 'node:stream';
import type { RequestBody } from '../http/message.ts';

export class LentBody {
  readonly #body: RequestBody;
  #touched = false;

  constructor(body: RequestBody) {
    this.#body = body;
  }

  /** Something has been read: it can't be sent again. */
  get touched(): boolean {
    return this.#touched;
  }

  lend(): RequestBody {
    return { length: this.#body.length, stream: Readable.from(this.#read(), { objectMode: false }) };
  }

  async *#read(): AsyncGenerator<Buffer> {
    this.#touched = true;
    yield* this.#body.stream;
  }
}

// The content of one HTTP/2 request: from the library's stream into the one that the handler reads, only while it reads. That
// Content-Length is kept the library sees to (RFC 9113 §8.1.1). Trailers are dropped.

import type { ServerHttp2Stream } from 'node:http2';
import { BodyError, BodyStream } from '../http/body.ts';
import { Refusal } from '../http/refusal.ts';

const TOO_LARGE = new Refusal(413, 'The content is too large.');

export interface IntakeOptions {
  readonly stream: ServerHttp2Stream;
  readonly maxBytes: number;
  /** The client waits for 100 before it sends (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  readonly now: () => number;
  readonly onContent: (bytes: number) => void;
  /** More has come than is allowed. */
  readonly onFault: (refusal: Refusal) => void;
}

export class Intake {
  readonly body: BodyStream;
  /** All of it has come. */
  done = false;
  readonly #options: IntakeOptions;
  #owesContinue: boolean;
  #flowing = false;
  #received = 0;
  #over = false;
  /** The handler reads, and nothing has come since; undefined while it does not read. */
  #waitsSince: number | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#owesContinue = options.expectsContinue;
    this.body = new BodyStream(() => this.#pull());
  }

  settleContinue(): void {
    this.#owesContinue = false;
  }

  isLate(now: number, bodyIdleTimeoutMs: number): boolean {
    return this.#waitsSince !== undefined && now - this.#waitsSince >= bodyIdleTimeoutMs;
  }

  /** No more will come for the handler. */
  abandon(): void {
    if (this.#over) return;
    this.#stop();
    this.body.destroy();
  }

  fail(refusal: Refusal): void {
    if (this.#over) return;
    this.#stop();
    this.body.destroy(new BodyError(refusal));
  }

  #stop(): void {
    this.#over = true;
    this.#waitsSince = undefined;
  }

  #pull(): void {
    if (this.#over) return;
    const { stream, now } = this.#options;
    this.#waitsSince = now();
    if (this.#owesContinue) {
      this.#owesContinue = false;
      if (!stream.headersSent && !stream.destroyed && !stream.closed)
        stream.additionalHeaders({ ':status': 100 });
    }
    if (this.#flowing) stream.resume();
    else this.#flow();
  }

  #flow(): void {
    this.#flowing = true;
    const { stream, now, maxBytes, onContent, onFault } = this.#options;
    stream.on('end', () => {
      this.done = !stream.aborted && stream.rstCode === 0;
      if (this.#over || !this.done) return;
      this.#stop();
      this.body.push(null);
    });
    stream.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
      onContent(chunk.length);
      if (this.#over) return;
      if (this.#received > maxBytes) onFault(TOO_LARGE);
      else if (this.body.push(chunk)) this.#waitsSince = now();
      else {
        this.#waitsSince = undefined;
        stream.pause();
      }
    });
  }
}

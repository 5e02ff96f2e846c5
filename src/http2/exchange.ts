// The Responder of one HTTP/2 stream: head and content through the library's stream, deadlines of both directions, and the end
// of it. What the session may take of its client altogether is session.ts's.

import type { ServerHttp2Stream } from 'node:http2';
import type { FieldLines } from '../http/fields.ts';
import type { BodySink, Responder, ResponseHead } from '../http/message.ts';
import { Refusal } from '../http/refusal.ts';
import { DEAD_SINK } from '../http/sink.ts';
import { type Composer, NO_LENGTH } from './composer.ts';
import type { Intake } from './intake.ts';
import { NO_ERROR } from './library.ts';
import { StreamWriter } from './sink.ts';

const WITH_CONTENT = { endStream: false };
const WITHOUT_CONTENT = { endStream: true };

const SLOW_BODY = new Refusal(408, 'The content took too long.');
const CLIENT_GONE = new Refusal(499, 'The client has gone.');
const MISUSED = new Refusal(500, 'The response head cannot be sent.');

export interface ExchangeOwner {
  readonly composer: Composer;
  readonly refusalLines: FieldLines;
  refused(refusal: Refusal): void;
}

export class Exchange implements Responder {
  bytesSent = 0;
  gone = false;
  readonly isHead: boolean;
  readonly #owner: ExchangeOwner;
  readonly #stream: ServerHttp2Stream;
  #state: 'open' | 'started' | 'over' = 'open';
  #abort: (() => void) | undefined;
  #writer: StreamWriter | undefined;
  #intake: Intake | undefined;
  /** Bytes that the client had taken when it was looked last, and since when. */
  #taken = -1;
  #since = 0;

  constructor(owner: ExchangeOwner, stream: ServerHttp2Stream, isHead: boolean) {
    this.#owner = owner;
    this.#stream = stream;
    this.isHead = isHead;
  }

  /** The content of the request, if it has any. */
  set intake(intake: Intake) {
    this.#intake = intake;
  }

  get started(): boolean {
    return this.#state !== 'open';
  }

  /** The response is not complete. */
  get pending(): boolean {
    return this.#state !== 'over';
  }

  onAbort(callback: () => void): void {
    if (this.gone) process.nextTick(callback);
    else this.#abort = callback;
  }

  inform(status: number, lines: FieldLines): void {
    if (this.#state !== 'open' || this.#stream.destroyed || this.#stream.closed) return;
    const fields = this.#owner.composer.interim(status, lines);
    if (fields === undefined) return;
    if (status === 100) this.#intake?.settleContinue();
    this.#stream.additionalHeaders(fields);
  }

  send(head: ResponseHead, body: Buffer | null): void {
    if (this.#state !== 'open') return;
    const bodyless = this.isHead || isBodyless(head.status);
    const length = body === null ? 0 : body.length;
    if (!isLength(head.length) || (!bodyless && (head.length ?? length) !== length)) return this.#misuse();
    const announced = bodyless ? this.#announce(head, body === null ? undefined : length) : length;
    const content = bodyless || length === 0 ? null : body;
    if (!this.#respond(head, announced, content === null)) return;
    this.#state = 'over';
    if (content !== null) {
      this.bytesSent = length;
      this.#stream.end(content);
    }
    this.#completed();
  }

  start(head: ResponseHead): BodySink {
    if (this.#state !== 'open') return DEAD_SINK;
    const bodyless = this.isHead || isBodyless(head.status);
    const announced = bodyless ? this.#announce(head, undefined) : (head.length ?? NO_LENGTH);
    if (!isLength(head.length)) this.#misuse();
    else if (this.#respond(head, announced, bodyless)) {
      this.#state = 'started';
      const room = announced === NO_LENGTH ? Number.POSITIVE_INFINITY : announced;
      this.#writer = new StreamWriter(this, this.#stream, bodyless ? 'nothing' : room);
      return this.#writer;
    }
    return DEAD_SINK;
  }

  drop(): void {
    if (this.#state !== 'open') return;
    this.#state = 'over';
    this.#intake?.fail(CLIENT_GONE);
    this.#reset();
  }

  /** Answers for the listener; where the response has begun, breaks it off. The handler hears of it as of a client that has gone. */
  refuse(refusal: Refusal): void {
    const before = this.#state;
    if (before === 'over') return;
    this.#state = 'over';
    this.#intake?.fail(refusal);
    this.#lost();
    if (before === 'started') this.#reset();
    else this.#sendRefusal(refusal);
  }

  /** Applies the deadlines. */
  sweep(now: number, bodyIdleTimeoutMs: number, writeIdleTimeoutMs: number): void {
    const { writableLength } = this.#stream;
    if (writableLength > 0) {
      const taken = this.bytesSent - writableLength;
      if (taken !== this.#taken) {
        this.#taken = taken;
        this.#since = now;
      } else if (now - this.#since >= writeIdleTimeoutMs) {
        this.#reset();
        return;
      }
    } else this.#taken = -1;
    if (this.#intake?.isLate(now, bodyIdleTimeoutMs) === true) this.refuse(SLOW_BODY);
  }

  /** The stream is closed, by whichever side. */
  closed(): void {
    this.#intake?.fail(CLIENT_GONE);
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#lost();
  }

  /** For the StreamWriter: all content is handed over. */
  finished(): void {
    if (this.#state !== 'started') return;
    this.#state = 'over';
    this.#completed();
  }

  /** For the StreamWriter: the content will never be complete. */
  broken(): void {
    if (this.#state !== 'started') return;
    this.#state = 'over';
    this.#intake?.fail(CLIENT_GONE);
    this.#reset();
  }

  #respond(head: ResponseHead, announced: number, endStream: boolean): boolean {
    const lines = this.#owner.composer.compose(head, announced);
    if (lines === undefined) {
      this.#misuse();
      return false;
    }
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return false;
    try {
      stream.respond(lines, endStream ? WITHOUT_CONTENT : WITH_CONTENT);
      return true;
    } catch {
      this.#misuse();
      return false;
    }
  }

  /** RFC 9113 §8.1: nobody reads what the client still sends. */
  #completed(): void {
    this.#abort = undefined;
    const intake = this.#intake;
    if (intake === undefined || intake.done) return;
    intake.abandon();
    // Waits by itself until the response is out.
    this.#stream.close(NO_ERROR);
  }

  /** INVARIANT: never by `close`, which ends what was written as if it were whole. */
  #reset(): void {
    this.#stream.destroy(new Error('broken off'));
  }

  #lost(): void {
    this.gone = true;
    this.#writer?.kill();
    const abort = this.#abort;
    this.#abort = undefined;
    abort?.();
  }

  #misuse(): void {
    this.refuse(MISUSED);
  }

  #sendRefusal(refusal: Refusal): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    const content = Buffer.from(`${refusal.reason}\n`);
    const { composer, refusalLines } = this.#owner;
    const lines = ['content-type', 'text/plain; charset=utf-8', ...refusalLines];
    const head = { status: refusal.status, lines, length: content.length, once: true };
    stream.respond(composer.compose(head, content.length) ?? [':status', '500'], {
      endStream: this.isHead,
    });
    if (!this.isHead) stream.end(content);
    if (this.#intake?.done !== true) stream.close(NO_ERROR);
    this.#owner.refused(refusal);
  }

  /** A HEAD's length is what GET would have (RFC 9110 §8.6), 204 and 304 have none. */
  #announce(head: ResponseHead, known: number | undefined): number {
    return isBodyless(head.status) ? NO_LENGTH : (head.length ?? known ?? NO_LENGTH);
  }
}

function isBodyless(status: number): boolean {
  return status === 204 || status === 304;
}

function isLength(length: number | undefined): boolean {
  return length === undefined || (Number.isSafeInteger(length) && length >= 0);
}

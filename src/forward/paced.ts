// Things that bytes pass through, held back at a client's pace: a raw end, a responder, a request's content. They wait, and
// keep nothing: backpressure reaches the one who sends.

import { pipeline, Transform } from 'node:stream';
import type { FieldLines } from '../http/fields.ts';
import type { BodySink, RequestBody, Responder, ResponseHead } from '../http/message.ts';
import type { RawEnd, RawEvents } from '../tunnel/raw.ts';
import type { Pace } from './pace.ts';

/** Content larger than this is sent through a sink, so that it can be held back within. */
const WHOLE_BYTES = 64 * 1024;
const SLICE_BYTES = 64 * 1024;

/** A client's end of a tunnel. */
export class PacedEnd implements RawEnd {
  readonly #inner: RawEnd;
  readonly #down: Pace;
  readonly #up: Pace;
  #events: RawEvents | undefined;
  /** The socket does not take more now. */
  #full = false;
  #held: NodeJS.Timeout | undefined;
  #unread: NodeJS.Timeout | undefined;
  #paused = false;

  constructor(inner: RawEnd, down: Pace, up: Pace) {
    this.#inner = inner;
    this.#down = down;
    this.#up = up;
  }

  begin(events: RawEvents): void {
    this.#events = events;
    this.#inner.begin({
      onData: (chunk) => {
        const waitMs = this.#up.spend(chunk.length);
        if (waitMs > 0) this.#holdReading(waitMs);
        events.onData(chunk);
      },
      onEnd: () => events.onEnd(),
      onDrain: () => {
        this.#full = false;
        if (this.#held === undefined) events.onDrain();
      },
      onClose: () => {
        clearTimeout(this.#held);
        clearTimeout(this.#unread);
        events.onClose();
      },
    });
  }

  write(chunk: Buffer): boolean {
    if (!this.#inner.write(chunk)) this.#full = true;
    const waitMs = this.#down.spend(chunk.length);
    if (waitMs > 0) {
      clearTimeout(this.#held);
      this.#held = setTimeout(() => {
        this.#held = undefined;
        if (!this.#full) this.#events?.onDrain();
      }, waitMs);
    }
    return !this.#full && this.#held === undefined;
  }

  end(): void {
    this.#inner.end();
  }

  pause(): void {
    this.#paused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#unread === undefined) this.#inner.resume();
  }

  finish(): void {
    this.#inner.finish();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  #holdReading(waitMs: number): void {
    clearTimeout(this.#unread);
    this.#inner.pause();
    this.#unread = setTimeout(() => {
      this.#unread = undefined;
      if (!this.#paused) this.#inner.resume();
    }, waitMs);
  }
}

/** A responder whose content is sent at a pace. */
export class PacedResponder implements Responder {
  readonly #inner: Responder;
  readonly #pace: Pace;
  readonly takeOver?: NonNullable<Responder['takeOver']>;

  /** @param takeOver how a tunnel's client end is had */
  constructor(inner: Responder, pace: Pace, takeOver: Responder['takeOver']) {
    this.#inner = inner;
    this.#pace = pace;
    if (takeOver !== undefined) this.takeOver = takeOver;
  }

  get gone(): boolean {
    return this.#inner.gone;
  }

  get bytesSent(): number {
    return this.#inner.bytesSent;
  }

  onAbort(callback: () => void): void {
    this.#inner.onAbort(callback);
  }

  inform(status: number, lines: FieldLines): void {
    this.#inner.inform(status, lines);
  }

  send(head: ResponseHead, body: Buffer | null): void {
    if (body === null || body.length <= WHOLE_BYTES) {
      this.#pace.spend(body?.length ?? 0);
      this.#inner.send(head, body);
      return;
    }
    const sink = this.start({ ...head, length: head.length ?? body.length });
    pour(sink, body, 0);
  }

  start(head: ResponseHead): BodySink {
    return new PacedSink(this.#inner.start(head), this.#pace);
  }

  drop(): void {
    this.#inner.drop();
  }
}

function pour(sink: BodySink, body: Buffer, from: number): void {
  for (let at = from; at < body.length; ) {
    const slice = body.subarray(at, at + SLICE_BYTES);
    at += slice.length;
    const next = at;
    if (!sink.write(slice) && next < body.length) {
      sink.onDrain(() => pour(sink, body, next));
      return;
    }
  }
  sink.end();
}

class PacedSink implements BodySink {
  readonly #inner: BodySink;
  readonly #pace: Pace;

  constructor(inner: BodySink, pace: Pace) {
    this.#inner = inner;
    this.#pace = pace;
  }

  write(chunk: Buffer): boolean {
    const flows = this.#inner.write(chunk);
    return this.#pace.spend(chunk.length) === 0 && flows;
  }

  onDrain(callback: () => void): void {
    const { waitMs } = this.#pace;
    if (waitMs === 0) this.#inner.onDrain(callback);
    else setTimeout(() => this.onDrain(callback), waitMs).unref();
  }

  end(): void {
    this.#inner.end();
  }

  abort(): void {
    this.#inner.abort();
  }
}

/** A request's content, read at a pace. */
export function pacedBody({ length, stream }: RequestBody, pace: Pace): RequestBody {
  const slowed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const waitMs = pace.spend(chunk.length);
      if (waitMs === 0) done(null, chunk);
      else setTimeout(() => done(null, chunk), waitMs);
    },
  });
  slowed.on('error', () => {});
  pipeline(stream, slowed, () => {});
  return { length, stream: slowed };
}

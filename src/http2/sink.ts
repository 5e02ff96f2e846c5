// The BodySink of an HTTP/2 stream: backpressure, and the promise that content which exceeds or misses its announced length
// breaks visibly. Large buffers go to the library in slices, so that a slow client's progress can be seen.

import type { ServerHttp2Stream } from 'node:http2';
import type { BodySink } from '../http/message.ts';

/** At most this is handed to the library at a time. */
const SLICE_BYTES = 128 * 1024;

/** What hears of the end of the content. */
export interface WriterOwner {
  bytesSent: number;
  finished(): void;
  broken(): void;
}

export class StreamWriter implements BodySink {
  readonly #owner: WriterOwner;
  readonly #stream: ServerHttp2Stream;
  readonly #swallows: boolean;
  /** Bytes that the announced length still allows. */
  #room: number;
  #state: 'open' | 'ending' | 'over' = 'open';
  readonly #waiting: Buffer[] = [];
  #drain: (() => void) | undefined;

  /** @param room bytes announced; 'nothing' swallows what is written (HEAD, 204, 304) */
  constructor(owner: WriterOwner, stream: ServerHttp2Stream, room: number | 'nothing') {
    this.#owner = owner;
    this.#stream = stream;
    this.#swallows = room === 'nothing';
    this.#room = room === 'nothing' ? Number.POSITIVE_INFINITY : room;
    if (!this.#swallows) stream.on('drain', () => this.#drained());
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') return false;
    if (this.#swallows || chunk.length === 0) return true;
    if (chunk.length > this.#room) {
      // The library counts no lengths of ours: the client must not take what it has for the whole.
      this.abort();
      return false;
    }
    if (Number.isFinite(this.#room)) this.#room -= chunk.length;
    this.#owner.bytesSent += chunk.length;
    this.#waiting.push(chunk);
    this.#pump();
    return this.#flows();
  }

  onDrain(callback: () => void): void {
    if (this.#state !== 'open') return;
    this.#drain = callback;
    if (this.#flows()) process.nextTick(() => this.#drained());
  }

  end(): void {
    if (this.#state !== 'open') return;
    if (Number.isFinite(this.#room) && this.#room > 0) {
      this.abort();
      return;
    }
    this.#state = 'ending';
    if (this.#swallows) this.#finish();
    else this.#pump();
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.kill();
    this.#owner.broken();
  }

  /** Lets go of everything; nothing more is written. */
  kill(): void {
    this.#state = 'over';
    this.#waiting.length = 0;
    this.#drain = undefined;
  }

  #drained(): void {
    this.#pump();
    if (this.#state !== 'open' || !this.#flows()) return;
    const callback = this.#drain;
    this.#drain = undefined;
    callback?.();
  }

  #flows(): boolean {
    return this.#waiting.length === 0 && !this.#stream.writableNeedDrain;
  }

  #pump(): void {
    const stream = this.#stream;
    let next = this.#waiting[0];
    while (next !== undefined && !stream.writableNeedDrain) {
      if (next.length > SLICE_BYTES) this.#waiting[0] = next.subarray(SLICE_BYTES);
      else this.#waiting.shift();
      stream.write(next.length > SLICE_BYTES ? next.subarray(0, SLICE_BYTES) : next);
      next = this.#waiting[0];
    }
    if (next === undefined && this.#state === 'ending') this.#finish();
  }

  #finish(): void {
    this.#state = 'over';
    this.#drain = undefined;
    if (!this.#swallows) this.#stream.end();
    this.#owner.finished();
  }
}

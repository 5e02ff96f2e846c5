// The detached fill: a body on its way from the origin, and everybody who reads it. The origin is read at the pace of
// the fastest reader; a slow or leaving one neither slows nor cancels it for others. Knows chunks and bytes, not HTTP.

import type { Source } from './source.ts';

/** The sender's side of a body, so that a fill can hold it back or give it up. */
export interface Tap {
  pause(): void;
  resume(): void;
  abort(): void;
}

/** Memory that fills borrow while they keep a body for the store (storage's memory tier is the lender). */
export interface Budget {
  /** All there is, bytes. */
  readonly maxBytes: number;
  reserve(bytes: number): boolean;
  release(bytes: number): void;
}

/** The origin is read at most so far ahead of the fastest reader. Bodies up to this size are never held back. */
const LEAD_BYTES = 1024 * 1024;
/** When the body is not kept, a reader this far behind the fastest is cut off instead of pinning memory. */
const LAG_BYTES = 16 * 1024 * 1024;

/** How a fill ended; `chunks` is the whole body, present only when it was kept. */
export interface FillEnd {
  readonly complete: boolean;
  readonly chunks: readonly Buffer[] | undefined;
  readonly length: number;
}

export interface FillOptions {
  readonly tap: Tap;
  /** Keep the whole body for the store; without it only what some reader still needs is held. */
  readonly keep: boolean;
  /** Bytes the kept body may have; beyond it the fill stops keeping. */
  readonly maxBytes: number;
  readonly budget: Budget;
  /** Once, when the last byte has come, the body broke, or nobody wants it any more. */
  readonly onEnd: (end: FillEnd) => void;
}

export class Fill {
  state: 'open' | 'complete' | 'failed' = 'open';
  /** Bytes received so far. */
  received = 0;
  readonly #options: FillOptions;
  readonly #readers = new Set<FillReader>();
  #chunks: Buffer[] = [];
  /** Chunks and bytes already let go at the front. */
  #goneChunks = 0;
  #goneBytes = 0;
  #keep: boolean;
  #reserved = 0;
  #paused = false;
  /** Position of the fastest reader; -1 without readers. */
  #fastest = -1;

  constructor(options: FillOptions) {
    this.#options = options;
    this.#keep = options.keep;
  }

  /** True while the body is kept whole for the store. */
  get kept(): boolean {
    return this.#keep;
  }

  /** True while a new reader can still have the body from its first byte. */
  get joinable(): boolean {
    return this.state !== 'failed' && this.#goneBytes === 0;
  }

  get readers(): number {
    return this.#readers.size;
  }

  push(chunk: Buffer): void {
    if (this.state !== 'open' || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.received += chunk.length;
    if (this.#keep) this.#borrow(chunk.length);
    for (const reader of this.#readers) reader.tell();
    if (!this.#keep) this.#letGo();
    this.#pace();
  }

  complete(): void {
    this.#end('complete');
  }

  fail(): void {
    this.#end('failed');
  }

  /** The body is not wanted by the store any more (a purge, a limit): from now on it only passes through. */
  stopKeeping(): void {
    if (!this.#keep) return;
    this.#keep = false;
    this.#release();
    // Chunks that nobody reads and nobody keeps must not pile up.
    if (this.#readers.size === 0) this.abandon();
    else if (this.state === 'open') this.#letGo();
  }

  /** Gives the body up when nobody reads it and nobody keeps it. */
  abandon(): void {
    if (this.state !== 'open' || this.#readers.size > 0 || this.#keep) return;
    this.#options.tap.abort();
    this.#end('failed');
  }

  /** Reads [start, end) from the bytes there are, then follows live. Broken from the start when its bytes are gone. */
  reader(start = 0, end = Number.POSITIVE_INFINITY): Source {
    const reader = new FillReader(this, start, end);
    if (start < Math.min(end, this.#goneBytes)) reader.cutOff();
    this.#readers.add(reader);
    if (start > this.#fastest) this.#fastest = start;
    this.#pace();
    return reader;
  }

  /** For readers: where the first chunk that is still held begins; what is gone lies before every reader's position. */
  get firstIndex(): number {
    return this.#goneChunks;
  }

  get firstOffset(): number {
    return this.#goneBytes;
  }

  /** For readers: the chunk with absolute index `index`. */
  chunkAt(index: number): Buffer | undefined {
    return this.#chunks[index - this.#goneChunks];
  }

  /** For readers: they have taken something and stand at `position`. */
  taken(position: number): void {
    if (position > this.#fastest) this.#fastest = position;
    if (!this.#keep) this.#letGo();
    this.#pace();
  }

  /** For readers: they leave. */
  leave(reader: FillReader): void {
    if (!this.#readers.delete(reader) || this.state !== 'open') return;
    if (this.#readers.size === 0 && !this.#keep) return this.abandon();
    this.#fastest = -1;
    for (const other of this.#readers) if (other.position > this.#fastest) this.#fastest = other.position;
    if (!this.#keep) this.#letGo();
    this.#pace();
  }

  #borrow(bytes: number): void {
    if (this.received <= this.#options.maxBytes && this.#options.budget.reserve(bytes))
      this.#reserved += bytes;
    else this.stopKeeping();
  }

  #release(): void {
    if (this.#reserved > 0) this.#options.budget.release(this.#reserved);
    this.#reserved = 0;
  }

  #pace(): void {
    if (this.state !== 'open') return;
    // Nobody reads but the store wants it: run on. Otherwise stay within the lead.
    const hold = this.#fastest >= 0 && this.received - this.#fastest > LEAD_BYTES;
    if (hold === this.#paused) return;
    this.#paused = hold;
    if (hold) this.#options.tap.pause();
    else this.#options.tap.resume();
  }

  /** Frees what every reader has passed, and cuts off those too far behind. */
  #letGo(): void {
    if (this.#readers.size === 0) return;
    let slowest = Number.POSITIVE_INFINITY;
    for (const reader of this.#readers) {
      if (this.#fastest - reader.position > LAG_BYTES) reader.cutOff();
      else slowest = Math.min(slowest, reader.position);
    }
    let count = 0;
    for (const chunk of this.#chunks) {
      if (this.#goneBytes + chunk.length > slowest) break;
      this.#goneBytes += chunk.length;
      count++;
    }
    if (count > 0) {
      this.#chunks.splice(0, count);
      this.#goneChunks += count;
    }
  }

  #end(state: 'complete' | 'failed'): void {
    if (this.state !== 'open') return;
    this.state = state;
    const chunks = this.#keep && state === 'complete' ? this.#chunks : undefined;
    this.#release();
    this.#options.onEnd({ complete: state === 'complete', chunks, length: this.received });
    for (const reader of this.#readers) reader.tell();
  }
}

class FillReader implements Source {
  /** Absolute offset of the next byte it wants. */
  position: number;
  readonly #fill: Fill;
  readonly #end: number;
  #index = 0;
  /** Offset of the first byte of chunk `#index`. */
  #offset = 0;
  #waiting: (() => void) | undefined;
  #broken = false;
  #closed = false;

  constructor(fill: Fill, start: number, end: number) {
    this.#fill = fill;
    this.position = start;
    this.#end = end;
  }

  get state(): Source['state'] {
    if (this.#broken) return 'failed';
    if (this.position >= this.#end) return 'complete';
    if (this.#fill.state === 'failed') return 'failed';
    return this.#fill.state === 'complete' && this.position >= this.#fill.received ? 'complete' : 'open';
  }

  next(): Buffer | undefined {
    if (this.#broken || this.#closed) return undefined;
    if (this.#index < this.#fill.firstIndex) {
      this.#index = this.#fill.firstIndex;
      this.#offset = this.#fill.firstOffset;
    }
    while (this.position < this.#end) {
      const chunk = this.#fill.chunkAt(this.#index);
      if (chunk === undefined) return undefined;
      const chunkEnd = this.#offset + chunk.length;
      if (chunkEnd <= this.position) {
        this.#index++;
        this.#offset = chunkEnd;
        continue;
      }
      const from = this.position - this.#offset;
      const piece =
        from === 0 && chunkEnd <= this.#end
          ? chunk
          : chunk.subarray(from, Math.min(chunk.length, this.#end - this.#offset));
      this.position += piece.length;
      this.#index++;
      this.#offset = chunkEnd;
      this.#fill.taken(this.position);
      return piece;
    }
    return undefined;
  }

  onReadable(callback: () => void): void {
    if (this.state !== 'open') queueMicrotask(callback);
    else this.#waiting = callback;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    this.#fill.leave(this);
  }

  tell(): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    callback?.();
  }

  cutOff(): void {
    this.#broken = true;
    this.tell();
  }
}

// The detached fill: a body on its way from the origin, and everybody who reads it. The origin is read at the pace of
// the fastest reader; a slow or leaving one neither slows nor cancels it for others. What is too large to be kept in memory
// may be backed by a store that takes it while it comes, and then at the store's pace. Knows chunks and bytes, not HTTP.

import { FillReader } from './fill-reader.ts';
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

/** Where the front of a body is that the fill has let go. */
export interface Backing {
  /** Bytes from the start that can be read there. */
  readonly written: number;
  /** Some bytes from `position` on, which lies before `written`. Rejects when they are gone. */
  read(position: number): Promise<Buffer>;
  /** Nothing more is to be written, and nothing will be read any more. */
  release(): void;
}

/** What a backed fill holds for readers that keep up, though it is written; and the most that is not written yet. */
const BACKED_BYTES = 4 * 1024 * 1024;

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
  /** Asked when the body has become too large to be kept, all of it still there: may `back` it. */
  readonly overflow?: (fill: Fill) => void;
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
  #backing: Backing | undefined;
  /** The backing is no longer written to: only those who are behind read it. */
  #isFrozen = false;
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

  /** True while the body is on its way into the store, in memory or written as it comes. */
  get stored(): boolean {
    return this.#keep || (this.#backing !== undefined && !this.#isFrozen);
  }

  /** True while a new reader can still have the body from its first byte. */
  get joinable(): boolean {
    return this.state !== 'failed' && (this.#goneBytes === 0 || this.stored);
  }

  get backing(): Backing | undefined {
    return this.#backing;
  }

  /** From now on the body is written as it comes, by a reader that begins at its first byte, and not kept. */
  back(backing: Backing): void {
    if (!this.joinable || this.#goneBytes > 0) throw new Error('the beginning of the body is gone');
    this.#backing = backing;
    this.#keep = false;
    this.#release();
  }

  /** Nothing more is written. Who is behind reads what there is; for all others the body passes through. */
  unback(): void {
    if (this.#backing === undefined) return;
    this.#isFrozen = true;
    this.#releaseBacking();
    this.#letGo();
    this.#pace();
  }

  /** The backing has written more. */
  written(): void {
    this.#letGo();
    this.#pace();
  }

  get readers(): number {
    return this.#readers.size;
  }

  /** @param isLast the body is complete with it: the store has it before any reader has its last byte */
  push(chunk: Buffer, isLast = false): void {
    if (this.state !== 'open' || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.received += chunk.length;
    if (this.#keep) this.#borrow(chunk.length);
    if (isLast) return this.complete();
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
    if (start < Math.min(end, this.#goneBytes) && this.#backing === undefined) reader.cutOff();
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
    if (this.#isFrozen) this.#releaseBacking();
    if (!this.#keep) this.#letGo();
    this.#pace();
  }

  /** For readers: they leave. */
  leave(reader: FillReader): void {
    const isLeaving = this.#readers.delete(reader);
    this.#releaseBacking();
    if (!isLeaving || this.state !== 'open') return;
    if (this.#readers.size === 0 && !this.#keep) return this.abandon();
    this.#fastest = -1;
    for (const other of this.#readers) if (other.position > this.#fastest) this.#fastest = other.position;
    if (!this.#keep) this.#letGo();
    this.#pace();
  }

  #borrow(bytes: number): void {
    if (this.received <= this.#options.maxBytes && this.#options.budget.reserve(bytes)) {
      this.#reserved += bytes;
      return;
    }
    this.#options.overflow?.(this);
    if (this.#backing === undefined) this.stopKeeping();
  }

  #release(): void {
    if (this.#reserved > 0) this.#options.budget.release(this.#reserved);
    this.#reserved = 0;
  }

  #pace(): void {
    if (this.state !== 'open') return;
    const isWritten = this.#backing !== undefined && !this.#isFrozen;
    const unwritten = isWritten ? this.received - (this.#backing?.written ?? 0) : 0;
    // Nobody reads but the store wants it: run on. Otherwise stay within the lead.
    const lead = this.#fastest < 0 ? 0 : this.received - this.#fastest;
    const hold = lead > LEAD_BYTES || unwritten > BACKED_BYTES;
    if (hold === this.#paused) return;
    this.#paused = hold;
    if (hold) this.#options.tap.pause();
    else this.#options.tap.resume();
  }

  /** Some reader wants what only the backing has. */
  get #isNeeded(): boolean {
    for (const reader of this.#readers) if (reader.position < this.#goneBytes) return true;
    return false;
  }

  /** Once nobody reads from a backing that is not written to, there is no more use for it. */
  #releaseBacking(): void {
    if (!this.#isFrozen || this.#backing === undefined || this.#isNeeded) return;
    const backing = this.#backing;
    this.#backing = undefined;
    backing.release();
  }

  /** Frees what every reader has passed. Those too far behind are cut off, or have the backing. */
  #letGo(): void {
    if (this.#readers.size === 0) return;
    const written = this.#backing?.written ?? 0;
    // Once the backing has all of it, nobody has to keep up.
    const canLag = this.#backing !== undefined && (!this.#isFrozen || written >= this.received);
    let slowest = Number.POSITIVE_INFINITY;
    for (const reader of this.#readers) {
      const isBehind = reader.position < this.#goneBytes;
      if (isBehind && !this.#isFrozen) continue;
      const isLate = this.#fastest - reader.position > LAG_BYTES;
      if (isLate && !canLag) reader.cutOff();
      else slowest = Math.min(slowest, isBehind ? written : reader.position);
    }
    const free =
      this.#backing === undefined || this.#isFrozen
        ? slowest
        : Math.min(written, Math.max(slowest, this.received - BACKED_BYTES));
    let count = 0;
    for (const chunk of this.#chunks) {
      if (this.#goneBytes + chunk.length > free) break;
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

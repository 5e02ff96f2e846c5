// One reader of a body on its way: takes what the fill still holds, and from the backing what it has let go.

import type { Fill } from './fill.ts';
import type { Source } from './source.ts';

export class FillReader implements Source {
  /** Absolute offset of the next byte it wants. */
  position: number;
  readonly #fill: Fill;
  readonly #end: number;
  #index = 0;
  /** Offset of the first byte of chunk `#index`. */
  #offset = 0;
  /** From the backing: on its way, or there. */
  #isLoading = false;
  #loaded: Buffer | undefined;
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
    if (this.position < this.#fill.firstOffset) return this.#fromBacking();
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
      this.#index++;
      this.#offset = chunkEnd;
      return this.#took(piece);
    }
    return undefined;
  }

  onReadable(callback: () => void): void {
    if (this.state !== 'open' || this.#loaded !== undefined) queueMicrotask(callback);
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

  #fromBacking(): Buffer | undefined {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    if (loaded !== undefined) return this.#took(loaded);
    if (this.position < this.#end && !this.#isLoading) void this.#load();
    return undefined;
  }

  async #load(): Promise<void> {
    const { backing } = this.#fill;
    if (backing === undefined) return this.cutOff();
    this.#isLoading = true;
    try {
      const bytes = await backing.read(this.position);
      this.#loaded = bytes.subarray(0, this.#end - this.position);
      this.#isLoading = false;
      this.tell();
    } catch {
      this.cutOff();
    }
  }

  #took(piece: Buffer): Buffer {
    this.position += piece.length;
    this.#fill.taken(this.position);
    return piece;
  }
}

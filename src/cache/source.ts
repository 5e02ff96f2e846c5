// A body being read: pull when something is there, be told when more is. One shape for bodies in memory, on disk
// and on their way from the origin, so that delivery is written once. Knows no HTTP.

import type { StoredBody } from '../../storage/store.ts';

/** A body read once, front to back. */
export interface Source {
  /** The next piece, or undefined when there is none now: look at `state`. */
  next(): Buffer | undefined;
  /** 'open': more will come. 'complete': everything has been read. 'failed': the rest will never come. */
  readonly state: 'open' | 'complete' | 'failed';
  /** Calls back once when `next` or `state` has news. */
  onReadable(callback: () => void): void;
  /** The reader has no more use for it. Idempotent. */
  close(): void;
}

/** Reads [start, end) of a stored body. */
export function bodySource(body: StoredBody, start = 0, end = body.length): Source {
  return body.chunks === undefined
    ? new ReadSource(body, start, end)
    : new ChunkSource(body.chunks, start, end);
}

/** One source after another; each is opened when its turn comes. */
export function joinSources(parts: readonly (Buffer | (() => Source))[]): Source {
  return new JoinedSource(parts);
}

class JoinedSource implements Source {
  state: Source['state'] = 'open';
  readonly #parts: readonly (Buffer | (() => Source))[];
  #index = 0;
  #current: Source | undefined;

  constructor(parts: readonly (Buffer | (() => Source))[]) {
    this.#parts = parts;
  }

  next(): Buffer | undefined {
    while (this.state === 'open') {
      if (this.#current !== undefined) {
        const piece = this.#current.next();
        if (piece !== undefined) return piece;
        if (this.#current.state === 'open') return undefined;
        if (this.#current.state === 'failed') {
          this.state = 'failed';
          return undefined;
        }
        this.#current.close();
        this.#current = undefined;
      }
      const part = this.#parts[this.#index++];
      if (part === undefined) this.state = 'complete';
      else if (typeof part === 'function') this.#current = part();
      else return part;
    }
    return undefined;
  }

  onReadable(callback: () => void): void {
    if (this.#current === undefined) queueMicrotask(callback);
    else this.#current.onReadable(callback);
  }

  close(): void {
    this.#current?.close();
  }
}

class ChunkSource implements Source {
  state: Source['state'] = 'open';
  readonly #chunks: readonly Buffer[];
  #index = 0;
  #skip: number;
  #left: number;

  constructor(chunks: readonly Buffer[], start: number, end: number) {
    this.#chunks = chunks;
    this.#skip = start;
    this.#left = end - start;
    if (this.#left <= 0) this.state = 'complete';
  }

  next(): Buffer | undefined {
    while (this.#left > 0) {
      const chunk = this.#chunks[this.#index++];
      if (chunk === undefined) {
        this.state = 'failed';
        return undefined;
      }
      if (this.#skip >= chunk.length) {
        this.#skip -= chunk.length;
        continue;
      }
      const piece = chunk.subarray(this.#skip, this.#skip + this.#left);
      this.#skip = 0;
      this.#left -= piece.length;
      if (this.#left === 0) this.state = 'complete';
      return piece;
    }
    return undefined;
  }

  onReadable(callback: () => void): void {
    queueMicrotask(callback);
  }

  close(): void {
    this.#left = 0;
  }
}

class ReadSource implements Source {
  state: Source['state'] = 'open';
  readonly #chunks: AsyncIterator<Buffer>;
  #ready: Buffer | undefined;
  #waiting: (() => void) | undefined;
  #closed = false;

  constructor(body: StoredBody, start: number, end: number) {
    this.#chunks = body.read(start, end)[Symbol.asyncIterator]();
    this.#pull();
  }

  next(): Buffer | undefined {
    const piece = this.#ready;
    if (piece === undefined) return undefined;
    this.#ready = undefined;
    this.#pull();
    return piece;
  }

  onReadable(callback: () => void): void {
    if (this.#ready !== undefined || this.state !== 'open') queueMicrotask(callback);
    else this.#waiting = callback;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = undefined;
    void this.#chunks.return?.(undefined).catch(() => undefined);
  }

  #pull(): void {
    this.#chunks.next().then(
      (result) => {
        if (result.done === true) this.state = 'complete';
        else this.#ready = result.value;
        this.#tell();
      },
      () => {
        this.state = 'failed';
        this.#tell();
      },
    );
  }

  #tell(): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    callback?.();
  }
}

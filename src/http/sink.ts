// The BodySink of a streamed HTTP/1.1 response: framing of content, backpressure, and the promise that content which
// exceeds or misses its announced length breaks visibly. Large buffers go to the socket in slices, so that little is
// queued there and a slow client's progress can be seen.

import type { Socket } from 'node:net';
import type { BodySink } from './message.ts';

/** A length in bytes, or: the chunked coding; until the connection closes; content that is swallowed (HEAD, 204, 304). */
export type Framed = number | 'chunked' | 'close' | 'nothing';

/** At most this is handed to the socket at a time. */
export const SLICE_BYTES = 128 * 1024;

/** Chunks up to this are copied into one buffer with their size line. */
const COPY_BYTES = 4 * 1024;
/** Whole content up to this is copied into one buffer with the head. */
const WHOLE_BYTES = 64 * 1024;
const CRLF = Buffer.from('\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/** What hears of the end of the content. */
export interface SinkOwner {
  bytesSent: number;
  finished(cut: boolean): void;
  broken(): void;
}

/** Takes nothing: the client has gone, or the response was never begun. */
export const DEAD_SINK: BodySink = {
  write: () => false,
  onDrain: () => {},
  end: () => {},
  abort: () => {},
};

export class BodyWriter implements BodySink {
  readonly #owner: SinkOwner;
  readonly #socket: Socket;
  readonly #framed: Framed;
  /** Bytes that the announced length still allows. */
  #room: number;
  #state: 'open' | 'ending' | 'over' = 'open';
  /** The head's text until it is written: what comes at once after it leaves together with it. */
  #head: string | undefined;
  /** More came than was announced: it is swallowed, so that the writer comes to its end. */
  #cut = false;
  readonly #waiting: Buffer[] = [];
  #drain: (() => void) | undefined;

  constructor(owner: SinkOwner, socket: Socket, framed: Framed, head: string) {
    this.#owner = owner;
    this.#head = head;
    this.#socket = socket;
    this.#framed = framed;
    this.#room = typeof framed === 'number' ? framed : Number.POSITIVE_INFINITY;
    process.nextTick(() => this.#writeHead());
  }

  write(chunk: Buffer): boolean {
    if (this.#state !== 'open') return this.#cut;
    if (this.#framed === 'nothing' || chunk.length === 0) return true;
    const allowed = chunk.length <= this.#room ? chunk : chunk.subarray(0, this.#room);
    this.#room -= allowed.length;
    this.#owner.bytesSent += allowed.length;
    if (allowed === chunk && this.#head !== undefined && this.#writeWhole(this.#head, chunk))
      return this.#flows();
    if (this.#waiting.length > 0 || allowed.length > SLICE_BYTES) {
      this.#waiting.push(allowed);
      this.#pump();
    } else if (allowed.length > 0) this.#put(allowed);
    if (allowed !== chunk) {
      this.#cut = true;
      this.end();
      return true;
    }
    return this.#flows();
  }

  onDrain(callback: () => void): void {
    if (this.#state !== 'open') return;
    this.#drain = callback;
    if (this.#flows()) process.nextTick(() => this.drained());
  }

  end(): void {
    if (this.#state !== 'open') return;
    if (typeof this.#framed === 'number' && this.#room > 0) {
      this.abort();
      return;
    }
    this.#state = 'ending';
    this.#pump();
  }

  abort(): void {
    if (this.#state === 'over') return;
    this.kill();
    this.#owner.broken();
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.#pump();
    if (this.#state !== 'open' || !this.#flows()) return;
    const callback = this.#drain;
    this.#drain = undefined;
    callback?.();
  }

  /** Lets go of everything; nothing more is written. */
  kill(): void {
    this.#state = 'over';
    this.#head = undefined;
    this.#waiting.length = 0;
    this.#drain = undefined;
  }

  /** The head with content that is all there is and small. */
  #writeWhole(head: string, content: Buffer): boolean {
    if (this.#framed !== content.length || content.length > WHOLE_BYTES) return false;
    const bytes = Buffer.allocUnsafe(head.length + content.length);
    bytes.write(head, 'latin1');
    content.copy(bytes, head.length);
    this.#head = undefined;
    this.#socket.write(bytes);
    return true;
  }

  #writeHead(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#socket.write(head, 'latin1');
  }

  /** The head and everything that is written before the tick ends, together. */
  #corkWithHead(): void {
    if (this.#head === undefined) return;
    const socket = this.#socket;
    socket.cork();
    process.nextTick(() => socket.uncork());
    this.#writeHead();
  }

  #flows(): boolean {
    return this.#waiting.length === 0 && !this.#socket.writableNeedDrain;
  }

  #pump(): void {
    let next = this.#waiting[0];
    while (next !== undefined && !this.#socket.writableNeedDrain) {
      if (next.length > SLICE_BYTES) this.#waiting[0] = next.subarray(SLICE_BYTES);
      else this.#waiting.shift();
      this.#put(next.length > SLICE_BYTES ? next.subarray(0, SLICE_BYTES) : next);
      next = this.#waiting[0];
    }
    if (next === undefined && this.#state === 'ending') this.#finish();
  }

  #put(content: Buffer): void {
    const socket = this.#socket;
    this.#corkWithHead();
    if (this.#framed !== 'chunked') {
      socket.write(content);
      return;
    }
    const size = `${content.length.toString(16)}\r\n`;
    if (content.length <= COPY_BYTES) {
      socket.write(Buffer.concat([Buffer.from(size, 'latin1'), content, CRLF]));
      return;
    }
    socket.cork();
    socket.write(size, 'latin1');
    socket.write(content);
    socket.write(CRLF);
    socket.uncork();
  }

  #finish(): void {
    this.#state = 'over';
    this.#drain = undefined;
    if (this.#framed === 'chunked') {
      this.#corkWithHead();
      this.#socket.write(LAST_CHUNK);
    } else this.#writeHead();
    this.#owner.finished(this.#cut);
  }
}

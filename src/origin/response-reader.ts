// Reads responses off a connection: interim and final heads, and content by its framing (RFC 9112 §6.3). Knows no socket.

import { spend } from '../heap.ts';
import { type BodyDecoder, LengthDecoder } from '../http/body.ts';
import { ChunkedDecoder } from '../http/chunked.ts';
import type { Fields } from '../http/fields.ts';
import type { Inbox } from '../http/inbox.ts';
import { MAX_HEAD_BYTES, type ParsedHead, parseResponseHead, responseFraming } from './response-head.ts';

export interface ReaderOwner {
  onInterim(status: number, fields: Fields): void;
  onHead(status: number, fields: Fields): void;
  /** The chunk is nobody else's. */
  onContent(chunk: Buffer): void;
  /** The response is whole. `persists`: the connection may be used again, for so many seconds where the origin says. */
  onComplete(persists: boolean, keepAliveSeconds: number | undefined): void;
  /** The connection has gone over to another protocol; what follows in the inbox is that one's. Without it no 101 is taken. */
  onSwitch?(fields: Fields): void;
  /** What has come is no response. */
  onGarbled(reason: string): void;
}

const MAX_INTERIM = 32;
const MAX_TRAILERS = 128;
/** Up to this a copy comes from the pool that small buffers share. */
const POOLED_BYTES = 1024;

export class ResponseReader {
  readonly #owner: ReaderOwner;
  #method = '';
  #state: 'none' | 'head' | 'content' | 'to-close' = 'none';
  #decoder: BodyDecoder | undefined;
  #interim = 0;
  /** Bytes of the head begun that were found too few. */
  #seen = 0;
  #persists = false;
  #keepAliveSeconds: number | undefined;

  constructor(owner: ReaderOwner) {
    this.#owner = owner;
  }

  /** The next response is one to a request with this method. */
  begin(method: string): void {
    this.#method = method;
    this.#state = 'head';
    this.#decoder = undefined;
    this.#interim = 0;
    this.#seen = 0;
  }

  /** Nothing more is read of what has begun. */
  cancel(): void {
    this.#state = 'none';
    this.#decoder = undefined;
  }

  /** Takes what has come, up to the end of the response. */
  read(inbox: Inbox): void {
    while (inbox.length > 0) {
      if (this.#state === 'head') {
        if (!this.#head(inbox)) return;
      } else if (this.#state === 'content') this.#content(inbox);
      else if (this.#state === 'to-close') {
        const { bytes, start, end } = inbox;
        inbox.consume(end);
        this.#owner.onContent(copied(bytes, start, end));
      } else return;
    }
  }

  /** The connection has ended in order. @returns true when that completes the response */
  finish(): boolean {
    if (this.#state !== 'to-close') return false;
    this.#complete();
    return true;
  }

  /** @returns false when bytes are missing, or nothing more is to be read */
  #head(inbox: Inbox): boolean {
    const { bytes, start, end } = inbox;
    const head = parseResponseHead(bytes, start, end, this.#seen);
    if (head === undefined) {
      this.#seen = end - start;
      if (this.#seen > MAX_HEAD_BYTES) this.#garbled('its head is too large');
      return false;
    }
    if (typeof head === 'string') return this.#garbled(head);
    if (head.end - start > MAX_HEAD_BYTES) return this.#garbled('its head is too large');
    this.#seen = 0;
    inbox.consume(head.end);
    if (head.status >= 200) return this.#final(head);
    if (head.status === 101) return this.#switched(head);
    if (++this.#interim > MAX_INTERIM) return this.#garbled('it has too many interim responses');
    this.#owner.onInterim(head.status, head.fields);
    return true;
  }

  #switched({ version, fields }: ParsedHead): false {
    if (this.#owner.onSwitch === undefined) return this.#garbled('a 101 that nobody asked for');
    // RFC 9110 §7.8.
    if (version === '1.0') return this.#garbled('HTTP/1.0 knows no 101');
    this.cancel();
    this.#owner.onSwitch(fields);
    return false;
  }

  #final({ status, fields, version }: ParsedHead): boolean {
    const framing = responseFraming(this.#method, status, version, fields);
    if (typeof framing === 'string') return this.#garbled(framing);
    const { chunked, length, persists, keepAliveSeconds } = framing;
    this.#persists = persists;
    this.#keepAliveSeconds = keepAliveSeconds;
    if (chunked) this.#decoder = new ChunkedDecoder(Number.MAX_SAFE_INTEGER, MAX_TRAILERS);
    else this.#decoder = length === undefined ? undefined : new LengthDecoder(length);
    this.#state = this.#decoder === undefined ? 'to-close' : 'content';
    this.#owner.onHead(status, fields);
    // Unless whoever heard of it has given up.
    if (this.#decoder?.done === true) this.#complete();
    return true;
  }

  #content(inbox: Inbox): void {
    const decoder = this.#decoder;
    if (decoder === undefined) return;
    const { bytes, start, end } = inbox;
    const at = decoder.decode(bytes, start, end);
    const { content } = decoder;
    const chunk = content === undefined ? undefined : copied(content, 0, content.length);
    inbox.consume(at);
    if (chunk !== undefined) this.#owner.onContent(chunk);
    // Whoever heard of it may have given up.
    if (decoder !== this.#decoder) return;
    if (decoder.fault !== undefined) this.#garbled(decoder.fault.reason);
    else if (decoder.done) this.#complete();
  }

  #complete(): void {
    const persists = this.#persists && this.#state !== 'to-close';
    this.cancel();
    this.#owner.onComplete(persists, this.#keepAliveSeconds);
  }

  #garbled(reason: string): false {
    this.cancel();
    this.#owner.onGarbled(reason);
    return false;
  }
}

/** The bytes in a buffer of their own: where they are now others will be. */
function copied(bytes: Buffer, start: number, end: number): Buffer {
  const length = end - start;
  const copy = length <= POOLED_BYTES ? Buffer.allocUnsafe(length) : Buffer.allocUnsafeSlow(length);
  spend(length);
  bytes.copy(copy, 0, start, end);
  return copy;
}

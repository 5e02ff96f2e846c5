// The chunked transfer coding, decoded one byte state at a time (RFC 9112 §7.1), so that any split of the bytes gives
// the same content. Extensions and trailers are checked, bounded and dropped. Pure; compacts content inside the
// buffer it is given, so that one call yields one slice however small the chunks are.

import { COLON, CR, hexValue, LF, QUOTED, TOKEN, VALUE } from './chars.ts';
import { badRequest, Refusal } from './refusal.ts';

const SIZE = 0;
const SIZE_LF = 1;
const EXTENSION_START = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_START = 4;
const EXTENSION_VALUE = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPE = 7;
const EXTENSION_END = 8;
const DATA = 9;
const DATA_CR = 10;
const DATA_LF = 11;
const TRAILER_START = 12;
const TRAILER_NAME = 13;
const TRAILER_VALUE = 14;
const TRAILER_LF = 15;
const END_LF = 16;
const DONE = 17;

/** 16^13 stays below 2^53. */
const MAX_SIZE_DIGITS = 13;
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_TRAILER_BYTES = 8 * 1024;
const MAX_FRAMING_NAME = 'transfer-encoding'.length;
const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

const BROKEN = badRequest('The chunked coding is broken.');
const LONG_EXTENSIONS = badRequest('The chunk extensions are too long.');
const LARGE_TRAILERS = new Refusal(431, 'The trailer section is too large.');
const FRAMING_TRAILER = badRequest('A trailer names the framing.');
const LARGE_CONTENT = new Refusal(413, 'The content is too large.');

export class ChunkedDecoder {
  readonly #maxBytes: number;
  readonly #maxTrailers: number;
  #state = SIZE;
  #digits = 0;
  /** The size being read, then the bytes of the chunk still to come. */
  #left = 0;
  #total = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailers = 0;
  /** The trailer's name as far as it matters, lower-case. */
  #name = '';
  #fault: Refusal | undefined;
  /** What the last call decoded. */
  content: Buffer | undefined;

  constructor(maxBytes: number, maxTrailers: number) {
    this.#maxBytes = maxBytes;
    this.#maxTrailers = maxTrailers;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** Why the rest will not be read. */
  get fault(): Refusal | undefined {
    return this.#fault;
  }

  /** Unknown until the last chunk. */
  get remaining(): number | undefined {
    return this.done ? 0 : undefined;
  }

  /** Decodes [from, end) of `bytes` in place. @returns the offset of the first byte that is not the body's. */
  decode(bytes: Buffer, from: number, end: number): number {
    let contentAt = -1;
    let contentEnd = -1;
    let i = from;
    while (i < end && this.#state !== DONE && this.#fault === undefined) {
      if (this.#state !== DATA) {
        this.#step(bytes[i] ?? 0);
        i++;
        continue;
      }
      const size = Math.min(this.#left, end - i);
      if (contentAt === -1) {
        contentAt = i;
        contentEnd = i;
      }
      if (contentEnd !== i) bytes.copyWithin(contentEnd, i, i + size);
      contentEnd += size;
      i += size;
      this.#left -= size;
      if (this.#left === 0) this.#state = DATA_CR;
    }
    this.content = contentAt === -1 ? undefined : bytes.subarray(contentAt, contentEnd);
    return i;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case SIZE:
        this.#size(byte);
        return;
      case SIZE_LF:
        this.#expect(byte, LF, this.#left === 0 ? TRAILER_START : DATA);
        return;
      case DATA_CR:
        this.#expect(byte, CR, DATA_LF);
        return;
      case DATA_LF:
        this.#digits = 0;
        this.#expect(byte, LF, SIZE);
        return;
      case END_LF:
        this.#expect(byte, LF, DONE);
        return;
      case TRAILER_START:
      case TRAILER_NAME:
      case TRAILER_VALUE:
      case TRAILER_LF:
        this.#trailer(byte);
        return;
      default:
        this.#extension(byte);
        return;
    }
  }

  #expect(byte: number, wanted: number, next: number): void {
    if (byte === wanted) this.#state = next;
    else this.#fault = BROKEN;
  }

  /** Deviation: RFC 9112 §7.1.1 lets BWS stand round extensions; it is refused, as common senders write none. */
  #size(byte: number): void {
    const digit = hexValue(byte);
    if (digit >= 0) {
      this.#digits++;
      this.#left = this.#left * 16 + digit;
      if (this.#digits > MAX_SIZE_DIGITS) this.#fault = BROKEN;
      return;
    }
    if (this.#digits === 0) this.#fault = BROKEN;
    else if (byte === SEMICOLON) this.#state = EXTENSION_START;
    else this.#endOfSize(byte);
  }

  #endOfSize(byte: number): void {
    this.#expect(byte, CR, SIZE_LF);
    this.#total += this.#left;
    if (this.#total > this.#maxBytes) this.#fault = LARGE_CONTENT;
  }

  #extension(byte: number): void {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES) {
      this.#fault = LONG_EXTENSIONS;
      return;
    }
    const token = TOKEN[byte] === 1;
    switch (this.#state) {
      case EXTENSION_START:
        if (token) this.#state = EXTENSION_NAME;
        else this.#fault = BROKEN;
        return;
      case EXTENSION_NAME:
        if (byte === EQUALS) this.#state = EXTENSION_VALUE_START;
        else if (!token) this.#afterExtension(byte);
        return;
      case EXTENSION_VALUE_START:
        if (byte === QUOTE) this.#state = EXTENSION_QUOTED;
        else if (token) this.#state = EXTENSION_VALUE;
        else this.#fault = BROKEN;
        return;
      case EXTENSION_VALUE:
        if (!token) this.#afterExtension(byte);
        return;
      case EXTENSION_QUOTED:
        if (byte === QUOTE) this.#state = EXTENSION_END;
        else if (byte === BACKSLASH) this.#state = EXTENSION_ESCAPE;
        else if (QUOTED[byte] !== 1) this.#fault = BROKEN;
        return;
      case EXTENSION_ESCAPE:
        if (VALUE[byte] === 1) this.#state = EXTENSION_QUOTED;
        else this.#fault = BROKEN;
        return;
      default:
        this.#afterExtension(byte);
    }
  }

  #afterExtension(byte: number): void {
    if (byte === SEMICOLON) this.#state = EXTENSION_START;
    else this.#endOfSize(byte);
  }

  #trailer(byte: number): void {
    if (++this.#trailerBytes > MAX_TRAILER_BYTES) {
      this.#fault = LARGE_TRAILERS;
      return;
    }
    switch (this.#state) {
      case TRAILER_START:
        if (byte === CR) this.#state = END_LF;
        else if (TOKEN[byte] !== 1) this.#fault = BROKEN;
        else if (++this.#trailers > this.#maxTrailers) this.#fault = LARGE_TRAILERS;
        else {
          this.#state = TRAILER_NAME;
          this.#name = '';
          this.#addToName(byte);
        }
        return;
      case TRAILER_NAME:
        if (byte === COLON) this.#endOfName();
        else if (TOKEN[byte] !== 1) this.#fault = BROKEN;
        else this.#addToName(byte);
        return;
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else if (VALUE[byte] !== 1) this.#fault = BROKEN;
        return;
      default:
        this.#expect(byte, LF, TRAILER_START);
    }
  }

  #addToName(byte: number): void {
    if (this.#name.length <= MAX_FRAMING_NAME) this.#name += String.fromCharCode(byte).toLowerCase();
  }

  /** RFC 9110 §6.5.1: framing has no place in a trailer; another reader might heed it. */
  #endOfName(): void {
    this.#state = TRAILER_VALUE;
    if (this.#name === 'content-length' || this.#name === 'transfer-encoding') this.#fault = FRAMING_TRAILER;
  }
}

// A request's content between the wire and the handler: a decoder for each framing (RFC 9112 §6.3) and the
// pull-driven stream that the handler reads. Knows neither sockets nor responses.

import { Readable } from 'node:stream';
import { ChunkedDecoder } from './chunked.ts';
import type { Framing } from './framing.ts';
import type { Limits } from './limits.ts';
import { Refusal } from './refusal.ts';

export interface BodyDecoder {
  readonly done: boolean;
  readonly fault: Refusal | undefined;
  /** Bytes still to come, where that is known. */
  readonly remaining: number | undefined;
  /** What the last call decoded. */
  readonly content: Buffer | undefined;
  /** Decodes [from, end). @returns the offset of the first byte that is not the body's. */
  decode(bytes: Buffer, from: number, end: number): number;
}

export class LengthDecoder implements BodyDecoder {
  readonly fault = undefined;
  remaining: number;
  content: Buffer | undefined;

  constructor(length: number) {
    this.remaining = length;
  }

  get done(): boolean {
    return this.remaining === 0;
  }

  decode(bytes: Buffer, from: number, end: number): number {
    const to = Math.min(end, from + this.remaining);
    this.remaining -= to - from;
    this.content = to === from ? undefined : bytes.subarray(from, to);
    return to;
  }
}

/** @returns undefined for a request without content (also Content-Length: 0). */
export function decoderFor(framing: Framing, limits: Limits): BodyDecoder | Refusal | undefined {
  if (framing.chunked) return new ChunkedDecoder(limits.maxRequestBodyBytes, limits.maxFields);
  if (framing.contentLength <= 0) return undefined;
  if (framing.contentLength > limits.maxRequestBodyBytes)
    return new Refusal(413, 'The content is too large.');
  return new LengthDecoder(framing.contentLength);
}

/** Reads nothing until it is read. A handler that never looks at it is safe from its errors. */
export class BodyStream extends Readable {
  readonly #pull: () => void;

  constructor(pull: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#pull = pull;
    this.on('error', () => {});
  }

  override _read(): void {
    this.#pull();
  }
}

/** The error of a body that ended early or was malformed. */
export class BodyError extends Error {
  readonly status: number;

  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.name = 'BodyError';
    this.status = refusal.status;
  }
}

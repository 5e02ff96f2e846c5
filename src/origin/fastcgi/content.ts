// The content of a request on its way to a responder. FastCGI announces its length (CONTENT_LENGTH) before its first byte:
// what comes chunked is held in memory up to a bound first, beyond it the client is asked for a length.

import type { Readable } from 'node:stream';
import type { RequestBody } from '../../http/message.ts';
import { OriginFailure } from '../failure.ts';

/** Memory for chunked contents that are held at the same time, together. */
export class Held {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** A content whose length is known. */
export interface Content {
  readonly length: number;
  /** Its pieces: from memory, or as they come. */
  readonly source: readonly Buffer[] | Readable;
  /** It can be sent a second time. */
  readonly repeatable: boolean;
  /** Gives back the memory that it held. */
  release(): void;
}

const NOTHING: Content = { length: 0, source: [], repeatable: true, release: () => undefined };

/**
 * @param maxBytes of one chunked content
 * @returns undefined beyond the bounds
 * @throws OriginFailure "request-body" when the client breaks it off
 */
export async function contentOf(
  body: RequestBody | null,
  held: Held,
  maxBytes: number,
): Promise<Content | undefined> {
  if (body === null) return NOTHING;
  const { length, stream } = body;
  if (length !== undefined) return { length, source: stream, repeatable: false, release: () => undefined };
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      if (bytes + chunk.length > maxBytes || !held.take(chunk.length)) {
        held.give(bytes);
        return undefined;
      }
      bytes += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    held.give(bytes);
    throw new OriginFailure('request-body', error);
  }
  let released = false;
  return {
    length: bytes,
    source: chunks,
    repeatable: true,
    release: () => {
      if (!released) held.give(bytes);
      released = true;
    },
  };
}

// Encodes one body, in pieces, in zlib's thread pool: no piece keeps a thread for long, so that lookups of names and files get
// their turn between them. Knows bytes, no HTTP and no store.

import { createHash } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib';
import { MARK_CHARS } from './coded-tag.ts';
import type { Coding } from './coding.ts';

const PIECE_BYTES = 64 * 1024;
/** Up to it the result is one piece, which leaves in one write. */
const JOINED_BYTES = 256 * 1024;

export interface EncodeOptions {
  readonly coding: Coding;
  /** gzip 1 to 9, br 0 to 11, zstd 1 to 19: beyond, its window is larger than every decoder has to take (RFC 9659 §3). */
  readonly level: number;
  /** Bytes of the body. */
  readonly length: number;
  /** More encoded bytes are of no use. */
  readonly maxBytes: number;
}

export interface Encoded {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  /** Of these very bytes (coded-tag.ts). */
  readonly mark: string;
}

class NoUse extends Error {}

/** @returns undefined when it would take more than `maxBytes`. Rejects with the body's error when that breaks. */
export async function encode(
  body: AsyncIterable<Buffer> | Iterable<Buffer>,
  options: EncodeOptions,
): Promise<Encoded | undefined> {
  const chunks: Buffer[] = [];
  const hash = createHash('sha256');
  let bytes = 0;
  const collect = async (encoded: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of encoded) {
      bytes += chunk.length;
      if (bytes > options.maxBytes) throw new NoUse();
      hash.update(chunk);
      chunks.push(chunk);
    }
  };
  try {
    await pipeline(Readable.from(pieces(body), { objectMode: false }), encoderFor(options), collect);
  } catch (error) {
    if (error instanceof NoUse) return undefined;
    throw error;
  }
  return {
    chunks: bytes <= JOINED_BYTES ? [Buffer.concat(chunks)] : chunks,
    bytes,
    mark: hash.digest('base64url').slice(0, MARK_CHARS),
  };
}

async function* pieces(body: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

function encoderFor({ coding, level, length }: EncodeOptions): Transform {
  const chunkSize = PIECE_BYTES;
  switch (coding) {
    case 'gzip':
      return createGzip({ level, chunkSize });
    case 'br':
      return createBrotliCompress({
        chunkSize,
        params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_SIZE_HINT]: length },
      });
    case 'zstd':
      return createZstdCompress({
        chunkSize,
        pledgedSrcSize: length,
        params: { [constants.ZSTD_c_compressionLevel]: level },
      });
    default:
      return coding satisfies never;
  }
}

// A lookup in the database: from a head to its variants, with the bytes of small bodies. Only reads; who finds something
// damaged decides what becomes of it.

import { crc32 } from 'node:zlib';
import type { Head } from './sqlite-head.ts';
import { type FoundVariant, INLINE_BYTES, SMALL_BYTES } from './sqlite-protocol.ts';
import type { BlobTable } from './sqlite-table.ts';

export function chunkName(bodyId: number, chunk: number): string {
  return `${bodyId.toString(36)}.${chunk.toString(36)}`;
}

/** A chunk whose checksum holds; undefined when it is missing or damaged. */
export async function readChunk(
  chunks: BlobTable,
  bodyId: number,
  chunk: number,
  checksum: number,
): Promise<Uint8Array | undefined> {
  const bytes = await chunks.get(chunkName(bodyId, chunk));
  return bytes !== undefined && crc32(bytes) === checksum ? bytes : undefined;
}

/** Whether a body always comes with the answer to a lookup. */
export function isSmall(bodyBytes: number, metaBytes: number): boolean {
  return bodyBytes + metaBytes <= SMALL_BYTES;
}

/** The variants of a head. @param damaged told of a body whose bytes are missing or wrong: it is left out */
export async function findVariants(
  head: Head | undefined,
  chunks: BlobTable,
  damaged: (bodyId: number) => Promise<void>,
): Promise<readonly FoundVariant[]> {
  const found: FoundVariant[] = [];
  let inline = 0;
  for (const { variant, meta, length, bodyId, checksums } of head?.variants ?? []) {
    let bytes: readonly Uint8Array[] | undefined;
    const first = checksums[0];
    if (first === undefined) bytes = [];
    else if (checksums.length === 1 && (inline + length <= INLINE_BYTES || isSmall(length, meta.length))) {
      const only = await readChunk(chunks, bodyId, 0, first);
      if (only === undefined) {
        await damaged(bodyId);
        continue;
      }
      bytes = [only];
      inline += length;
    }
    found.push({ variant, meta, length, bodyId, checksums, chunks: bytes });
  }
  return found;
}

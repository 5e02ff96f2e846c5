// A record copied to be moved to the database's thread: the originals may be in use by memory and by clients, and
// moving a buffer takes it from everybody else. Large bodies are copied a part at a time.

import { totalLength } from './chunks.ts';
import { CHUNK_BYTES } from './sqlite-protocol.ts';

/** Copied in one turn of the event loop. */
const TURN_BYTES = 2 * 1024 * 1024;
const MOVE_BYTES = 16 * 1024;

export interface Copied {
  readonly meta: Uint8Array;
  /** Bytes of content. */
  readonly length: number;
  /** Bytes of content and meta. */
  readonly bytes: number;
  /** One `advance` does it all. */
  readonly instant: boolean;
  /** CHUNK_BYTES each, but for the last; complete once `advance` has returned false. */
  readonly chunks: readonly Uint8Array[];
  /** What can be moved instead of copied once more. */
  readonly moved: readonly ArrayBuffer[];
  /** Copies a part. @returns false when all is copied. */
  advance(): boolean;
}

export function copyForThread(meta: Uint8Array, source: readonly Buffer[]): Copied {
  const length = totalLength(source);
  const chunks: Uint8Array[] = [];
  const moved: ArrayBuffer[] = [];
  let index = 0;
  let offset = 0;
  let copied = 0;
  const nextChunk = (): void => {
    const buffer = new ArrayBuffer(Math.min(CHUNK_BYTES, length - copied));
    const chunk = new Uint8Array(buffer);
    let at = 0;
    while (at < chunk.length) {
      const from = source[index];
      if (from === undefined) throw new RangeError('the body changed while it was copied');
      const part = from.subarray(offset, offset + chunk.length - at);
      chunk.set(part, at);
      at += part.length;
      offset += part.length;
      if (offset < from.length) continue;
      index += 1;
      offset = 0;
    }
    chunks.push(chunk);
    copied += chunk.length;
    if (chunk.length >= MOVE_BYTES) moved.push(buffer);
  };
  const advance = (): boolean => {
    const until = copied + TURN_BYTES;
    while (copied < length && copied < until) nextChunk();
    return copied < length;
  };
  return { meta, length, bytes: length + meta.length, instant: length <= TURN_BYTES, chunks, moved, advance };
}

// Test data that needs no test runner: bytes by seed, and a codec for metas that are strings.

import type { Codec } from '../../storage/store.ts';

export const textCodec: Codec<string> = {
  encode: (meta) => Buffer.from(meta),
  decode: (bytes) => (bytes.toString() === 'undecodable' ? undefined : bytes.toString()),
};

/** Bytes that differ from place to place and from seed to seed. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let state = (seed * 2654435761) >>> 0;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

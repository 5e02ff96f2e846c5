// Which bytes of an answer are moved to the client instead of copied.

import type { FoundVariant } from './sqlite-protocol.ts';

/** Smaller bytes are copied: moving them costs more. */
const MOVE_BYTES = 16 * 1024;

export function moveOf(bytes: Uint8Array): ArrayBuffer[] {
  return bytes.length >= MOVE_BYTES && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}

export function movesOf(variants: readonly FoundVariant[]): ArrayBuffer[] {
  return variants.flatMap(({ chunks }) => (chunks ?? []).flatMap(moveOf));
}

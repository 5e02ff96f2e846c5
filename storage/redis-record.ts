// A stored variant as two values of a Redis hash: what it is and where its bytes are (the description), and the owner's
// meta. Binary, each with a checksum; the meta repeats which content it speaks of. Does not know what a meta means.

import { crc32 } from 'node:zlib';

export interface Description {
  /** Random, of CONTENT_ID_LENGTH letters: names this content and no other, on any node. */
  readonly contentId: string;
  readonly variant: string;
  /** Later puts have larger ones. */
  readonly order: number;
  /** Bytes of content. */
  readonly length: number;
  /** crc32 of each chunk. */
  readonly checksums: readonly number[];
  /** The content itself when it is small; otherwise its chunks have a key of their own. */
  readonly inline: Buffer | undefined;
}

/** The scripts cut the content's id, this flag and the length out of a description: see redis-scripts.ts. */
const VERSION = 1;
export const CONTENT_ID_LENGTH = 22;
const FLAG_AT = 1 + CONTENT_ID_LENGTH;
const LENGTH_AT = FLAG_AT + 1;
const FIXED_BYTES = LENGTH_AT + 8 + 8 + 1 + 4 + 4;

export function encodeDescription(of: Description): Buffer {
  const wellFormed = of.variant.isWellFormed();
  const variant = Buffer.from(of.variant, wellFormed ? 'utf8' : 'utf16le');
  const fixed = Buffer.allocUnsafe(FIXED_BYTES);
  fixed[0] = VERSION;
  fixed.write(of.contentId, 1, 'latin1');
  fixed[FLAG_AT] = of.inline === undefined ? 1 : 0;
  fixed.writeDoubleLE(of.length, LENGTH_AT);
  fixed.writeDoubleLE(of.order, LENGTH_AT + 8);
  fixed[LENGTH_AT + 16] = wellFormed ? 0 : 1;
  fixed.writeUInt32LE(variant.length, LENGTH_AT + 17);
  fixed.writeUInt32LE(of.checksums.length, LENGTH_AT + 21);
  const checksums = Buffer.allocUnsafe(4 * of.checksums.length);
  for (const [i, one] of of.checksums.entries()) checksums.writeUInt32LE(one, 4 * i);
  return sealed([fixed, variant, checksums, ...(of.inline === undefined ? [] : [of.inline])]);
}

/** @returns undefined for anything that `encodeDescription` did not write. */
export function decodeDescription(bytes: Buffer): Description | undefined {
  const content = unsealed(bytes);
  if (content === undefined || content.length < FIXED_BYTES || content[0] !== VERSION) return undefined;
  const length = content.readDoubleLE(LENGTH_AT);
  const variantEnd = FIXED_BYTES + content.readUInt32LE(LENGTH_AT + 17);
  const count = content.readUInt32LE(LENGTH_AT + 21);
  const checksumsEnd = variantEnd + 4 * count;
  if (!Number.isSafeInteger(length) || length < 0 || checksumsEnd > content.length) return undefined;
  const inline = content[FLAG_AT] === 1 ? undefined : content.subarray(checksumsEnd);
  if (inline !== undefined && inline.length !== length) return undefined;
  return {
    contentId: content.toString('latin1', 1, FLAG_AT),
    variant: content.toString(content[LENGTH_AT + 16] === 0 ? 'utf8' : 'utf16le', FIXED_BYTES, variantEnd),
    order: content.readDoubleLE(LENGTH_AT + 8),
    length,
    checksums: Array.from({ length: count }, (_, i) => content.readUInt32LE(variantEnd + 4 * i)),
    inline,
  };
}

export function encodeMeta(contentId: string, meta: Buffer): Buffer {
  return sealed([Buffer.from(contentId, 'latin1'), meta]);
}

/** @returns undefined for what `encodeMeta` did not write, or wrote for other content. */
export function decodeMeta(bytes: Buffer, contentId: string): Buffer | undefined {
  const content = unsealed(bytes);
  if (content?.toString('latin1', 0, CONTENT_ID_LENGTH) !== contentId) return undefined;
  return content.subarray(CONTENT_ID_LENGTH);
}

function sealed(parts: readonly Buffer[]): Buffer {
  const seal = Buffer.allocUnsafe(4);
  const content = Buffer.concat(parts);
  seal.writeUInt32LE(crc32(content));
  return Buffer.concat([content, seal]);
}

function unsealed(bytes: Buffer): Buffer | undefined {
  const end = bytes.length - 4;
  if (end < 0) return undefined;
  const content = bytes.subarray(0, end);
  return crc32(content) === bytes.readUInt32LE(end) ? content : undefined;
}

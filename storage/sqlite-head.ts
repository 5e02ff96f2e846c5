// The head record of a key in the database: which variants there are, their metas, and which body holds their bytes.
// Binary, versioned, with a checksum at the end. Does not know what a meta means.

import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface HeadVariant {
  readonly variant: string;
  /** Never used twice while the process lives, so a reader of an old body finds nothing instead of a newer one. */
  readonly bodyId: number;
  /** Bytes of content. */
  readonly length: number;
  /** crc32 of each chunk of the body. */
  readonly checksums: readonly number[];
  readonly meta: Uint8Array;
}

export interface Head {
  readonly key: string;
  /** Most recently put first. */
  readonly variants: readonly HeadVariant[];
}

const VERSION = 1;
const UTF8 = 0;
const UTF16 = 1;

/** The name a key's head is stored under: fixed size, whatever the key. The head repeats the key, so a collision shows. */
export function headName(key: string): string {
  return hash('sha256', key.isWellFormed() ? key : Buffer.from(key, 'utf16le'), 'base64url');
}

export function encodeHead(head: Head): Buffer {
  const parts: Buffer[] = [];
  const numbers = (write: (into: Buffer) => void, size: number): void => {
    const into = Buffer.allocUnsafe(size);
    write(into);
    parts.push(into);
  };
  const bytes = (value: Uint8Array): void => {
    numbers((into) => into.writeUInt32LE(value.length), 4);
    parts.push(Buffer.from(value.buffer, value.byteOffset, value.length));
  };
  const text = (value: string): void => {
    const wellFormed = value.isWellFormed();
    parts.push(Buffer.of(wellFormed ? UTF8 : UTF16));
    bytes(Buffer.from(value, wellFormed ? 'utf8' : 'utf16le'));
  };
  parts.push(Buffer.of(VERSION));
  text(head.key);
  numbers((into) => into.writeUInt32LE(head.variants.length), 4);
  for (const { variant, bodyId, length, checksums, meta } of head.variants) {
    text(variant);
    numbers(
      (into) => {
        into.writeDoubleLE(bodyId, 0);
        into.writeDoubleLE(length, 8);
        into.writeUInt32LE(checksums.length, 16);
        for (const [index, checksum] of checksums.entries()) into.writeUInt32LE(checksum, 20 + 4 * index);
      },
      20 + 4 * checksums.length,
    );
    bytes(meta);
  }
  const content = Buffer.concat(parts);
  const sealed = Buffer.allocUnsafe(content.length + 4);
  content.copy(sealed);
  sealed.writeUInt32LE(crc32(content), content.length);
  return sealed;
}

/** @returns undefined for anything that `encodeHead` did not write. */
export function decodeHead(sealed: Uint8Array): Head | undefined {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
  const end = bytes.length - 4;
  if (end < 10 || bytes[0] !== VERSION || bytes.readUInt32LE(end) !== crc32(bytes.subarray(0, end)))
    return undefined;
  try {
    return new Cursor(bytes.subarray(0, end), 1).head();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads fields one after another; a RangeError says that they end early. */
class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  head(): Head {
    const key = this.#text();
    const count = this.#u32();
    const variants: HeadVariant[] = [];
    for (let i = 0; i < count; i += 1) {
      const variant = this.#text();
      const bodyId = this.#double();
      const length = this.#double();
      const chunks = this.#u32();
      const checksums: number[] = [];
      for (let chunk = 0; chunk < chunks; chunk += 1) checksums.push(this.#u32());
      variants.push({ variant, bodyId, length, checksums, meta: this.#take(this.#u32()) });
    }
    return { key, variants };
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('head record ends early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #u32(): number {
    return this.#take(4).readUInt32LE();
  }

  #double(): number {
    return this.#take(8).readDoubleLE();
  }

  #text(): string {
    const encoding = this.#take(1)[0] === UTF8 ? 'utf8' : 'utf16le';
    return this.#take(this.#u32()).toString(encoding);
  }
}

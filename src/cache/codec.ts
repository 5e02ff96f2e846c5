// StoredMeta as bytes and back, for tiers that hold bytes. Owns the format: a version byte, then a JSON array in a fixed
// order. Decoding trusts nothing: a shape, a number or a field line that could not have been encoded is no meta.

import type { Codec } from '../../storage/store.ts';
import { isCoding } from '../compress/coding.ts';
import { isOfSameBytes } from './freshen.ts';
import type { StoredMeta } from './stored.ts';
import { subjectOf } from './subject.ts';

/** Changed with the format; records of other versions decode to undefined and count as misses. */
const VERSION = 2;

const ELEMENTS = 21;

export const storedMetaCodec: Codec<StoredMeta> = {
  encode,
  decode,
  entry: (key, meta) => {
    const { url, tags } = subjectOf(key, meta.lines);
    return { url, tags, seq: meta.seq };
  },
  sameBytes: isOfSameBytes,
};

function encode(meta: StoredMeta): Buffer {
  const { partial, coded } = meta;
  const json = JSON.stringify([
    meta.status,
    meta.lines,
    meta.requestedAt,
    meta.respondedAt,
    meta.initialAgeMs,
    meta.lifetimeMs,
    meta.freshUntil,
    meta.heuristic,
    meta.staleWhileRevalidateMs,
    meta.staleIfErrorMs,
    meta.mustRevalidate,
    meta.noCache,
    meta.vary,
    meta.varyValues,
    meta.etag,
    meta.lastModified,
    meta.seq,
    partial === undefined ? null : [partial.start, partial.end, partial.complete],
    meta.authorized,
    meta.content,
    coded === undefined ? null : [coded.coding, coded.mark],
  ]);
  const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(json));
  bytes[0] = VERSION;
  bytes.write(json, 1);
  return bytes;
}

function decode(bytes: Buffer): StoredMeta | undefined {
  if (bytes[0] !== VERSION) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8', 1));
  } catch {
    return undefined;
  }
  return Array.isArray(value) && value.length === ELEMENTS ? fromArray(value) : undefined;
}

function fromArray(value: readonly unknown[]): StoredMeta | undefined {
  const [status, lines, requestedAt, respondedAt, initialAgeMs, lifetimeMs, freshUntil, heuristic] = value;
  const [staleWhileRevalidateMs, staleIfErrorMs, mustRevalidate, noCache, vary, varyValues] = value.slice(8);
  const [etag, lastModified, seq, partialValue, authorized, content, codedValue] = value.slice(14);
  if (!isWhole(status) || status < 200 || status > 999) return undefined;
  if (!isStrings(lines) || lines.length % 2 !== 0 || !lines.every(isLineSafe)) return undefined;
  if (!isNumber(requestedAt) || !isNumber(respondedAt) || !isNumber(freshUntil)) return undefined;
  if (!isSpan(initialAgeMs) || !isSpan(lifetimeMs)) return undefined;
  if (!isSpan(staleWhileRevalidateMs) || !isSpan(staleIfErrorMs)) return undefined;
  if (!isFlag(heuristic) || !isFlag(mustRevalidate) || !isFlag(noCache) || !isFlag(authorized))
    return undefined;
  if (!isStrings(vary) || !isOptionalStrings(varyValues) || vary.length !== varyValues.length)
    return undefined;
  if (etag !== null && (typeof etag !== 'string' || !isLineSafe(etag))) return undefined;
  if (lastModified !== null && !isNumber(lastModified)) return undefined;
  if (!isWhole(seq)) return undefined;
  const partial = partialValue === null ? undefined : partialOf(partialValue);
  if (partialValue !== null && partial === undefined) return undefined;
  if (content !== null && typeof content !== 'string') return undefined;
  const coded = codedValue === null ? undefined : codedOf(codedValue);
  if (codedValue !== null && (coded === undefined || content === null)) return undefined;
  return {
    status,
    lines,
    requestedAt,
    respondedAt,
    initialAgeMs,
    lifetimeMs,
    freshUntil,
    heuristic,
    staleWhileRevalidateMs,
    staleIfErrorMs,
    mustRevalidate,
    noCache,
    vary,
    varyValues: varyValues.map((one) => one ?? undefined),
    etag: etag ?? undefined,
    lastModified: lastModified ?? undefined,
    seq,
    partial,
    authorized,
    content: content ?? undefined,
    coded,
  };
}

/** The mark goes into an entity tag. */
function codedOf(value: unknown): StoredMeta['coded'] {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [coding, mark]: unknown[] = value;
  if (typeof coding !== 'string' || !isCoding(coding)) return undefined;
  return typeof mark === 'string' && /^[\w-]{8}$/.test(mark) ? { coding, mark } : undefined;
}

function partialOf(value: unknown): StoredMeta['partial'] {
  if (!Array.isArray(value) || value.length !== 3) return undefined;
  const [start, end, complete]: unknown[] = value;
  if (!isWhole(start) || !isWhole(end) || start >= end) return undefined;
  if (complete === null) return { start, end, complete: undefined };
  return isWhole(complete) && end <= complete ? { start, end, complete } : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function isSpan(value: unknown): value is number {
  return isNumber(value) && value >= 0;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && isSpan(value);
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isOptionalStrings(value: unknown): value is (string | null)[] {
  return Array.isArray(value) && value.every((one) => one === null || typeof one === 'string');
}

/** Nothing that could split a message (RFC 9112 §11.1) or is no latin1. */
function isLineSafe(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

const OBJECT_BYTES = 320;
/** Of a line beside its value's characters: two pointers and the value's header, rounded up. */
const LINE_BYTES = 36;
/** What is worked out once for a response with encoded forms, and for each of them (compress/presenter.ts). */
const SHOWN_BYTES = 900;

/**
 * Bytes that a packed meta (pack.ts) takes in memory, estimated: V8 keeps latin1 text at a byte a character behind a small
 * header. Names are shared, and so are the values of common requests.
 */
export function sizeOfMeta(meta: StoredMeta): number {
  let bytes = OBJECT_BYTES + (meta.content === undefined ? 0 : SHOWN_BYTES);
  for (let i = 1; i < meta.lines.length; i += 2) bytes += (meta.lines[i]?.length ?? 0) + LINE_BYTES;
  for (const text of meta.varyValues) bytes += text?.length ?? 0;
  return bytes;
}

// The strict request head parser (RFC 9112 §2 to §5): bytes in; a head, a refusal, or "more bytes" out. Keeps no state
// but the shared map of header blocks. Does not decide what becomes of the connection.

import { CR, LF, PATH, QUERY, SP, TOKEN } from './chars.ts';
import { type HeaderBlock, HeaderBlocks } from './header-block.ts';
import type { Limits } from './limits.ts';
import { badRequest, Refusal } from './refusal.ts';
import { resolveForProxy, resolveTarget } from './target.ts';

export interface Head {
  readonly method: string;
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly authority: string;
  /** Of the URL that a proxy is asked for; else the listener's holds. */
  readonly scheme?: 'http' | 'https';
  readonly block: HeaderBlock;
  /** Offset of the byte after the head. */
  readonly end: number;
}

const VERSION = Buffer.from('HTTP/1.1\r\n');
const MAX_METHOD_BYTES = 64;
/** RFC 9112 §2.2: at least one empty line before a request line should be ignored. */
const MAX_EMPTY_LINES = 2;
const MISSING = 0;
const BARE = -1;
const ZERO = 48;
const ONE = 49;

const BARE_LINE_END = badRequest('A line does not end in CRLF.');
const BAD_LINE = badRequest('The request line is malformed.');
const BAD_VERSION = badRequest('The protocol version is malformed or HTTP/0.9.');
const NO_HOST = badRequest('HTTP/1.1 needs a Host field that is not empty.');
const CODING_IN_1_0 = badRequest('HTTP/1.0 knows no Transfer-Encoding.');
const CONTENT_OF_CONNECT = badRequest('CONNECT takes no content.');
const OTHER_VERSION = new Refusal(505, 'The only versions understood here are HTTP/1.1 and HTTP/1.0.');
const LONG_METHOD = new Refusal(501, 'The method is too long.');
const LONG_TARGET = new Refusal(414, 'The request target is too long.');
const LARGE_HEAD = new Refusal(431, 'The request head is too large.');

export type HeadLimits = Pick<Limits, 'maxHeadBytes' | 'maxFields' | 'maxTargetBytes'>;

export class HeadParser {
  readonly #limits: HeadLimits;
  readonly #blocks: HeaderBlocks;
  readonly #forProxy: boolean;

  /** @param forProxy the listener is a proxy to its clients: they ask for URLs */
  constructor(scheme: 'http' | 'https', limits: HeadLimits, forProxy = false) {
    this.#forProxy = forProxy;
    this.#limits = limits;
    this.#blocks = new HeaderBlocks(scheme, limits.maxFields);
  }

  /**
   * The head that begins at `from`. `seen`: how many bytes from there an earlier call found to be too few.
   * @returns undefined when bytes are missing.
   */
  parse(bytes: Buffer, from: number, end: number, seen: number): Head | Refusal | undefined {
    const { maxHeadBytes, maxTargetBytes } = this.#limits;
    if (seen > 0 && end - from <= maxTargetBytes && !hasLineFeed(bytes, from + seen, end)) return undefined;
    const start = skipEmptyLines(bytes, from, end);
    if (start instanceof Refusal) return start;

    let i = start;
    while (i < end && TOKEN[bytes[i] ?? 0] === 1) i++;
    if (i - start > MAX_METHOD_BYTES) return LONG_METHOD;
    if (i === end) return undefined;
    if (i === start || bytes[i] !== SP) return BAD_LINE;

    const targetAt = i + 1;
    let j = targetAt;
    while (j < end && PATH[bytes[j] ?? 0] === 1) j++;
    if (bytes[j] === 0x3f) while (j < end && QUERY[bytes[j] ?? 0] === 1) j++;
    if (j - targetAt > maxTargetBytes) return LONG_TARGET;
    if (j >= end) return undefined;
    if (j === targetAt || bytes[j] !== SP) return BAD_LINE;

    const blockAt = j + 11;
    const minor = readVersion(bytes, j + 1, end);
    if (minor === undefined || minor instanceof Refusal) return minor;

    let block: HeaderBlock | undefined;
    let headEnd = end;
    // INVARIANT: a known block ends in its only empty line, so bytes that equal one are exactly one header section.
    if (seen === 0 && bytes[end - 1] === LF && bytes[end - 3] === LF && end - from <= maxHeadBytes) {
      block = this.#blocks.known(bytes.toString('latin1', blockAt, end));
    }
    if (block === undefined) {
      headEnd = findEnd(bytes, Math.max(blockAt, from + seen - 1), end);
      if (headEnd === BARE) return BARE_LINE_END;
      if ((headEnd === MISSING ? end : headEnd) - from > maxHeadBytes) return LARGE_HEAD;
      if (headEnd === MISSING) return undefined;
      const read = this.#blocks.read(bytes, blockAt, headEnd);
      if (read instanceof Refusal) return read;
      block = read;
    }

    const method = methodOf(bytes, start, i);
    const raw = bytes.toString('latin1', targetAt, j);
    if (minor === ONE) {
      // RFC 9112 §3.2.
      if (block.host === undefined) return NO_HOST;
    } else if (block.chunked) return CODING_IN_1_0;
    const version = minor === ONE ? '1.1' : '1.0';
    if (this.#forProxy) {
      if (method === 'CONNECT' && (block.chunked || block.contentLength > 0)) return CONTENT_OF_CONNECT;
      const asked = resolveForProxy(method, raw);
      return asked instanceof Refusal ? asked : { method, version, block, end: headEnd, ...asked };
    }
    if (bytes[targetAt] === 0x2f && method !== 'CONNECT') {
      return { method, target: raw, version, authority: block.authority, block, end: headEnd };
    }
    if (method === 'CONNECT' && (block.chunked || block.contentLength > 0)) return CONTENT_OF_CONNECT;
    const resolved = resolveTarget(method, raw, block);
    if (resolved instanceof Refusal) return resolved;
    return { method, target: resolved.target, version, authority: resolved.authority, block, end: headEnd };
  }
}

function hasLineFeed(bytes: Buffer, from: number, end: number): boolean {
  const at = bytes.indexOf(LF, from);
  return at !== -1 && at < end;
}

/** @returns the offset of the request line; `end` when bytes are missing. */
function skipEmptyLines(bytes: Buffer, from: number, end: number): number | Refusal {
  let at = from;
  while (bytes[at] === CR && at < end) {
    if (at + 1 >= end) return end;
    if (bytes[at + 1] !== LF) return BARE_LINE_END;
    at += 2;
    if (at - from > 2 * MAX_EMPTY_LINES) return BAD_LINE;
  }
  return at;
}

/** @returns the minor version's digit; undefined when bytes are missing and those present fit. */
function readVersion(bytes: Buffer, at: number, end: number): number | Refusal | undefined {
  const present = Math.min(end - at, VERSION.length);
  for (let k = 0; k < present; k++) {
    const byte = bytes[at + k] ?? 0;
    if (byte !== VERSION[k] && !((k === 5 || k === 7) && byte >= 48 && byte <= 57)) return BAD_VERSION;
  }
  if (present < VERSION.length) return undefined;
  const major = bytes[at + 5];
  const minor = bytes[at + 7];
  if (major === ONE && (minor === ONE || minor === ZERO)) return minor;
  return major === ZERO ? BAD_VERSION : OTHER_VERSION;
}

/** Offset after the empty line; MISSING when there is none yet, BARE when a CR or LF stands alone (RFC 9112 §2.2). */
function findEnd(bytes: Buffer, from: number, end: number): number {
  for (let i = from; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte > CR) continue;
    if (byte === LF) {
      if (bytes[i - 1] !== CR) return BARE;
      if (bytes[i - 2] === LF) return i + 1;
    } else if (byte === CR && i + 1 < end && bytes[i + 1] !== LF) return BARE;
  }
  return MISSING;
}

function methodOf(bytes: Buffer, start: number, end: number): string {
  if (end - start === 3 && bytes[start] === 71 && bytes[start + 1] === 69 && bytes[start + 2] === 84)
    return 'GET';
  return bytes.toString('latin1', start, end);
}

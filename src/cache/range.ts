// Range requests answered from a stored response (RFC 9110 §14): which bytes a Range asks for, If-Range, and the 206 or
// 416 that follows. Only for GET (§14.2). How parts are stored and joined is content-range.ts's.
//
// Against abuse: a set of more than MAX_RANGES ranges is ignored (the whole is sent), ranges that overlap or touch become
// one, so no selection sends a byte twice.

import { randomUUID } from 'node:crypto';
import type { FieldLines } from '../http/fields.ts';
import { formatContentRange, formatUnsatisfied, type Need, type Part, partOf } from './content-range.ts';
import { parseHttpDate } from './http-date.ts';
import type { StoredMeta } from './stored.ts';
import { fieldOf, strongLastModified, strongMatch, type Validated } from './validators.ts';

/** A range-spec: first and last position as sent, or a suffix of so many bytes. */
export type RangeSpec =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'suffix'; readonly length: number };

/** More in one request are not honoured (RFC 9110 §14.2 lets a server ignore many small ranges). */
export const MAX_RANGES = 16;
/** Longer fields are ignored unread: room for MAX_RANGES ranges of two 20-digit positions, and blanks. */
const MAX_CHARS = 1024;

const SPEC = /^(?:([0-9]+)-([0-9]*)|-([0-9]+))$/;

/**
 * The ranges of a Range field; undefined where it is to be ignored: another unit, a set outside the grammar, a last
 * position before the first, too many ranges, several lines (RFC 9110 §14.2).
 */
export function parseRange(lines: readonly string[]): readonly RangeSpec[] | undefined {
  const [value] = lines;
  if (lines.length !== 1 || value === undefined || value.length > MAX_CHARS) return undefined;
  const equals = value.indexOf('=');
  if (equals === -1 || value.slice(0, equals).trim().toLowerCase() !== 'bytes') return undefined;
  const specs: RangeSpec[] = [];
  for (const member of value.slice(equals + 1).split(',')) {
    const text = member.trim();
    if (text === '') continue;
    const spec = parseSpec(text);
    if (spec === undefined) return undefined;
    specs.push(spec);
  }
  return specs.length === 0 || specs.length > MAX_RANGES ? undefined : specs;
}

function parseSpec(text: string): RangeSpec | undefined {
  const found = SPEC.exec(text);
  if (found === null) return undefined;
  const [, first, last, suffix] = found;
  if (suffix !== undefined) return { kind: 'suffix', length: position(suffix) };
  const spec = { first: position(first), last: last === '' ? undefined : position(last) };
  return spec.last !== undefined && spec.last < spec.first ? undefined : { kind: 'from', ...spec };
}

/** Positions beyond every content are all the same: beyond. */
function position(digits: string | undefined): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}

/**
 * If-Range (RFC 9110 §13.1.5): true lets the Range count. Strong comparison only; a date must be exactly the
 * Last-Modified, and that a strong validator: where there are encoded forms it is none, for they share it.
 */
export function ifRangeHolds(lines: readonly string[], meta: Validated): boolean {
  if (lines.length === 0) return true;
  const [value] = lines;
  if (lines.length !== 1 || value === undefined) return false;
  const validator = value.trim();
  if (validator.startsWith('"')) return strongMatch(validator, meta.etag);
  const date = parseHttpDate(validator, meta.respondedAt);
  return date !== undefined && meta.content === undefined && date === strongLastModified(meta);
}

/** A part of a multipart/byteranges body: `head` goes before the bytes. */
export interface MultipartPart {
  /** Offsets into the stored body. */
  readonly start: number;
  readonly end: number;
  readonly head: string;
}

/** What of a stored response answers a GET. `start` and `end` are offsets into the stored body, [start, end). */
export type Selection =
  /** All of it, with its own status: no Range, one that is ignored, or If-Range does not hold. */
  | { readonly kind: 'full' }
  /** 206 with these lines. */
  | { readonly kind: 'single'; readonly start: number; readonly end: number; readonly lines: FieldLines }
  /** 206 with these lines: each part's head and bytes in turn, then `tail`; `length` bytes of content in all. */
  | {
      readonly kind: 'multipart';
      readonly boundary: string;
      readonly parts: readonly MultipartPart[];
      readonly tail: string;
      readonly length: number;
      readonly lines: FieldLines;
    }
  /** 416 with these lines. */
  | { readonly kind: 'unsatisfiable'; readonly lines: FieldLines }
  /** The stored part lacks some of what is asked for (RFC 9111 §3.3): decide.ts turns it into a forward. */
  | { readonly kind: 'incomplete' };

/**
 * Selects from a stored response for a GET.
 * @param range the request's Range lines
 * @param ifRange the request's If-Range lines
 * @param bodyBytes length of the stored body
 * @param newBoundary a text that occurs in no content
 */
export function selectRanges(
  range: readonly string[],
  ifRange: readonly string[],
  meta: StoredMeta,
  bodyBytes: number,
  newBoundary: () => string = randomUUID,
): Selection {
  const part = partOf(meta, bodyBytes);
  const specs = countingSpecs(range, ifRange, meta);
  if (specs === undefined) return meta.partial === undefined ? { kind: 'full' } : { kind: 'incomplete' };
  // RFC 9110 §14.1.2: a suffix of an empty representation is all of it, which no Content-Range can say.
  if (part.complete === 0 && specs.some((spec) => spec.kind === 'suffix' && spec.length > 0))
    return { kind: 'full' };

  const wanted: Part[] = [];
  for (const spec of specs) {
    const resolved = resolve(spec, part);
    if (resolved === 'unknown') return { kind: 'incomplete' };
    if (resolved !== undefined) wanted.push(resolved);
  }
  if (wanted.length === 0) return unsatisfiable(part);
  if (wanted.some(({ start, end }) => start < part.start || end > part.end)) return { kind: 'incomplete' };

  const ranges = coalesce(wanted);
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    const lines = [...linesWithout(meta.lines, 'content-range'), 'Content-Range', formatContentRange(only)];
    return { kind: 'single', start: only.start - part.start, end: only.end - part.start, lines };
  }
  return multipart(ranges, part, meta, newBoundary());
}

/** The run of bytes a request is about, for completing a stored part: one range, or from the first byte to the last. */
export function wantedRun(
  range: readonly string[],
  ifRange: readonly string[],
  meta: StoredMeta,
): Need | undefined {
  const specs = countingSpecs(range, ifRange, meta);
  if (specs === undefined) return { start: 0, end: undefined };
  const [spec] = specs;
  if (specs.length !== 1 || spec === undefined) return undefined;
  const complete = meta.partial?.complete;
  if (spec.kind === 'suffix') {
    return complete === undefined
      ? undefined
      : { start: Math.max(0, complete - spec.length), end: undefined };
  }
  const end = spec.last === undefined ? undefined : spec.last + 1;
  return {
    start: spec.first,
    end: end === undefined || complete === undefined ? end : Math.min(end, complete),
  };
}

/** The ranges that count for this response: it has content to take them from, and If-Range lets them. */
function countingSpecs(
  range: readonly string[],
  ifRange: readonly string[],
  meta: StoredMeta,
): readonly RangeSpec[] | undefined {
  if (meta.status !== 200 && meta.status !== 206) return undefined;
  const specs = parseRange(range);
  return specs !== undefined && ifRangeHolds(ifRange, meta) ? specs : undefined;
}

/** A range as positions; undefined when it is not satisfiable, 'unknown' when that takes a length we do not know. */
function resolve(spec: RangeSpec, { complete, end }: Part): Part | undefined | 'unknown' {
  if (complete === undefined) {
    if (spec.kind === 'suffix' || spec.last === undefined || spec.last >= end) return 'unknown';
    return { start: spec.first, end: spec.last + 1, complete };
  }
  if (spec.kind === 'suffix') {
    return spec.length === 0
      ? undefined
      : { start: Math.max(0, complete - spec.length), end: complete, complete };
  }
  if (spec.first >= complete) return undefined;
  return { start: spec.first, end: Math.min((spec.last ?? complete) + 1, complete), complete };
}

/** Joins what overlaps or touches; a joined range stands where its first member stood (RFC 9110 §15.3.7.2). */
function coalesce(ranges: readonly Part[]): readonly Part[] {
  const byStart = ranges.map((range, order) => ({ ...range, order })).sort((a, b) => a.start - b.start);
  const joined: { start: number; end: number; complete: number | undefined; order: number }[] = [];
  for (const range of byStart) {
    const last = joined.at(-1);
    if (last === undefined || range.start > last.end) {
      joined.push(range);
      continue;
    }
    last.end = Math.max(last.end, range.end);
    last.order = Math.min(last.order, range.order);
  }
  return joined
    .sort((a, b) => a.order - b.order)
    .map(({ start, end, complete }) => ({ start, end, complete }));
}

/** RFC 9110 §14.6: multipart/byteranges; Content-Range stands in the parts only. */
function multipart(ranges: readonly Part[], part: Part, meta: StoredMeta, boundary: string): Selection {
  const type = fieldOf(meta, 'content-type');
  const typeLine = type === undefined ? '' : `Content-Type: ${type}\r\n`;
  const tail = `\r\n--${boundary}--\r\n`;
  let length = tail.length;
  const parts = ranges.map((range, index) => {
    const before = index === 0 ? '' : '\r\n';
    const head = `${before}--${boundary}\r\n${typeLine}Content-Range: ${formatContentRange(range)}\r\n\r\n`;
    length += head.length + range.end - range.start;
    return { start: range.start - part.start, end: range.end - part.start, head };
  });
  const rest = linesWithout(linesWithout(meta.lines, 'content-range'), 'content-type');
  const lines = [...rest, 'Content-Type', `multipart/byteranges; boundary=${boundary}`];
  return { kind: 'multipart', boundary, parts, tail, length, lines };
}

function unsatisfiable(part: Part): Selection {
  if (part.complete === undefined) return { kind: 'incomplete' };
  return { kind: 'unsatisfiable', lines: ['Content-Range', formatUnsatisfied(part.complete)] };
}

function linesWithout(lines: FieldLines, name: string): FieldLines {
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]?.toLowerCase() !== name) kept.push(lines[i] as string, lines[i + 1] as string);
  }
  return kept;
}

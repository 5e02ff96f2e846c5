// Partial content as the cache holds it (RFC 9110 §14.4, RFC 9111 §3.3, §3.4): the Content-Range field, and when and how
// two parts become one. Positions are [start, end) of the complete representation. What a client may ask is range.ts's.

import type { FieldLines } from '../http/fields.ts';
import type { StoredMeta } from './stored.ts';
import { fieldOf, isStrong, sameStrongValidator, strongLastModified, type Validated } from './validators.ts';

/** Bytes [start, end) of a representation that is `complete` bytes long, if that is known. */
export interface Part {
  readonly start: number;
  readonly end: number;
  readonly complete: number | undefined;
}

export type ContentRange =
  | ({ readonly kind: 'part' } & Part)
  // `*/N`, as a 416 has it.
  | { readonly kind: 'unsatisfied'; readonly complete: number };

const CONTENT_RANGE = /^bytes (?:([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)|\*\/([0-9]{1,15}))$/i;

/** @returns undefined for another unit, several lines, or a value that RFC 9110 §14.4 calls invalid. */
export function parseContentRange(lines: readonly string[]): ContentRange | undefined {
  const [value] = lines;
  if (lines.length !== 1 || value === undefined) return undefined;
  const found = CONTENT_RANGE.exec(value.trim());
  if (found === null) return undefined;
  const [, first, last, complete, unsatisfied] = found;
  if (unsatisfied !== undefined) return { kind: 'unsatisfied', complete: Number(unsatisfied) };
  const part: Part = {
    start: Number(first),
    end: Number(last) + 1,
    complete: complete === '*' ? undefined : Number(complete),
  };
  if (part.end <= part.start || (part.complete !== undefined && part.end > part.complete)) return undefined;
  return { kind: 'part', ...part };
}

export function formatContentRange({ start, end, complete }: Part): string {
  return `bytes ${start}-${end - 1}/${complete ?? '*'}`;
}

export function formatUnsatisfied(complete: number): string {
  return `bytes */${complete}`;
}

/** What a stored or received body covers. @param bodyBytes its length */
export function partOf(meta: Pick<StoredMeta, 'partial'>, bodyBytes: number): Part {
  return meta.partial ?? { start: 0, end: bodyBytes, complete: bodyBytes };
}

export function isComplete(part: Part): boolean {
  return part.start === 0 && part.end === part.complete;
}

/** Both are of one representation: a shared strong validator, lengths that agree (RFC 9111 §3.4, RFC 9110 §15.3.7.3). */
export function canCombine(
  a: Validated & { readonly part: Part },
  b: Validated & { readonly part: Part },
): boolean {
  const [first, second] = [a.part.complete, b.part.complete];
  return (first === undefined || second === undefined || first === second) && sameStrongValidator(a, b);
}

/** A run of bytes of one of two bodies; offsets into that body. */
export interface Piece {
  readonly from: 'stored' | 'received';
  readonly start: number;
  readonly end: number;
}

export interface Combined {
  readonly part: Part;
  /** The bodies to join, in order. Where both have a byte, the received one counts. */
  readonly pieces: readonly Piece[];
}

/** Joins two parts; undefined when bytes are missing between them or they contradict each other's length. */
export function combinedRange(stored: Part, received: Part): Combined | undefined {
  if (received.start > stored.end || received.end < stored.start) return undefined;
  const start = Math.min(stored.start, received.start);
  const end = Math.max(stored.end, received.end);
  const complete = received.complete ?? stored.complete;
  if (complete !== undefined && (end > complete || (stored.complete ?? complete) !== complete))
    return undefined;
  const pieces: Piece[] = [];
  const piece = (from: Piece['from'], part: Part, pieceStart: number, pieceEnd: number): void => {
    if (pieceStart < pieceEnd)
      pieces.push({ from, start: pieceStart - part.start, end: pieceEnd - part.start });
  };
  piece('stored', stored, stored.start, received.start);
  piece('received', received, received.start, received.end);
  piece('stored', stored, received.end, stored.end);
  return { part: { start, end, complete }, pieces };
}

/** Bytes to ask the origin for; `end` undefined = to the end of the representation. */
export interface Need {
  readonly start: number;
  readonly end: number | undefined;
}

/**
 * What is missing of `wanted` beside the stored part, if one run of bytes that touches the part; undefined when it takes
 * more than one request, and the whole is better fetched. @param wanted undefined end = to the end
 */
export function missing(stored: Part, wanted: Need): Need | undefined {
  const wantedEnd = wanted.end ?? stored.complete;
  const before = wanted.start < stored.start;
  const after = wantedEnd === undefined || wantedEnd > stored.end;
  if (before === after) return undefined;
  // Bytes that do not touch the part: fetching the gap too could be any amount.
  if (wanted.start > stored.end || (wantedEnd !== undefined && wantedEnd < stored.start)) return undefined;
  if (before) return { start: wanted.start, end: stored.start };
  return { start: stored.end, end: wantedEnd === stored.complete ? undefined : wantedEnd };
}

/**
 * Range and If-Range that fetch what is missing of this very representation, or all of it anew (RFC 9111 §3.3).
 * @returns undefined without a strong validator: then nothing may be combined.
 */
export function completionLines(meta: StoredMeta, need: Need): FieldLines | undefined {
  const validator = isStrong(meta.etag)
    ? meta.etag
    : meta.etag === undefined && strongLastModified(meta) !== undefined
      ? fieldOf(meta, 'last-modified')
      : undefined;
  if (validator === undefined) return undefined;
  const range = `bytes=${need.start}-${need.end === undefined ? '' : need.end - 1}`;
  return ['Range', range, 'If-Range', validator];
}

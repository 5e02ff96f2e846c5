// From a response and a request to what goes to the client: the whole, a 304, a range, a 416; and the fields that every
// response through the edge carries (Age, Via, Cache-Status, X-Cache). Pure but for the bodies it opens.

import type { StoredBody } from '../storage/store.ts';
import { appendCacheStatus } from './cache/cache-status.ts';
import type { Joined } from './cache/combine.ts';
import { evaluate, notModifiedLines } from './cache/conditional.ts';
import type { Fill } from './cache/fill.ts';
import { type Selection, selectRanges } from './cache/range.ts';
import type { RequestFacts } from './cache/request-directives.ts';
import type { CacheRules } from './cache/rules.ts';
import { bodySource, joinSources, type Source } from './cache/source.ts';
import type { StoredMeta } from './cache/stored.ts';
import { TAG_FIELDS } from './cache/tags.ts';
import type { FieldLines } from './http/fields.ts';
import type { ResponseHead } from './http/message.ts';
import { fieldName } from './http/names.ts';
import { type Edits, edited } from './site/edits.ts';

/** A head, and the body to send with it. */
export interface Answer {
  readonly head: ResponseHead;
  readonly open: (() => Source) | undefined;
}

/** A body that ranges can be taken from; `length` undefined while a fill of unknown length runs. */
export interface RangeableBody {
  readonly length: number | undefined;
  /** Can be opened several times, at any place; a body that is on its way may be gone where it has been read. */
  readonly seekable: boolean;
  open(start: number, end: number | undefined): Source;
}

export function storedBody(body: StoredBody): RangeableBody {
  return { length: body.length, seekable: true, open: (start, end) => bodySource(body, start, end) };
}

export function fillBody(fill: Fill, announced: number | undefined): RangeableBody {
  const length = fill.state === 'complete' ? fill.received : announced;
  return {
    length,
    seekable: fill.state === 'complete' && fill.kept,
    open: (start, end) => fill.reader(start, end),
  };
}

/** A stored part and a fill that brings the rest, as one body. */
export function combinedBody({ pieces }: Joined, stored: StoredBody, fill: Fill): RangeableBody {
  const length = pieces.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  return {
    length,
    seekable: false,
    open: (start, end = length) => {
      const parts: (() => Source)[] = [];
      let at = 0;
      for (const piece of pieces) {
        const from = piece.start + Math.max(0, start - at);
        const to = piece.start + Math.min(piece.end - piece.start, end - at);
        at += piece.end - piece.start;
        if (from >= to) continue;
        parts.push(() => (piece.from === 'stored' ? bodySource(stored, from, to) : fill.reader(from, to)));
      }
      return joinSources(parts);
    },
  };
}

/** What every response through the edge carries beside its own fields. */
export interface Marks {
  /** Seconds; undefined leaves Age out. */
  readonly age: number | undefined;
  readonly cacheStatus: string;
  readonly xCache: string;
  readonly via: string;
  /** Lower-case names of lines that stay at the edge (`leftOut`). */
  readonly without: ReadonlySet<string>;
  /** The operator's last word. */
  readonly edits: Edits | undefined;
}

/** Fields that the edge writes anew. */
const WRITTEN: ReadonlySet<string> = new Set(['age', 'cache-status', 'x-cache', 'via']);
/** And those that are for caches alone. */
const REPLACED: ReadonlySet<string> = new Set([...WRITTEN, ...TAG_FIELDS]);

const known = new WeakMap<CacheRules, ReadonlySet<string>>();

/**
 * The fields that no response to a client takes over as they are stored or received.
 * @param toEdge the client is an edge of the operator's: it gets what is for caches
 */
export function leftOut(rules: CacheRules, toEdge: boolean): ReadonlySet<string> {
  if (toEdge) return WRITTEN;
  if (rules.passTargetedFields) return REPLACED;
  let names = known.get(rules);
  if (names === undefined) {
    names = REPLACED.union(new Set(rules.targetedFields));
    known.set(rules, names);
  }
  return names;
}

/** The lines with the edge's marks. An upstream cache's Cache-Status and Via are continued, not replaced. */
export function mark(lines: FieldLines, marks: Marks): FieldLines {
  const kept: string[] = [];
  let via: string | undefined;
  const statuses: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string;
    const value = lines[i + 1] as string;
    const { lower } = fieldName(name);
    if (lower === 'via') via = via === undefined ? value : `${via}, ${value}`;
    else if (lower === 'cache-status') statuses.push(value);
    if (!marks.without.has(lower)) kept.push(name, value);
  }
  if (marks.age !== undefined) kept.push('Age', String(marks.age));
  kept.push('Via', via === undefined || via === '' ? marks.via : `${via}, ${marks.via}`);
  kept.push('Cache-Status', appendCacheStatus(statuses, marks.cacheStatus));
  kept.push('X-Cache', marks.xCache);
  return marks.edits === undefined ? kept : edited(kept, marks.edits);
}

/** Answers a GET or HEAD from a complete (or completely arriving) representation: RFC 9110 §13.2.2, then §14.2. */
export function answer(
  method: string,
  request: RequestFacts,
  meta: StoredMeta,
  body: RangeableBody,
  marks: Marks,
): Answer {
  if (request.conditional && evaluate(method, request.fields, meta) === 'not-modified') {
    return {
      head: { status: 304, lines: mark(notModifiedLines(meta), marks), length: undefined },
      open: undefined,
    };
  }
  const { length } = body;
  if (method === 'GET' && request.hasRange && length !== undefined) {
    const selection = selectRanges(request.fields.all('range'), request.fields.all('if-range'), meta, length);
    const answerable = selection.kind !== 'full' && selection.kind !== 'incomplete';
    // RFC 9110 §14.2: several ranges of what is still on its way are answered with the whole.
    if (answerable && (selection.kind !== 'multipart' || body.seekable))
      return ranged(selection, body, marks);
  }
  return {
    head: { status: meta.status, lines: mark(meta.lines, marks), length },
    open: method === 'HEAD' ? undefined : () => body.open(0, undefined),
  };
}

function ranged(
  selection: Exclude<Selection, { kind: 'full' | 'incomplete' }>,
  body: RangeableBody,
  marks: Marks,
): Answer {
  switch (selection.kind) {
    case 'single': {
      const { start, end } = selection;
      return {
        head: { status: 206, lines: mark(selection.lines, marks), length: end - start },
        open: () => body.open(start, end),
      };
    }
    case 'multipart': {
      const { parts, tail } = selection;
      return {
        head: { status: 206, lines: mark(selection.lines, marks), length: selection.length },
        open: () =>
          joinSources([
            ...parts.flatMap((part) => [
              Buffer.from(part.head, 'latin1'),
              () => body.open(part.start, part.end),
            ]),
            Buffer.from(tail, 'latin1'),
          ]),
      };
    }
    case 'unsatisfiable':
      return { head: { status: 416, lines: mark(selection.lines, marks), length: 0 }, open: undefined };
    default:
      return selection satisfies never;
  }
}

// Response heads as the library takes them: a flat list of names and values, kept for a head object that is sent again.
// Owns :status, Date, Content-Length and what may not reach the wire (RFC 9113 §8.2, §8.3.2).

import type { FieldLines } from '../http/fields.ts';
import type { ResponseHead } from '../http/message.ts';
import { NO_SECOND, Today } from '../http/today.ts';

/** Announced instead of a length. */
export const NO_LENGTH = -1;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE = /[\0\r\n]|[^\0-\xff]/;
/** The library sends no others. */
const MAX_STATUS = 599;

interface Composed {
  readonly lines: readonly string[];
  readonly announced: number;
  /** Epoch second of a Date that we wrote; NO_SECOND where the lines brought one. */
  readonly second: number;
}

export class Composer {
  readonly #today: Today;
  /** On every response; takes the place of the origin's. */
  readonly #hsts: string | undefined;
  readonly #kept = new WeakMap<ResponseHead, Composed>();

  constructor(now: () => number, hsts: string | undefined) {
    this.#today = new Today(now);
    this.#hsts = hsts;
  }

  /** @returns undefined for a head that must not be sent */
  compose(head: ResponseHead, announced: number): readonly string[] | undefined {
    const kept = this.#kept.get(head);
    if (kept !== undefined && kept.announced === announced && this.#today.isCurrent(kept.second))
      return kept.lines;
    const { status } = head;
    if (!Number.isInteger(status) || status < 200 || status > MAX_STATUS) return undefined;
    const lines = [':status', String(status)];
    const hasDate = copyLines(head.lines, lines, this.#hsts !== undefined);
    if (hasDate === undefined) return undefined;
    if (!hasDate) lines.push('date', this.#today.date());
    if (announced !== NO_LENGTH) lines.push('content-length', String(announced));
    if (this.#hsts !== undefined) lines.push('strict-transport-security', this.#hsts);
    if (head.once !== true)
      this.#kept.set(head, { lines, announced, second: hasDate ? NO_SECOND : this.#today.second });
    return lines;
  }

  /** An interim response as the library takes it (RFC 9110 §15.2). @returns undefined for one that must not be sent */
  interim(status: number, lines: FieldLines): Record<string, string | string[]> | undefined {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) return undefined;
    const flat: string[] = [];
    if (copyLines(lines, flat, false) === undefined) return undefined;
    // A field may have the name of what every object has: `constructor`, `__proto__`.
    const fields: Record<string, string | string[]> = Object.create(null);
    fields[':status'] = String(status);
    for (let i = 0; i < flat.length; i += 2) {
      const [name = '', value = ''] = [flat[i], flat[i + 1]];
      fields[name] = [...(fields[name] ?? []), value];
    }
    return fields;
  }
}

/** @returns whether there is a Date; undefined when a line must not be sent */
function copyLines(from: FieldLines, to: string[], withoutHsts: boolean): boolean | undefined {
  let hasDate = false;
  for (let i = 0; i < from.length; i += 2) {
    const name = from[i]?.toLowerCase();
    const value = from[i + 1];
    if (name === undefined || value === undefined || !NAME.test(name) || UNSAFE.test(value)) return undefined;
    if (isOfConnection(name) || (withoutHsts && name === 'strict-transport-security')) continue;
    if (name === 'date') hasDate = true;
    to.push(name, value);
  }
  return hasDate;
}

/** RFC 9113 §8.2.2, and the length, which is announced apart. */
function isOfConnection(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
    case 'content-length':
      return true;
    default:
      return false;
  }
}

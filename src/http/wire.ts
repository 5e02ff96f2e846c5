// Response heads as bytes (RFC 9112 §4, §5). Owns the status line, Date, the framing fields and what may not reach
// the wire; keeps the composed bytes of a head object that is sent again. Writes nothing itself.

import type { FieldLines } from './fields.ts';
import type { ResponseHead } from './message.ts';
import { fieldName } from './names.ts';
import { reasonPhrase } from './reason.ts';
import type { Refusal } from './refusal.ts';
import { NO_SECOND, Today } from './today.ts';

/** Announced instead of a length. */
export const CHUNKED = -1;
export const NOTHING = -2;

/** Connection field of a response; none for a kept HTTP/1.1 connection. */
export type Persistence = '' | 'close' | 'keep-alive';

/** Head and body up to this go as one buffer. */
export const ONE_BUFFER_BYTES = 64 * 1024;

const UNSAFE = /[\0\r\n]|[^\0-\xff]/;

/** The kept bytes of one head object with one Connection field, or without. */
class Composed {
  readonly head: Buffer;
  readonly announced: number;
  /** Epoch second of a Date that we wrote; NO_SECOND where the lines brought one. */
  readonly second: number;
  /** Head and content in one buffer, from the second time that the same content is sent. */
  whole: Buffer | undefined;
  content: Buffer | undefined;

  constructor(head: Buffer, announced: number, second: number) {
    this.head = head;
    this.announced = announced;
    this.second = second;
  }
}

export class Composer {
  readonly #today: Today;
  readonly #hsts: string | undefined;
  readonly #kept: Readonly<Record<Persistence, WeakMap<ResponseHead, Composed>>> = {
    '': new WeakMap(),
    close: new WeakMap(),
    'keep-alive': new WeakMap(),
  };

  /** @param hsts the value of Strict-Transport-Security on every response; takes the place of the origin's */
  constructor(now: () => number, hsts?: string) {
    this.#today = new Today(now);
    this.#hsts = hsts;
  }

  /**
   * Bytes of a response whose head may come again: head and content in one buffer where `content` is small, else the head alone.
   * @returns undefined for a head that must not be sent.
   */
  usual(
    head: ResponseHead,
    announced: number,
    content: Buffer | null,
    persistence: Persistence = '',
  ): Buffer | undefined {
    let kept = this.#kept[persistence].get(head);
    if (kept === undefined || kept.announced !== announced || !this.#today.isCurrent(kept.second)) {
      const text = this.compose(head, announced, persistence);
      if (text === undefined) return undefined;
      kept = new Composed(
        Buffer.from(text, 'latin1'),
        announced,
        hasDate(head.lines) ? NO_SECOND : this.#today.second,
      );
      this.#kept[persistence].set(head, kept);
    }
    if (content === null || kept.head.length + content.length > ONE_BUFFER_BYTES) return kept.head;
    if (kept.content !== content) {
      kept.content = content;
      kept.whole = undefined;
      return join(kept.head, content);
    }
    kept.whole ??= join(kept.head, content);
    return kept.whole;
  }

  /** A final head as latin1 text. @returns undefined for a head that must not be sent. */
  compose(head: ResponseHead, announced: number, persistence: Persistence): string | undefined {
    const { status, lines } = head;
    if (!Number.isInteger(status) || status < 200 || status > 999) return undefined;
    const fields =
      this.#hsts === undefined
        ? composeLines(lines, undefined, '', this.#today)
        : composeLines(lines, HSTS, `Strict-Transport-Security: ${this.#hsts}\r\n`, this.#today);
    if (fields === undefined) return undefined;
    let text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}`;
    if (announced >= 0) text += `Content-Length: ${announced}\r\n`;
    else if (announced === CHUNKED) text += 'Transfer-Encoding: chunked\r\n';
    if (persistence !== '') text += `Connection: ${persistence}\r\n`;
    return `${text}\r\n`;
  }

  /** An interim response (RFC 9110 §15.2). 101 is none of ours. */
  interim(status: number, lines: FieldLines): string | undefined {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) return undefined;
    const fields = composeLines(lines);
    return fields === undefined ? undefined : `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}\r\n`;
  }

  /** The head that ends HTTP on a connection: 101 (RFC 9110 §7.8), or 2xx to CONNECT (§9.3.6), which frames no content. */
  switching(status: number, lines: FieldLines): string | undefined {
    if (!Number.isInteger(status) || (status !== 101 && (status < 200 || status > 299))) return undefined;
    const fields = composeLines(lines);
    if (fields === undefined) return undefined;
    const connection = status === 101 ? 'Connection: Upgrade\r\n' : '';
    return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${fields}${connection}\r\n`;
  }

  /** A whole short answer that ends the connection. */
  refusal(refusal: Refusal, lines: FieldLines, withBody: boolean): string {
    const body = `${refusal.reason}\n`;
    const head = {
      status: refusal.status,
      lines: ['Content-Type', 'text/plain; charset=utf-8', ...lines],
      length: 0,
    };
    const text =
      this.compose(head, body.length, 'close') ??
      this.compose({ ...head, lines: [] }, body.length, 'close') ??
      '';
    return withBody ? text + body : text;
  }
}

/** In memory of their own: a slice of what others share would keep all of it. */
function join(head: Buffer, content: Buffer): Buffer {
  const bytes = Buffer.allocUnsafeSlow(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

const HSTS = 'strict-transport-security';

/**
 * @param without a lower-case name that is left out
 * @param own what the writer adds behind
 * @param today adds the Date where no line is one
 * @returns undefined where a line must not be sent
 */
function composeLines(lines: FieldLines, without?: string, own = '', today?: Today): string | undefined {
  let text = '';
  let isDated = false;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i];
    const value = lines[i + 1];
    if (name === undefined || value === undefined) return undefined;
    const { lower, isToken, isFraming, start } = fieldName(name);
    if (!isToken || UNSAFE.test(value)) return undefined;
    if (lower === 'date') isDated = true;
    if (!isFraming && lower !== without) text += `${start}${value}\r\n`;
  }
  text += own;
  return isDated || today === undefined ? text : `${text}Date: ${today.date()}\r\n`;
}

function hasDate(lines: FieldLines): boolean {
  for (let i = 0; i < lines.length; i += 2) if (fieldName(lines[i] ?? '').lower === 'date') return true;
  return false;
}

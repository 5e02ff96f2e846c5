// The head of a CGI response (RFC 3875 §6): read strictly from the output of a script, bounded, and turned into an HTTP
// head. Nothing gets past it that is no field of HTTP. Pure; what follows the head is the content, byte for byte.

import { endToEnd } from '../../cache/stored-fields.ts';
import { Fields } from '../../http/fields.ts';
import { MAX_HEAD_BYTES } from '../response-head.ts';

export interface CgiHead {
  readonly status: number;
  /** End-to-end fields and Content-Length, without Status. */
  readonly fields: Fields;
  /** Bytes of content announced; undefined when it runs to the end of the output. */
  readonly contentLength: number | undefined;
}

const MAX_LINES = 1000;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 §5.5: visible characters, blanks, tabs, and bytes above ASCII. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const LF = 0x0a;

/** Collects a head. Pieces are copied until it is whole. */
export class CgiHeadReader {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** The last bytes were the end of a line, perhaps with a CR behind it. */
  #lineBegins = false;
  #sawLine = false;

  /** @returns the head and the content that came with it; a sentence when it is wrong; undefined while there is more to come. */
  push(piece: Buffer): { readonly head: CgiHead; readonly rest: Buffer } | string | undefined {
    const end = this.#endIn(piece);
    const taken = end ?? piece.length;
    this.#bytes += taken;
    if (this.#bytes > MAX_HEAD_BYTES) return `a head of more than ${MAX_HEAD_BYTES} bytes`;
    this.#parts.push(Buffer.from(piece.subarray(0, taken)));
    if (end === undefined) return undefined;
    const text = Buffer.concat(this.#parts).toString('latin1');
    this.#parts = [];
    const head = parseCgiHead(text);
    return typeof head === 'string' ? head : { head, rest: piece.subarray(end) };
  }

  /** The offset behind the empty line; undefined while it has not come. */
  #endIn(piece: Buffer): number | undefined {
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i];
      if (byte === LF) {
        if (this.#lineBegins || !this.#sawLine) return i + 1;
        this.#lineBegins = true;
      } else if (byte !== 0x0d) {
        this.#lineBegins = false;
        this.#sawLine = true;
      }
    }
    return undefined;
  }
}

/** @param text the head with its empty line @returns a sentence when it is wrong */
export function parseCgiHead(text: string): CgiHead | string {
  const texts = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const end = texts.indexOf('');
  const lines: string[] = [];
  let status: number | undefined;
  if (end > MAX_LINES) return `a head of more than ${MAX_LINES} lines`;
  for (const line of texts.slice(0, end)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
    if (!NAME.test(name)) return `a line that is no field: ${JSON.stringify(line.slice(0, 80))}`;
    if (!VALUE.test(value)) return `a control character in ${name}`;
    if (name.toLowerCase() !== 'status') {
      lines.push(name, value);
      continue;
    }
    const code = /^([2-5]\d\d)(?: |$)/.exec(value)?.[1];
    if (code === undefined || status !== undefined) return `a status that is none: ${value.slice(0, 80)}`;
    status = Number(code);
  }
  if (status === undefined && lines.length === 0) return 'no field at all';
  const fields = new Fields(lines);
  // What it has done to the content cannot be known; a script may not speak of the connection (RFC 3875 §6.3.4).
  if (fields.has('transfer-encoding')) return 'a Transfer-Encoding';
  const lengths = new Set(fields.all('content-length'));
  const [length] = lengths;
  if (lengths.size > 1 || (length !== undefined && !/^\d{1,15}$/.test(length)))
    return 'a Content-Length that is none';
  // Deviation: RFC 3875 §6.2.2 has a local Location answered by another script; as with nginx the client is sent there.
  const assumed = fields.has('location') ? 302 : 200;
  const kept = endToEnd(fields);
  return {
    status: status ?? assumed,
    fields: new Fields(length === undefined ? kept : [...kept, 'Content-Length', length]),
    contentLength: length === undefined ? undefined : Number(length),
  };
}

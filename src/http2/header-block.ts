// The fields of an HTTP/2 request: checked by RFC 9113 §8.2 beyond what the library does, once for the same names and values;
// a bounded map keeps them, as src/http/header-block.ts does for HTTP/1.1. Pseudo-header fields are request.ts's.

import { Generations } from '../generations.ts';
import { HTAB, SP, TOKEN, VALUE } from '../http/chars.ts';
import { Fields } from '../http/fields.ts';
import { type Framing, readFraming } from '../http/framing.ts';
import { type Authority, parseAuthority } from '../http/host.ts';
import { badRequest, Refusal } from '../http/refusal.ts';

export interface Block extends Pick<Framing, 'contentLength' | 'expectsContinue'> {
  readonly fields: Fields;
  readonly host: Authority | undefined;
}

export type BlockLimits = { readonly maxHeadBytes: number; readonly maxFields: number };

const GENERATION_BLOCKS = 4096;
const GENERATION_BYTES = 2 * 1024 * 1024;
/** Blocks longer than this are checked each time. */
const MAX_KEPT_BYTES = 8 * 1024;

const BAD_NAME = badRequest('A field name is not a lower-case token.');
const BAD_VALUE = badRequest('A field value holds a character that is not allowed.');
const CONNECTION_FIELD = badRequest('A field of HTTP/1.1 connections has no place in HTTP/2.');
const BAD_HOST = badRequest('The Host field is malformed.');
const TWO_HOSTS = badRequest('There is more than one Host field.');
const TOO_MANY = new Refusal(431, 'There are too many header fields.');
const TOO_LARGE = new Refusal(431, 'The request head is too large.');

/** RFC 9113 §8.2.2. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** What a connection sent last, which it mostly sends again: to find it so costs less than to look it up. */
export class LastBlock {
  #by: Blocks | undefined;
  #raw: readonly string[] = [];
  #from = 0;
  #block: Block | undefined;

  /** @param by who read it: limits that have changed are other Blocks */
  find(by: Blocks, raw: readonly string[], from: number): Block | undefined {
    if (by !== this.#by) return undefined;
    const before = this.#raw;
    const shift = this.#from - from;
    if (before.length - this.#from !== raw.length - from) return undefined;
    for (let i = from; i < raw.length; i++) if (raw[i] !== before[i + shift]) return undefined;
    return this.#block;
  }

  keep(by: Blocks, raw: readonly string[], from: number, block: Block): void {
    this.#by = by;
    this.#raw = raw;
    this.#from = from;
    this.#block = block;
  }
}

export class Blocks {
  readonly #limits: BlockLimits;
  readonly #kept = new Generations<string, Block>(GENERATION_BLOCKS, GENERATION_BYTES);

  constructor(limits: BlockLimits) {
    this.#limits = limits;
  }

  /** The block of the lines in `raw` (name, value, …) from `from` on. */
  read(raw: readonly string[], from: number, last: LastBlock): Block | Refusal {
    const same = last.find(this, raw, from);
    if (same !== undefined) return same;
    const block = this.#read(raw, from);
    if (!(block instanceof Refusal)) last.keep(this, raw, from, block);
    return block;
  }

  #read(raw: readonly string[], from: number): Block | Refusal {
    // INVARIANT: the library lets no line break through in names and values, and our own check refuses it.
    let key = '';
    for (let i = from; i < raw.length; i++) key += `${raw[i]}\n`;
    const known = this.#kept.get(key, key.length);
    if (known !== undefined) return known;
    if (key.length > this.#limits.maxHeadBytes) return TOO_LARGE;
    const block = parseBlock(raw, from, this.#limits.maxFields);
    if (!(block instanceof Refusal) && key.length <= MAX_KEPT_BYTES) this.#kept.set(key, block, key.length);
    return block;
  }
}

/** Pure. */
export function parseBlock(raw: readonly string[], from: number, maxFields: number): Block | Refusal {
  if ((raw.length - from) / 2 > maxFields) return TOO_MANY;
  const lines: string[] = [];
  /** RFC 9113 §8.2.3: crumbs of one Cookie, put together before anybody else sees them. */
  let cookieAt = -1;
  for (let i = from; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    if (!isName(name)) return BAD_NAME;
    if (!isValue(value)) return BAD_VALUE;
    if (OF_CONNECTIONS.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers'))
      return CONNECTION_FIELD;
    if (name === 'cookie' && cookieAt !== -1) lines[cookieAt] += `; ${value}`;
    else {
      if (name === 'cookie') cookieAt = lines.length + 1;
      lines.push(name, value);
    }
  }
  const fields = new Fields(lines);
  const framing = readFraming(fields);
  if (framing instanceof Refusal) return framing;
  const hosts = fields.all('host');
  if (hosts.length > 1) return TWO_HOSTS;
  const host = hosts[0] === undefined ? undefined : parseAuthority(hosts[0]);
  if (hosts[0] !== undefined && host === undefined) return BAD_HOST;
  const { contentLength, expectsContinue } = framing;
  return { fields, host, contentLength, expectsContinue };
}

function isName(name: string): boolean {
  if (name === '') return false;
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (TOKEN[code] !== 1 || (code >= 0x41 && code <= 0x5a)) return false;
  }
  return true;
}

/** RFC 9113 §8.2.1: no white space around it. */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (VALUE[value.charCodeAt(i)] !== 1) return false;
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(code: number): boolean {
  return code === SP || code === HTAB;
}

// The header section of a request: parsed strictly, once per exact bytes (RFC 9112 §5), with the facts that framing
// and routing need beside its Fields. A bounded map shared by a listener's connections keeps the parsed blocks, so
// that a client's next request with the same bytes costs one look-up. Knows no request line.

import { Generations } from '../generations.ts';
import { COLON, CR, HTAB, LF, SP, TOKEN, VALUE } from './chars.ts';
import { Fields } from './fields.ts';
import { type Framing, readFraming } from './framing.ts';
import { type Authority, parseAuthority, reduceAuthority } from './host.ts';
import { badRequest, Refusal } from './refusal.ts';

export interface HeaderBlock extends Framing {
  readonly fields: Fields;
  readonly host: Authority | undefined;
  /** Host reduced for the listener's scheme; empty without Host. */
  readonly authority: string;
}

/** Blocks longer than this are parsed each time. */
const MAX_KEPT_BYTES = 8 * 1024;
const GENERATION_BLOCKS = 4096;
const GENERATION_BYTES = 2 * 1024 * 1024;

const NO_NAME = badRequest('A field name is not a token followed by a colon.');
const BAD_VALUE = badRequest('A field value holds a character that is not allowed.');
const BAD_HOST = badRequest('The Host field is malformed.');
const TWO_HOSTS = badRequest('There is more than one Host field.');
const TOO_MANY = new Refusal(431, 'There are too many header fields.');

/** Parsed header blocks by their exact bytes. */
export class HeaderBlocks {
  readonly #scheme: 'http' | 'https';
  readonly #maxFields: number;
  readonly #kept = new Generations<string, HeaderBlock>(GENERATION_BLOCKS, GENERATION_BYTES);

  constructor(scheme: 'http' | 'https', maxFields: number) {
    this.#scheme = scheme;
    this.#maxFields = maxFields;
  }

  /** Blocks held, for tests and metrics. */
  get size(): number {
    return this.#kept.size;
  }

  /** The block of bytes that were parsed before, else undefined. `key`: the block as latin1 with its final empty line. */
  known(key: string): HeaderBlock | undefined {
    return this.#kept.get(key, key.length);
  }

  /** The block in [start, end): field lines and the empty line after them. */
  read(bytes: Buffer, start: number, end: number): HeaderBlock | Refusal {
    if (end - start > MAX_KEPT_BYTES) return parseBlock(bytes, start, end, this.#scheme, this.#maxFields);
    const key = bytes.toString('latin1', start, end);
    const known = this.known(key);
    if (known !== undefined) return known;
    const block = parseBlock(bytes, start, end, this.#scheme, this.#maxFields);
    if (!(block instanceof Refusal)) this.#kept.set(key, block, key.length);
    return block;
  }
}

/** Pure. `end` is the offset after the empty line; every line in [start, end) ends in CRLF. */
export function parseBlock(
  bytes: Buffer,
  start: number,
  end: number,
  scheme: 'http' | 'https',
  maxFields: number,
): HeaderBlock | Refusal {
  const lines = parseFieldLines(bytes, start, end - 2, maxFields);
  if (lines instanceof Refusal) return lines;
  const fields = new Fields(lines);
  const host = readHost(fields);
  if (host instanceof Refusal) return host;
  const framing = readFraming(fields);
  if (framing instanceof Refusal) return framing;
  return { fields, host, authority: host === undefined ? '' : reduceAuthority(host, scheme), ...framing };
}

/** Field lines in [start, end), each ended by CRLF (RFC 9112 §5). An obs-fold fails: its line begins with no token. */
export function parseFieldLines(
  bytes: Buffer,
  start: number,
  end: number,
  maxFields: number,
): string[] | Refusal {
  const lines: string[] = [];
  let i = start;
  while (i < end) {
    if (lines.length === 2 * maxFields) return TOO_MANY;
    const nameAt = i;
    while (TOKEN[bytes[i] ?? 0] === 1) i++;
    if (i === nameAt || bytes[i] !== COLON) return NO_NAME;
    const name = bytes.toString('latin1', nameAt, i);
    do i++;
    while (bytes[i] === SP || bytes[i] === HTAB);
    const valueAt = i;
    let valueEnd = i;
    for (; VALUE[bytes[i] ?? 0] === 1; i++) {
      if (bytes[i] !== SP && bytes[i] !== HTAB) valueEnd = i + 1;
    }
    if (bytes[i] !== CR || bytes[i + 1] !== LF) return BAD_VALUE;
    lines.push(name, bytes.toString('latin1', valueAt, valueEnd));
    i += 2;
  }
  return lines;
}

function readHost(fields: Fields): Authority | undefined | Refusal {
  const values = fields.all('host');
  if (values.length > 1) return TWO_HOSTS;
  const value = values[0];
  if (value === undefined || value === '') return undefined;
  return parseAuthority(value) ?? BAD_HOST;
}

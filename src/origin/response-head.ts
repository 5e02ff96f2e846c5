// The head of a response, parsed as strictly as a client's request (RFC 9112 §4, §5), and the head of a request as bytes.
// For the connections that this edge reads itself; those that speak HTTP/2 are the library's. Pure.

import { CR, DIGIT, LF, SP, VALUE } from '../http/chars.ts';
import { type FieldLines, Fields } from '../http/fields.ts';
import { parseFieldLines } from '../http/header-block.ts';
import { Refusal } from '../http/refusal.ts';

export interface ParsedHead {
  readonly version: '1.0' | '1.1';
  readonly status: number;
  readonly fields: Fields;
  /** Offset of the byte after the head. */
  readonly end: number;
}

/** A response's head at most: 64 KB of tags (cache/tags.ts) and all else beside them. */
export const MAX_HEAD_BYTES = 256 * 1024;

const VERSION = Buffer.from('HTTP/1.');
const MAX_FIELDS = 1000;
const END = Buffer.from('\r\n\r\n');
const BARE_END = Buffer.from('\n\n');

/**
 * The head that begins at `start`. `seen`: how many bytes from there an earlier call found to be too few.
 * @returns undefined when bytes are missing; a sentence when the head breaks the grammar.
 */
export function parseResponseHead(
  bytes: Buffer,
  start = 0,
  stop = bytes.length,
  seen = 0,
): ParsedHead | string | undefined {
  for (let k = 0; k < VERSION.length && start + k < stop; k++)
    if (bytes[start + k] !== VERSION[k]) return 'it does not begin with HTTP/1';
  const there = stop === bytes.length ? bytes : bytes.subarray(0, stop);
  const last = there.indexOf(END, Math.max(start, start + seen - 3));
  if (last === -1)
    return there.includes(BARE_END, Math.max(start, start + seen - 1))
      ? 'a line does not end in CRLF'
      : undefined;
  const end = last + END.length;
  const minor = bytes[start + 7];
  if (minor !== 48 && minor !== 49) return 'the version is neither 1.0 nor 1.1';
  let i = start + 8;
  if (bytes[i] !== SP) return 'the status line is malformed';
  let status = 0;
  for (const digitsEnd = i + 4; ++i < digitsEnd; ) {
    const byte = bytes[i] ?? 0;
    if (DIGIT[byte] !== 1) return 'the status is no number';
    status = status * 10 + byte - 48;
  }
  if (status < 100) return 'the status is no number from 100';
  // RFC 9112 §4 wants a blank after the status, also before an empty reason; without reason many leave it out.
  if (bytes[i] === SP) while (VALUE[bytes[i] ?? 0] === 1) i++;
  if (bytes[i] !== CR || bytes[i + 1] !== LF) return 'the status line is malformed';
  const lines = parseFieldLines(bytes, i + 2, end - 2, MAX_FIELDS);
  if (lines instanceof Refusal) return lines.reason;
  return { version: minor === 49 ? '1.1' : '1.0', status, fields: new Fields(lines), end };
}

/** How the content of a response is delimited, and what becomes of its connection. */
export interface ResponseFraming {
  readonly chunked: boolean;
  /** Bytes of content; undefined runs to the close, unless chunked. */
  readonly length: number | undefined;
  readonly persists: boolean;
  /** For how long the origin says that it keeps the connection. */
  readonly keepAliveSeconds: number | undefined;
}

/** RFC 9112 §6.3, §9.3. @returns a sentence when it cannot be framed, or could be read in two ways. */
export function responseFraming(
  method: string,
  status: number,
  version: '1.0' | '1.1',
  fields: Fields,
): ResponseFraming | string {
  const fault = framingFault(fields);
  if (fault !== undefined) return fault;
  const chunked = fields.has('transfer-encoding');
  if (chunked && version === '1.0') return 'a transfer coding from HTTP/1.0';
  const connection = fields.get('connection')?.toLowerCase();
  // A wrong origin sends content with what has none: what comes next on the connection would be read from that. HEAD says
  // nothing of it; 204 and 304 give it away by announcing some.
  const isBodyless = status === 204 || status === 304;
  const isSafe = method !== 'HEAD' && !hasOption(connection, 'close') && !(isBodyless && announces(fields));
  const persists = isSafe && (version === '1.1' || hasOption(connection, 'keep-alive'));
  const said = fields.get('keep-alive');
  const timeout = said === undefined ? undefined : /(?:^|[\s,])timeout\s*=\s*"?(\d{1,9})/i.exec(said)?.[1];
  const keepAliveSeconds = timeout === undefined ? undefined : Number(timeout);
  const rest = { persists, keepAliveSeconds };
  if (method === 'HEAD' || isBodyless) return { chunked: false, length: 0, ...rest };
  if (chunked) return { chunked, length: undefined, ...rest };
  const lengths = fields.all('content-length');
  const [value] = lengths;
  if (value === undefined) return { chunked, length: undefined, ...rest };
  if (lengths.length > 1 || !/^\d{1,15}$/.test(value)) return 'Content-Length is not one plain number';
  return { chunked, length: Number(value), ...rest };
}

/** RFC 9112 §6.1: a coding that is not understood, or a length that contradicts the coding, cannot be framed. */
export function framingFault(fields: Fields): string | undefined {
  const codings = fields.all('transfer-encoding');
  if (codings.length === 0) return undefined;
  if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked') {
    return `transfer coding not understood: ${codings.join(', ').slice(0, 80)}`;
  }
  return fields.has('content-length') ? 'both Transfer-Encoding and Content-Length' : undefined;
}

/** Content, more than none. */
function announces(fields: Fields): boolean {
  return fields.has('transfer-encoding') || (fields.get('content-length') ?? '0') !== '0';
}

function hasOption(connection: string | undefined, option: string): boolean {
  if (connection === undefined) return false;
  return connection === option || connection.split(',').some((one) => one.trim() === option);
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE_VALUE = /[\0\r\n]|[^\0-\xff]/;
const UNSAFE_START = /[^\x21-\x7e]/;

const EXPECTS_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Lines that are sent for one client after another are composed once. */
const composed = new WeakMap<FieldLines, string>();

/**
 * The head of a request, as latin1 text.
 * @param content bytes of its content, or that it is chunked; undefined has none
 * @throws when a part of it could be read as something else.
 */
export function composeRequestHead(
  method: string,
  target: string,
  lines: FieldLines,
  content?: number | 'chunked',
): string {
  if (!NAME.test(method) || UNSAFE_START.test(target)) throw new Error('the request line cannot be sent');
  let text = composed.get(lines);
  if (text === undefined) {
    text = composeFieldLines(lines);
    composed.set(lines, text);
  }
  // RFC 9110 §8.6: methods that content has a meaning for say that there is none.
  const framing =
    content === undefined
      ? EXPECTS_CONTENT.has(method)
        ? 'content-length: 0\r\n'
        : ''
      : content === 'chunked'
        ? 'transfer-encoding: chunked\r\n'
        : `content-length: ${content}\r\n`;
  return `${method} ${target} HTTP/1.1\r\n${text}${framing}\r\n`;
}

function composeFieldLines(lines: FieldLines): string {
  let text = '';
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] ?? '';
    const value = lines[i + 1] ?? '';
    if (!NAME.test(name) || UNSAFE_VALUE.test(value)) throw new Error(`the field ${name} cannot be sent`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

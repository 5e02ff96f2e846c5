// The head of a response, parsed as strictly as a client's request (RFC 9112 §4, §5), and the head of a request as bytes.
// For the connections that this edge reads itself (upgrade.ts); those of the pool are the library's. Pure.

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

const VERSION = Buffer.from('HTTP/1.');
const MAX_FIELDS = 1000;
const END = Buffer.from('\r\n\r\n');

/** @returns undefined when bytes are missing; a sentence when the head breaks the grammar. */
export function parseResponseHead(bytes: Buffer): ParsedHead | string | undefined {
  const present = Math.min(bytes.length, VERSION.length);
  if (!bytes.subarray(0, present).equals(VERSION.subarray(0, present)))
    return 'it does not begin with HTTP/1';
  const last = bytes.indexOf(END);
  if (last === -1) return undefined;
  const end = last + END.length;
  const minor = bytes[7];
  if (minor !== 48 && minor !== 49) return 'the version is neither 1.0 nor 1.1';
  if (bytes[8] !== SP) return 'the status line is malformed';
  for (let i = 9; i < 12; i++) if (DIGIT[bytes[i] ?? 0] !== 1) return 'the status is no number';
  const status = Number(bytes.toString('latin1', 9, 12));
  if (status < 100) return 'the status is no number from 100';
  let i = 12;
  // RFC 9112 §4 wants a blank after the status, also before an empty reason; without reason many leave it out.
  if (bytes[i] === SP) while (VALUE[bytes[i] ?? 0] === 1) i++;
  if (bytes[i] !== CR || bytes[i + 1] !== LF) return 'the status line is malformed';
  const lines = parseFieldLines(bytes, i + 2, end - 2, MAX_FIELDS);
  if (lines instanceof Refusal) return lines.reason;
  return { version: minor === 49 ? '1.1' : '1.0', status, fields: new Fields(lines), end };
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const UNSAFE_VALUE = /[\0\r\n]|[^\0-\xff]/;
const UNSAFE_START = /[^\x21-\x7e]/;

/** The head of a request. @throws when a part of it could be read as something else. */
export function composeRequestHead(method: string, target: string, lines: FieldLines): Buffer {
  if (!NAME.test(method) || UNSAFE_START.test(target)) throw new Error('the request line cannot be sent');
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] ?? '';
    const value = lines[i + 1] ?? '';
    if (!NAME.test(name) || UNSAFE_VALUE.test(value)) throw new Error(`the field ${name} cannot be sent`);
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}

// What a header section says about the message and its connection: length, coding, persistence, expectation
// (RFC 9112 §6, §9.3; RFC 9110 §10.1.1). Strict: whatever two readers could read differently is refused.

import { DIGIT, TOKEN } from './chars.ts';
import type { Fields } from './fields.ts';
import { badRequest, Refusal } from './refusal.ts';

export interface Framing {
  /** Content-Length in bytes; -1 without. Never beside `chunked`. */
  readonly contentLength: number;
  readonly chunked: boolean;
  /** Connection options. */
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  readonly expectsContinue: boolean;
}

const BAD_LENGTH = badRequest('Content-Length is not one plain number.');
const BAD_CODING = badRequest('Transfer-Encoding does not end in one chunked.');
const BOTH = badRequest('Content-Length and Transfer-Encoding are both present.');
const UNKNOWN_CODING = new Refusal(501, 'The only transfer coding understood is chunked.');
const UNKNOWN_EXPECTATION = new Refusal(417, 'The only expectation understood is 100-continue.');

export function readFraming(fields: Fields): Framing | Refusal {
  const contentLength = readLength(fields.all('content-length'));
  if (contentLength instanceof Refusal) return contentLength;
  const chunked = readCoding(fields.all('transfer-encoding'));
  if (chunked instanceof Refusal) return chunked;
  // RFC 9112 §6.3: both present "ought to be handled as an error".
  if (chunked && contentLength !== -1) return BOTH;
  const expectation = fields.get('expect');
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue') return UNKNOWN_EXPECTATION;
  const options = readOptions(fields.all('connection'));
  return {
    contentLength,
    chunked,
    close: options.includes('close'),
    keepAlive: options.includes('keep-alive'),
    upgrade: options.includes('upgrade'),
    expectsContinue: expectation !== undefined,
  };
}

/** Deviation: RFC 9110 §8.6 lets a list of equal numbers pass; it is refused here, so that nobody can read it otherwise. */
function readLength(values: readonly string[]): number | Refusal {
  const value = values[0];
  if (value === undefined) return -1;
  if (values.length > 1 || value.length === 0 || value.length > 16) return BAD_LENGTH;
  for (let i = 0; i < value.length; i++) if (DIGIT[value.charCodeAt(i)] !== 1) return BAD_LENGTH;
  const length = Number(value);
  return length <= Number.MAX_SAFE_INTEGER ? length : BAD_LENGTH;
}

function readCoding(values: readonly string[]): boolean | Refusal {
  if (values.length === 0) return false;
  const names = members(values);
  if (names.length === 1 && names[0] === 'chunked') return true;
  const last = names.pop();
  const others = names.every((name) => name !== 'chunked' && isToken(name));
  return last === 'chunked' && others ? UNKNOWN_CODING : BAD_CODING;
}

function readOptions(values: readonly string[]): readonly string[] {
  return values.length === 0 ? values : members(values);
}

/** List members in lower case without OWS (RFC 9110 §5.6.1); trim() would take other blanks, such as %xA0, too. */
function members(values: readonly string[]): string[] {
  return values
    .join(',')
    .split(',')
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase());
}

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
}

// Byte classes of the HTTP/1.1 grammar as lookup tables: 1 = allowed. NUL is in none of them, so a read past
// the end (`?? 0`) always stops a loop. Owns no parsing.

export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function table(chars: string, ranges: readonly (readonly [number, number])[] = [], except = ''): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const [first, last] of ranges) bytes.fill(1, first, last + 1);
  for (const char of chars) bytes[char.charCodeAt(0)] = 1;
  for (const char of except) bytes[char.charCodeAt(0)] = 0;
  return bytes;
}

/** tchar, RFC 9110 §5.6.2. */
export const TOKEN = table(`!#$%&'*+-.^_\`|~${ALPHANUMERIC}`);

/** field-vchar, SP and HTAB, RFC 9110 §5.5: obs-text is kept. */
export const VALUE = table('\t', [
  [0x20, 0x7e],
  [0x80, 0xff],
]);

/** A request target before its query: visible ASCII; no fragment, no backslash (URL parsers read it as a slash). */
export const PATH = table('', [[0x21, 0x7e]], '?#\\');

/** A request target's query: visible ASCII, no fragment. Browsers send a raw backslash here. */
export const QUERY = table('', [[0x21, 0x7e]], '#');

/** qdtext, RFC 9110 §5.6.4. */
export const QUOTED = table(
  '\t',
  [
    [0x20, 0x7e],
    [0x80, 0xff],
  ],
  '"\\',
);

export const DIGIT = table('0123456789');

/** unreserved and sub-delims of RFC 3986 §2: a reg-name but for its escapes. */
export const REG_NAME = table(`-._~!$&'()*+,;=${ALPHANUMERIC}`);

/** Value of a hex digit, or -1. */
export function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

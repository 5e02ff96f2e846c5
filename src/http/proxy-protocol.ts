// The PROXY protocol, version 1 and 2: what a trusted proxy writes before a client's first byte to say whose connection it
// passes on. Strict and pure; fed all bytes that have come so far. What it does with a connection is introduction.ts's.

import { isIPv4, isIPv6 } from 'node:net';

export interface Endpoints {
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

export type ProxyHeader =
  | { readonly kind: 'more' }
  | { readonly kind: 'bad'; readonly reason: string }
  /** `said` undefined: the proxy speaks for itself (LOCAL, a health check) or cannot say; the socket's own addresses hold. */
  | { readonly kind: 'done'; readonly end: number; readonly said: Endpoints | undefined };

const MORE: ProxyHeader = { kind: 'more' };
const bad = (reason: string): ProxyHeader => ({ kind: 'bad', reason });

const V1_SIGNATURE = Buffer.from('PROXY ');
/** The longest line that version 1 can be, its end included. */
const V1_BYTES = 107;
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED_BYTES = 16;
/** As much as fits one segment everywhere; addresses, checksum and a few extensions. */
export const MOST_BYTES = 536;

/** @param bytes from the first of the connection on; not changed */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? MORE : parseV2(bytes);
  if (begins(bytes, V1_SIGNATURE)) return parseV1(bytes);
  return bad('no PROXY protocol');
}

/** As far as there are bytes. */
function begins(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}

function parseV1(bytes: Buffer): ProxyHeader {
  const line = bytes.toString('latin1', 0, V1_BYTES);
  const end = line.indexOf('\r\n');
  if (end === -1) return line.length < V1_BYTES && !line.includes('\n') ? MORE : bad('a line without an end');
  const [, family, ...rest] = line.slice(0, end).split(' ');
  if (family === 'UNKNOWN') return { kind: 'done', end: end + 2, said: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isAddressOf6 : undefined;
  if (isAddress === undefined) return bad('neither TCP4, TCP6 nor UNKNOWN');
  const [address = '', localAddress = '', port, localPort, ...more] = rest;
  const [from, to] = [portOf(port), portOf(localPort)];
  if (
    more.length > 0 ||
    !isAddress(address) ||
    !isAddress(localAddress) ||
    from === undefined ||
    to === undefined
  )
    return bad('addresses and ports are not two and two');
  const said = { address: plain(address), port: from, localAddress: plain(localAddress), localPort: to };
  return { kind: 'done', end: end + 2, said };
}

function isAddressOf6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function portOf(text = ''): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

/** Address family and transport in one byte → bytes of the address block. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 0: 0, 17: 12, 33: 36, 49: 216, 50: 216 };
const TCP_OVER_4 = 0x11;
const TCP_OVER_6 = 0x21;

function parseV2(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const end = V2_FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return bad('neither LOCAL nor PROXY of version 2');
  if (end > MOST_BYTES) return bad('longer than what is taken');
  if (bytes.length < end) return MORE;
  // What a proxy says for itself is skipped, whatever it is.
  if (command === 0x20) return { kind: 'done', end, said: undefined };
  const block = BLOCK_BYTES[family];
  if (block === undefined) return bad('an address family or a transport that is not known');
  const extensionsAt = V2_FIXED_BYTES + block;
  if (extensionsAt > end) return bad('shorter than its addresses');
  // Of what is not specified nothing is known, the extensions neither.
  const fault = family === 0 ? undefined : extensionFault(bytes.subarray(0, end), extensionsAt);
  return fault === undefined ? { kind: 'done', end, said: endpoints(bytes, family) } : bad(fault);
}

function endpoints(bytes: Buffer, family: number): Endpoints | undefined {
  const at = V2_FIXED_BYTES;
  if (family === TCP_OVER_4)
    return {
      address: bytes.subarray(at, at + 4).join('.'),
      localAddress: bytes.subarray(at + 4, at + 8).join('.'),
      port: bytes.readUInt16BE(at + 8),
      localPort: bytes.readUInt16BE(at + 10),
    };
  if (family !== TCP_OVER_6) return undefined;
  return {
    address: plain(text6(bytes, at)),
    localAddress: plain(text6(bytes, at + 16)),
    port: bytes.readUInt16BE(at + 32),
    localPort: bytes.readUInt16BE(at + 34),
  };
}

function text6(bytes: Buffer, at: number): string {
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i).toString(16)).join(':');
}

/** One spelling for one address (RFC 5952), an IPv4-mapped one as IPv4, as of sockets. */
function plain(address: string): string {
  if (!address.includes(':')) return address;
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped === null) return text;
  const [high, low] = [mapped[1], mapped[2]].map((part) => Number.parseInt(part ?? '', 16)) as [
    number,
    number,
  ];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

const CHECKSUM = 0x03;

/** Extensions are skipped, but they must fill their place, and a checksum must be right. */
function extensionFault(header: Buffer, from: number): string | undefined {
  let at = from;
  while (at < header.length) {
    if (at + 3 > header.length) return 'an extension is cut short';
    const type = header.readUInt8(at);
    const length = header.readUInt16BE(at + 1);
    const next = at + 3 + length;
    if (next > header.length) return 'an extension is longer than the header';
    if (type === CHECKSUM && (length !== 4 || !isRight(header, at + 3))) return 'the checksum is wrong';
    at = next;
  }
  return undefined;
}

/** CRC-32C (RFC 3309) over the header with the checksum's own bytes as 0. */
function isRight(header: Buffer, at: number): boolean {
  const zeroed = Buffer.from(header);
  zeroed.fill(0, at, at + 4);
  return crc32c(zeroed) === header.readUInt32BE(at);
}

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

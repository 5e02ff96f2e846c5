// Values with units as operators write them: sizes, durations, addresses, CIDR ranges. Pure; each parser is total
// and answers undefined for what it does not understand.

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Where to listen or connect. `host` is undefined for all interfaces; IPv6 without brackets. */
export interface Address {
  readonly host: string | undefined;
  readonly port: number;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** "256MB", "1.5GB", "262144KB", "1024", 1024 → bytes. 1 KB is 1024 bytes; fractions of a byte are rounded. */
export function parseSize(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return scaled(/^(\d{1,16}(?:\.\d{1,6})?)(B|KB|MB|GB|TB|)$/.exec(value), SIZE_UNITS);
}

/** "30s", "500ms", "1.5h", "5m", "1d" → milliseconds. The unit is never left out. */
export function parseDuration(value: string): number | undefined {
  return scaled(/^(\d{1,16}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(value), DURATION_UNITS);
}

function scaled(match: RegExpExecArray | null, units: Readonly<Record<string, number>>): number | undefined {
  const factor = units[match?.[2] ?? '?'];
  if (match === null || factor === undefined) return undefined;
  const result = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(result) ? result : undefined;
}

/** Bytes in the largest unit that divides them: 268435456 → "256MB". */
export function formatSize(bytes: number): string {
  return inLargestUnit(bytes, ['TB', 'GB', 'MB', 'KB', 'B'], SIZE_UNITS);
}

/** Milliseconds in the largest unit that divides them: 90000 → "90s". */
export function formatDuration(ms: number): string {
  return inLargestUnit(ms, ['d', 'h', 'm', 's', 'ms'], DURATION_UNITS);
}

function inLargestUnit(
  value: number,
  names: readonly string[],
  units: Readonly<Record<string, number>>,
): string {
  const fits = (name: string): boolean => value >= (units[name] ?? 1) && value % (units[name] ?? 1) === 0;
  const unit = names.find(fits) ?? names.at(-1) ?? '';
  return `${value / (units[unit] ?? 1)}${unit}`;
}

/** "127.0.0.1:8080", "localhost:8080", "[::1]:8080"; ":8080" and "*:8080" are all interfaces. Port 0 lets the system choose. */
export function parseAddress(value: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const [, v6, name] = match;
  if (v6 !== undefined) return isIP(v6) === 6 ? { host: v6, port } : undefined;
  if (name === '' || name === '*') return { host: undefined, port };
  return name !== undefined && isHostName(name) ? { host: name, port } : undefined;
}

/** The address as it was written: { host: '::1', port: 80 } → "[::1]:80". */
export function formatAddress(address: Address): string {
  const host = address.host ?? '*';
  return `${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

/** A DNS name or an IPv4 address (RFC 1123 §2.1), without a port. What looks like a broken IPv4 address is none. */
export function isHostName(value: string): boolean {
  if (/^[\d.]+$/.test(value)) return isIP(value) === 4;
  return value.length <= 253 && /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(value);
}

/** "10.0.0.0/8", "2001:db8::/32", or one address, which becomes a range of one. The result always has a prefix length. */
export function parseRange(value: string): string | undefined {
  const [address = '', bits, ...more] = value.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || more.length > 0) return undefined;
  const widest = version === 4 ? 32 : 128;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > widest)) return undefined;
  return `${ipaddr.parse(address).toString()}/${bits ?? widest}`;
}

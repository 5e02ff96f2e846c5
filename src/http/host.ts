// The authority of a request: uri-host [":" port] as Host and absolute-form carry it (RFC 9110 §7.2, RFC 3986 §3.2.2).
// Strict: no userinfo, no zone, no IPvFuture. Owns the reduced form that keys are made of.

import { isIPv6 } from 'node:net';
import { DIGIT, hexValue, REG_NAME } from './chars.ts';

export interface Authority {
  /**
   * Lower-case; an IPv6 literal keeps its brackets. Without the dot at its end that DNS lets a name have: servers take
   * both for the same, and no rule for a host is to be got round by it.
   */
  readonly host: string;
  /** -1 when there is none (or an empty one, which RFC 3986 §3.2.3 allows). */
  readonly port: number;
}

const MAX_HOST_BYTES = 255;

/** @returns undefined for anything that is not a non-empty uri-host with an optional port of 0 to 65535. */
export function parseAuthority(text: string): Authority | undefined {
  const hostEnd = text.startsWith('[') ? text.indexOf(']') + 1 : endOfName(text);
  if (hostEnd === 0 || hostEnd > MAX_HOST_BYTES) return undefined;
  const host = text.slice(0, hostEnd).toLowerCase().replace(/\.$/, '');
  if (host === '' || (host.startsWith('[') && !isLiteral(host))) return undefined;
  if (hostEnd === text.length) return { host, port: -1 };
  if (text[hostEnd] !== ':') return undefined;
  const port = parsePort(text, hostEnd + 1);
  return port === undefined ? undefined : { host, port };
}

/** The authority without the scheme's default port. */
export function reduceAuthority(authority: Authority, scheme: 'http' | 'https'): string {
  const { host, port } = authority;
  return port === -1 || port === (scheme === 'http' ? 80 : 443) ? host : `${host}:${port}`;
}

function endOfName(text: string): number {
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code === 0x25) {
      if (hexValue(text.charCodeAt(i + 1)) < 0 || hexValue(text.charCodeAt(i + 2)) < 0) return 0;
      i += 3;
    } else if (REG_NAME[code] === 1) i++;
    else break;
  }
  return i;
}

function isLiteral(host: string): boolean {
  const address = host.slice(1, -1);
  return !address.includes('%') && isIPv6(address);
}

function parsePort(text: string, from: number): number | undefined {
  if (from === text.length) return -1;
  if (text.length - from > 5) return undefined;
  for (let i = from; i < text.length; i++) if (DIGIT[text.charCodeAt(i)] !== 1) return undefined;
  const port = Number(text.slice(from));
  return port <= 65_535 ? port : undefined;
}

// The forms of a request target other than origin-form, reduced (RFC 9112 §3.2). The characters were checked before.

import type { HeaderBlock } from './header-block.ts';
import { type Authority, parseAuthority, reduceAuthority } from './host.ts';
import { badRequest, type Refusal } from './refusal.ts';

const BAD_TARGET = badRequest('The request target is malformed.');
const OTHER_HOST = badRequest("The request target's authority differs from Host.");
const ABSOLUTE = /^(https?):\/\//i;

const FOR_PROXY = badRequest(
  'This is a forward proxy: ask for a whole URL (GET http://host/path), or for CONNECT host:port.',
);

export interface Resolved {
  readonly target: string;
  readonly authority: string;
}

export interface ResolvedForProxy extends Resolved {
  readonly scheme: 'http' | 'https';
}

/** For a listener that is a proxy to its clients: only absolute-form and CONNECT (RFC 9112 §3.2.2, §3.2.3). Host is not looked at. */
export function resolveForProxy(method: string, raw: string): ResolvedForProxy | Refusal {
  if (method === 'CONNECT') {
    const authority = parseAuthority(raw);
    if (authority === undefined || authority.port === -1) return BAD_TARGET;
    return { scheme: 'https', target: raw, authority: reduceAuthority(authority, 'https') };
  }
  const absolute = parseAbsolute(raw);
  if (absolute === undefined) return raw.startsWith('/') || raw === '*' ? FOR_PROXY : BAD_TARGET;
  const { scheme, authority, rest } = absolute;
  return { scheme, target: pathOf(method, rest), authority: reduceAuthority(authority, scheme) };
}

export function resolveTarget(method: string, raw: string, block: HeaderBlock): Resolved | Refusal {
  if (method === 'CONNECT') return resolveAuthorityForm(raw, block);
  if (raw === '*') return method === 'OPTIONS' ? { target: '*', authority: block.authority } : BAD_TARGET;
  const absolute = parseAbsolute(raw);
  if (absolute === undefined) return BAD_TARGET;
  const { scheme, authority, rest } = absolute;
  // Deviation: RFC 9112 §3.2.2 would ignore Host; where the two differ, nobody knows whom the client meant.
  if (
    block.host !== undefined &&
    reduceAuthority(authority, scheme) !== reduceAuthority(block.host, scheme)
  ) {
    return OTHER_HOST;
  }
  return {
    target: pathOf(method, rest),
    authority: block.host === undefined ? reduceAuthority(authority, scheme) : block.authority,
  };
}

interface Absolute {
  readonly scheme: 'http' | 'https';
  readonly authority: Authority;
  /** Path and query. */
  readonly rest: string;
}

function parseAbsolute(raw: string): Absolute | undefined {
  const prefix = ABSOLUTE.exec(raw);
  if (prefix === null) return undefined;
  const scheme = prefix[1]?.toLowerCase() === 'https' ? 'https' : 'http';
  const authorityAt = prefix[0].length;
  const rest = raw.slice(authorityAt).search(/[/?]/);
  const authorityEnd = rest === -1 ? raw.length : authorityAt + rest;
  const authority = parseAuthority(raw.slice(authorityAt, authorityEnd));
  return authority && { scheme, authority, rest: raw.slice(authorityEnd) };
}

function pathOf(method: string, rest: string): string {
  if (rest.startsWith('/')) return rest;
  // RFC 9112 §3.2.4: OPTIONS of a URI without path and query means the server as a whole.
  return rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`;
}

function resolveAuthorityForm(raw: string, block: HeaderBlock): Resolved | Refusal {
  const authority = parseAuthority(raw);
  // RFC 9112 §3.2.3: the port is required.
  if (authority === undefined || authority.port === -1) return BAD_TARGET;
  return { target: raw, authority: block.authority };
}

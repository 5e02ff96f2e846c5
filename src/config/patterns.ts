// Patterns of routes as plain data, and how they match. `*` stands for any run of characters. No regular expression
// is made from what an operator or a client writes, so no pattern can be slow.

import { normaliseTarget } from '../cache/key.ts';
import type { KeyRules } from '../cache/rules.ts';
import { isHostName } from './units.ts';

/** The literal parts between the `*` of a pattern; one part means: exactly this. */
export type Pattern = readonly string[];

export interface HostPattern {
  /** Lower-case name or bracketed IPv6; after `*.` the part that a matching host ends with, dot included. */
  readonly name: string;
  /** True for `*.example.org`: any number of labels before `name`, at least one. */
  readonly wildcard: boolean;
  /** As in the authority; undefined matches any port. */
  readonly port: string | undefined;
}

/** "/static/*", "*.css", "/" → a pattern on the path without its query. */
export function parsePathPattern(text: string): Pattern | undefined {
  if (!/^[/*]/.test(text) || text.length > 2048 || /[^\x21-\x7e]|[?#]/.test(text)) return undefined;
  const canonical = text.startsWith('/') ? canonicalPath(text) : canonicalPath(`/${text}`).slice(1);
  return canonical.split(/\*+/);
}

/** "text/html", "image/*" → a pattern on a media type. */
export function parseMediaPattern(text: string): Pattern | undefined {
  return /^[!#$%&'*+.^_`|~0-9a-z/-]{1,200}$/i.test(text) && text.includes('/')
    ? text.toLowerCase().split(/\*+/)
    : undefined;
}

/** Any text on one line → a pattern on a field's or a parameter's value. */
export function parseTextPattern(text: string): Pattern | undefined {
  return text.length <= 1024 && /^[\t\x20-\x7e\x80-\xff]*$/.test(text) ? text.split(/\*+/) : undefined;
}

const CANONICAL: KeyRules = {
  path: 'normalize',
  query: 'drop',
  allowParams: undefined,
  denyParams: [],
  extraFields: [],
};

/** The path of a target as route patterns see it: without its query, in the one spelling of RFC 3986 §6.2.2. */
export function canonicalPath(target: string): string {
  return /%|\/\/|\/\.|\?/.test(target) ? normaliseTarget(target, CANONICAL) : target;
}

/** "www.example.org", "*.example.org", "example.org:8443", "[::1]". */
export function parseHostPattern(text: string): HostPattern | undefined {
  const match = /^(\*(?=\.))?(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i.exec(text);
  const name = match?.[2]?.toLowerCase();
  if (match === null || name === undefined) return undefined;
  const wildcard = match[1] !== undefined;
  if (!name.startsWith('[') && !isHostName(wildcard ? name.slice(1) : name)) return undefined;
  return { name, wildcard, port: match[3] };
}

export function matchesPattern(pattern: Pattern, text: string): boolean {
  return find(pattern, text, undefined);
}

/** What each `*` of a pattern stands for, the earlier as little as possible; undefined where it does not match. */
export function wildcards(pattern: Pattern, text: string): readonly string[] | undefined {
  const stars: string[] = [];
  return find(pattern, text, stars) ? stars : undefined;
}

function find(pattern: Pattern, text: string, stars: string[] | undefined): boolean {
  const first = pattern[0] ?? '';
  const last = pattern.length - 1;
  if (last === 0) return text === first;
  const end = text.length - (pattern[last] ?? '').length;
  if (!text.startsWith(first) || end < first.length || !text.endsWith(pattern[last] ?? '')) return false;
  let from = first.length;
  for (let i = 1; i < last; i += 1) {
    const part = pattern[i] ?? '';
    const found = text.indexOf(part, from);
    if (found === -1) return false;
    stars?.push(text.slice(from, found));
    from = found + part.length;
  }
  stars?.push(text.slice(from, end));
  return from <= end;
}

/** A scheme's default port, which an authority leaves out. */
const DEFAULT_PORTS = ['80', '443'];

/** `authority` as in Request: lower-case, with the port unless it is the scheme's default. */
export function matchesHost(pattern: HostPattern, authority: string): boolean {
  const colon = authority.lastIndexOf(':');
  const hasPort = colon > authority.lastIndexOf(']');
  const host = hasPort ? authority.slice(0, colon) : authority;
  const portMatches = hasPort
    ? pattern.port === authority.slice(colon + 1)
    : DEFAULT_PORTS.includes(pattern.port ?? '');
  if (pattern.port !== undefined && !portMatches) return false;
  return pattern.wildcard
    ? host.length > pattern.name.length && host.endsWith(pattern.name)
    : host === pattern.name;
}

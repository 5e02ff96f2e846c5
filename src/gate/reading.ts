// The ways a path may be read by the servers behind: as routes read it, and with what some server takes literally: escaped
// slashes, backslashes, path parameters, escapes within escapes to one depth or another. A rule that forbids looks at all.

import { canonicalPath, matchesPattern } from '../config/patterns.ts';
import type { RequestMatch } from './access-rules.ts';

/** A target's path, and how else it may be read. */
export interface Reading {
  /** As routes see it. */
  readonly path: string;
  /** What other servers may make of it; empty where nothing in it can be read otherwise. Characters that a target cannot hold are escaped. */
  readonly others: readonly string[];
}

const DOUBTFUL = /%|\\|;/;
/** As deep as escapes are looked into. */
const LAYERS = 3;
const NONE: readonly string[] = [];

export function readPath(target: string): Reading {
  const path = canonicalPath(target);
  return { path, others: DOUBTFUL.test(path) && path.startsWith('/') ? otherReadings(path) : NONE };
}

/**
 * INVARIANT: one for each number of layers that a server may decode, not only for the most willing one: what that resolves
 * away (`/%252e%252e`) is a name to others, and may follow a script's.
 */
function otherReadings(path: string): readonly string[] {
  const found = new Set([resolved(withoutParameters(path))]);
  let text = path;
  for (let layer = 0; layer < LAYERS && text.includes('%'); layer++) {
    text = unescaped(text);
    const lenient = withoutParameters(text);
    const cut = lenient.split(/[\0\n?#]/, 1)[0] ?? '';
    for (const one of [text, lenient, cut]) found.add(resolved(one.replaceAll('%', '%25')));
    found.add(resolved(lenient));
  }
  found.delete(path);
  return [...found];
}

function resolved(text: string): string {
  return canonicalPath(text.replace(/[^\x21-\x7e]|[?#]/g, escaped));
}

/** Every escape that can be decoded, byte by byte: latin1 as all texts from the wire. */
export function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function escaped(character: string): string {
  return `%${(character.charCodeAt(0) & 0xff).toString(16).padStart(2, '0').toUpperCase()}`;
}

/** Backslashes taken for slashes; and RFC 3986 §3.3: `;` begins what some servers take for parameters of the segment, `..;` included. */
function withoutParameters(path: string): string {
  return path
    .replaceAll('\\', '/')
    .split('/')
    .map((segment) => segment.split(';', 1)[0])
    .join('/');
}

/** Whether a rule is about a request, in whichever way its path is read. */
export function isAbout({ paths, methods }: RequestMatch, method: string, reading: Reading): boolean {
  if (methods !== undefined && !methods.includes(method) && !(method === 'HEAD' && methods.includes('GET')))
    return false;
  if (paths === undefined) return true;
  const { path, others } = reading;
  return paths.some(
    (pattern) => matchesPattern(pattern, path) || others.some((other) => matchesPattern(pattern, other)),
  );
}

/** A segment that begins with a dot, but for `/.well-known` at the beginning (RFC 8615 §3). */
export function namesDotfile({ path, others }: Reading): boolean {
  return hasDotSegment(path) || others.some(hasDotSegment);
}

function hasDotSegment(path: string): boolean {
  const rest = /^\/\.well-known(?=\/|$)/.test(path) ? path.slice('/.well-known'.length) : path;
  return rest.includes('/.');
}

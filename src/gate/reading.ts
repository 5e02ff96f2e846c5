// The ways a path may be read by the servers behind: as routes read it, and with everything taken literally that some
// server takes so: escaped slashes, backslashes, path parameters, escapes within escapes. A rule that forbids looks at both.

import { canonicalPath, matchesPattern } from '../config/patterns.ts';
import type { RequestMatch } from './access-rules.ts';

/** A target's path read in both ways; the same text where nothing in it can be read otherwise. */
export interface Reading {
  /** As routes see it. */
  readonly path: string;
  /** As the most willing server would. Characters that a target cannot hold are escaped. */
  readonly plain: string;
}

const DOUBTFUL = /%|\\|;/;
/** As deep as escapes are looked into. */
const LAYERS = 3;

export function readPath(target: string): Reading {
  const path = canonicalPath(target);
  return { path, plain: DOUBTFUL.test(path) && path.startsWith('/') ? plainPath(path) : path };
}

function plainPath(path: string): string {
  let text = path;
  for (let layer = 0; layer < LAYERS && text.includes('%'); layer++) text = unescaped(text);
  const segments = text.replaceAll('\\', '/').split('/').map(withoutParameters);
  return canonicalPath(segments.join('/').replace(/[^\x21-\x7e]|[?#]/g, escaped));
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

/** RFC 3986 §3.3: `;` begins what some servers take for parameters of the segment, `..;` included. */
function withoutParameters(segment: string): string {
  const semicolon = segment.indexOf(';');
  return semicolon === -1 ? segment : segment.slice(0, semicolon);
}

/** Whether a rule is about a request, in whichever way its path is read. */
export function isAbout({ paths, methods }: RequestMatch, method: string, reading: Reading): boolean {
  if (methods !== undefined && !methods.includes(method) && !(method === 'HEAD' && methods.includes('GET')))
    return false;
  if (paths === undefined) return true;
  const { path, plain } = reading;
  return paths.some(
    (pattern) => matchesPattern(pattern, path) || (plain !== path && matchesPattern(pattern, plain)),
  );
}

/** A segment that begins with a dot, but for `/.well-known` at the beginning (RFC 8615 §3). */
export function namesDotfile({ path, plain }: Reading): boolean {
  return hasDotSegment(path) || (plain !== path && hasDotSegment(plain));
}

function hasDotSegment(path: string): boolean {
  const rest = /^\/\.well-known(?=\/|$)/.test(path) ? path.slice('/.well-known'.length) : path;
  return rest.includes('/.');
}

// The cache key and the target that is forwarded: one decision for both (design: Words, "cache key"). Owns the
// rewriting of path and query by KeyRules; what is removed from the key never reaches the origin either.
//
// INVARIANT: authority has passed RFC 9112's grammar, so it holds no "/", "?" or blank; a cacheable target begins with
// "/". So scheme, authority and target can be read back from a key: no two requests share one by accident.

import type { KeyRules } from './rules.ts';

export interface CacheKey {
  readonly key: string;
  /** What to ask the origin for. */
  readonly target: string;
}

/** The primary cache key (RFC 9111 §2) and the target as normalised by the rules. */
export function cacheKey(scheme: string, authority: string, target: string, rules: KeyRules): CacheKey {
  const normalised = isVerbatim(rules) ? target : normaliseTarget(target, rules);
  return { key: `${scheme}://${authority}${normalised}`, target: normalised };
}

/** A key's URL, without the space that it lies in (`forward+http://…`). */
export function urlOfKey(key: string): string {
  return key.slice(spaceOf(key).length);
}

/** What comes before the scheme: empty, or ending in "+". No scheme of ours has a plus sign. */
export function spaceOf(key: string): string {
  return key.slice(0, key.lastIndexOf('+', key.indexOf(':')) + 1);
}

/** A key without its scheme, `//host/path?query`: what a purge by URL names, for http and https alike. */
export function purgeUrl(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

function isVerbatim(rules: KeyRules): boolean {
  return (
    rules.path === 'verbatim' &&
    rules.query === 'keep' &&
    rules.allowParams === undefined &&
    rules.denyParams.length === 0
  );
}

/** Idempotent. Targets that are no path (`*`, `host:port`) are left alone. */
export function normaliseTarget(target: string, rules: KeyRules): string {
  if (!target.startsWith('/')) return target;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? undefined : target.slice(mark + 1);
  const newPath = rules.path === 'normalize' ? normalisePath(path) : path;
  const newQuery = query === undefined ? undefined : normaliseQuery(query, rules);
  return newQuery === undefined ? newPath : `${newPath}?${newQuery}`;
}

const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** RFC 3986 §6.2.2: escapes of unreserved characters decoded, other escapes in upper case, dot and empty segments resolved. */
function normalisePath(path: string): string {
  const decoded = path.replace(/%[0-9A-Fa-f]{2}/g, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return UNRESERVED.test(character) ? character : escaped.toUpperCase();
  });
  const kept: string[] = [];
  const segments = decoded.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const last = segments.at(-1);
  const directory = kept.length > 0 && (last === '' || last === '.' || last === '..');
  return `/${kept.join('/')}${directory ? '/' : ''}`;
}

function normaliseQuery(query: string, rules: KeyRules): string | undefined {
  if (rules.query === 'drop') return undefined;
  const filtered = rules.allowParams !== undefined || rules.denyParams.length > 0;
  if (rules.query === 'keep' && !filtered) return query;
  const params = query.split('&').filter((param) => param !== '' && isKept(paramName(param), rules));
  if (rules.query === 'sort') params.sort(byName);
  return params.length === 0 ? undefined : params.join('&');
}

function isKept(name: string, rules: KeyRules): boolean {
  if (rules.allowParams !== undefined && !rules.allowParams.some((pattern) => matches(pattern, name))) {
    return false;
  }
  return !rules.denyParams.some((pattern) => matches(pattern, name));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** The decoded name, so that `utm%5Fid` cannot slip past a list that names `utm_id`. */
function paramName(param: string): string {
  const equals = param.indexOf('=');
  const raw = (equals === -1 ? param : param.slice(0, equals)).replaceAll('+', ' ');
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}

/** Same-named parameters keep their order, which origins may read. */
function byName(a: string, b: string): number {
  const nameA = paramName(a);
  const nameB = paramName(b);
  return nameA < nameB ? -1 : nameA > nameB ? 1 : 0;
}

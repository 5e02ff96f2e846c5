// What a cache must know of a method (RFC 9110 §9.2, the IANA registry): whether stored responses may answer it, and
// whether it is safe. Method names are case-sensitive: `get` is an unknown method.

/** Registered as safe, besides GET and HEAD: forwarded, nothing invalidated. */
const OTHER_SAFE: ReadonlySet<string> = new Set([
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/** Stored responses may answer it (RFC 9111 §4: those of GET answer HEAD too). */
export function isReusable(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Known to be safe; every other method counts as unsafe (RFC 9111 §4.4: also those whose safety is unknown). */
export function isSafe(method: string): boolean {
  return isReusable(method) || OTHER_SAFE.has(method);
}

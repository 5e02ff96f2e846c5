// Which route a request belongs to: the first whose conditions all hold. Pure; with no routes it is one check.

import type { CacheRules } from '../cache/rules.ts';
import { canonicalPath, type HostPattern, matchesHost, matchesPattern, type Pattern } from './patterns.ts';

/** A route as plain data; a condition left out holds for every request. */
export interface RouteConfig {
  readonly match: {
    readonly host: HostPattern | undefined;
    readonly path: Pattern | undefined;
    readonly methods: readonly string[] | undefined;
    /** Pattern on the response's media type, lower-case: such a route decides on storing, not on forwarding. */
    readonly contentType: Pattern | undefined;
  };
  /** The cache settings of all routes, overridden by those of this one. */
  readonly rules: CacheRules;
  /** Name of the origin group; undefined is the one of `origin`. */
  readonly origin: string | undefined;
}

/** What of a request decides on its route. */
export interface Routed {
  readonly authority: string;
  readonly target: string;
}

/**
 * The first route that matches the request, as if it had `method`. The query takes no part. The path is matched with
 * unreserved escapes decoded and dot and empty segments resolved (RFC 3986 §6.2.2), so that no spelling gets round a route.
 * @param contentType of the response, once it is known; before, no route that names one matches
 */
export function matchRoute(
  routes: readonly RouteConfig[],
  method: string,
  { authority, target }: Routed,
  contentType?: string,
): RouteConfig | undefined {
  if (routes.length === 0) return undefined;
  const path = canonicalPath(target);
  return routes.find(
    ({ match }) =>
      (match.methods === undefined || matchesMethod(match.methods, method)) &&
      (match.host === undefined || matchesHost(match.host, authority)) &&
      (match.path === undefined || matchesPattern(match.path, path)) &&
      (match.contentType === undefined ||
        (contentType !== undefined && matchesPattern(match.contentType, mediaType(contentType)))),
  );
}

/** HEAD and PURGE are about what GET stores, so they go where it goes. */
function matchesMethod(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || ((method === 'HEAD' || method === 'PURGE') && methods.includes('GET'));
}

/** The rules of the route, or those that hold where no route matches. */
export function rulesFor(
  config: { readonly routes: readonly RouteConfig[]; readonly cache: { readonly rules: CacheRules } },
  method: string,
  request: Routed,
  contentType?: string,
): CacheRules {
  return matchRoute(config.routes, method, request, contentType)?.rules ?? config.cache.rules;
}

/** Type and subtype without parameters (RFC 9110 §8.3.1). */
function mediaType(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}

// Which route a request belongs to: the first whose conditions all hold. Pure; with no routes it is one check.

import type { CacheRules } from '../cache/rules.ts';
import type { AccessRules } from '../gate/access-rules.ts';
import type { Fields } from '../http/fields.ts';
import { type AddressTest, addressTest, type HostPolicy } from '../origin/forwarded.ts';
import type { EditsConfig } from '../site/edits.ts';
import type { LocalConfig } from '../site/local-answer.ts';
import type { Template } from '../site/template.ts';
import { canonicalPath, type HostPattern, matchesHost, matchesPattern, type Pattern } from './patterns.ts';

/** A route as plain data; a condition left out holds for every request. */
export interface RouteConfig {
  readonly match: {
    /** One of them. */
    readonly host: readonly HostPattern[] | undefined;
    readonly path: readonly Pattern[] | undefined;
    readonly methods: readonly string[] | undefined;
    /** By lower-case name. */
    readonly headers: readonly (readonly [string, Pattern])[] | undefined;
    readonly query: readonly (readonly [string, Pattern])[] | undefined;
    /** CIDR texts. */
    readonly clients: readonly string[] | undefined;
    /** Pattern on the response's media type, lower-case: such a route decides on storing, not on forwarding. */
    readonly contentType: Pattern | undefined;
  };
  /** The cache settings of all routes, overridden by those of this one. */
  readonly rules: CacheRules;
  /** Name of the origin group; undefined is the one of `origin`. */
  readonly origin: string | undefined;
  /** undefined is as elsewhere. */
  readonly host: HostPolicy | undefined;
  readonly rewrite: Template | undefined;
  /** The answer of a route that asks no origin. */
  readonly local: LocalConfig | undefined;
  /** What is let in: the rules of everywhere with those of this route over them; undefined sets none. */
  readonly access: AccessRules | undefined;
  /** Those of everywhere and then those of this route. */
  readonly headers: HeaderEdits;
}

export interface HeaderEdits {
  readonly request: readonly EditsConfig[];
  readonly response: readonly EditsConfig[];
}

/** What of a request decides on its route. */
export interface Routed {
  readonly authority: string;
  readonly target: string;
  /** Without fields and client, as for a URL alone, no condition on them holds. */
  readonly fields?: Fields;
  /** The client's address. */
  readonly client?: string;
}

/**
 * The first route that matches the request, as if it had `method`. The query takes no part. The path is matched with
 * unreserved escapes decoded and dot and empty segments resolved (RFC 3986 §6.2.2), so that no spelling gets round a route.
 * @param contentType of the response, once it is known; before, no route that names one matches
 */
export function matchRoute(
  routes: readonly RouteConfig[],
  method: string,
  request: Routed,
  contentType?: string,
): RouteConfig | undefined {
  if (routes.length === 0) return undefined;
  const { authority, target } = request;
  const path = canonicalPath(target);
  return routes.find(
    ({ match }) =>
      (match.methods === undefined || matchesMethod(match.methods, method)) &&
      (match.host === undefined || match.host.some((one) => matchesHost(one, authority))) &&
      (match.path === undefined || match.path.some((one) => matchesPattern(one, path))) &&
      (match.headers === undefined || matchesHeaders(match.headers, request.fields)) &&
      (match.query === undefined || matchesQuery(match.query, target)) &&
      (match.clients === undefined || matchesClient(match.clients, request.client)) &&
      (match.contentType === undefined ||
        (contentType !== undefined && matchesPattern(match.contentType, mediaType(contentType)))),
  );
}

/** HEAD and PURGE are about what GET stores, so they go where it goes. */
function matchesMethod(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || ((method === 'HEAD' || method === 'PURGE') && methods.includes('GET'));
}

function matchesHeaders(
  wanted: readonly (readonly [string, Pattern])[],
  fields: Fields | undefined,
): boolean {
  return wanted.every(([name, pattern]) => {
    const value = fields?.get(name);
    return value !== undefined && matchesPattern(pattern, value);
  });
}

/** A parameter that is sent several times matches by any of its values; escaped ones by what they stand for, too. */
function matchesQuery(wanted: readonly (readonly [string, Pattern])[], target: string): boolean {
  const mark = target.indexOf('?');
  const sent = mark === -1 ? [] : target.slice(mark + 1).split('&');
  return wanted.every(([name, pattern]) =>
    sent.some((parameter) => {
      const equals = parameter.indexOf('=');
      const sentName = equals === -1 ? parameter : parameter.slice(0, equals);
      if (sentName !== name && plain(sentName) !== name) return false;
      const value = equals === -1 ? '' : parameter.slice(equals + 1);
      return matchesPattern(pattern, value) || matchesPattern(pattern, plain(value));
    }),
  );
}

/** As forms are decoded, byte by byte: another spelling must not lead past a route. */
function plain(text: string): string {
  if (!/[%+]/.test(text)) return text;
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

const tests = new WeakMap<readonly string[], AddressTest>();

function matchesClient(ranges: readonly string[], client: string | undefined): boolean {
  let test = tests.get(ranges);
  if (test === undefined) {
    test = addressTest(ranges);
    tests.set(ranges, test);
  }
  return client !== undefined && test(client);
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

// What the settings make of requests: for each its route, with the cache rules, the upstream and what else holds there. Made
// anew when the settings are; whoever asks it keeps nothing of its answers beyond the request.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { CacheRules } from '../cache/rules.ts';
import { type HeaderEdits, matchRoute, type RouteConfig, type Routed } from '../config/routes.ts';
import type { Config } from '../config.ts';
import { type Client, clients } from '../gate/client-address.ts';
import type { GateTools } from '../gate/gate.ts';
import { gatesOf } from '../gate/gates.ts';
import { readPath } from '../gate/reading.ts';
import type { Request } from '../http/message.ts';
import { type AddressTest, addressTest, type HostPolicy } from '../origin/forwarded.ts';
import { Entrance } from '../tls/entrance.ts';
import { editTemplates } from './edits.ts';
import { Route, type RouteOptions } from './route.ts';
import type { Template } from './template.ts';
import { DEFAULT_GROUP, type Upstreams } from './upstreams.ts';

/** A request with its route. */
export interface Routing {
  /** As its route was chosen: before the route's own edits, which may take away what it was chosen by. */
  readonly came: Request;
  readonly route: Route;
}

/** What the edge asks of settings for a request: of its own sites, or of a proxy's clients. */
export interface Realm {
  /** Where its stored responses lie, apart from those of others: before the scheme in their keys; empty or ending in "+". */
  readonly space: string;
  readonly trusted: AddressTest;
  /** Who asks. */
  readonly clientOf: (request: Request) => Pick<Client, 'address'>;
  /** What requests pass before they have a route, if anything. */
  readonly entrance: Entrance | undefined;
  /** Peers that are edges of ours; undefined without any. */
  readonly edges: AddressTest | undefined;
  readonly upgrades: Pick<Config['upgrades'], 'protocols'>;
  route(method: string, request: Request): Route;
  /** The rules for a request, as if it had this method, once the media type of its response is known. */
  rulesFor(method: string, routing: Routing, contentType: string): CacheRules;
}

export class Site implements Realm {
  readonly space = '';
  /** Peers whose Forwarded and X-Forwarded-* fields are believed. */
  readonly trusted: AddressTest;
  /** Who asks, through trusted proxies. */
  readonly clientOf: (request: Request) => Client;
  /** Clients that are edges of the operator's; undefined where there are none. */
  readonly edges: AddressTest | undefined;
  readonly upgrades: Config['upgrades'];
  /** How encoded forms are made. */
  readonly compression: Config['compression'];
  /** What requests pass before they have a route. */
  readonly entrance: Entrance;
  readonly #configs: readonly RouteConfig[];
  readonly #routes = new Map<RouteConfig, Route>();
  readonly #elsewhere: Route;
  /** Some routes look at the client. */
  readonly #byClient: boolean;
  /** Some look at the response's media type. */
  readonly #byType: boolean;
  /** Some look at the path, … */
  readonly #byPath: boolean;
  /** … and what is asked for by a path that may be another route's is for its client alone. */
  readonly #uncached = new Map<Route, Route>();

  constructor(config: Config, upstreams: Upstreams, tools: GateTools) {
    this.trusted = addressTest(config.trustedProxies);
    const { edges } = config.tier;
    this.edges = edges.length === 0 ? undefined : addressTest(edges);
    this.upgrades = config.upgrades;
    this.entrance = new Entrance(config.tls, this.trusted);
    this.compression = config.compression;
    this.clientOf = clients(this.trusted, config.clientAddress);
    const gateOf = gatesOf(config, this.clientOf, tools);
    this.#configs = config.routes;
    this.#byClient = config.routes.some(({ match }) => match.clients !== undefined);
    this.#byType = config.routes.some(({ match }) => match.contentType !== undefined);
    this.#byPath = config.routes.some(({ match }) => match.path !== undefined);
    const clientOf = this.clientOf;
    const group = config.origin.kind === 'group' ? config.origin.name : DEFAULT_GROUP;
    const hidden = config.routes.some(({ match }) => (match.headers ?? match.clients) !== undefined);
    const label = (...how: Parameters<typeof labelOf>): string | undefined =>
      hidden ? labelOf(...how) : undefined;
    const elsewhere = {
      rules: config.cache.rules,
      upstream: upstreams.get(group),
      hostPolicy: config.host,
      headers: config.headers,
      gate: gateOf(config.access),
      clientOf,
      label: label(group, config.host, config.headers, undefined),
    };
    this.#elsewhere = this.#made(elsewhere);
    for (const route of config.routes) {
      const { rules, origin = group, host = config.host, headers, rewrite, local, match } = route;
      const upstream = upstreams.get(origin);
      const made = {
        ...{ rules, upstream, hostPolicy: host, headers, rewrite, local, paths: match.path ?? [] },
        gate: gateOf(route.access),
        clientOf,
        label: label(origin, host, headers, rewrite),
      };
      this.#routes.set(route, this.#made(made));
    }
  }

  /** The route of a request, as if it had this method. */
  route(method: string, request: Request): Route {
    const routed = this.#routed(request);
    const route = this.#of(matchRoute(this.#configs, method, routed));
    return this.#byPath && this.#isDoubtful(method, routed, route)
      ? (this.#uncached.get(route) ?? route)
      : route;
  }

  /**
   * Whether the origin may read the path as one that other rules of caching hold for: `/static/..%2faccount`, `/account;.css`.
   * What it answers then is not to be stored by the rules of the path that it looks like.
   */
  #isDoubtful(method: string, routed: Routed, { rules }: Route): boolean {
    return readPath(routed.target).others.some((target) => {
      const other = this.#of(matchRoute(this.#configs, method, { ...routed, target })).rules;
      return other !== rules && !isDeepStrictEqual(other, rules);
    });
  }

  #made(options: RouteOptions): Route {
    const route = new Route(options);
    if (this.#byPath)
      this.#uncached.set(route, new Route({ ...options, rules: { ...options.rules, bypass: true } }));
    return route;
  }

  rulesFor(method: string, { came, route }: Routing, contentType: string): CacheRules {
    if (!this.#byType && method === came.method) return route.rules;
    return this.#of(matchRoute(this.#configs, method, this.#routed(came), contentType)).rules;
  }

  #routed(request: Request): Routed {
    if (!this.#byClient) return request;
    const { authority, target, fields } = request;
    return { authority, target, fields, client: this.clientOf(request).address };
  }

  #of(config: RouteConfig | undefined): Route {
    return (config && this.#routes.get(config)) ?? this.#elsewhere;
  }
}

/** Of how a route fetches. Short, and the same for the same: it is part of what is stored. */
function labelOf(
  origin: string,
  host: HostPolicy,
  { request }: HeaderEdits,
  rewrite: Template | undefined,
): string {
  const edits = editTemplates(request);
  const how = [origin, host, [...(edits?.removed ?? [])].sort(), edits?.lines ?? [], rewrite];
  return createHash('sha256').update(JSON.stringify(how)).digest('base64url').slice(0, 12);
}

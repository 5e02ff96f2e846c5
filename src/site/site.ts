// What the settings make of requests: for each its route, with the cache rules, the upstream and what else holds there. Made
// anew when the settings are; whoever asks it keeps nothing of its answers beyond the request.

import type { CacheRules } from '../cache/rules.ts';
import { matchRoute, type RouteConfig, type Routed } from '../config/routes.ts';
import type { Config } from '../config.ts';
import type { Gate } from '../gate/gate.ts';
import { type AddressTest, addressTest, type HostPolicy } from '../origin/forwarded.ts';
import type { Upstream } from '../origin/upstream.ts';
import { DEFAULT_GROUP, type Upstreams } from './upstreams.ts';

/** What holds for the requests of a route. One object per route: what is remembered for a route hangs on it. */
export interface Route {
  readonly rules: CacheRules;
  readonly upstream: Upstream;
  readonly hostPolicy: HostPolicy;
  /** undefined lets everybody in. */
  readonly gate: Gate | undefined;
}

export class Site {
  /** Peers whose Forwarded and X-Forwarded-* fields are believed. */
  readonly trusted: AddressTest;
  readonly #configs: readonly RouteConfig[];
  readonly #routes = new Map<RouteConfig, Route>();
  readonly #elsewhere: Route;

  constructor(config: Config, upstreams: Upstreams) {
    this.trusted = addressTest(config.trustedProxies);
    this.#configs = config.routes;
    const group = config.origin.kind === 'group' ? config.origin.name : DEFAULT_GROUP;
    const common = { hostPolicy: config.host, gate: undefined };
    this.#elsewhere = { ...common, rules: config.cache.rules, upstream: upstreams.get(group) };
    for (const route of config.routes) {
      const { rules, origin = group } = route;
      this.#routes.set(route, { ...common, rules, upstream: upstreams.get(origin) });
    }
  }

  /** The route of a request, as if it had this method. */
  route(method: string, request: Routed): Route {
    return this.#of(matchRoute(this.#configs, method, request));
  }

  /** The rules for a request, once the media type of its response is known. */
  rulesFor(method: string, request: Routed, contentType: string): CacheRules {
    return this.#of(matchRoute(this.#configs, method, request, contentType)).rules;
  }

  #of(config: RouteConfig | undefined): Route {
    return (config && this.#routes.get(config)) ?? this.#elsewhere;
  }
}

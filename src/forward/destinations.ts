// The servers that clients of the forward proxy ask for, each with its pool of connections: made when first asked for, and so
// many kept; those asked for least lately go. Pools of different rules are apart, as what they may dial is.

import type { CacheRules } from '../cache/rules.ts';
import type { Telling } from '../origin/forwarded.ts';
import { Origin } from '../origin/origin.ts';
import { Route } from '../site/route.ts';
import type { Destination } from './destination.ts';
import { type AddressCheck, checkedLookup, literalFault } from './dial.ts';
import type { Resolve } from './resolver.ts';

export interface DestinationsOptions {
  readonly resolve: Resolve;
  readonly timeouts: { readonly connectMs: number; readonly firstByteMs: number; readonly idleMs: number };
  /** Kept at most. */
  readonly max: number;
  readonly connectionsEach: number;
  readonly rules: CacheRules;
  readonly telling: Telling;
}

interface Kept {
  readonly route: Route;
  readonly origin: Origin;
}

export class Destinations {
  readonly #options: DestinationsOptions;
  /** The one asked for last is the last. */
  readonly #kept = new Map<string, Kept>();
  readonly #leaving = new Map<Origin, Promise<void>>();
  /** Requests of those that are gone, so that the sum never falls. */
  #requests = 0;

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#kept.size;
  }

  get requests(): number {
    let sum = this.#requests;
    for (const origin of this.#all()) sum += origin.requests;
    return sum;
  }

  get active(): number {
    let sum = 0;
    for (const origin of this.#all()) sum += origin.active;
    return sum;
  }

  /** @param space names what `check` lets pass */
  route(space: string, check: AddressCheck, destination: Destination): Route {
    const name = `${space}${destination.scheme}://${destination.authority}`;
    const kept = this.#kept.get(name) ?? this.#open(check, destination);
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    if (this.#kept.size > this.#options.max) this.#retireOldest();
    return kept.route;
  }

  /** Lets the exchanges under way end; resolves when they have. */
  async close(): Promise<void> {
    while (this.#kept.size > 0) this.#retireOldest();
    await Promise.allSettled([...this.#leaving.values()]);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all()].map((origin) => origin.destroy()));
  }

  #open(check: AddressCheck, { scheme, host, port, authority }: Destination): Kept {
    const { resolve, timeouts, connectionsEach, rules, telling } = this.#options;
    const origin = new Origin({
      url: `${scheme}://${authority}`,
      connectTimeoutMs: timeouts.connectMs,
      firstByteTimeoutMs: timeouts.firstByteMs,
      idleTimeoutMs: timeouts.idleMs,
      connections: connectionsEach,
      guard: { lookup: checkedLookup(resolve, check, port), fault: () => literalFault(host, check, port) },
    });
    const headers = { request: [], response: [] };
    return {
      origin,
      route: new Route({ rules, upstream: origin, hostPolicy: 'preserve', telling, headers }),
    };
  }

  #retireOldest(): void {
    for (const [name, { origin }] of this.#kept) {
      this.#kept.delete(name);
      const gone = (): void => {
        this.#leaving.delete(origin);
        this.#requests += origin.requests;
      };
      this.#leaving.set(origin, origin.close().then(gone, gone));
      return;
    }
  }

  *#all(): Iterable<Origin> {
    for (const { origin } of this.#kept.values()) yield origin;
    yield* this.#leaving.keys();
  }
}

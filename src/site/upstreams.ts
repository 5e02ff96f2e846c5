// The upstreams that the settings name, kept across reloads while their settings stay the same, so that connections and what
// is known of origins' health stay too.

import { isDeepStrictEqual } from 'node:util';
import type { Config, FastCgiConfig, OriginGroupConfig } from '../config.ts';
import type { Log } from '../observe/log.ts';
import { parseFastCgiUrl } from '../origin/fastcgi/address.ts';
import { FastCgi, fastCgiOptions } from '../origin/fastcgi/fastcgi.ts';
import { Origin } from '../origin/origin.ts';
import type { Upstream } from '../origin/upstream.ts';

/** Everything that an upstream is made of. */
interface Plan {
  readonly group: OriginGroupConfig;
  readonly fastcgi: FastCgiConfig;
  readonly timeouts: Config['timeouts'];
  readonly connections: number;
}

interface Open {
  readonly plan: Plan;
  readonly upstream: Upstream;
}

/** The name of the group that stands where a route names none. */
export const DEFAULT_GROUP = '';

export class Upstreams {
  readonly #log: Log;
  readonly #open = new Map<string, Open>();
  readonly #leaving = new Set<Upstream>();
  /** Requests of upstreams that are gone, so that the sum never falls. */
  #requests = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get requests(): number {
    let sum = this.#requests;
    for (const upstream of this.#all()) sum += upstream.requests;
    return sum;
  }

  get active(): number {
    let sum = 0;
    for (const upstream of this.#all()) sum += upstream.active;
    return sum;
  }

  /** Opens what is new in the settings; lets what is no more in them end its exchanges. */
  apply(config: Config, demoUrl: string | undefined): void {
    const groups = { ...config.origins, ...defaultGroup(config, demoUrl) };
    for (const [name, { upstream }] of this.#open) if (!(name in groups)) this.#retire(name, upstream);
    for (const [name, group] of Object.entries(groups)) {
      const { fastcgi, timeouts, originConnections } = config;
      const plan = { group, fastcgi, timeouts, connections: originConnections };
      const open = this.#open.get(name);
      if (open !== undefined && isDeepStrictEqual(open.plan, plan)) continue;
      if (open !== undefined) this.#retire(name, open.upstream);
      this.#open.set(name, { plan, upstream: openUpstream(plan, this.#log) });
    }
  }

  /** @throws when no group has the name: config.ts has seen to it that one has. */
  get(name: string): Upstream {
    const open = this.#open.get(name);
    if (open === undefined) throw new Error(`no origin group "${name}"`);
    return open.upstream;
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all()].map((upstream) => upstream.destroy()));
  }

  *#all(): Iterable<Upstream> {
    for (const { upstream } of this.#open.values()) yield upstream;
    yield* this.#leaving;
  }

  #retire(name: string, upstream: Upstream): void {
    this.#open.delete(name);
    this.#leaving.add(upstream);
    const gone = (): void => {
      this.#leaving.delete(upstream);
      this.#requests += upstream.requests;
    };
    upstream.close().then(gone, gone);
  }
}

function defaultGroup({ origin }: Config, demoUrl: string | undefined): Record<string, OriginGroupConfig> {
  const url = origin.kind === 'url' ? origin.url : origin.kind === 'demo' ? demoUrl : undefined;
  return url === undefined ? {} : { [DEFAULT_GROUP]: { servers: [{ url }] } };
}

function openUpstream({ group, fastcgi, timeouts, connections }: Plan, log: Log): Upstream {
  const [server] = group.servers;
  if (server === undefined) throw new Error('an origin group without a server');
  const limits = {
    connectTimeoutMs: timeouts.connectMs,
    firstByteTimeoutMs: timeouts.firstByteMs,
    idleTimeoutMs: timeouts.idleMs,
    connections,
  };
  const address = parseFastCgiUrl(server.url);
  if (address === undefined) return new Origin({ url: server.url, ...limits });
  return new FastCgi({
    ...limits,
    ...fastCgiOptions(fastcgi),
    address,
    onErrorStream: (text, script) => {
      log.warn({ script, stderr: text }, 'a script wrote to its error stream');
    },
  });
}

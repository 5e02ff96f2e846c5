// The upstreams that the settings name, kept across reloads while their settings stay the same, so that connections and what
// is known of origins' health stay too.

import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { Config, FastCgiConfig, OriginGroupConfig, OriginServerConfig } from '../config.ts';
import type { Log } from '../observe/log.ts';
import { Budgeted, type BudgetReport, type BudgetRules, shareOf } from '../origin/budget.ts';
import { parseFastCgiUrl } from '../origin/fastcgi/address.ts';
import { FastCgi, fastCgiOptions } from '../origin/fastcgi/fastcgi.ts';
import { Group, type GroupReport } from '../origin/group.ts';
import { Names } from '../origin/names.ts';
import { Origin, type OriginOptions } from '../origin/origin.ts';
import type { Upstream } from '../origin/upstream.ts';
import type { OriginWord } from './origin-watch.ts';

/** Everything that an upstream is made of: one origin by itself, or a group. */
type Plan =
  | {
      readonly kind: 'origin';
      readonly url: string;
      readonly timeouts: Config['timeouts'];
      readonly connections: number;
      readonly budget: BudgetRules | undefined;
      readonly fastcgi: FastCgiConfig;
    }
  | {
      readonly kind: 'group';
      readonly name: string;
      readonly group: OriginGroupConfig;
      readonly host: Config['host'];
    };

interface Open {
  readonly plan: Plan;
  /** The group or origin itself, … */
  readonly inner: Upstream;
  readonly budget: Budgeted | undefined;
  /** … and what requests are given to: the budget around it, where there is one. */
  readonly upstream: Upstream;
}

/** The name of the group that stands where a route names none. */
export const DEFAULT_GROUP = '';

/** For an origin by itself; groups have settings for both. */
const RESOLVE_MS = 30_000;
const MAX_AGE_MS = 600_000;
/** Requests that came before a reload, and wait for the disk, the gate or another's fetch, may yet want what it has replaced. */
const LATE_MS = 60_000;

export interface UpstreamsOptions {
  readonly log: Log;
  /** Workers that share what a server may be given; 1 unless given. */
  readonly workers?: number | undefined;
  /** Epoch ms. */
  readonly now: () => number;
}

export class Upstreams {
  readonly #options: UpstreamsOptions;
  readonly #open = new Map<string, Open>();
  readonly #leaving = new Set<Upstream>();
  readonly #words = new Map<string, OriginWord>();
  /** Requests of upstreams that are gone, so that the sum never falls. */
  #requests = 0;

  constructor(options: UpstreamsOptions) {
    this.#options = options;
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

  /** Opens what is new in the settings; what is no more in them takes the requests that were begun with it, and closes later. */
  apply(config: Config, demoUrl: string | undefined): void {
    const plans = plansOf(config, demoUrl);
    for (const [name, { upstream }] of this.#open) if (!plans.has(name)) this.#retire(name, upstream);
    for (const [name, plan] of plans) {
      const open = this.#open.get(name);
      if (open !== undefined && isDeepStrictEqual(open.plan, plan)) continue;
      if (open !== undefined) this.#retire(name, open.upstream);
      const inner = openUpstream(plan, this.#options);
      const rules = plan.kind === 'group' ? plan.group.budget : plan.budget;
      const budget = rules && new Budgeted(inner, shareOf(rules, this.#options.workers ?? 1));
      this.#open.set(name, { plan, inner, budget, upstream: budget ?? inner });
      for (const word of this.#words.values()) if (word.group === name) this.#group(name)?.heed(word);
    }
  }

  /** @throws when no group has the name: config.ts has seen to it that one has. */
  get(name: string): Upstream {
    const open = this.#open.get(name);
    if (open === undefined) throw new Error(`no origin group "${name}"`);
    return open.upstream;
  }

  /** The groups as they are now. */
  reports(): readonly GroupReport[] {
    return [...this.#groups()].map((group) => group.report());
  }

  /** The budgets as they are now, by the name of their group; '' is the one of `origin`. */
  budgets(): ReadonlyMap<string, BudgetReport> {
    const reports = new Map<string, BudgetReport>();
    for (const [name, { budget }] of this.#open) if (budget !== undefined) reports.set(name, budget.report());
    return reports;
  }

  /** Takes a word on a server, also for a group of the same name that takes its place. */
  heed(word: OriginWord): void {
    this.#words.set(`${word.kind} ${word.group} ${word.server}`, word);
    this.#group(word.group)?.heed(word);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#all()].map((upstream) => upstream.destroy()));
  }

  #group(name: string): Group | undefined {
    const inner = this.#open.get(name)?.inner;
    return inner instanceof Group ? inner : undefined;
  }

  *#groups(): Iterable<Group> {
    for (const { inner } of this.#open.values()) if (inner instanceof Group) yield inner;
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
    setTimeout(() => upstream.close().then(gone, gone), LATE_MS).unref();
  }
}

function plansOf(config: Config, demoUrl: string | undefined): ReadonlyMap<string, Plan> {
  const { origin, origins, timeouts, originConnections: connections, originBudget, host, fastcgi } = config;
  const plans = new Map<string, Plan>(
    Object.entries(origins).map(([name, group]) => [name, { kind: 'group', name, group, host }]),
  );
  const url = origin.kind === 'url' ? origin.url : origin.kind === 'demo' ? demoUrl : undefined;
  if (url !== undefined) {
    const budget = originBudget;
    plans.set(DEFAULT_GROUP, { kind: 'origin', url, timeouts, connections, fastcgi, budget });
  }
  return plans;
}

function openUpstream(plan: Plan, options: UpstreamsOptions): Upstream {
  const { now } = options;
  if (plan.kind === 'origin') {
    const { url, fastcgi, timeouts, connections } = plan;
    const limits = limitsOf(timeouts, connections);
    const names = namesOf(url, RESOLVE_MS, now);
    return openOne({ ...limits, url, maxAgeMs: MAX_AGE_MS, names, now }, fastcgi, options.log);
  }
  const { name, group, host } = plan;
  return new Group({
    ...group,
    ...options,
    name,
    ownHost: host === 'origin',
    servers: group.servers.map((server) => {
      const maxConnections = Math.max(1, Math.ceil(server.maxConnections / (options.workers ?? 1)));
      const share = { ...server, maxConnections };
      return { ...share, origin: openServer(share, group, options) };
    }),
  });
}

/** Also for the active checks, which dial as the requests do. */
export function openServer(
  server: OriginServerConfig,
  group: OriginGroupConfig,
  { log, now }: Pick<UpstreamsOptions, 'log' | 'now'>,
): Upstream {
  const { timeouts, http2, maxAgeMs, resolveMs } = group;
  const { url, tls, maxConnections } = server;
  const options = {
    ...limitsOf(timeouts, maxConnections),
    url,
    totalTimeoutMs: timeouts.totalMs,
    maxAgeMs,
    names: namesOf(url, resolveMs, now),
    tls,
    http2,
    triesOnce: true,
    now,
  };
  return openOne(options, group.fastcgi, log);
}

function openOne(options: OriginOptions, fastcgi: FastCgiConfig, log: Log): Upstream {
  const address = parseFastCgiUrl(options.url);
  if (address === undefined) return new Origin(options);
  return new FastCgi({
    ...options,
    ...fastCgiOptions(fastcgi),
    address,
    onErrorStream: (text, script) => {
      log.warn({ script, stderr: text }, 'a script wrote to its error stream');
    },
  });
}

function limitsOf(
  timeouts: Pick<Config['timeouts'], 'connectMs' | 'firstByteMs' | 'idleMs'>,
  connections: number,
) {
  return {
    connectTimeoutMs: timeouts.connectMs,
    firstByteTimeoutMs: timeouts.firstByteMs,
    idleTimeoutMs: timeouts.idleMs,
    connections,
  };
}

/** undefined where there is no name to resolve. */
function namesOf(url: string, refreshMs: number, now: () => number): Names | undefined {
  if (!url.startsWith('http')) return undefined;
  const host = new URL(url).hostname;
  return isIP(host.replace(/^\[|\]$/g, '')) === 0 ? new Names({ host, refreshMs, now }) : undefined;
}

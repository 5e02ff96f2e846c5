// Several origins as one upstream: who may be asked, who is asked (balance.ts), and the line of those who wait while all are
// full. What becomes of one request is group-exchange.ts's, what is known of one server server.ts's.

import type { Log } from '../observe/log.ts';
import { Allowance, type AllowanceRules } from './allowance.ts';
import { type Balance, type BalanceName, createBalance } from './balance.ts';
import { GroupExchange } from './group-exchange.ts';
import type { HealthRules, HealthState, Mode } from './health.ts';
import { RecentTimes } from './latency.ts';
import { Server, type ServerReport } from './server.ts';
import { Sticky, type StickyRules } from './sticky.ts';
import type { Exchange, ExchangeEvents, OriginRequest, Upstream } from './upstream.ts';
import { WaitingLine, type WaitingRules } from './waiting.ts';

/** Failures after which another server is asked. */
export type RetryOn = 'connect' | 'reset' | 'timeout';

type Ranges = readonly (readonly [number, number])[];

export interface GroupRules {
  readonly balance: BalanceName;
  readonly hashLoadFactor: number | undefined;
  readonly sticky?: StickyRules | undefined;
  readonly queue: WaitingRules;
  readonly retries: {
    readonly attempts: number;
    readonly on: readonly RetryOn[];
    readonly statuses: Ranges;
    readonly allowance: AllowanceRules;
  };
  readonly health: HealthRules & { readonly statuses: Ranges };
  readonly hedge: {
    readonly after: 'none' | { readonly ms: number } | { readonly percentile: number };
    readonly allowance: AllowanceRules;
  };
}

export interface GroupOptions extends GroupRules {
  readonly name: string;
  readonly servers: readonly {
    readonly url: string;
    readonly weight: number;
    readonly backup: boolean;
    readonly maxConnections: number;
    readonly origin: Upstream;
  }[];
  /** The Host of a request is the server's own: it is put in when it is known which one. */
  readonly ownHost: boolean;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
}

/** On a server, from outside. */
export type Word = { readonly server: string } & (
  | { readonly kind: 'checked'; readonly up: boolean; readonly why: string }
  | { readonly kind: 'set'; readonly mode: Mode }
);

/** A group as it is shown. */
export interface GroupReport {
  readonly group: string;
  readonly balance: BalanceName;
  readonly waiting: number;
  /** Requests that found no room, or waited too long. */
  readonly refused: number;
  readonly retries: number;
  readonly hedges: number;
  readonly servers: readonly ServerReport[];
}

export class Group implements Upstream {
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  active = 0;
  retries = 0;
  hedges = 0;
  readonly options: GroupOptions;
  readonly line: WaitingLine<GroupExchange>;
  readonly retryAllowance: Allowance;
  readonly hedgeAllowance: Allowance;
  readonly times = new RecentTimes();
  /** undefined where no client is kept with a server. */
  readonly sticky: Sticky<Server> | undefined;
  readonly #servers: readonly Server[];
  readonly #primaries: readonly Server[];
  readonly #backups: readonly Server[];
  readonly #balance: Balance<Server>;

  constructor(options: GroupOptions) {
    this.options = options;
    this.#servers = options.servers.map(
      ({ url, ...server }) =>
        new Server({
          ...server,
          id: url,
          health: options.health,
          onChange: (changed, from, to, why) => this.#log(changed, from, to, why),
        }),
    );
    this.sticky = options.sticky && new Sticky(options.sticky, options.name, this.#servers);
    this.#primaries = this.#servers.filter(({ backup }) => !backup);
    this.#backups = this.#servers.filter(({ backup }) => backup);
    for (const { origin } of this.#servers) origin.onTunnelGone = () => this.released();
    const [first] = this.#servers;
    if (first === undefined) throw new Error('an origin group without a server');
    this.authority = first.origin.authority;
    this.scheme = first.origin.scheme;
    this.line = new WaitingLine(options.queue);
    this.retryAllowance = new Allowance(options.retries.allowance);
    this.hedgeAllowance = new Allowance(options.hedge.allowance);
    this.#balance = createBalance(options.balance, { loadFactor: options.hashLoadFactor });
  }

  get requests(): number {
    let sum = 0;
    for (const { origin } of this.#servers) sum += origin.requests;
    return sum;
  }

  get size(): number {
    return this.#servers.length;
  }

  send(request: OriginRequest, events: ExchangeEvents): Exchange {
    const exchange = new GroupExchange(this, request, events);
    exchange.start();
    return exchange;
  }

  /**
   * The server for a request: one of the primaries, of the backups where no primary may be asked, or an ejected one before its
   * time where nothing else is left. 'full': there are some, and all have their most; 'none': there are none.
   * @param repeatable the request can be sent to another server if this one fails: only such are a server's trial, if it can be helped
   * @param wanted has the client's session: it is asked if it may be. @param lastResort an ejected one may be asked before its time
   */
  choose(
    request: OriginRequest,
    tried: readonly Server[],
    repeatable: boolean,
    wanted: Server | undefined,
    lastResort = true,
  ): Server | 'full' | 'none' {
    const now = this.options.now();
    for (const tier of [this.#primaries, this.#backups]) {
      const { free, trials, full } = this.#usable(tier, tried, now);
      const candidates = repeatable ? [...free, ...trials] : free.length > 0 ? free : trials;
      const chosen = candidates.find((one) => one === wanted) ?? this.#balance(candidates, request.key);
      if (chosen !== undefined) return chosen;
      if (full) return 'full';
    }
    return (lastResort ? this.#lastResort(tried) : undefined) ?? 'none';
  }

  /** A server has room again, or its state has changed: who waits may have his turn. */
  released(): void {
    while (this.line.length > 0 && !this.#isFull()) this.line.next()?.proceed();
  }

  /** What the checks or the operator say of a server. */
  heed(word: Word): void {
    const now = this.options.now();
    const server = this.#servers.find(({ id }) => id === word.server);
    if (word.kind === 'checked') server?.checked(word.up, word.why, now);
    else server?.set(word.mode, now);
    this.released();
  }

  report(): GroupReport {
    const { name, balance } = this.options;
    const now = this.options.now();
    const { line, retries, hedges } = this;
    const servers = this.#servers.map((server) => server.report(now));
    return { group: name, balance, waiting: line.length, refused: line.refused, retries, hedges, servers };
  }

  async close(): Promise<void> {
    await this.line.emptied();
    await Promise.all(this.#servers.map(({ origin }) => origin.close()));
  }

  async destroy(): Promise<void> {
    this.line.close();
    await Promise.all(this.#servers.map(({ origin }) => origin.destroy()));
  }

  #usable(
    tier: readonly Server[],
    tried: readonly Server[],
    now: number,
  ): { readonly free: readonly Server[]; readonly trials: readonly Server[]; readonly full: boolean } {
    const free: Server[] = [];
    const trials: Server[] = [];
    let full = false;
    for (const server of tier) {
      const admits = server.admits(now);
      if (admits === 'no' || tried.includes(server)) continue;
      if (server.isFull) full = true;
      else if (admits === 'yes') free.push(server);
      else trials.push(server);
    }
    return { free, trials, full };
  }

  /** Of the ejected the one that would return first. */
  #lastResort(tried: readonly Server[]): Server | undefined {
    let best: Server | undefined;
    for (const server of this.#servers) {
      if (!server.lastResort || server.isFull || tried.includes(server)) continue;
      if (best === undefined || (server.ejectedUntil ?? 0) < (best.ejectedUntil ?? 0)) best = server;
    }
    return best;
  }

  /** Somebody may be asked, but all those have their most. */
  #isFull(): boolean {
    const now = this.options.now();
    for (const tier of [this.#primaries, this.#backups]) {
      const { free, trials, full } = this.#usable(tier, [], now);
      if (free.length + trials.length > 0) return false;
      if (full) return true;
    }
    return false;
  }

  #log({ id }: Server, from: HealthState, to: HealthState, why: string): void {
    const { name, log } = this.options;
    const isWell = to === 'up' || to === 'trial';
    log[isWell ? 'info' : 'warn']({ group: name, server: id, from, to, why }, `origin ${to}`);
  }
}

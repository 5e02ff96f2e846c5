// One worker: an edge with its memory, its origin connections and its listener, put together. Runs in the main thread when
// there is one worker, in a thread of its own when there are several (worker-thread.ts). No logic of its own.

import type { Registry } from 'prom-client';
import { Gdsf } from '../../storage/eviction/gdsf.ts';
import { Lru } from '../../storage/eviction/lru.ts';
import type { Journal, PurgeRecord } from '../../storage/journal.ts';
import { MemoryStore } from '../../storage/memory.ts';
import { SharedBlocks } from '../../storage/shared-bytes.ts';
import type { Removed, Store } from '../../storage/store.ts';
import { type Inspected, inspected } from '../admin/inspect.ts';
import { type Applied, isClearing, type PurgeTarget } from '../admin/purger.ts';
import type { Hot } from '../admin/refresher.ts';
import { type CountOrder, Sweep } from '../admin/sweep.ts';
import { type MetInMemory, memorySource } from '../admin/sweep-sources.ts';
import { Backoff } from '../cache/backoff.ts';
import { formatCacheStatus } from '../cache/cache-status.ts';
import { sizeOfMeta } from '../cache/codec.ts';
import { Flights, HitForMiss } from '../cache/collapse.ts';
import { Packer } from '../cache/pack.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { describable } from '../compress/forms.ts';
import type { Address, Config, ForwardConfig } from '../config.ts';
import { Edge } from '../edge.ts';
import type { FetchOutcome } from '../fetch.ts';
import { ForwardProxy } from '../forward/proxy.ts';
import { spacesOf } from '../forward/spaces.ts';
import { Crowd, type CrowdLimits, type CrowdPlace } from '../gate/crowd.ts';
import type { GateTools } from '../gate/gate.ts';
import type { ProxyTerms } from '../http/introduction.ts';
import { createListener, type Listener, type ListenerOptions } from '../http/listener.ts';
import type { Handler } from '../http/message.ts';
import type { NodesHealth } from '../nodes.ts';
import { Access } from '../observe/access.ts';
import { Counters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { Gauges } from '../observe/metrics.ts';
import type { TierStats } from '../observe/store-metrics.ts';
import type { Identity } from '../origin/forwarded.ts';
import { addressTest } from '../origin/forwarded.ts';
import type { GroupReport } from '../origin/group.ts';
import { PurgeDoor, type PurgeService } from '../purge-door.ts';
import type { Refreshed } from '../refresh-visit.ts';
import type { OriginWord } from '../site/origin-watch.ts';
import { Site } from '../site/site.ts';
import { Upstreams } from '../site/upstreams.ts';
import { tiersOf } from '../tiers.ts';
import type { TlsTerms } from '../tls/terms.ts';
import { Tunnels } from '../tunnel/tunnels.ts';
import type { Share } from './share.ts';

/** What clients come in by. */
export type Door = 'plain' | 'tls' | 'forward';

export interface WorkerOptions {
  readonly config: Config;
  readonly identity: Identity;
  /** Where the bundled demonstration site is, if it is the origin. */
  readonly demoUrl: string | undefined;
  /** The rate limits' buckets, which all workers share (gate/buckets.ts). */
  readonly buckets: SharedArrayBuffer;
  /** Where this worker counts its connections. */
  readonly crowd: CrowdPlace;
  /** How many there are. */
  readonly workers: number;
  /** This worker's share of the memory. */
  readonly memoryBytes: number;
  readonly disk: Store<StoredMeta> | undefined;
  /** The tier that several nodes share. */
  readonly shared: Store<StoredMeta> | undefined;
  /** For the metrics. */
  readonly nodes?: { health(): NodesHealth } | undefined;
  readonly journal: Journal;
  readonly purgeService: PurgeService;
  /** Its part in what several workers have in common; undefined when there is one. */
  readonly share: Share | undefined;
  /** Hears what all workers must know; undefined when there is one. */
  readonly hear: (() => void) | undefined;
  readonly spreadInvalidation: ((keys: readonly string[], by: string) => Promise<void>) | undefined;
  readonly spreadAlias: ((key: string, field: string) => void) | undefined;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
  /** Several workers share the port. */
  readonly reusePort: boolean;
  /** Also shows the process's own metrics. */
  readonly processMetrics: boolean;
}

export class EdgeWorker implements PurgeTarget {
  readonly edge: Edge;
  readonly purgeDoor: PurgeDoor;
  readonly counters = new Counters();
  readonly #options: WorkerOptions;
  readonly #memory: MemoryStore<StoredMeta>;
  readonly #sweep: Sweep<MetInMemory>;
  readonly #tunnels: Tunnels;
  readonly #crowd: Crowd;
  readonly #plain: Listener;
  #tls: Listener | undefined;
  #certificatesEndAt: number | undefined;
  #forward: { readonly proxy: ForwardProxy; readonly listener: Listener } | undefined;
  /** The settings that hold now. */
  #config: Config;
  /** Where it listens. */
  readonly #bound: Address[] = [];
  readonly #upstreams: Upstreams;
  readonly #access: Access;
  #metrics: Promise<Registry> | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { config, identity, journal, share, log, now } = options;
    const { counters } = this;
    const { policy, alpha } = config.eviction;
    const packer = new Packer();
    this.#memory = new MemoryStore({
      maxBytes: options.memoryBytes,
      sizeOf: sizeOfMeta,
      pack: (meta) => packer.pack(meta),
      policy: policy === 'lru' ? new Lru() : new Gdsf({ alpha }),
      ...share?.memoryOptions,
    });
    const { tiers, lower } = tiersOf(this.#memory, options);
    const store =
      share?.open({ memory: this.#memory, tiers, lower, pack: (meta) => packer.pack(meta) }) ?? tiers;
    this.#config = config;
    this.#sweep = new Sweep(memorySource(tiers), journal, () => spacesOf(this.#config.forwardProxy));
    this.#upstreams = new Upstreams({ log, now, workers: options.workers });
    this.#upstreams.apply(config, options.demoUrl);
    this.#tunnels = new Tunnels(config.upgrades, now);
    this.#access = new Access({ counters, log, enabled: config.log.access, now });
    const access = this.#access;
    this.purgeDoor = new PurgeDoor({
      identity,
      rules: config.purge,
      service: options.purgeService,
      access,
      log,
    });
    const site = new Site(config, this.#upstreams, this.#gateTools());
    access.clientOf = site.clientOf;
    const flights = new Flights<FetchOutcome>();
    const hitForMiss = new HitForMiss();
    const backoff = new Backoff();
    this.edge = new Edge({
      identity,
      site,
      spaces: spacesOf(config.forwardProxy),
      debugKey: config.cache.debug,
      store,
      budget: this.#memory,
      blocks: share && ((announced) => new SharedBlocks(announced)),
      flights,
      hitForMiss,
      backoff,
      elsewhere: share?.collapse({ flights, hitForMiss, backoff, memory: this.#memory, store, now }),
      journal,
      purgeDoor: this.purgeDoor,
      purge: options.purgeService.purge,
      hear: options.hear,
      spreadInvalidation: options.spreadInvalidation,
      announce: options.shared && options.purgeService.announce,
      spreadAlias: options.spreadAlias,
      access,
      tunnels: this.#tunnels,
      counters,
      log,
      now,
    });
    this.#crowd = new Crowd(options.crowd, crowdLimits(config));
    this.#plain = this.#createListener();
    if (config.forwardProxy !== undefined) this.#openForward(config, config.forwardProxy);
  }

  /** Rejects with the system's error. The door of TLS needs its terms before. */
  async listen(door: Door, address: Address, fd?: number): Promise<Address> {
    const listener = { plain: this.#plain, tls: this.#tls, forward: this.#forward?.listener }[door];
    if (listener === undefined) throw new Error(`the door ${door} is not there`);
    const bound = await listener.listen(address.host, address.port, fd);
    this.#bound.push({ host: fd === undefined ? address.host : bound.host, port: bound.port });
    return bound;
  }

  /** Handshakes to come are made by these terms. @throws when they cannot be used */
  secure(terms: TlsTerms): void {
    this.#certificatesEndAt = Math.min(...terms.certificates.map(({ notAfterAt }) => notAfterAt));
    if (this.#tls === undefined) this.#tls = this.#createListener({ tls: terms });
    else this.#tls.secure(terms);
  }

  /** From now on by these settings; what is under way ends by those it began with. */
  reconfigure(config: Config): void {
    const { demoUrl, log } = this.#options;
    this.#upstreams.apply(config, demoUrl);
    const site = new Site(config, this.#upstreams, this.#gateTools());
    this.#config = config;
    this.edge.use(site, config.cache.debug, spacesOf(config.forwardProxy));
    if (config.forwardProxy !== undefined) this.#forward?.proxy.use(config, config.forwardProxy);
    this.purgeDoor.use(config.purge);
    this.#access.enabled = config.log.access;
    this.#access.clientOf = site.clientOf;
    this.#crowd.use(crowdLimits(config));
    const proxy = proxyTerms(config);
    this.#plain.use(config.client, proxy);
    this.#tls?.use(config.client, proxy);
    this.#forward?.listener.use(config.client);
    log.level = config.log.level;
  }

  /** Made when somebody asks for the first time: the library is large, and many edges are never asked. */
  metrics(): Promise<Registry> {
    this.#metrics ??= import('../observe/metrics.ts').then(({ createMetrics }) =>
      createMetrics(this.counters, this.#gauges(), this.#options.processMetrics),
    );
    return this.#metrics;
  }

  /** Takes a word on an origin server. */
  heed(word: OriginWord): void {
    this.#upstreams.heed(word);
  }

  /** The origin groups as this worker knows them. */
  async origins(): Promise<readonly GroupReport[]> {
    return this.#upstreams.reports();
  }

  applyPurge(record: PurgeRecord): Promise<Applied> {
    return this.edge.applyPurge(record);
  }

  /** Purges of other nodes, which the journal holds. Its own it has applied already. */
  async stand(records: readonly PurgeRecord[]): Promise<void> {
    const theirs = records.filter(({ was }) => was === undefined);
    await Promise.all(theirs.map((record) => this.edge.applyPurge(record)));
  }

  /** When everything goes, what there is is known at once, and freed behind. */
  async count(order: CountOrder): Promise<Removed> {
    const counted = this.#sweep.count(order);
    if (!isClearing(order)) return counted;
    counted.catch(() => undefined);
    const { records, bytes } = await this.#memory.stats();
    return { records, bytes };
  }

  /** The matches in memory that are asked for most. */
  async hottest(order: CountOrder, limit: number): Promise<readonly Hot[]> {
    const found: Hot[] = [];
    const byHeat = (a: Hot, b: Hot): number => b.heat - a.heat;
    await this.#sweep.count(order, ({ record }) => {
      if (record.meta.coded !== undefined) return;
      found.push({ key: record.key, variant: record.variant, heat: this.#memory.heat(record) });
      // What is surely not among them is not kept.
      if (found.length >= 2 * limit + 1000) found.sort(byHeat).splice(limit);
    });
    return found.sort(byHeat).slice(0, limit);
  }

  refresh(names: readonly Hot[]): Promise<readonly Refreshed[]> {
    return Promise.all(names.map(({ key, variant }) => this.edge.refresh(key, variant)));
  }

  async inspect(keys: readonly string[]): Promise<readonly Inspected[]> {
    const { journal, now } = this.#options;
    const records = keys.flatMap((key) => describable(this.#memory.getNow(key) ?? []));
    return records.map((record) => inspected(record, journal, now()));
  }

  /** Drains the listener, then lets go of the origin. The disk is the owner's to close. */
  async close(graceMs: number): Promise<void> {
    // Before the listeners break off what is left, so that tunnels are ended by us, not by their clients.
    const timer = setTimeout(() => {
      this.#tunnels.stop();
      this.#forward?.proxy.tunnels.stop();
    }, graceMs);
    await Promise.all(this.#listeners().map((listener) => listener.close(graceMs)));
    clearTimeout(timer);
    await this.#tunnels.close();
    this.edge.close();
    await this.#forward?.proxy.close();
    await this.#upstreams.destroy();
  }

  /** Stops at once. */
  destroy(): void {
    for (const listener of this.#listeners()) listener.destroy();
  }

  #listeners(): readonly Listener[] {
    return [this.#plain, this.#tls, this.#forward?.listener].filter((one) => one !== undefined);
  }

  #openForward(config: Config, forward: ForwardConfig): void {
    const { identity, now } = this.#options;
    const { admin } = config;
    const own = (): readonly Address[] => (admin === undefined ? this.#bound : [...this.#bound, admin]);
    const proxy = new ForwardProxy({
      ...{ config, forward, identity, own, now },
      edge: this.edge,
      access: this.#access,
    });
    const listener = this.#createListener(
      { forProxy: true, proxy: undefined, onConnection: (peer) => proxy.enter(peer) },
      (request, responder) => proxy.handle(request, responder),
    );
    this.#forward = { proxy, listener };
  }

  #createListener(
    more: Partial<ListenerOptions> = {},
    handler: Handler = (request, responder) => this.edge.handle(request, responder),
  ): Listener {
    const { config, identity, log, now, reusePort } = this.#options;
    return createListener(
      {
        limits: config.client,
        proxy: proxyTerms(config),
        crowd: this.#crowd,
        now,
        reusePort,
        refusalLines: ['Cache-Status', formatCacheStatus(identity.name, { detail: 'malformed-request' })],
        onRefused: (status, reason, peer) => {
          Counters.bump(this.counters.refusedHeads, status);
          log.info({ client: peer.address, status, reason }, 'request refused');
        },
        onTurnedAway: (reason, detail, peer) => {
          Counters.bump(this.counters.turnedAway, reason);
          log.debug({ client: peer.address, reason, detail }, 'connection turned away');
        },
        onHandshakeFailed: (reason, peer) => {
          Counters.bump(this.counters.handshakeFailures, reason);
          log.debug({ client: peer.address, reason }, 'TLS handshake failed');
        },
        ...more,
      },
      handler,
    );
  }

  #gauges(): Gauges {
    const { nodes } = this.#options;
    return {
      connections: () => this.#listeners().reduce((sum, { connections }) => sum + connections, 0),
      originRequests: () => this.#upstreams.requests + (this.#forward?.proxy.requests ?? 0),
      originActive: () => this.#upstreams.active + (this.#forward?.proxy.active ?? 0),
      flights: () => this.edge.flights,
      origins: () => this.#upstreams.reports(),
      budgets: () => this.#upstreams.budgets(),
      compressing: () => this.edge.compressing,
      tunnels: () => [this.#tunnels, ...(this.#forward === undefined ? [] : [this.#forward.proxy.tunnels])],
      certificatesEndAt: () => this.#certificatesEndAt,
      stores: () => this.#stores(),
      nodes: nodes && (() => nodes.health()),
    };
  }

  #gateTools(): GateTools {
    const { buckets, log, now } = this.#options;
    return {
      memory: buckets,
      now,
      onNoted: ({ peer, method, authority, target }, { detail, rule }) => {
        Counters.bump(this.counters.noted, detail);
        log.info({ client: peer.address, method, host: authority, target, reason: detail, rule }, 'noted');
      },
    };
  }

  /** The disk is shared: only the worker that shows the process's metrics counts it. */
  async #stores(): Promise<TierStats> {
    const memory = await this.#memory.stats();
    const { disk, shared, processMetrics } = this.#options;
    if (!processMetrics) return { memory };
    const [ofDisk, ofShared] = await Promise.all(
      [disk, shared].map((store) => store?.stats().catch(() => undefined)),
    );
    return {
      memory,
      ...(disk !== undefined && { disk: ofDisk }),
      ...(shared !== undefined && { shared: ofShared }),
    };
  }
}

/** Proxies stand for many clients. */
function crowdLimits({ connections, trustedProxies }: Config): CrowdLimits {
  return { ...connections, exempt: addressTest(trustedProxies) };
}

function proxyTerms({ proxyProtocol }: Config): ProxyTerms | undefined {
  return proxyProtocol && { trusted: addressTest(proxyProtocol.from), timeoutMs: proxyProtocol.timeoutMs };
}

// The program put together: journal, disk, origin, workers, admin listener; and taken apart again in order.
// No logic of its own.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { Journal } from '../storage/journal.ts';
import { openSqliteStore, type SqliteStore } from '../storage/sqlite.ts';
import { openAdmin, purgeableDisk } from './admin/open.ts';
import { Purger } from './admin/purger.ts';
import { passPurge } from './admin/tiers.ts';
import { TokenBucket } from './admin/token-bucket.ts';
import { storedMetaCodec } from './cache/codec.ts';
import type { StoredMeta } from './cache/stored.ts';
import { clockOf, type SharedClock } from './clock.ts';
import { type Address, type Config, ConfigError, formatAddress } from './config.ts';
import { bucketMemory } from './gate/buckets.ts';
import { crowdMemory } from './gate/crowd.ts';
import { grow } from './heap.ts';
import { type Inherited, NONE_INHERITED } from './inherited.ts';
import type { Nodes } from './nodes.ts';
import type { Log } from './observe/log.ts';
import type { Identity } from './origin/forwarded.ts';
import type { PurgeService } from './purge-door.ts';
import { type Reload, Reloader } from './reload.ts';
import { checkScripts } from './site/check-scripts.ts';
import { OriginWatch } from './site/origin-watch.ts';
import { TlsKeeper } from './tls/keeper.ts';
import { type FreshThread, workersFor } from './workers/fresh.ts';
import type { News } from './workers/messages.ts';
import type { ThreadOptions, Workers } from './workers/pool.ts';
import type { Door } from './workers/worker.ts';

/** A started edge. */
export interface Running {
  readonly listening: Address;
  readonly admin: Address | undefined;
  /** Where clients of the forward proxy connect. */
  readonly forward: Address | undefined;
  /** Where TLS is listened for. */
  readonly tls: Address | undefined;
  readonly originUrl: string;
  /** That serve clients. */
  readonly workers: number;
  /** Reads the settings anew, and goes on by them. */
  reload(by: string): Promise<Reload>;
  /** Drains and closes everything; resolves when the last byte is out and the store is flushed. */
  close(): Promise<void>;
}

/** How a start is made. */
export interface StartOptions {
  /** In place of the system's. */
  readonly clock?: SharedClock | undefined;
  /** For the workers, already loading. */
  readonly fresh?: FreshThread[];
  /** Sockets that are listened at in place of new ones. */
  readonly inherited?: Inherited;
  /** Reads the settings anew for a reload; without it there is none. @throws ConfigError */
  readonly load?: () => Config;
}

/** For requests to the admin listener that are under way at the end, at most. */
const ADMIN_DRAIN_MS = 1000;
/**
 * Invalidations that other nodes are told of though neither this node nor the shared tier had anything stored: another node's memory
 * may, where Redis has evicted it. Every record counts in the journal, and anybody can POST.
 */
const UNFOUND_PER_SECOND = 1;
const UNFOUND_BURST = 100;

/** Starts everything. @throws ConfigError when a setting cannot be met (a port in use, a directory that cannot be made). */
export async function start(
  config: Config,
  log: Log,
  { clock, load = () => config, inherited = NONE_INHERITED, fresh = [] }: StartOptions = {},
): Promise<Running> {
  const now = clockOf(clock);
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    const journal = await Journal.open({
      now,
      among: config.shared !== undefined,
      ...(config.disk !== undefined && { dir: config.disk.dir }),
    });
    closing.push(() =>
      journal
        .close()
        .catch((error: unknown) => log.error({ err: error }, 'the purge journal was not closed')),
    );
    const nodes = await openNodes(config, journal, log);
    closing.push(async () => nodes?.close());
    const disk = await openDisk(config, journal, log);
    closing.push(async () => disk?.close());
    await checkScripts(config);
    const demo = await openDemo(config, now);
    closing.push(async () => demo?.close());

    const name = config.forwarding.via.toLowerCase();
    const identity: Identity = { name, pseudonym: `${name}-${randomBytes(4).toString('hex')}` };
    const workers: Workers[] = [];
    const targets = (): ReturnType<Workers['targets']> => workers.flatMap((one) => one.targets());
    const sweptDisk = disk && purgeableDisk(disk, journal, log);
    const tell = (news: News): void => {
      for (const one of workers) one.tell(news);
    };
    const purger = new Purger({
      journal,
      now,
      targets,
      tell: (record) => tell({ kind: 'purge', record }),
      disk: sweptDisk,
      nodes,
    });
    let { tier } = config;
    let limit = new TokenBucket(config.purge.perSecond, config.purge.burst, now);
    const unfound = new TokenBucket(UNFOUND_PER_SECOND, UNFOUND_BURST, now);
    const purgeService: PurgeService = {
      announce: async (url, by, found) => {
        if (found || unfound.take(1) === 0) purger.announce({ kind: 'url', url }, 'delete', by);
      },
      pass: (...purged) => passPurge(tier, ...purged),
      purge: (...purged) => purger.purge(...purged),
      admit: async (purges) => limit.take(purges),
    };
    const buckets = bucketMemory();
    const shared = { config, identity, demoUrl: demo?.url, buckets, journal, purgeService, log };
    const pool = await startWorkers({ ...shared, fresh, disk, nodes, now, clock });
    workers.push(pool);
    await nodes?.serve(targets, sweptDisk, (records, standing) => tell({ kind: 'stand', records, standing }));
    // A start that fails before there is one closes by the settings that it began with.
    let reloader: Reloader | undefined;
    const current = (): Config => reloader?.config ?? config;
    closing.push(() => pool.close(current().timeouts.drainMs));

    const open = (path: string, door: Door, address: Address): Promise<Address> => {
      const fds = inherited[door];
      return listenOn(path, address, async (at) => {
        if (fds.length === 0 && at.port !== 0) await expectFree(at);
        return pool.listen(door, at, fds);
      });
    };
    const listening = await open('listen', 'plain', config.listen);
    const keeper = await openTls(config, pool, log, now);
    closing.push(async () => keeper?.close());
    const tls = config.tls && (await open('tls.listen', 'tls', config.tls.listen));
    const watch = new OriginWatch({ config, log, now, tell: (word) => pool.advise(word) });
    closing.push(() => watch.close());
    if (config.forwardProxy?.rules.some(({ action }) => action === 'allow') === false)
      log.warn('the forward proxy allows nothing: forwardProxy.acl has no rule with "allow"');
    const { forwardProxy } = config;
    const forward = forwardProxy && (await open('forwardProxy.listen', 'forward', forwardProxy.listen));
    reloader = new Reloader({
      config,
      load,
      apply: async (next) => {
        await checkScripts(next);
        if (next.tls !== undefined) await keeper?.reload(next.tls);
        await pool.reconfigure(next);
        watch.apply(next);
        if (!isDeepStrictEqual(next.purge, current().purge))
          limit = new TokenBucket(next.purge.perSecond, next.purge.burst, now);
        tier = next.tier;
        admin.use(next);
        log.level = next.log.level;
      },
      log,
    });
    const admin = openAdmin({
      config: () => reloader.config,
      reload: (by) => reloader.reload(by),
      identity,
      journal,
      disk,
      nodes,
      pool,
      watch,
      purger,
      service: purgeService,
      log,
      now,
    });
    closing.push(() => admin.listener.close(Math.min(ADMIN_DRAIN_MS, current().timeouts.drainMs)));
    const adminAddress =
      config.admin &&
      (await listenOn('admin', config.admin, ({ host, port }) =>
        admin.listener.listen(host, port, inherited.admin[0]),
      ));
    log.info(
      {
        listening: formatAddress(listening),
        tls: tls && formatAddress(tls),
        forwardProxy: forward && formatAddress(forward),
        admin: adminAddress && formatAddress(adminAddress),
        origin: originName(config, demo),
        workers: pool.targets().length,
      },
      'listening',
    );
    grow();
    const originUrl = originName(config, demo);
    const reload = (by: string): Promise<Reload> => reloader.reload(by);
    const running = pool.targets().length;
    return {
      listening,
      admin: adminAddress,
      tls,
      forward,
      originUrl,
      workers: running,
      reload,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openNodes(config: Config, journal: Journal, log: Log): Promise<Nodes | undefined> {
  if (config.shared === undefined) return undefined;
  const { joinNodes } = await import('./nodes.ts');
  return joinNodes(config.shared, config, journal, log);
}

async function openDisk(
  { disk, eviction }: Config,
  journal: Journal,
  log: Log,
): Promise<SqliteStore<StoredMeta> | undefined> {
  if (disk === undefined) return undefined;
  try {
    return await openSqliteStore({
      dir: disk.dir,
      maxBytes: disk.bytes,
      codec: storedMetaCodec,
      journalId: journal.id,
      eviction: eviction.policy === 'lru' ? 'lru' : eviction.diskAlpha,
      log: (health) =>
        log[health.ok ? 'info' : 'error'](
          { disk: health },
          health.ok ? 'the disk tier works' : 'the disk tier fails',
        ),
    });
  } catch (error) {
    throw new ConfigError(
      [
        {
          path: 'disk.dir',
          value: `${JSON.stringify(disk.dir)}: ${reason(error)}`,
          allowed: 'a directory that can be made and written, or "none"',
        },
      ],
      'start',
    );
  }
}

/** Gives the workers the terms of TLS, and keeps them current. */
async function openTls(
  { tls: settings }: Config,
  pool: Workers,
  log: Log,
  now: () => number,
): Promise<TlsKeeper | undefined> {
  if (settings === undefined) return undefined;
  const keeper = await TlsKeeper.open({ settings, log, now, give: (terms) => pool.secure(terms) });
  await pool.secure(keeper.terms);
  keeper.watch();
  return keeper;
}

type Demo = { readonly url: string; readonly close: () => Promise<void> };

async function openDemo({ origin }: Config, now: () => number): Promise<Demo | undefined> {
  if (origin.kind !== 'demo') return undefined;
  const { startDemoOrigin } = await import('./demo/origin.ts');
  return startDemoOrigin({ now });
}

/** The origin as the log and the announcement call it. */
function originName({ origin }: Config, demo: Demo | undefined): string {
  if (origin.kind === 'group') return origin.name;
  return origin.kind === 'url' ? origin.url : (demo?.url ?? 'demo');
}

type WorkersOptions = Omit<ThreadOptions, 'count' | 'gauges'> & {
  readonly nodes: Nodes | undefined;
  readonly now: () => number;
};

async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { config, disk, nodes } = options;
  const count = workersFor(config);
  if (count > 1) {
    const gauges: ThreadOptions['gauges'] = {
      stores: async () => ({
        ...(disk !== undefined && { disk: await disk.stats().catch(() => undefined) }),
        ...(nodes !== undefined && { shared: await nodes.stats() }),
      }),
      nodes: nodes && (() => nodes.health()),
    };
    const { startThreads } = await import('./workers/pool.ts');
    return startThreads({ ...options, count, gauges });
  }
  const { memoryBytes } = config;
  const { startSingle } = await import('./workers/single.ts');
  return startSingle({
    ...options,
    memoryBytes,
    crowd: { memory: crowdMemory(1), row: 0 },
    shared: nodes?.store,
    workers: 1,
    share: undefined,
    hear: undefined,
    spreadInvalidation: undefined,
    spreadAlias: undefined,
    reusePort: false,
    processMetrics: true,
  });
}

/** Several workers share a port, and would share it with another program of theirs: that one is to be found out. */
function expectFree({ host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ ...(host !== undefined && { host }), port }, () => probe.close(() => resolve()));
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'already in use by another program',
  EACCES: 'no permission to listen there',
  EADDRNOTAVAIL: 'no address of this host',
  ENOTFOUND: 'the host name is not known',
};

async function listenOn(
  path: string,
  address: Address,
  listen: (address: Address) => Promise<Address>,
): Promise<Address> {
  try {
    return await listen(address);
  } catch (error) {
    throw new ConfigError(
      [
        {
          path,
          value: `${formatAddress(address)}: ${reason(error)}`,
          allowed: 'a free host:port of this host',
        },
      ],
      'start',
    );
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : /\b(E[A-Z]{4,})\b/.exec(error.message)?.[1];
  return (code === undefined ? undefined : REASONS[code]) ?? error.message;
}

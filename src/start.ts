// The program put together: journal, disk, origin, workers, admin listener; and taken apart again in order.
// No logic of its own.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Journal } from '../storage/journal.ts';
import { openSqliteStore, type SqliteStore } from '../storage/sqlite.ts';
import { adminHandler } from './admin/admin.ts';
import { inspected, merged } from './admin/inspect.ts';
import { type PurgeableDisk, Purger } from './admin/purger.ts';
import { keysOf } from './admin/selectors.ts';
import { Sweep } from './admin/sweep.ts';
import { diskSource } from './admin/sweep-sources.ts';
import { TokenBucket } from './admin/token-bucket.ts';
import { storedMetaCodec } from './cache/codec.ts';
import type { StoredMeta } from './cache/stored.ts';
import { type Address, type Config, ConfigError, formatAddress, rulesFor } from './config.ts';
import { createListener, type Listener } from './http/listener.ts';
import { joinNodes, type Nodes } from './nodes.ts';
import { Access } from './observe/access.ts';
import { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import { processMetrics } from './observe/metrics.ts';
import { addressTest, type Identity } from './origin/forwarded.ts';
import { PurgeDoor, type PurgeService } from './purge-door.ts';
import { checkScripts } from './site/check-scripts.ts';
import { TlsKeeper } from './tls/keeper.ts';
import { countWorkers } from './workers/count.ts';
import type { News } from './workers/messages.ts';
import { startThreads, type Workers } from './workers/pool.ts';
import { startSingle } from './workers/single.ts';

/** A started edge. */
export interface Running {
  readonly listening: Address;
  readonly admin: Address | undefined;
  /** Where TLS is listened for. */
  readonly tls: Address | undefined;
  readonly originUrl: string;
  /** Reads the files of `tls` again. Rejects with a ConfigError when they cannot be used; the old certificates stay. */
  reloadCertificates(): Promise<void>;
  /** Drains and closes everything; resolves when the last byte is out and the store is flushed. */
  close(): Promise<void>;
}

/** Starts everything. @throws ConfigError when a setting cannot be met (a port in use, a directory that cannot be made). */
export async function start(config: Config, log: Log, now: () => number = Date.now): Promise<Running> {
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
    const nodes = await joinNodes(config, journal, log);
    closing.push(async () => nodes?.close());
    const disk = await openDisk(config, journal, log);
    closing.push(async () => disk?.close());
    await checkScripts(config);
    const origin = await openOrigin(config, now);
    closing.push(origin.close);

    const name = config.forwarding.via.toLowerCase();
    const identity: Identity = { name, pseudonym: `${name}-${randomBytes(4).toString('hex')}` };
    const workers: Workers[] = [];
    const targets = (): ReturnType<Workers['targets']> => workers.flatMap((one) => one.targets());
    const purgeableDisk = disk && purgeable(disk, journal, log);
    const tell = (news: News): void => {
      for (const one of workers) one.tell(news);
    };
    const purger = new Purger({
      journal,
      now,
      targets,
      tell: (record) => tell({ kind: 'purge', record }),
      disk: purgeableDisk,
      nodes,
    });
    const limit = new TokenBucket(config.purge.perSecond, config.purge.burst, now);
    const purgeService: PurgeService = {
      purge: (...purged) => purger.purge(...purged),
      admit: async (purges) => limit.take(purges),
    };
    const shared = { config, identity, originUrl: origin.url, journal, purgeService, log };
    const pool = await startWorkers({ ...shared, disk, nodes, now });
    workers.push(pool);
    await nodes?.serve(targets, purgeableDisk, (records, standing) =>
      tell({ kind: 'stand', records, standing }),
    );
    closing.push(() => pool.close(config.timeouts.drainMs));

    const listening = await listenOn('listen', config.listen, (address) => pool.listen('plain', address));
    const keeper = await openTls(config, pool, log, now);
    closing.push(async () => keeper?.close());
    const tls =
      config.tls &&
      (await listenOn('tls.listen', config.tls.listen, (address) => pool.listen('tls', address)));
    const admin = adminListener({
      config,
      identity,
      journal,
      disk,
      nodes,
      pool,
      purger,
      service: purgeService,
      log,
      now,
    });
    closing.push(() => admin.close(1000));
    const adminAddress =
      config.admin && (await listenOn('admin', config.admin, ({ host, port }) => admin.listen(host, port)));
    log.info(
      {
        listening: formatAddress(listening),
        tls: tls && formatAddress(tls),
        admin: adminAddress && formatAddress(adminAddress),
        origin: origin.url,
        workers: pool.targets().length,
      },
      'listening',
    );
    const reloadCertificates = async (): Promise<void> => keeper?.reload();
    return { listening, admin: adminAddress, tls, originUrl: origin.url, reloadCertificates, close };
  } catch (error) {
    await close();
    throw error;
  }
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

async function openOrigin(
  { origin }: Config,
  now: () => number,
): Promise<{ url: string; close: () => Promise<void> }> {
  if (origin.kind === 'url') return { url: origin.url, close: async () => undefined };
  if (origin.kind === 'group') return { url: origin.name, close: async () => undefined };
  const { startDemoOrigin } = await import('./demo/origin.ts');
  return startDemoOrigin({ now });
}

type StartOptions = Omit<Parameters<typeof startThreads>[0], 'count' | 'ownMetrics'> & {
  readonly nodes: Nodes | undefined;
  readonly now: () => number;
};

function startWorkers(options: StartOptions): Promise<Workers> | Workers {
  const { config, disk, nodes } = options;
  const host = { cores: availableParallelism(), platform: process.platform };
  const count = countWorkers(config.workers, config.memoryBytes, host);
  if (count > 1) {
    const ownMetrics = processMetrics({
      stores: async () => ({
        disk: await disk?.stats().catch(() => undefined),
        shared: await nodes?.stats(),
      }),
      nodes: nodes && (() => nodes.health()),
    });
    return startThreads({ ...options, count, ownMetrics });
  }
  const { memoryBytes } = config;
  return startSingle({
    ...options,
    memoryBytes,
    shared: nodes?.store,
    hear: undefined,
    spreadInvalidation: undefined,
    reusePort: false,
    processMetrics: true,
  });
}

interface AdminParts {
  readonly config: Config;
  readonly identity: Identity;
  readonly journal: Journal;
  readonly disk: SqliteStore<StoredMeta> | undefined;
  readonly nodes: Nodes | undefined;
  readonly pool: Workers;
  readonly purger: Purger;
  readonly service: PurgeService;
  readonly log: Log;
  readonly now: () => number;
}

/** The disk as a purge sees it: passed over by this thread, for all workers. */
function purgeable(disk: SqliteStore<StoredMeta>, journal: Journal, log: Log): PurgeableDisk {
  const sweep = new Sweep(diskSource(disk), journal);
  return {
    count: (order) => sweep.count(order),
    clear: () => {
      const total = disk.total();
      // What it could not remove the journal hides; the disk's health says why.
      disk.clear().catch((error: unknown) => log.error({ err: error }, 'the disk tier could not be cleared'));
      return total;
    },
  };
}

function adminListener({
  config,
  identity,
  journal,
  disk,
  nodes,
  pool,
  purger,
  service,
  log,
  now,
}: AdminParts): Listener {
  // Requests to the admin listener are no part of the traffic's record.
  const access = new Access({ counters: new Counters(), log, enabled: false, now });
  const { allow, token } = config.purge;
  const purgeDoor = new PurgeDoor({
    name: identity.name,
    allowed: addressTest(allow),
    closed: allow.length === 0 && token === undefined,
    token,
    service,
    access,
    log,
  });
  const handler = adminHandler({
    metrics: () => pool.metrics(),
    readiness: () => ({ ready: true, disk: disk?.health() ?? 'none', ...nodes?.health() }),
    purgeDoor,
    purger,
    keyRulesFor: (authority, target) => rulesFor(config, 'GET', { authority, target }).key,
    inspect: async (url) => {
      const keys = keysOf(url);
      const memory = await Promise.all(pool.targets().map((target) => target.inspect(keys)));
      const onDisk = await Promise.all(disk === undefined ? [] : keys.map((key) => disk.get(key)));
      const described = onDisk.flat().map((record) => inspected(record, journal, now()));
      return merged([...memory.flat(), ...described]);
    },
    log,
  });
  return createListener({ limits: config.client, now }, handler);
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

// The program put together: journal, disk, origin, workers, admin listener; and taken apart again in order.
// No logic of its own.

import { randomBytes } from 'node:crypto';
import { Journal } from '../storage/journal.ts';
import { openSqliteStore, type SqliteStore } from '../storage/sqlite.ts';
import { adminHandler } from './admin/admin.ts';
import { Purger } from './admin/purger.ts';
import { storedMetaCodec } from './cache/codec.ts';
import { cacheKey, purgeUrl } from './cache/key.ts';
import type { StoredMeta } from './cache/stored.ts';
import { type Address, type Config, ConfigError, formatAddress, rulesFor } from './config.ts';
import { createListener, type Listener } from './http/listener.ts';
import { Access } from './observe/access.ts';
import { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import { processMetrics } from './observe/metrics.ts';
import { addressTest, type Identity } from './origin/forwarded.ts';
import { PurgeDoor } from './purge-door.ts';
import { startThreads, type Workers } from './workers/pool.ts';
import { startSingle } from './workers/single.ts';

/** A started edge. */
export interface Running {
  readonly listening: Address;
  readonly admin: Address | undefined;
  readonly originUrl: string;
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
    const journal = await Journal.open(config.disk === undefined ? { now } : { dir: config.disk.dir, now });
    closing.push(() =>
      journal
        .close()
        .catch((error: unknown) => log.error({ err: error }, 'the purge journal was not closed')),
    );
    const disk = await openDisk(config, journal, log);
    closing.push(async () => disk?.close());
    const origin = await openOrigin(config, now);
    closing.push(origin.close);

    const name = config.forwarding.via.toLowerCase();
    const identity: Identity = { name, pseudonym: `${name}-${randomBytes(4).toString('hex')}` };
    const workers: Workers[] = [];
    const purger = new Purger({ journal, now, targets: () => workers.flatMap((one) => one.targets()) });
    const purge: Purger['purge'] = (...purged) => purger.purge(...purged);
    const shared = { config, identity, originUrl: origin.url, journal, purge, log };
    const pool = await startWorkers({ ...shared, disk, now });
    workers.push(pool);
    closing.push(() => pool.close(config.timeouts.drainMs));

    const listening = await listenOn('listen', config.listen, (address) => pool.listen(address));
    const admin = adminListener({ config, identity, journal, disk, pool, purge, log, now });
    closing.push(() => admin.close(1000));
    const adminAddress =
      config.admin && (await listenOn('admin', config.admin, ({ host, port }) => admin.listen(host, port)));
    log.info(
      {
        listening: formatAddress(listening),
        admin: adminAddress && formatAddress(adminAddress),
        origin: origin.url,
      },
      'listening',
    );
    return { listening, admin: adminAddress, originUrl: origin.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openDisk(
  { disk }: Config,
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

async function openOrigin(
  { origin }: Config,
  now: () => number,
): Promise<{ url: string; close: () => Promise<void> }> {
  if (origin.kind === 'url') return { url: origin.url, close: async () => undefined };
  const { startDemoOrigin } = await import('./demo/origin.ts');
  return startDemoOrigin({ now });
}

type StartOptions = Omit<Parameters<typeof startThreads>[0], 'count' | 'ownMetrics'> & {
  readonly now: () => number;
};

function startWorkers(options: StartOptions): Promise<Workers> | Workers {
  const { config, disk } = options;
  if (config.workers > 1) {
    const ownMetrics = processMetrics(async () => (disk === undefined ? {} : { disk: await disk.stats() }));
    return startThreads({ ...options, count: config.workers, ownMetrics });
  }
  const { memoryBytes } = config;
  return startSingle({
    ...options,
    memoryBytes,
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
  readonly pool: Workers;
  readonly purge: Purger['purge'];
  readonly log: Log;
  readonly now: () => number;
}

function adminListener({ config, identity, journal, disk, pool, purge, log, now }: AdminParts): Listener {
  // Requests to the admin listener are no part of the traffic's record.
  const access = new Access({ counters: new Counters(), log, enabled: false, now });
  const { allow, token } = config.purge;
  const purgeDoor = new PurgeDoor({
    name: identity.name,
    allowed: addressTest(allow),
    closed: allow.length === 0 && token === undefined,
    token,
    purge,
    access,
    log,
  });
  const handler = adminHandler({
    metrics: () => pool.metrics(),
    readiness: () => ({ ready: true, disk: disk?.health() ?? 'none' }),
    purgeDoor,
    purgeUrlOf: (url) => {
      const parsed = URL.parse(url);
      if (parsed === null || !/^https?:$/.test(parsed.protocol)) return undefined;
      const target = parsed.pathname + parsed.search;
      const { key } = rulesFor(config, 'GET', parsed.host, target);
      return purgeUrl(cacheKey('http', parsed.host, target, key).key);
    },
    recentPurges: (limit) => journal.recent(limit),
    log,
  });
  return createListener({ scheme: 'http', limits: config.client, now }, handler);
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

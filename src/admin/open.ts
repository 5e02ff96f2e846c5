// The admin listener put together from the parts of the program. No logic of its own.

import type { Journal } from '../../storage/journal.ts';
import type { SqliteStore } from '../../storage/sqlite.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { describable } from '../compress/forms.ts';
import { type Config, rulesFor } from '../config.ts';
import { spacesOf } from '../forward/spaces.ts';
import { createListener, type Listener } from '../http/listener.ts';
import type { Nodes } from '../nodes.ts';
import { Access } from '../observe/access.ts';
import { Counters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import type { Identity } from '../origin/forwarded.ts';
import { PurgeDoor, type PurgeService } from '../purge-door.ts';
import type { Reload } from '../reload.ts';
import { mergedGroups } from '../site/origin-report.ts';
import type { OriginWatch } from '../site/origin-watch.ts';
import type { Workers } from '../workers/pool.ts';
import { adminHandler } from './admin.ts';
import { inspected, merged } from './inspect.ts';
import type { PurgeableDisk, Purger } from './purger.ts';
import { keysOf } from './selectors.ts';
import { DiskSweep } from './sweep-disk.ts';

export interface AdminParts {
  /** The settings that hold now. */
  readonly config: () => Config;
  /** Reads them anew. */
  readonly reload: (by: string) => Promise<Reload>;
  readonly identity: Identity;
  readonly journal: Journal;
  readonly disk: SqliteStore<StoredMeta> | undefined;
  readonly nodes: Nodes | undefined;
  readonly pool: Workers;
  readonly watch: OriginWatch;
  readonly purger: Purger;
  readonly service: PurgeService;
  readonly log: Log;
  /** Epoch ms. */
  readonly now: () => number;
}

/** Purges whose bytes an earlier run may not have given back yet. */
const MAX_RESUMED = 1000;

/** The disk as a purge sees it, for all workers. */
export function purgeableDisk(disk: SqliteStore<StoredMeta>, journal: Journal, log: Log): PurgeableDisk {
  const sweep = new DiskSweep(disk, (error) =>
    log.error({ err: error }, 'what a purge deleted could not be given back on the disk'),
  );
  sweep.resume(journal.recent(MAX_RESUMED));
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

/** The listener, and what gives it other settings. */
export function openAdmin({
  config,
  reload,
  identity,
  journal,
  disk,
  nodes,
  pool,
  watch,
  purger,
  service,
  log,
  now,
}: AdminParts): { readonly listener: Listener; readonly use: (config: Config) => void } {
  // Requests to the admin listener are no part of the traffic's record.
  const access = new Access({ counters: new Counters(), log, enabled: false, now });
  const purgeDoor = new PurgeDoor({
    identity,
    rules: config().purge,
    service,
    access,
    log,
  });
  const handler = adminHandler({
    metrics: () => pool.metrics(),
    readiness: () => ({ ready: true, disk: disk?.health() ?? 'none', ...nodes?.health() }),
    reload,
    origins: {
      report: async () => mergedGroups(await Promise.all(pool.targets().map((target) => target.origins()))),
      set: (...word) => watch.set(...word),
    },
    purgeDoor,
    purger,
    refreshMax: () => config().purge.refreshMax,
    keyRulesFor: (authority, target) => rulesFor(config(), 'GET', { authority, target }).key,
    inspect: async (url) => {
      const keys = keysOf(url, spacesOf(config().forwardProxy));
      const memory = await Promise.all(pool.targets().map((target) => target.inspect(keys)));
      const onDisk = await Promise.all(disk === undefined ? [] : keys.map((key) => disk.get(key)));
      const described = onDisk.flatMap(describable).map((record) => inspected(record, journal, now()));
      return merged([...memory.flat(), ...described]);
    },
    log,
  });
  const listener = createListener({ limits: config().client, now }, handler);
  return {
    listener,
    use: ({ purge, client }) => {
      purgeDoor.use(purge);
      listener.use(client);
    },
  };
}

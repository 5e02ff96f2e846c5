// What makes this edge one of several nodes: the tier that they share and the link between their journals, opened from the
// settings. No logic of its own but what is given back after another node's purge. Loaded for an edge that has others only: the
// client of Redis is large.

import { hostname } from 'node:os';
import type { Journal, PurgeRecord, Standing } from '../storage/journal.ts';
import { JournalLink } from '../storage/journal-link.ts';
import { JournalStream } from '../storage/journal-stream.ts';
import { RedisStore } from '../storage/redis.ts';
import type { RedisHealth } from '../storage/redis-connection.ts';
import type { StoreStats } from '../storage/store.ts';
import type { PurgeableDisk, PurgeableNodes, PurgeTarget } from './admin/purger.ts';
import { storedMetaCodec } from './cache/codec.ts';
import type { StoredMeta } from './cache/stored.ts';
import type { Config } from './config.ts';
import type { Log } from './observe/log.ts';

/** What `/readyz` says of the nodes; nothing in it makes an edge unready. */
export interface NodesHealth {
  readonly shared: RedisHealth;
  readonly nodes: ReturnType<JournalLink['health']> & { readonly name: string };
}

export interface Nodes extends PurgeableNodes {
  readonly store: RedisStore<StoredMeta>;
  health(): NodesHealth;
  stats(): Promise<StoreStats | undefined>;
  /** Purges of other nodes are applied by these from now on; what came since the workers' journals were copied, at once. */
  serve(
    targets: () => readonly PurgeTarget[],
    disk: PurgeableDisk | undefined,
    tell: (records: readonly PurgeRecord[], standing: Standing) => void,
  ): Promise<void>;
  close(): Promise<void>;
}

/** A start waits so long for what was missed; after that it goes on without what an earlier run has stored. */
const CATCH_UP_MS = 2000;
/** Sweeps for more purges than this at once would cost more than they free. */
const MAX_SWEPT = 16;

type Shared = NonNullable<Config['shared']>;

/** The shared tier. Connects in the background. */
export function openShared(
  { url, prefix, timeoutMs, keepMs }: Shared,
  log?: (health: RedisHealth) => void,
): RedisStore<StoredMeta> {
  return new RedisStore({
    url,
    prefix,
    timeoutMs,
    keepMs,
    codec: storedMetaCodec,
    ...(log !== undefined && { log }),
  });
}

/** Joins the other nodes; resolves when this one has caught up with their purges, or has waited long enough. */
export async function joinNodes(
  shared: Shared,
  { disk: ownDisk }: Pick<Config, 'disk'>,
  journal: Journal,
  log: Log,
): Promise<Nodes> {
  const store = openShared(shared, (health) =>
    log[health.ok ? 'info' : 'error'](
      { shared: health },
      health.ok ? 'the shared tier works' : 'the shared tier fails: slower, not broken',
    ),
  );
  const { url, prefix, timeoutMs } = shared;
  const name = `${hostname()}-${journal.id.slice(0, 6)}`;
  let targets: () => readonly PurgeTarget[] = () => [];
  let disk: PurgeableDisk | undefined;
  let tell: (records: readonly PurgeRecord[], standing: Standing) => void = () => undefined;
  let isServing = false;
  const early: PurgeRecord[] = [];
  const link = new JournalLink({
    journal,
    stream: new JournalStream({ url, prefix, timeoutMs, node: name }),
    node: name,
    keeps: ownDisk !== undefined,
    apply: async (records, standing) => {
      if (!isServing) early.push(...records);
      tell(records, standing);
      await Promise.all(targets().map((target) => target.stand(records, standing)));
      sweep(records, targets(), disk);
    },
    log: (health) =>
      log[health.ok ? 'info' : 'error'](
        { nodes: health },
        health.ok
          ? 'in touch with the other nodes'
          : 'out of touch with the other nodes: their purges are not heard',
      ),
  });
  await Promise.all([link.start(CATCH_UP_MS), store.ready(CATCH_UP_MS)]);
  early.length = 0;
  return {
    store,
    health: () => ({ shared: store.health(), nodes: { name, ...link.health() } }),
    stats: () => store.stats().catch(() => undefined),
    serve: async (all, swept, tellAll) => {
      targets = all;
      disk = swept;
      tell = tellAll;
      isServing = true;
      tell(early, journal.standing);
      await Promise.all(all().map((target) => target.stand(early, journal.standing)));
    },
    spread: (record) => link.spread(record),
    clear: () => store.clear(),
    close: async () => {
      await link.close();
      await store.close();
    },
  };
}

/** The bytes of what another node's purges deleted, in the background: the journal keeps them from being served. */
function sweep(
  records: readonly PurgeRecord[],
  targets: readonly PurgeTarget[],
  disk: PurgeableDisk | undefined,
): void {
  const theirs = records.filter(
    ({ was, mode, selector }) => was === undefined && mode === 'delete' && selector.kind !== 'url',
  );
  for (const { selector, seq, mode } of theirs.slice(-MAX_SWEPT)) {
    const order = { selector, before: seq, mode };
    const passes = [...targets, ...(disk === undefined ? [] : [disk])].map((one) => one.count(order));
    for (const pass of passes) pass.catch(() => undefined);
  }
}

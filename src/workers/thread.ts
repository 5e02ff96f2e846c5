// A worker thread: an EdgeWorker that takes its orders from the main thread (pool.ts) and asks it to purge.

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { Journal } from '../../storage/journal.ts';
import { collectWith } from '../../storage/shared-bytes.ts';
import { attachSqliteStore } from '../../storage/sqlite.ts';
import type { Applied } from '../admin/purger.ts';
import type { PurgeReceipt, TierReceipt } from '../admin/receipt.ts';
import { storedMetaCodec } from '../cache/codec.ts';
import { clockOf } from '../clock.ts';
import { collectAll } from '../heap.ts';
import { keepCodeSoon } from '../library.ts';
import { createLog } from '../observe/log.ts';
import { Dialogue } from './dialogue.ts';
import { Forgotten } from './forgotten.ts';
import type { News, Order, Request, WorkerData } from './messages.ts';
import { Hearing } from './news.ts';
import { Share } from './share.ts';
import { EdgeWorker } from './worker.ts';

if (parentPort === null) throw new Error('workers/thread.ts runs in a worker thread only');
const port = parentPort;
const {
  config,
  identity,
  demoUrl,
  workers,
  clock,
  memoryBytes,
  buckets,
  crowd,
  diskPort,
  journal: snapshot,
  ear,
  self,
  homes: plan,
  peers,
}: WorkerData = await told(workerData);

const journal = Journal.replica(snapshot);
const { log, flush } = createLog({ level: config.log.level });
const disk = diskPort === undefined ? undefined : await attachSqliteStore(diskPort, storedMetaCodec);

const shared = config.shared && (await import('../nodes.ts')).openShared(config.shared);
collectWith(collectAll);

/** What was done for purges that the main thread has not asked about yet. */
const applied = new Map<number, Promise<Applied>>();
const hearing = new Hearing<News>(ear, apply);
const forgotten = new Forgotten();
const share = new Share({
  self,
  plan,
  hear: hearing.hear,
  stamp: () => hearing.heard,
  overtaken: forgotten.overtaken,
});

const main = new Dialogue<Request, Order>(port, answer);
const worker = new EdgeWorker({
  config,
  identity,
  demoUrl,
  workers,
  memoryBytes,
  buckets,
  crowd,
  disk,
  shared,
  journal,
  purgeService: {
    pass: (selectors, mode, loop) =>
      main.ask<readonly TierReceipt[]>({ kind: 'pass', selectors, mode, loop }),
    purge: (selector, mode, by, tiers = []) =>
      main.ask<PurgeReceipt>({ kind: 'purge', selector, mode, by, tiers }),
    announce: (url, by, found) => main.ask<void>({ kind: 'announce', url, by, found }),
    admit: (purges) => main.ask<number>({ kind: 'admit', purges }),
  },
  hear: hearing.hear,
  share,
  spreadInvalidation: (keys, by) =>
    main.ask<void>({ kind: 'spread', news: { kind: 'invalidate', keys, by } }),
  spreadAlias: (key, field) => {
    main.ask<void>({ kind: 'spread', news: { kind: 'alias', key, field } }).catch(() => undefined);
  },
  log,
  now: clockOf(clock),
  reusePort: true,
  processMetrics: false,
});
for (const peer of peers) share.mesh.connect(peer);
port.postMessage('ready');
keepCodeSoon();

function apply(news: News): void {
  switch (news.kind) {
    case 'purge':
      journal.apply(news.record);
      applied.set(news.record.seq, worker.applyPurge(news.record));
      return;
    case 'stand':
      for (const record of news.records) journal.apply(record);
      journal.stand(news.standing);
      worker
        .stand(news.records)
        .catch((error: unknown) => log.error({ err: error }, 'a purge was not applied'));
      return;
    case 'invalidate':
      forgotten.note(hearing.heard, news.keys);
      worker.edge.applyInvalidation(news.keys, news.by);
      return;
    case 'alias':
      worker.edge.hearAlias(news.key, news.field);
      return;
    default:
      news satisfies never;
  }
}

async function heed(seq: number | undefined): Promise<Applied | undefined> {
  hearing.hear();
  const done = seq === undefined ? undefined : applied.get(seq);
  if (seq !== undefined) applied.delete(seq);
  return done;
}

/** What other workers have sent to be stored is stored before the main thread hears of what there is. */
async function answer(order: Order): Promise<unknown> {
  share.mesh.catchUp();
  switch (order.kind) {
    case 'listen':
      return worker.listen(order.door, order.address, order.fd);
    case 'secure':
      return worker.secure(order.terms);
    case 'meet':
      share.mesh.connect(order.peer);
      return undefined;
    case 'heed':
      return heed(order.seq);
    case 'count':
      return worker.count(order.order);
    case 'inspect':
      return worker.inspect(order.keys);
    case 'reconfigure':
      return worker.reconfigure(order.config);
    case 'advise':
      return worker.heed(order.word);
    case 'hottest':
      return worker.hottest(order.order, order.limit);
    case 'refresh':
      return worker.refresh(order.names);
    case 'origins':
      return worker.origins();
    case 'metrics':
      return (await worker.metrics()).getMetricsAsJSON();
    case 'drain':
      await worker.close(order.graceMs);
      return share.settled();
    case 'close':
      share.mesh.close();
      await disk?.close();
      await shared?.close();
      flush();
      return undefined;
    default:
      return order satisfies never;
  }
}

/** Who this worker is, once the main thread knows (fresh.ts). */
function told(begin: MessagePort): Promise<WorkerData> {
  return new Promise((resolve) => {
    begin.once('message', (data: WorkerData) => {
      begin.close();
      resolve(data);
    });
  });
}

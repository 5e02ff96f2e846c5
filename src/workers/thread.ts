// A worker thread: an EdgeWorker that takes its orders from the main thread (pool.ts) and asks it to purge.

import { parentPort, workerData } from 'node:worker_threads';
import { Journal } from '../../storage/journal.ts';
import { attachSqliteStore } from '../../storage/sqlite.ts';
import type { PurgeReceipt } from '../admin/receipt.ts';
import { storedMetaCodec } from '../cache/codec.ts';
import { openShared } from '../nodes.ts';
import { createLog } from '../observe/log.ts';
import { Dialogue } from './dialogue.ts';
import type { Order, Request, WorkerData } from './messages.ts';
import { EdgeWorker } from './worker.ts';

if (parentPort === null) throw new Error('workers/thread.ts runs in a worker thread only');
const port = parentPort;
const { config, identity, originUrl, memoryBytes, diskPort, journal: snapshot }: WorkerData = workerData;

const journal = Journal.replica(snapshot);
const { log, flush } = createLog({ level: config.log.level });
const disk = diskPort === undefined ? undefined : await attachSqliteStore(diskPort, storedMetaCodec);

const shared = openShared(config);

const main = new Dialogue<Request, Order>(port, answer);
const worker = new EdgeWorker({
  config,
  identity,
  originUrl,
  memoryBytes,
  disk,
  shared,
  journal,
  purgeService: {
    purge: (selector, mode, by) => main.ask<PurgeReceipt>({ kind: 'purge', selector, mode, by }),
    admit: (purges) => main.ask<number>({ kind: 'admit', purges }),
  },
  spreadInvalidation: (keys) => main.ask<void>({ kind: 'spread', keys }),
  log,
  now: Date.now,
  reusePort: true,
  processMetrics: false,
});
port.postMessage('ready');

async function answer(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'listen':
      return worker.listen(order.address);
    case 'purge':
      journal.apply(order.record);
      return worker.applyPurge(order.record);
    case 'stand':
      for (const record of order.records) journal.apply(record);
      journal.stand(order.standing);
      return worker.stand(order.records);
    case 'count':
      return worker.count(order.order);
    case 'inspect':
      return worker.inspect(order.keys);
    case 'invalidate':
      return worker.edge.applyInvalidation(order.keys);
    case 'metrics':
      return worker.metrics.getMetricsAsJSON();
    case 'close':
      await worker.close(order.graceMs);
      await disk?.close();
      await shared?.close();
      flush();
      return undefined;
    default:
      return order satisfies never;
  }
}

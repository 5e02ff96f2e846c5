// Opens the disk tier: starts the database's thread, and another when it dies; and hands lines to it to other threads of
// this process. No SQL here.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { makeDirectory } from './make-directory.ts';
import { type Lines, SqliteStore } from './sqlite.ts';
import { Line } from './sqlite-line.ts';
import type { Health, ThreadOptions } from './sqlite-protocol.ts';
import type { DiskEviction } from './sqlite-standing.ts';
import { type Codec, StoreError } from './store.ts';

const MIN_BYTES = 4 * 1024 * 1024;
const DEFAULT_QUEUE_BYTES = 64 * 1024 * 1024;

export interface SqliteOptions<M> {
  /** Made when it is not there. */
  readonly dir: string;
  /** Bound on the database file and its log together, bytes; at least 4 MB. */
  readonly maxBytes: number;
  readonly codec: Codec<M>;
  /** Bound on puts accepted and not yet written, bytes, over all clients; beyond it puts are declined. Default 64 MB. */
  readonly maxQueueBytes?: number;
  /** The purge journal's identity: content that belongs to another one is dropped. */
  readonly journalId?: string;
  /** Which records go first: by count / size^alpha with the alpha given, or by last use. Default 0.5. */
  readonly eviction?: DiskEviction;
  /** How long after a failure the database, or its thread, is tried again, ms. Default 1000. */
  readonly retryMs?: number;
  /** Told when the store's health changes. */
  readonly log?: (health: Health) => void;
}

/**
 * Opens the database in a thread of its own. A database that can't be opened or written is no reason to fail: its
 * operations reject, `health` says so, and it is tried again.
 * @throws StoreError when the directory can't be made.
 */
export async function openSqliteStore<M>(options: SqliteOptions<M>): Promise<SqliteStore<M>> {
  const { dir, codec, journalId, log } = options;
  const { maxQueueBytes = DEFAULT_QUEUE_BYTES, eviction = 0.5, retryMs = 1000 } = options;
  const maxBytes = Math.max(MIN_BYTES, options.maxBytes);
  try {
    await makeDirectory(dir);
  } catch (error) {
    throw new StoreError('open', error);
  }
  let store: SqliteStore<M> | undefined;
  const line = new Line({ written: (id) => store?.written(id), lost: () => store?.lost() }, log);
  const threads = new Threads({ dir, maxBytes, maxQueueBytes, journalId, eviction, retryMs }, line);
  store = new SqliteStore(codec, line, threads);
  try {
    await threads.start();
  } catch (error) {
    await store.close();
    throw error instanceof StoreError ? error : new StoreError('open', error);
  }
  return store;
}

/** A store over a port of another thread's store (`port()`). @throws StoreError when that store is closed. */
export async function attachSqliteStore<M>(port: MessagePort, codec: Codec<M>): Promise<SqliteStore<M>> {
  let store: SqliteStore<M> | undefined;
  const line = new Line({ written: (id) => store?.written(id), lost: () => store?.lost() }, undefined);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  store = new SqliteStore(codec, line, {
    isOwner: false,
    port: () => {
      throw new StoreError('port', new Error('only the store that was opened hands out ports'));
    },
    close: async () => port.close(),
  });
  port.on('message', (one: MessagePort) => line.adopt(one).then(resolve, reject));
  port.on('close', () => {
    reject(new StoreError('open', new Error('the store is closed')));
    void store.close();
  });
  await promise;
  port.unref();
  return store;
}

/** The thread that there is, and those who hold lines to it. */
class Threads implements Lines {
  readonly isOwner = true;
  readonly #options: Omit<ThreadOptions, 'port'>;
  readonly #line: Line;
  /** Ports by which other threads are given theirs. */
  readonly #fronts = new Set<MessagePort>();
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: Omit<ThreadOptions, 'port'>, line: Line) {
    this.#options = options;
    this.#line = line;
  }

  /** Rejects when the thread ends before it has said hello. */
  async start(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const workerData: ThreadOptions = { ...this.#options, port: port2 };
    const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    this.#worker = worker;
    let cause = new Error('the database thread has ended');
    worker.on('error', (error) => {
      cause = new Error(`the database thread has failed: ${error instanceof Error ? error.message : error}`);
      this.#line.lose(cause);
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#ended(cause);
    });
    await this.#line.adopt(port1);
    worker.unref();
    for (const front of this.#fronts) this.#give(front);
  }

  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#fronts.add(port2);
    port2.on('close', () => this.#fronts.delete(port2));
    port2.unref();
    this.#give(port2);
    return port1;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const front of this.#fronts) front.close();
    await this.#worker?.terminate();
  }

  #give(front: MessagePort): void {
    const { port1, port2 } = new MessageChannel();
    this.#line.send({ kind: 'attach', port: port2 }, [port2]);
    front.postMessage(port1, [port1]);
  }

  #ended(cause: Error): void {
    this.#worker = undefined;
    this.#line.lose(cause);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.start().catch(() => undefined), this.#options.retryMs);
    this.#timer.unref();
  }
}

// The workers as the main thread sees them: one in this thread, or several in threads of their own that share the port.
// Owns starting, replacing a thread that died, asking all of them, and closing.

import type { Worker } from 'node:worker_threads';
import { type HomesPlan, planHomes } from '../../storage/homes.ts';
import type { Journal, PurgeRecord } from '../../storage/journal.ts';
import type { SqliteStore } from '../../storage/sqlite.ts';
import type { Removed } from '../../storage/store.ts';
import type { Inspected } from '../admin/inspect.ts';
import type { Applied, PurgeTarget } from '../admin/purger.ts';
import type { PurgeReceipt, TierReceipt } from '../admin/receipt.ts';
import type { Hot, RefreshTarget } from '../admin/refresher.ts';
import type { CountOrder } from '../admin/sweep.ts';
import type { StoredMeta } from '../cache/stored.ts';
import type { SharedClock } from '../clock.ts';
import type { Address, Config } from '../config.ts';
import { crowdMemory } from '../gate/crowd.ts';
import type { Gauges } from '../observe/metrics.ts';
import type { GroupReport } from '../origin/group.ts';
import type { Refreshed } from '../refresh-visit.ts';
import type { OriginWord } from '../site/origin-watch.ts';
import type { TlsTerms } from '../tls/terms.ts';
import { Dialogue } from './dialogue.ts';
import { FreshThread } from './fresh.ts';
import { openWay, type Peer } from './mesh.ts';
import type { News, Order, Request, Spread, WorkerData } from './messages.ts';
import { Announcer } from './news.ts';
import type { Door, WorkerOptions } from './worker.ts';

/** A worker as purging and inspecting see it. */
export interface WorkerTarget extends PurgeTarget, RefreshTarget {
  /** What its memory holds under keys. */
  inspect(keys: readonly string[]): Promise<readonly Inspected[]>;
  /** The origin groups as it knows them. */
  origins(): Promise<readonly GroupReport[]>;
}

/** What all workers together are to the rest of the program. */
export interface Workers {
  readonly targets: () => readonly WorkerTarget[];
  /** No worker serves a request any more that does not know it. */
  tell(news: News): void;
  /** Listens; port 0 is taken once and shared. Rejects with the system's error. */
  listen(door: Door, address: Address, fds?: readonly number[]): Promise<Address>;
  /** Terms of TLS for handshakes to come; before the door of TLS is listened at. */
  secure(terms: TlsTerms): Promise<void>;
  /** A word on an origin server, for all of them. */
  advise(word: OriginWord): Promise<void>;
  metrics(): Promise<string>;
  /** All of them go on by these settings. */
  reconfigure(config: Config): Promise<void>;
  close(graceMs: number): Promise<void>;
}

export type ThreadOptions = Pick<
  WorkerOptions,
  'config' | 'identity' | 'demoUrl' | 'buckets' | 'purgeService' | 'log'
> & {
  readonly count: number;
  /** Threads that are there already; those that lack are made. */
  readonly fresh: FreshThread[];
  readonly clock: SharedClock | undefined;
  readonly disk: SqliteStore<StoredMeta> | undefined;
  readonly journal: Journal;
  /** The main thread's own metrics, beside the workers'. */
  readonly gauges: Pick<Gauges, 'stores' | 'nodes'>;
};

/** Starts worker threads. */
export async function startThreads(options: ThreadOptions): Promise<Workers> {
  const pool = new ThreadPool(options);
  await pool.start();
  return pool;
}

class ThreadPool implements Workers {
  #options: ThreadOptions;
  readonly #threads = new Map<number, Thread>();
  readonly #homes: HomesPlan;
  readonly #crowd: SharedArrayBuffer;
  readonly #announcer = new Announcer<News>();
  readonly #addresses = new Map<Door, Address>();
  #terms: TlsTerms | undefined;
  /** By kind and server: those that take another's place hear them too. */
  readonly #words = new Map<string, OriginWord>();
  #ownMetrics: (() => Promise<object[]>) | undefined;
  #closing = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#homes = planHomes(options.count);
    this.#crowd = crowdMemory(options.count);
  }

  readonly targets = (): readonly WorkerTarget[] => [...this.#threads.values()];

  tell(news: News): void {
    this.#announcer.tell(news);
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.count }, (_, worker) => this.#add(worker)));
  }

  async listen(door: Door, address: Address, fds: readonly number[] = []): Promise<Address> {
    for (const [worker, thread] of this.#threads) {
      const at = this.#addresses.get(door) ?? address;
      this.#addresses.set(door, await thread.listen(door, at, fds[worker]));
    }
    return this.#addresses.get(door) ?? address;
  }

  async secure(terms: TlsTerms): Promise<void> {
    this.#terms = terms;
    await Promise.all([...this.#threads.values()].map((thread) => thread.secure(terms)));
  }

  async advise(word: OriginWord): Promise<void> {
    this.#words.set(`${word.kind} ${word.group} ${word.server}`, word);
    await Promise.all([...this.#threads.values()].map((thread) => thread.advise(word)));
  }

  async metrics(): Promise<string> {
    const parts = await Promise.all(
      [...this.#threads.values()].map((thread) => thread.metrics().catch(() => [])),
    );
    const { joinMetrics, processMetrics } = await import('../observe/metrics.ts');
    this.#ownMetrics ??= processMetrics(this.#options.gauges);
    return joinMetrics([await this.#ownMetrics(), ...parts]);
  }

  async reconfigure(config: Config): Promise<void> {
    // Those that take another's place begin with them.
    this.#options = { ...this.#options, config };
    await Promise.all([...this.#threads.values()].map((thread) => thread.reconfigure(config)));
  }

  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#threads.values()].map((thread) => thread.drain(graceMs)));
    await Promise.all([...this.#threads.values()].map((thread) => thread.close()));
  }

  async #add(worker: number): Promise<void> {
    const { log } = this.#options;
    const { ear, close } = this.#announcer.ear();
    const peers = [...this.#threads].map(([other, thread]): Peer => {
      const [theirs, ours] = openWay(other, worker);
      thread.meet(theirs).catch(() => undefined);
      return ours;
    });
    const crowd = { memory: this.#crowd, row: worker };
    const place = { self: worker, homes: this.#homes, peers, ear, crowd };
    const thread = new Thread(this.#options, place, this.#fresh(), (news) => this.#spread(news));
    // From here on it hears of purges; those from before are in its snapshot of the journal.
    this.#threads.set(worker, thread);
    thread.onExit((error) => {
      this.#threads.delete(worker);
      close();
      if (this.#closing) return;
      log.error({ err: error }, 'a worker ended; another takes its place');
      this.#add(worker).catch((cause: unknown) =>
        log.fatal({ err: cause }, 'a worker could not be replaced'),
      );
    });
    await thread.ready;
    if (this.#terms !== undefined) await thread.secure(this.#terms);
    for (const word of this.#words.values()) await thread.advise(word);
    for (const [door, address] of this.#addresses) await thread.listen(door, address);
  }

  #fresh(): FreshThread {
    const made = this.#options.fresh.pop();
    return made === undefined || made.gone ? new FreshThread() : made;
  }

  #spread(news: Spread): void {
    this.tell(news);
    if (news.kind !== 'invalidate') return;
    for (const thread of this.#threads.values()) thread.heed().catch(() => undefined);
  }
}

/** Where a thread stands among the others. */
type Place = Pick<WorkerData, 'self' | 'homes' | 'peers' | 'ear' | 'crowd'>;

class Thread implements WorkerTarget {
  readonly ready: Promise<void>;
  readonly #fresh: FreshThread;
  readonly #worker: Worker;
  readonly #dialogue: Dialogue<Order, Request>;

  constructor(options: ThreadOptions, place: Place, fresh: FreshThread, tell: (news: Spread) => void) {
    const { config, identity, demoUrl, buckets, disk, journal, count, clock } = options;
    const diskPort = disk?.port();
    const data: WorkerData = {
      config,
      identity,
      demoUrl,
      workers: count,
      clock,
      memoryBytes: Math.floor(config.memoryBytes / count),
      buckets,
      diskPort,
      journal: journal.snapshot(),
      ...place,
    };
    this.#fresh = fresh;
    this.#worker = fresh.worker;
    fresh.begin(data, [
      place.ear.port,
      ...place.peers.map(({ port }) => port),
      ...(diskPort === undefined ? [] : [diskPort]),
    ]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#worker.once('message', () => resolve());
    this.#worker.once('exit', () => reject(fresh.error ?? new Error('the worker ended at its start')));
    const { purgeService } = options;
    this.#dialogue = new Dialogue<Order, Request>(
      this.#worker,
      async (request): Promise<PurgeReceipt | readonly TierReceipt[] | number | undefined> => {
        switch (request.kind) {
          case 'purge':
            return purgeService.purge(request.selector, request.mode, request.by, request.tiers);
          case 'pass':
            return purgeService.pass(request.selectors, request.mode, request.loop);
          case 'announce':
            await purgeService.announce(request.url, request.by, request.found);
            return undefined;
          case 'admit':
            return purgeService.admit(request.purges);
          case 'spread':
            tell(request.news);
            return undefined;
          default:
            return request satisfies never;
        }
      },
    );
  }

  onExit(listener: (error: Error) => void): void {
    this.#worker.once('exit', (code) => {
      const error = this.#fresh.error ?? new Error(`exit code ${code}`);
      this.#dialogue.end(error);
      listener(error);
    });
  }

  listen(door: Door, address: Address, fd?: number): Promise<Address> {
    return this.#dialogue.ask<Address>({ kind: 'listen', door, address, fd });
  }

  async secure(terms: TlsTerms): Promise<void> {
    await this.#dialogue.ask({ kind: 'secure', terms });
  }

  /** From now on there is a way to another worker. */
  async meet(peer: Peer): Promise<void> {
    await this.#dialogue.ask({ kind: 'meet', peer }, [peer.port]);
  }

  /** A thread that has ended holds nothing any more: that is as good as purged. */
  async applyPurge(record: PurgeRecord): Promise<Applied> {
    try {
      return await this.heed(record.seq);
    } catch (error) {
      return { removed: {}, fenced: 0, failure: `a worker: ${String(error)}` };
    }
  }

  async stand(): Promise<void> {
    await this.heed().catch(() => undefined);
  }

  /** Resolves when it has heard what was told until now. @returns what it did for the purge `seq` */
  heed(seq?: number): Promise<Applied> {
    return this.#dialogue.ask<Applied>({ kind: 'heed', seq });
  }

  count(order: CountOrder): Promise<Removed> {
    return this.#dialogue.ask<Removed>({ kind: 'count', order });
  }

  inspect(keys: readonly string[]): Promise<readonly Inspected[]> {
    return this.#dialogue.ask<readonly Inspected[]>({ kind: 'inspect', keys });
  }

  /** A thread that has ended is replaced by one that hears it. */
  async advise(word: OriginWord): Promise<void> {
    await this.#dialogue.ask({ kind: 'advise', word }).catch(() => undefined);
  }

  hottest(order: CountOrder, limit: number): Promise<readonly Hot[]> {
    return this.#dialogue.ask<readonly Hot[]>({ kind: 'hottest', order, limit });
  }

  refresh(names: readonly Hot[]): Promise<readonly Refreshed[]> {
    return this.#dialogue.ask<readonly Refreshed[]>({ kind: 'refresh', names });
  }

  origins(): Promise<readonly GroupReport[]> {
    return this.#dialogue.ask<readonly GroupReport[]>({ kind: 'origins' });
  }

  /** A thread that has ended is replaced by one that has them. */
  async reconfigure(config: Config): Promise<void> {
    await this.#dialogue.ask({ kind: 'reconfigure', config }).catch(() => undefined);
  }

  metrics(): Promise<object[]> {
    return this.#dialogue.ask<object[]>({ kind: 'metrics' });
  }

  async drain(graceMs: number): Promise<void> {
    await this.#dialogue.ask({ kind: 'drain', graceMs }).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#dialogue.ask({ kind: 'close' }).catch(() => undefined);
    await this.#worker.terminate();
  }
}

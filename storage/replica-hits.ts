// Hits on replicas, gathered for the homes of their keys, whose eviction policies want to know: told every 200 ms while there are
// replicas. The same tick looks for replicas that are out of date.

import type { Touches, Way } from './home-messages.ts';
import type { Homes } from './homes.ts';
import type { ReplicaRecord, Replicas } from './replicas.ts';

const TICK_MS = 200;
const MAX_TOUCHED = 4096;
/** Replicas looked at in one tick. */
const SWEPT = 4096;

export interface ReplicaHitsOptions<M> {
  readonly homes: Homes;
  readonly replicas: Replicas<M>;
  /** undefined while that worker is not there. */
  readonly wayTo: (worker: number) => Pick<Way<M>, 'tell'> | undefined;
}

export class ReplicaHits<M> {
  readonly #options: ReplicaHitsOptions<M>;
  #touched: ReplicaRecord<M>[] = [];
  #ticking: NodeJS.Timeout | undefined;

  constructor(options: ReplicaHitsOptions<M>) {
    this.#options = options;
  }

  count(record: ReplicaRecord<M>): void {
    record.uses += 1;
    if (record.uses > 1) return;
    this.#touched.push(record);
    if (this.#touched.length >= MAX_TOUCHED) this.flush();
    this.tickLater();
  }

  /** Tells the homes of all hits there have been. */
  flush(): void {
    const { homes, wayTo } = this.#options;
    const hits = new Map<number, Touches['hits'][number][]>();
    for (const record of this.#touched.splice(0)) {
      const home = homes.homeOf(homes.hash(record.key));
      const list = hits.get(home) ?? [];
      list.push([record.key, record.variant, record.uses]);
      hits.set(home, list);
      record.uses = 0;
    }
    for (const [home, list] of hits) wayTo(home)?.tell({ kind: 'touched', hits: list });
  }

  /** As long as there are replicas. */
  tickLater(): void {
    this.#ticking ??= setTimeout(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#ticking);
  }

  #tick(): void {
    const { replicas } = this.#options;
    this.#ticking = undefined;
    this.flush();
    replicas.sweep(SWEPT);
    if (replicas.size > 0) this.tickLater();
  }
}

// After a soft purge: what it matched in memory is fetched again behind, what is asked for most first, within the budgets of
// the origins. Owns the order and the progress; what is fetched, and how, is each worker's edge.

import type { Refreshed } from '../refresh-visit.ts';
import type { CountOrder } from './sweep.ts';

/** A stored response by name, and how much it is asked for: comparable within a worker. */
export interface Hot {
  readonly key: string;
  readonly variant: string;
  readonly heat: number;
}

export interface RefreshTarget {
  /** The matches in its memory that are asked for most, the hottest first. */
  hottest(order: CountOrder, limit: number): Promise<readonly Hot[]>;
  /** Fetches them again, all at a time. Resolves with what came of each. */
  refresh(names: readonly Hot[]): Promise<readonly Refreshed[]>;
}

/** How far it has come, as the receipt says it. */
export interface RefreshProgress {
  readonly done: boolean;
  /** Stored responses to be fetched again. */
  readonly wanted: number;
  /** Confirmed by the origin (304). */
  readonly unchanged: number;
  readonly fetched: number;
  /** Somebody's request had brought them before. */
  readonly already: number;
  /** Gone meanwhile, or for one client alone. */
  readonly left: number;
  readonly failed: number;
}

/** Of each worker at a time. */
const AT_ONCE = 8;
/** What found no place in the budget is tried again after a while, so often. */
const MAX_TRIES = 60;
const PAUSE_MS = 500;

export class Refresher {
  readonly #targets: readonly RefreshTarget[];
  readonly #counts = { wanted: 0, unchanged: 0, fetched: 0, already: 0, left: 0, failed: 0 };
  #done = false;

  constructor(targets: readonly RefreshTarget[]) {
    this.#targets = targets;
  }

  get progress(): RefreshProgress {
    return { done: this.#done, ...this.#counts };
  }

  /** @param max stored responses in all workers together */
  async run(order: CountOrder, max: number): Promise<void> {
    const limit = Math.max(1, Math.ceil(max / this.#targets.length));
    // A worker that has ended has nothing to be fetched again.
    await Promise.all(this.#targets.map((target) => this.#of(target, order, limit).catch(() => undefined)));
    this.#done = true;
  }

  async #of(target: RefreshTarget, order: CountOrder, limit: number): Promise<void> {
    const queue = (await target.hottest(order, limit)).map((hot) => ({ hot, tries: 0 }));
    this.#counts.wanted += queue.length;
    let left = queue.length;
    try {
      while (queue.length > 0) {
        const batch = queue.splice(0, AT_ONCE);
        const results = await target.refresh(batch.map(({ hot }) => hot));
        let busy = 0;
        batch.forEach(({ hot, tries }, i) => {
          const result = results[i] ?? 'failed';
          if (result === 'busy' && tries < MAX_TRIES) {
            busy += 1;
            queue.push({ hot, tries: tries + 1 });
            return;
          }
          left -= 1;
          this.#counts[COUNTED[result]] += 1;
        });
        if (busy > 0) await pause();
      }
    } finally {
      this.#counts.failed += left;
    }
  }
}

const COUNTED = {
  unchanged: 'unchanged',
  fetched: 'fetched',
  fresh: 'already',
  gone: 'left',
  left: 'left',
  busy: 'failed',
  failed: 'failed',
} as const satisfies Record<Refreshed, string>;

/** Holds no process back from its end. */
function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, PAUSE_MS).unref());
}

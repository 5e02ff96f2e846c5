// Background passes over a memory: count what purges match, and give back the bytes of what they deleted. One pass serves all
// the purges that wait for one. Nothing's correctness depends on it: the journal decides at lookup. The disk: sweep-disk.ts.

import type { Journal, PurgeMode, Selector } from '../../storage/journal.ts';
import { SelectorMap } from '../../storage/selector-map.ts';
import type { Removed } from '../../storage/store.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { subjectOf } from '../cache/subject.ts';
import { rest } from './rest.ts';
import { keysOf } from './selectors.ts';

/** A stored response as a pass meets it. */
export interface Met {
  readonly key: string;
  readonly meta: StoredMeta;
  readonly bytes: number;
}

/** A tier that can be passed over. */
export interface Passable<T extends Met> {
  /** All of it, in pages so small that nobody waits for one. */
  pages(): Iterable<readonly T[]>;
  under(keys: readonly string[]): readonly T[];
  drop(dead: readonly T[]): void;
}

/** What is to be counted: the matches fetched before a sequence. */
export interface CountOrder {
  readonly selector: Selector;
  readonly before: number;
  readonly mode: PurgeMode | 'dry-run';
}

interface Job<T> extends CountOrder {
  /** Hears of each match. */
  readonly onMatch: ((met: T) => void) | undefined;
  records: number;
  bytes: number;
  readonly resolve: (counted: Removed) => void;
  readonly reject: (error: unknown) => void;
}

/** A pass begins without rests: most stores are small, and their receipts are exact at once. */
const EAGER_MS = 15;
const YIELD_MS = 2;
/** Rest after a page, as a multiple of the time that it took. */
const REST_FACTOR = 4;

export class Sweep<T extends Met> {
  readonly #source: Passable<T>;
  readonly #journal: Journal;
  readonly #spaces: () => readonly string[];
  #waiting: Job<T>[] = [];
  #running = false;

  /** @param spaces of keys (cache/key.ts) */
  constructor(source: Passable<T>, journal: Journal, spaces: () => readonly string[] = () => ['']) {
    this.#source = source;
    this.#spaces = spaces;
    this.#journal = journal;
  }

  /** Counts, and removes in passing what is deleted. Rejects when the tier fails. */
  count(order: CountOrder, onMatch?: (met: T) => void): Promise<Removed> {
    if (order.selector.kind === 'url') return this.#countUrl(order, order.selector.url, onMatch);
    const { promise, resolve, reject } = Promise.withResolvers<Removed>();
    this.#waiting.push({ ...order, onMatch, records: 0, bytes: 0, resolve, reject });
    if (!this.#running) void this.#run();
    return promise;
  }

  async #countUrl(
    { before, mode }: CountOrder,
    url: string,
    onMatch: ((met: T) => void) | undefined,
  ): Promise<Removed> {
    const met = this.#source
      .under(keysOf(url, this.#spaces()))
      .filter((one) => one.meta.seq < before && (mode !== 'dry-run' || !this.#isDeleted(one)));
    if (onMatch !== undefined) for (const one of met) onMatch(one);
    return { records: met.length, bytes: met.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Those that come together share a pass.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting.splice(0);
      try {
        await this.#pass(jobs);
        for (const { resolve, records, bytes } of jobs) resolve({ records, bytes });
      } catch (error) {
        for (const { reject } of jobs) reject(error);
      }
    }
    this.#running = false;
  }

  async #pass(jobs: readonly Job<T>[]): Promise<void> {
    const bySelector = new SelectorMap<Job<T>[]>();
    for (const job of jobs) {
      const others = bySelector.get(job.selector);
      if (others === undefined) bySelector.set(job.selector, [job]);
      else others.push(job);
    }
    const begunAt = performance.now();
    let restedAt = begunAt;
    for (const page of this.#source.pages()) {
      const dead = page.filter((one) => this.#count(one, bySelector));
      if (dead.length > 0) this.#source.drop(dead);
      const now = performance.now();
      if (now - begunAt > EAGER_MS) await rest((now - restedAt) * REST_FACTOR);
      else if (now - restedAt > YIELD_MS) await new Promise(setImmediate);
      else continue;
      restedAt = performance.now();
    }
  }

  /** @returns whether one of the purges has deleted it. */
  #count(met: T, bySelector: SelectorMap<Job<T>[]>): boolean {
    const jobs = bySelector
      .matching(subjectOf(met.key, met.meta.lines))
      .flat()
      .filter(({ before }) => met.meta.seq < before);
    if (jobs.length > 1) jobs.sort((a, b) => a.before - b.before);
    for (const job of jobs) {
      if (job.mode === 'dry-run' && this.#isDeleted(met)) continue;
      job.records += 1;
      job.bytes += met.bytes;
      job.onMatch?.(met);
      // What one purge has deleted is not there for the next.
      if (job.mode === 'delete') return true;
    }
    return false;
  }

  #isDeleted({ key, meta }: T): boolean {
    return this.#journal.verdict(subjectOf(key, meta.lines), meta.seq) === 'deleted';
  }
}

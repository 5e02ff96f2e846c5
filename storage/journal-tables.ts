// The purges that still matter, arranged so that a verdict costs a few lookups. In memory, bounded: the oldest are
// folded into a floor below which everything counts as deleted. Without I/O and without a clock.

import type { PurgeMode, PurgeRecord } from './journal-record.ts';
import { SelectorMap, type Subject } from './selector-map.ts';

export type { Subject } from './selector-map.ts';

export type Verdict = 'valid' | 'invalidated' | 'deleted';

type Latest = { [mode in PurgeMode]: PurgeRecord | undefined };

export class PurgeTables {
  readonly #maxRecords: number;
  readonly #latest = new SelectorMap<Latest>();
  /** In order of arrival, from `#oldest` on; superseded records stay until they reach the front. */
  #order: PurgeRecord[] = [];
  #oldest = 0;
  #live = 0;
  #highest = 0;
  #floor: number;

  constructor(maxRecords: number, floor = 0) {
    this.#maxRecords = maxRecords;
    this.#floor = floor;
  }

  /** A response fetched under a lower sequence counts as deleted. */
  get floor(): number {
    return this.#floor;
  }

  /** Everything fetched under a lower sequence counts as deleted from now on. */
  raise(floor: number): void {
    this.#floor = Math.max(this.#floor, floor);
  }

  /** The records that verdicts depend on, in order of arrival. */
  live(): readonly PurgeRecord[] {
    return this.#order.slice(this.#oldest).filter((record) => this.#isLive(record));
  }

  /** @returns false when the record changes nothing: it is known, or superseded by a later one. */
  add(record: PurgeRecord): boolean {
    if (record.seq <= this.#floor) return false;
    const { selector } = record;
    if (selector.kind === 'all' && record.mode === 'delete' && record.seq > this.#highest) this.#reset();
    this.#highest = Math.max(this.#highest, record.seq);
    let latest = this.#latest.get(selector);
    if (latest === undefined) {
      latest = { invalidate: undefined, delete: undefined };
      this.#latest.set(selector, latest);
    }
    const before = latest[record.mode];
    if (before !== undefined && before.seq >= record.seq) return false;
    latest[record.mode] = record;
    this.#order.push(record);
    if (before === undefined) this.#live += 1;
    while (this.#live > this.#maxRecords) this.#fold();
    if (this.#order.length > 2 * this.#live + 64) this.#tidy();
    return true;
  }

  /** What the purges say of a response whose fetch began under `seq`. */
  verdict(subject: Subject, seq: number): Verdict {
    if (seq < this.#floor) return 'deleted';
    if (seq >= this.#highest) return 'valid';
    let verdict: Verdict = 'valid';
    for (const latest of this.#latest.matching(subject)) {
      if (latest.delete !== undefined && latest.delete.seq > seq) return 'deleted';
      if (latest.invalidate !== undefined && latest.invalidate.seq > seq) verdict = 'invalidated';
    }
    return verdict;
  }

  #isLive(record: PurgeRecord): boolean {
    return this.#latest.get(record.selector)?.[record.mode] === record;
  }

  /** Gives up the oldest record that matters: what it could have matched counts as deleted. */
  #fold(): void {
    const record = this.#order[this.#oldest];
    if (record === undefined) return;
    this.#oldest += 1;
    if (!this.#isLive(record)) return;
    this.#live -= 1;
    this.#floor = Math.max(this.#floor, record.seq);
    const latest = this.#latest.get(record.selector);
    if (latest === undefined) return;
    latest[record.mode] = undefined;
    if (latest.delete === undefined && latest.invalidate === undefined) this.#latest.delete(record.selector);
  }

  #tidy(): void {
    this.#order = [...this.live()];
    this.#oldest = 0;
  }

  #reset(): void {
    this.#latest.clear();
    this.#order = [];
    this.#oldest = 0;
    this.#live = 0;
  }
}

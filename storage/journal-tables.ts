// The purges that still matter, arranged so that a verdict costs a few lookups. In memory, bounded: the oldest are
// folded into a floor below which everything counts as deleted. Without I/O and without a clock.

import { type PurgeMode, type PurgeRecord, type Selector, selected } from './journal-record.ts';

export type Verdict = 'valid' | 'invalidated' | 'deleted';

/** What a stored response is to the journal; the owner decides what goes in. */
export interface Subject {
  /** `//host/path?query`, in the form purges are made with. */
  readonly url: string;
  readonly host: string;
  readonly tags: readonly string[];
}

type Latest = { [mode in PurgeMode]: PurgeRecord | undefined };
type Kind = Selector['kind'];

export class PurgeTables {
  readonly #maxRecords: number;
  readonly #tables: Readonly<Record<Kind, Map<string, Latest>>> = {
    url: new Map(),
    prefix: new Map(),
    host: new Map(),
    tag: new Map(),
    all: new Map(),
  };
  /** How many prefixes there are of each length: a url is looked up once per length. */
  readonly #prefixLengths = new Map<number, number>();
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

  /** The records that verdicts depend on, in order of arrival. */
  live(): readonly PurgeRecord[] {
    return this.#order.slice(this.#oldest).filter((record) => this.#isLive(record));
  }

  /** @returns false when the record changes nothing: it is known, or superseded by a later one. */
  add(record: PurgeRecord): boolean {
    if (record.seq <= this.#floor) return false;
    const { kind } = record.selector;
    if (kind === 'all' && record.mode === 'delete' && record.seq > this.#highest) this.#reset();
    this.#highest = Math.max(this.#highest, record.seq);
    const what = selected(record.selector);
    let latest = this.#tables[kind].get(what);
    if (latest === undefined) {
      latest = { invalidate: undefined, delete: undefined };
      this.#tables[kind].set(what, latest);
      if (kind === 'prefix')
        this.#prefixLengths.set(what.length, (this.#prefixLengths.get(what.length) ?? 0) + 1);
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
    for (const latest of this.#matching(subject)) {
      if (latest.delete !== undefined && latest.delete.seq > seq) return 'deleted';
      if (latest.invalidate !== undefined && latest.invalidate.seq > seq) verdict = 'invalidated';
    }
    return verdict;
  }

  *#matching({ url, host, tags }: Subject): Generator<Latest> {
    const tables = this.#tables;
    const direct = [tables.all.get(''), tables.host.get(host), tables.url.get(url)];
    for (const latest of direct) if (latest !== undefined) yield latest;
    for (const tag of tables.tag.size === 0 ? [] : tags) {
      const latest = tables.tag.get(tag);
      if (latest !== undefined) yield latest;
    }
    for (const length of this.#prefixLengths.keys()) {
      const latest = length > url.length ? undefined : tables.prefix.get(url.slice(0, length));
      if (latest !== undefined) yield latest;
    }
  }

  #isLive(record: PurgeRecord): boolean {
    return this.#tables[record.selector.kind].get(selected(record.selector))?.[record.mode] === record;
  }

  /** Gives up the oldest record that matters: what it could have matched counts as deleted. */
  #fold(): void {
    const record = this.#order[this.#oldest];
    if (record === undefined) return;
    this.#oldest += 1;
    if (!this.#isLive(record)) return;
    this.#live -= 1;
    this.#floor = Math.max(this.#floor, record.seq);
    const { kind } = record.selector;
    const what = selected(record.selector);
    const latest = this.#tables[kind].get(what);
    if (latest === undefined) return;
    latest[record.mode] = undefined;
    if (latest.delete !== undefined || latest.invalidate !== undefined) return;
    this.#tables[kind].delete(what);
    if (kind !== 'prefix') return;
    const left = (this.#prefixLengths.get(what.length) ?? 1) - 1;
    if (left === 0) this.#prefixLengths.delete(what.length);
    else this.#prefixLengths.set(what.length, left);
  }

  #tidy(): void {
    this.#order = [...this.live()];
    this.#oldest = 0;
  }

  #reset(): void {
    for (const table of Object.values(this.#tables)) table.clear();
    this.#prefixLengths.clear();
    this.#order = [];
    this.#oldest = 0;
    this.#live = 0;
  }
}

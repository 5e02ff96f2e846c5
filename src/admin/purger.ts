// One purge from request to receipt: a record in the journal, applied by every worker, counted per tier. Correctness is the
// journal's (storage/journal.ts); counting and the memory of receipts are this file's.

import type { Journal, PurgeMode, PurgeRecord, Selector, Standing } from '../../storage/journal.ts';
import type { Spread } from '../../storage/journal-link.ts';
import type { Removed, Tier } from '../../storage/store.ts';
import type { FrontStore, RemovedByTier } from '../../storage/tiered.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { idOf, type PurgeReceipt, receiptOfRecord, Tally, type TierReceipt } from './receipt.ts';
import { Refresher, type RefreshTarget } from './refresher.ts';
import { keysOf } from './selectors.ts';
import type { CountOrder } from './sweep.ts';

export type { PurgeReceipt } from './receipt.ts';

/** What one worker did for a purge record. */
export interface Applied {
  readonly removed: RemovedByTier;
  /** Fetches in flight that the purge overtook: their bytes reach their waiters, never the store. */
  readonly fenced: number;
  /** A tier could not be asked to remove; the journal keeps what is left there from being served. */
  readonly failure?: string;
}

/** Something that serves from a cache of its own and must have applied a purge before the receipt is written. */
export interface PurgeTarget {
  applyPurge(record: PurgeRecord): Promise<Applied>;
  /** Applies purges that the nodes have numbered together, and takes the journal's standing among them. */
  stand(records: readonly PurgeRecord[], standing: Standing): Promise<void>;
  /** Counts matches in its memory. */
  count(order: CountOrder): Promise<Removed>;
}

/** The other nodes, where there are any. */
export interface PurgeableNodes {
  /** Sends a purge to them. Resolves when those that are there have applied it, or can't be waited for. */
  spread(record: PurgeRecord): Promise<Spread>;
  /** Empties the tier that they share. */
  clear(): Promise<Removed>;
}

/** The tier that all workers share. */
export interface PurgeableDisk {
  count(order: CountOrder): Promise<Removed>;
  /** Removes everything. Resolves as soon as it is known how much that is. */
  clear(): Promise<Removed>;
}

export interface PurgerOptions {
  readonly journal: Journal;
  readonly targets: () => readonly (PurgeTarget & RefreshTarget)[];
  /** From here on the purge holds in every target; `applyPurge` then says what came of it. */
  readonly tell?: (record: PurgeRecord) => void;
  readonly disk: PurgeableDisk | undefined;
  readonly nodes?: PurgeableNodes | undefined;
  readonly now: () => number;
}

/** The answer waits no longer for its counts: those that take a pass over a tier, and those that a tier knows. */
const COUNT_WITHIN_MS = 20;
const KNOW_WITHIN_MS = 1000;
const MAX_RECEIPTS = 1000;

export class Purger {
  readonly #options: PurgerOptions;
  /** By id, oldest first; a receipt in it is exact once it no longer says `counting`. */
  readonly #receipts = new Map<string, () => PurgeReceipt>();
  #dryRuns = 0;

  constructor(options: PurgerOptions) {
    this.#options = options;
  }

  /** Resolves when every worker has applied the purge and it is on disk (or could not be: see `durable`). */
  async purge(
    selector: Selector,
    mode: PurgeMode,
    by: string,
    tiers: readonly TierReceipt[] = [],
  ): Promise<PurgeReceipt> {
    const { journal, now } = this.#options;
    const begunAt = performance.now();
    const appended = journal.append(selector, mode, by, now());
    const record = journal.recent(1)[0];
    if (record === undefined) throw new Error('the journal holds no record after an append');
    const targets = this.#options.targets();
    const tally = new Tally(targets.length, tiers);
    // First of all: from here on it takes effect.
    this.#options.tell?.(record);
    const applying = targets.map((target) => target.applyPurge(record));
    // A URL is removed, and by that counted, in every tier at once.
    const counted =
      selector.kind === 'url' && mode === 'delete'
        ? Promise.resolve()
        : this.#count({ selector, before: record.seq, mode }, targets, tally);
    await Promise.all([
      appended.catch((error: unknown) => tally.notDurable(error)),
      ...applying.map(async (applied) => tally.applied(await applied)),
      // Called before anything else can happen: from now on the purge is known to be on its way.
      this.#options.nodes?.spread(record).then((spread) => tally.spread(spread)),
    ]);
    const withinMs = isClearing({ selector, mode }) ? KNOW_WITHIN_MS : COUNT_WITHIN_MS;
    return this.#give(() => tally.receipt(receiptOfRecord(record)), tally, counted, begunAt + withinMs);
  }

  /** A purge without a receipt: in effect when this returns, written and sent to the other nodes behind. */
  announce(selector: Selector, mode: PurgeMode, by: string): void {
    const { journal, now, nodes } = this.#options;
    // In effect all the same, and written with the next one.
    journal.append(selector, mode, by, now()).catch(() => undefined);
    const record = journal.recent(1)[0];
    if (record === undefined) return;
    this.#options.tell?.(record);
    const effects = [
      ...this.#options.targets().map((target) => target.applyPurge(record)),
      nodes?.spread(record),
    ];
    for (const effect of effects) effect?.catch(() => undefined);
  }

  /** Counts what a purge would match. Nothing is recorded or removed. */
  async dryRun(selector: Selector, mode: PurgeMode, by: string): Promise<PurgeReceipt> {
    const { journal, now } = this.#options;
    const begunAt = performance.now();
    const targets = this.#options.targets();
    const tally = new Tally(targets.length);
    const counted = this.#count({ selector, before: journal.latest + 1, mode: 'dry-run' }, targets, tally);
    this.#dryRuns += 1;
    const id = `dry-run-${this.#dryRuns}`;
    const at = new Date(now()).toISOString();
    const head = { id, sequence: journal.seq, at, by, selector, mode, dryRun: true };
    return this.#give(() => tally.receipt(head), tally, counted, begunAt + COUNT_WITHIN_MS);
  }

  /**
   * Begins to fetch again what a purge has made stale; the receipt says how far that has come.
   * @param max stored responses in all
   */
  refresh(receipt: PurgeReceipt, max: number): PurgeReceipt {
    const { id, selector } = receipt;
    const record = this.#options.journal.recent(MAX_RECEIPTS).find((one) => id === idOf(one));
    const before = this.#receipts.get(id);
    if (record === undefined || before === undefined) return receipt;
    const refresher = new Refresher(this.#options.targets());
    const refreshing = (): PurgeReceipt => {
      const { progress } = refresher;
      return { ...before(), refresh: progress, ...(progress.done ? {} : { poll: `/purges/${id}` }) };
    };
    this.#receipts.set(id, refreshing);
    void refresher.run({ selector, before: record.seq, mode: 'invalidate' }, max);
    return refreshing();
  }

  /** A receipt of this run, or what the journal still knows of an earlier one. */
  receipt(id: string): PurgeReceipt | undefined {
    const known = this.#receipts.get(id);
    if (known !== undefined) return known();
    const record = this.#options.journal.recent(MAX_RECEIPTS).find((one) => id === idOf(one));
    return record && receiptOfRecord(record);
  }

  /** The latest purges, newest first. */
  recent(limit: number): readonly PurgeReceipt[] {
    return this.#options.journal
      .recent(limit)
      .map((record) => this.#receipts.get(idOf(record))?.() ?? receiptOfRecord(record));
  }

  async #give(
    receipt: () => PurgeReceipt,
    tally: Tally,
    counted: Promise<unknown>,
    until: number,
  ): Promise<PurgeReceipt> {
    this.#receipts.set(receipt().id, receipt);
    for (const oldest of this.#receipts.keys()) {
      if (this.#receipts.size <= MAX_RECEIPTS) break;
      this.#receipts.delete(oldest);
    }
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.max(0, until - performance.now()));
    await Promise.race([counted.then(() => tally.finish()), late]);
    clearTimeout(timer);
    return receipt();
  }

  async #count(order: CountOrder, targets: readonly PurgeTarget[], tally: Tally): Promise<void> {
    const { disk, nodes } = this.#options;
    const add = async (tier: Tier, counting: Promise<Removed>): Promise<void> => {
      try {
        tally.matched({ [tier]: await counting });
      } catch (error) {
        tally.failed(`${tier}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const ofDisk = (held: PurgeableDisk): Promise<Removed> =>
      isClearing(order) ? held.clear() : held.count(order);
    await Promise.all([
      ...targets.map((target) => add('memory', target.count(order))),
      ...(disk === undefined ? [] : [add('disk', ofDisk(disk))]),
      ...(nodes !== undefined && isClearing(order) ? [add('shared', nodes.clear())] : []),
    ]);
  }
}

/** Everything goes: what a tier holds is the count. */
export function isClearing({ selector, mode }: Pick<CountOrder, 'selector' | 'mode'>): boolean {
  return selector.kind === 'all' && mode === 'delete';
}

/**
 * Removes at once what a URL names, from every tier. What other selectors name is the journal's at lookup, and a sweep's.
 * `spare` keeps what it has: the node that was asked to purge has seen to it. A tier that fails costs the count and the bytes, not the purge: the journal keeps what is left from being served.
 */
export async function removeSelected(
  store: FrontStore<StoredMeta>,
  selector: Selector,
  spaces: readonly string[],
  spare?: Tier,
): Promise<RemovedByTier> {
  if (selector.kind !== 'url') return {};
  const removals = await Promise.all(
    keysOf(selector.url, spaces).map((key) => store.remove(key, undefined, spare)),
  );
  const tally = new Tally(1);
  for (const removed of removals) tally.matched(removed);
  return tally.removed;
}

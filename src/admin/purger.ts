// One purge from request to receipt: a record in the journal, applied by every worker, counted per tier.
// Correctness is the journal's (storage/journal.ts); removing bytes and counting them is this file's.

import type { Journal, PurgeMode, PurgeRecord, Selector } from '../../storage/journal.ts';
import type { Removed, Tier } from '../../storage/store.ts';
import type { RemovedByTier, TieredStore } from '../../storage/tiered.ts';
import type { StoredMeta } from '../cache/stored.ts';

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
}

/** Says what a purge did. The operator's proof. */
export interface PurgeReceipt {
  readonly id: string;
  readonly sequence: number;
  readonly at: string;
  readonly by: string;
  readonly selector: Selector;
  readonly mode: PurgeMode;
  readonly matched: Readonly<Partial<Record<Tier, Matched>>>;
  readonly fenced: number;
  readonly workers: number;
  /** False when the record could not be written to disk: the purge holds now, but would not survive a restart. */
  readonly durable: boolean;
  readonly detail?: string;
}

interface Matched {
  /** Stored responses, each variant counted. */
  readonly responses: number;
  readonly bytes: number;
}

export interface PurgerOptions {
  readonly journal: Journal;
  readonly targets: () => readonly PurgeTarget[];
  readonly now: () => number;
}

export class Purger {
  readonly #options: PurgerOptions;

  constructor(options: PurgerOptions) {
    this.#options = options;
  }

  /** Resolves when every worker has applied the purge and it is on disk (or could not be: see `durable`). */
  async purge(selector: Selector, mode: PurgeMode, by: string): Promise<PurgeReceipt> {
    const { journal, now } = this.#options;
    const appended = journal.append(selector, mode, by, now());
    const record = journal.recent(1)[0];
    if (record === undefined) throw new Error('the journal holds no record after an append');
    const targets = this.#options.targets();
    const [durability, ...applied] = await Promise.all([
      appended.then(
        () => undefined,
        (error: unknown) => message(error),
      ),
      ...targets.map((target) => target.applyPurge(record)),
    ]);
    const failures = applied.map((one) => one.failure);
    const detail = [durability, ...failures].filter((part) => part !== undefined).join('; ');
    return {
      id: `purge-${record.seq}`,
      sequence: record.seq,
      at: new Date(record.at).toISOString(),
      by,
      selector,
      mode,
      matched: sumByTier(applied.map((one) => one.removed)),
      fenced: applied.reduce((total, one) => total + one.fenced, 0),
      workers: targets.length,
      durable: durability === undefined,
      ...(detail === '' ? {} : { detail }),
    };
  }
}

/** The two keys that a scheme-less URL selects: whichever scheme the clients spoke, the purge finds it. */
export function keysOf(url: string): readonly string[] {
  return [`http:${url}`, `https:${url}`];
}

/**
 * Removes at once what a selector names by key, from every tier. What other selectors name is the journal's at lookup.
 * A tier that fails costs the count and the bytes, not the purge: the journal keeps what is left from being served.
 */
export async function removeSelected(
  store: TieredStore<StoredMeta>,
  selector: Selector,
): Promise<RemovedByTier> {
  if (selector.kind === 'all') return store.removeAll();
  if (selector.kind !== 'url') return {};
  const [http, https] = keysOf(selector.url).map((key) => store.remove(key));
  return addTiers((await http) ?? {}, (await https) ?? {});
}

function addTiers(a: RemovedByTier, b: RemovedByTier): RemovedByTier {
  const sum: Partial<Record<Tier, Removed>> = { ...a };
  for (const [tier, removed] of Object.entries(b) as [Tier, Removed][]) {
    const before = sum[tier];
    sum[tier] = {
      records: removed.records + (before?.records ?? 0),
      bytes: removed.bytes + (before?.bytes ?? 0),
    };
  }
  return sum;
}

function sumByTier(parts: readonly RemovedByTier[]): Partial<Record<Tier, Matched>> {
  const matched: Partial<Record<Tier, Matched>> = {};
  for (const [tier, { records, bytes }] of Object.entries(parts.reduce(addTiers, {})) as [Tier, Removed][]) {
    matched[tier] = { responses: records, bytes };
  }
  return matched;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

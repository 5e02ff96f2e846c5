// What a purge did, as the operator reads it: the receipt, and the tally it is written from while counts come in.

import type { PurgeMode, PurgeRecord, Selector } from '../../storage/journal.ts';
import type { Spread } from '../../storage/journal-link.ts';
import type { Removed, Tier } from '../../storage/store.ts';
import type { RemovedByTier } from '../../storage/tiered.ts';
import type { Applied } from './purger.ts';
import type { RefreshProgress } from './refresher.ts';

/** Says what a purge did. The operator's proof. */
export interface PurgeReceipt {
  readonly id: string;
  readonly sequence: number;
  readonly at: string;
  readonly by: string;
  readonly selector: Selector;
  readonly mode: PurgeMode;
  /** Nothing was purged: these are the matches that there are. */
  readonly dryRun?: boolean;
  /** Counts are still coming in; the purge itself has taken effect. `poll` on the admin listener has the exact ones. */
  readonly counting?: boolean;
  readonly poll?: string;
  /** Absent for a purge of an earlier run. */
  readonly matched?: Readonly<Partial<Record<Tier, Matched>>>;
  readonly fenced?: number;
  readonly workers?: number;
  /** False when the record could not be written to disk: the purge holds now, but would not survive a restart. */
  readonly durable?: boolean;
  /** Where there are several nodes: which have applied the purge, and which will when they can. */
  readonly nodes?: { readonly applied: readonly string[]; readonly pending: readonly string[] };
  /** False while the purge still waits to be sent to the other nodes. */
  readonly shared?: boolean;
  /** The node that was asked, where it is another. */
  readonly node?: string;
  readonly detail?: string;
  /** What is fetched again behind. `poll` has how far it has come. */
  readonly refresh?: RefreshProgress;
  /** What the edges behind this one answered, which were asked before. */
  readonly tiers?: readonly TierReceipt[];
}

/** What an edge behind this one made of a purge. */
export interface TierReceipt {
  readonly admin: string;
  /** False: it may still serve what was purged here, and give it back to this edge. */
  readonly purged: boolean;
  /** Of its receipts. */
  readonly ids: readonly string[];
  readonly detail?: string;
}

export interface Matched {
  /** Stored responses, each variant counted. */
  readonly responses: number;
  readonly bytes: number;
}

type Head = Pick<PurgeReceipt, 'id' | 'sequence' | 'at' | 'by' | 'selector' | 'mode' | 'dryRun' | 'node'>;

/** As its own node numbered it first: it stays when all nodes have numbered it. */
export function idOf({ seq, was }: PurgeRecord): string {
  return `purge-${was ?? seq}`;
}

export function receiptOfRecord(record: PurgeRecord): Head {
  const { seq, at, by, selector, mode, node, was } = record;
  const head = { id: idOf(record), sequence: seq, at: new Date(at).toISOString(), by, selector, mode };
  return node === undefined || was !== undefined ? head : { ...head, node };
}

export class Tally {
  readonly #workers: number;
  readonly #tiers: readonly TierReceipt[];
  #removed: RemovedByTier = {};
  #fenced = 0;
  #durable = true;
  #counting = true;
  #spread: Spread | undefined;
  readonly #details: string[] = [];

  constructor(workers: number, tiers: readonly TierReceipt[] = []) {
    this.#workers = workers;
    this.#tiers = tiers;
  }

  get removed(): RemovedByTier {
    return this.#removed;
  }

  matched(removed: RemovedByTier): void {
    this.#removed = addTiers(this.#removed, removed);
  }

  applied({ removed, fenced, failure }: Applied): void {
    this.matched(removed);
    this.#fenced += fenced;
    if (failure !== undefined) this.failed(failure);
  }

  failed(detail: string): void {
    this.#details.push(detail);
  }

  notDurable(error: unknown): void {
    this.#durable = false;
    this.failed(error instanceof Error ? error.message : String(error));
  }

  spread(spread: Spread): void {
    this.#spread = spread;
  }

  /** All counts are in. */
  finish(): void {
    this.#counting = false;
  }

  receipt(head: Head): PurgeReceipt {
    const detail = this.#details.join('; ');
    const spread = this.#spread;
    return {
      ...head,
      ...(spread?.sequence === undefined ? {} : { sequence: spread.sequence }),
      ...(this.#counting ? { counting: true, poll: `/purges/${head.id}` } : {}),
      matched: matchedOf(this.#removed),
      fenced: this.#fenced,
      workers: this.#workers,
      durable: this.#durable,
      ...(spread === undefined
        ? {}
        : {
            nodes: { applied: spread.applied, pending: spread.pending },
            shared: spread.sequence !== undefined,
          }),
      ...(this.#tiers.length === 0 ? {} : { tiers: this.#tiers }),
      ...(detail === '' ? {} : { detail }),
    };
  }
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

function matchedOf(removed: RemovedByTier): Partial<Record<Tier, Matched>> {
  const matched: Partial<Record<Tier, Matched>> = {};
  for (const [tier, { records, bytes }] of Object.entries(removed) as [Tier, Removed][]) {
    matched[tier] = { responses: records, bytes };
  }
  return matched;
}

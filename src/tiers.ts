// The tiers of one edge put together: memory over what there is below it.

import type { Journal } from '../storage/journal.ts';
import { LowerTiers } from '../storage/lower.ts';
import type { MemoryStore } from '../storage/memory.ts';
import type { Store, Stored } from '../storage/store.ts';
import { TieredStore } from '../storage/tiered.ts';
import { isOfSameBytes } from './cache/freshen.ts';
import type { StoredMeta } from './cache/stored.ts';
import { subjectOf } from './cache/subject.ts';

export interface TierParts {
  readonly disk: Store<StoredMeta> | undefined;
  readonly shared: Store<StoredMeta> | undefined;
  readonly journal: Journal;
}

/** Memory over what there is below it: disk, shared tier, both, nothing. */
export function tiersOf(
  memory: MemoryStore<StoredMeta>,
  { disk, shared, journal }: TierParts,
): { tiers: TieredStore<StoredMeta>; lower: Store<StoredMeta> | undefined } {
  if (shared === undefined)
    return { tiers: new TieredStore(memory, disk, { sameBytes: isOfSameBytes }), lower: disk };
  const usable = ({ key, meta }: Stored<StoredMeta>): boolean =>
    journal.verdict(subjectOf(key, meta.lines), meta.seq) !== 'deleted';
  const knows = ({ meta }: Stored<StoredMeta>): boolean => journal.knows(meta.seq);
  const lower = new LowerTiers({ disk, shared, usable, knows });
  return { tiers: new TieredStore(memory, lower, { usable, sameBytes: isOfSameBytes }), lower };
}

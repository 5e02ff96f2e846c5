// What the tiers say of themselves, as metrics. A tier that cannot say is down, and left out of the rest.

import type { StoreStats } from '../../storage/store.ts';
import type { Meters } from './meters.ts';

/** By tier that there is; undefined for one that fails. */
export type TierStats = Readonly<Record<string, StoreStats | undefined>>;

type Row = readonly [field: keyof StoreStats, name: string, help: string];

const LEVELS = [
  ['records', 'records', 'Stored responses by tier.'],
  ['bytes', 'bytes', 'Bytes held by tier, overhead counted.'],
  ['maxBytes', 'max_bytes', 'Bytes a tier may hold.'],
  ['queuedBytes', 'queued_bytes', 'Bytes accepted and not yet written, by tier.'],
] as const satisfies readonly Row[];

/** Since the start. */
const COUNTS = [
  ['evictions', 'evictions_total', 'Stored responses evicted for room, by tier.'],
  [
    'dropped',
    'dropped_total',
    'Stored responses that a tier did not take: its queue was full, or they were too large.',
  ],
  ['failedWrites', 'failed_writes_total', 'Writes that a tier took and could not do.'],
  [
    'damaged',
    'damaged_total',
    'Stored responses dropped because bytes were missing or failed their checksum, by tier.',
  ],
  ['rebuilt', 'rebuilt_total', 'How often a malformed database was set aside and another begun.'],
] as const satisfies readonly Row[];

export function storeMetrics(
  meters: Meters,
  { stores }: { readonly stores: () => Promise<TierStats> },
): void {
  type Value = (stats: StoreStats | undefined) => number | undefined;
  const byTier = (value: Value) => async () =>
    Object.entries(await stores()).flatMap(([tier, stats]) => {
      const number = value(stats);
      return number === undefined ? [] : [[{ tier }, number] as const];
    });
  const gauge = (name: string, help: string, value: Value): void =>
    meters.gauge(`holdfast_store_${name}`, help, byTier(value), ['tier']);
  for (const [field, name, help] of LEVELS) gauge(name, help, (stats) => stats?.[field]);
  for (const [field, name, help] of COUNTS)
    meters.counter(
      `holdfast_store_${name}`,
      help,
      byTier((stats) => stats?.[field]),
      ['tier'],
    );
  gauge('failing', '1 while a tier can not be used: slower, not broken.', (stats) =>
    stats === undefined || stats.failing === true ? 1 : 0,
  );
}

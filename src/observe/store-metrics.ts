// What the tiers say of themselves, as metrics. A tier that cannot say is down, and left out of the rest.

import { Gauge, type Registry } from 'prom-client';
import type { StoreStats } from '../../storage/store.ts';

/** By tier that there is; undefined for one that fails. */
export type TierStats = Readonly<Record<string, StoreStats | undefined>>;

const FIELDS = [
  ['records', 'records', 'Stored responses by tier.'],
  ['bytes', 'bytes', 'Bytes held by tier, overhead counted.'],
  ['maxBytes', 'max_bytes', 'Bytes a tier may hold.'],
  ['evictions', 'evictions', 'Stored responses evicted for room, by tier.'],
  ['queuedBytes', 'queued_bytes', 'Bytes accepted and not yet written, by tier.'],
  [
    'dropped',
    'dropped',
    'Stored responses that a tier did not take: its queue was full, or they were too large.',
  ],
  ['failedWrites', 'failed_writes', 'Writes that a tier took and could not do.'],
  [
    'damaged',
    'damaged',
    'Stored responses dropped because bytes were missing or failed their checksum, by tier.',
  ],
  ['rebuilt', 'rebuilt', 'How often a malformed database was set aside and another begun.'],
] as const satisfies readonly (readonly [keyof StoreStats, string, string])[];

export function storeMetrics(
  registry: Registry,
  { stores }: { readonly stores: () => Promise<TierStats> },
): void {
  const gauge = (
    name: string,
    help: string,
    value: (stats: StoreStats | undefined) => number | undefined,
  ): void => {
    new Gauge({
      name: `holdfast_store_${name}`,
      help,
      labelNames: ['tier'],
      registers: [registry],
      aggregator: 'sum',
      async collect() {
        this.reset();
        for (const [tier, stats] of Object.entries(await stores())) {
          const number = value(stats);
          if (number !== undefined) this.set({ tier }, number);
        }
      },
    });
  };
  for (const [field, name, help] of FIELDS) gauge(name, help, (stats) => stats?.[field]);
  gauge('failing', '1 while a tier can not be used: slower, not broken.', (stats) =>
    stats === undefined || stats.failing === true ? 1 : 0,
  );
}

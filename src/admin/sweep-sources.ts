// A memory as a sweep passes over it: pages, and what a purge by URL would find. Knows no purge.

import type { MemoryRecord } from '../../storage/memory.ts';
import type { TieredStore } from '../../storage/tiered.ts';
import type { StoredMeta } from '../cache/stored.ts';
import type { Met, Passable } from './sweep.ts';

const MEMORY_PAGE = 128;

/** A record in memory as a pass meets it. */
export interface MetInMemory extends Met {
  readonly record: MemoryRecord<StoredMeta>;
}

export function memorySource(store: TieredStore<StoredMeta>): Passable<MetInMemory> {
  const met = (record: MemoryRecord<StoredMeta>): MetInMemory => {
    const { key, meta, sizeBytes } = record;
    return { key, meta, bytes: sizeBytes, record };
  };
  return {
    *pages() {
      let page: MetInMemory[] = [];
      for (const records of store.walkMemory()) {
        for (const record of records) page.push(met(record));
        if (page.length < MEMORY_PAGE) continue;
        yield page;
        page = [];
      }
      yield page;
    },
    under: (keys) => keys.flatMap((key) => store.getNow(key) ?? []).map(met),
    drop: (dead) => {
      for (const { record } of dead) store.dropFromMemory(record);
    },
  };
}

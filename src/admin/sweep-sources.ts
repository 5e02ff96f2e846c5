// Memory and disk as a sweep passes over them: pages, and what a purge by URL would find. Knows no purge.

import type { Selector } from '../../storage/journal.ts';
import type { MemoryRecord } from '../../storage/memory.ts';
import type { Store, Walkable, Walked } from '../../storage/store.ts';
import type { TieredStore } from '../../storage/tiered.ts';
import { storedMetaCodec } from '../cache/codec.ts';
import type { StoredMeta } from '../cache/stored.ts';
import type { Met, Passable } from './sweep.ts';

const MEMORY_PAGE = 128;
/** Deletions of one request to the disk: some milliseconds of its thread. */
const DISK_DROP = 32;
/** More needles cost more than they save. */
const MAX_NEEDLES = 8;
/** Empty pages asked for while puts are on their way to the disk. */
const MAX_IDLE_PAGES = 100;

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
    restFactor: 4,
    async *pages() {
      let page: MetInMemory[] = [];
      for (const records of store.walkMemory()) {
        for (const record of records) page.push(met(record));
        if (page.length < MEMORY_PAGE) continue;
        yield page;
        page = [];
      }
      yield page;
    },
    under: async (keys) => keys.flatMap((key) => store.getNow(key) ?? []).map(met),
    drop: async (dead) => {
      for (const { record } of dead) store.dropFromMemory(record);
    },
  };
}

export function diskSource(disk: Store<StoredMeta> & Walkable<StoredMeta>): Passable<Walked<StoredMeta>> {
  return {
    restFactor: 1,
    async *pages(selectors) {
      const needles = needlesOf(selectors);
      let after = 0;
      for (let idle = 0; idle < MAX_IDLE_PAGES; ) {
        const page = await disk.walk(after, needles);
        yield page.records;
        if (page.next !== undefined) after = page.next;
        else if (page.pending) idle += 1;
        else return;
      }
    },
    under: async (keys) => {
      const found = await Promise.all(keys.map((key) => disk.get(key)));
      return found.flat().map(({ key, variant, meta, body }) => ({
        key,
        variant,
        meta,
        bytes: body.length + storedMetaCodec.encode(meta).length,
        id: 0,
      }));
    },
    drop: async (dead) => {
      for (let i = 0; i < dead.length; i += DISK_DROP) await disk.drop(dead.slice(i, i + DISK_DROP));
    },
  };
}

/** Bytes without which neither key nor meta of a record can match; undefined when none can be named. */
function needlesOf(selectors: readonly Selector[]): readonly Uint8Array[] | undefined {
  if (selectors.length > MAX_NEEDLES) return undefined;
  const needles: Uint8Array[] = [];
  for (const selector of selectors) {
    const text = needleOf(selector);
    if (text === '') return undefined;
    needles.push(Buffer.from(text, 'utf8'));
  }
  return needles;
}

function needleOf(selector: Selector): string {
  switch (selector.kind) {
    case 'url':
      return selector.url;
    case 'path':
      return selector.path;
    case 'prefix':
      return selector.prefix;
    case 'host':
      return `//${selector.host}`;
    case 'tag':
      return longest(selector.tag.split(BREAKS));
    case 'all':
      return '';
    default:
      return selector satisfies never;
  }
}

/** A quoted tag is stored with escapes, and a group's tag begins with its origin. */
const BREAKS = /["\\ ]/;

function longest(parts: readonly string[]): string {
  return parts.reduce((best, part) => (part.length > best.length ? part : best), '');
}

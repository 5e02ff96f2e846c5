// What is stored for a URL, as an operator wants to see it: one entry per stored response and tier, no content.

import type { Journal } from '../../storage/journal.ts';
import type { Stored, Tier } from '../../storage/store.ts';
import { ageSeconds, isFresh, ttlSeconds, type Verdict } from '../cache/age.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { subjectOf } from '../cache/subject.ts';
import { tagsOf } from '../cache/tags.ts';
import { Fields } from '../http/fields.ts';

/** A stored response described. */
export interface Inspected {
  readonly key: string;
  readonly variant: string;
  /** The nominated request fields it was selected by; null where the request had none. */
  readonly vary: Readonly<Record<string, string | null>>;
  readonly tier: Tier;
  /** Caches that hold it: each worker has a memory of its own. */
  readonly copies: number;
  readonly status: number;
  /** `deleted`: purged, its bytes not yet given back; never served. */
  readonly state: 'fresh' | 'stale' | 'invalidated' | 'deleted';
  readonly ageSeconds: number;
  /** Freshness left; negative when stale. */
  readonly ttlSeconds: number;
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
  readonly storedAt: string;
  /** Of the content. */
  readonly bytes: number;
  /** A part: which bytes of the whole it holds. */
  readonly partial?: { readonly start: number; readonly end: number; readonly complete: number | undefined };
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly tags: readonly string[];
  /** Of the purge journal, when its fetch began. */
  readonly sequence: number;
}

/** Describes a stored response. @param now epoch ms */
export function inspected(record: Stored<StoredMeta>, journal: Journal, now: number): Inspected {
  const { key, variant, meta, body, tier } = record;
  const fields = new Fields(meta.lines);
  const verdict = journal.verdict(subjectOf(key, meta.lines), meta.seq);
  const contentType = fields.get('content-type');
  const contentEncoding = fields.get('content-encoding');
  return {
    key,
    variant,
    vary: Object.fromEntries(meta.vary.map((name, i) => [name, meta.varyValues[i] ?? null])),
    tier,
    copies: 1,
    status: meta.status,
    state: stateOf(meta, verdict, now),
    ageSeconds: ageSeconds(meta, now),
    ttlSeconds: ttlSeconds(meta, now, verdict),
    staleWhileRevalidateSeconds: meta.staleWhileRevalidateMs / 1000,
    staleIfErrorSeconds: meta.staleIfErrorMs / 1000,
    storedAt: new Date(meta.respondedAt).toISOString(),
    bytes: body.length,
    ...(meta.partial === undefined ? {} : { partial: meta.partial }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(meta.etag === undefined ? {} : { etag: meta.etag }),
    ...(meta.lastModified === undefined ? {} : { lastModified: new Date(meta.lastModified).toISOString() }),
    tags: tagsOf(fields),
    sequence: meta.seq,
  };
}

function stateOf(meta: StoredMeta, verdict: Verdict, now: number): Inspected['state'] {
  if (verdict !== 'valid') return verdict;
  return isFresh(meta, now) ? 'fresh' : 'stale';
}

/** Copies of one response in several workers as one entry. */
export function merged(entries: readonly Inspected[]): readonly Inspected[] {
  const byName = new Map<string, Inspected>();
  for (const entry of entries) {
    const name = `${entry.tier}\n${entry.key}\n${entry.variant}\n${entry.storedAt}\n${entry.state}`;
    const before = byName.get(name);
    byName.set(name, before === undefined ? entry : { ...before, copies: before.copies + entry.copies });
  }
  return [...byName.values()];
}

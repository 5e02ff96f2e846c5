// Stored responses for tables of pure rules: one that is fresh for 60 s at T0, and changes to it.

import type { StoredMeta } from '../../src/cache/stored.ts';

/** Sun, 09 Sep 2001 01:46:40 GMT */
export const T0 = 1_000_000_000_000;
export const T0_DATE = 'Sun, 09 Sep 2001 01:46:40 GMT';

/** A 200 that arrived at T0 with age 0. `lifetimeMs` moves `freshUntil`, `etag` and `lastModified` do not write lines. */
export function storedMeta(changes: Partial<StoredMeta> = {}): StoredMeta {
  const lifetimeMs = changes.lifetimeMs ?? 60_000;
  const initialAgeMs = changes.initialAgeMs ?? 0;
  const respondedAt = changes.respondedAt ?? T0;
  return {
    status: 200,
    lines: ['Date', T0_DATE, 'Content-Type', 'text/plain'],
    requestedAt: T0,
    respondedAt,
    initialAgeMs,
    lifetimeMs,
    freshUntil: respondedAt + lifetimeMs - initialAgeMs,
    heuristic: false,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    mustRevalidate: false,
    noCache: false,
    vary: [],
    varyValues: [],
    etag: undefined,
    lastModified: undefined,
    seq: 0,
    partial: undefined,
    authorized: false,
    content: undefined,
    coded: undefined,
    ...changes,
  };
}

// The arithmetic of freshness (RFC 9111 §4.2) on numbers worked out when the response was stored. Every rule that asks
// "how old", "how fresh", "how stale" asks here. Decides nothing.

import type { StoredMeta } from './stored.ts';

/** What the purge journal says of a stored response: untouched, made stale (a soft purge), or gone. */
export type Verdict = 'valid' | 'invalidated' | 'deleted';

/** current_age in ms (RFC 9111 §4.2.3); a clock that was set back never makes a response younger than it arrived. */
export function currentAge(meta: StoredMeta, now: number): number {
  return meta.initialAgeMs + Math.max(0, now - meta.respondedAt);
}

/** The value of the Age field: whole seconds, bounded to what a recipient must be able to read (RFC 9111 §1.2.2). */
export function ageSeconds(meta: StoredMeta, now: number): number {
  return Math.min(Math.floor(currentAge(meta, now) / 1000), 2 ** 31);
}

/** Remaining freshness lifetime, ms; never positive once invalidated, negative when stale. */
export function remainingMs(meta: StoredMeta, now: number, verdict: Verdict = 'valid'): number {
  const left = meta.lifetimeMs - currentAge(meta, now);
  return verdict === 'valid' ? left : Math.min(0, left);
}

/** The `ttl` of Cache-Status: remaining freshness in whole seconds, rounded down, negative when stale (RFC 9211 §2.4). */
export function ttlSeconds(meta: StoredMeta, now: number, verdict: Verdict = 'valid'): number {
  return Math.floor(remainingMs(meta, now, verdict) / 1000);
}

/** response_is_fresh (RFC 9111 §4.2); an invalidated response is stale from the instant of its invalidation. */
export function isFresh(meta: StoredMeta, now: number, verdict: Verdict = 'valid'): boolean {
  return verdict === 'valid' && now < meta.freshUntil;
}

/** How long it has been stale, ms; 0 while fresh and for one that only its invalidation made stale. */
export function stalenessMs(meta: StoredMeta, now: number): number {
  return Math.max(0, now - meta.freshUntil);
}

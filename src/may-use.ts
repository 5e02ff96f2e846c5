// What a visit may use of what is stored, or was fetched for another. Pure.

import { mayServeOnError, type StandIn } from './cache/decide.ts';
import type { StoredMeta } from './cache/stored.ts';
import { selects } from './cache/vary.ts';
import type { Forward, Visit } from './visit.ts';

/** May a follower use what a fetch begun before it has brought? Only what it could reuse had it come a moment later. */
export function mayFollow({ request }: Visit, meta: StoredMeta, now: number): boolean {
  if (meta.noCache || !selects(meta, request.fields)) return false;
  return now < meta.freshUntil + (meta.mustRevalidate ? 0 : meta.staleWhileRevalidateMs);
}

/**
 * On what ground the stored response that was to be validated stands in for a failed origin.
 * @param kind the origin's status, where it gave one
 */
export function standInFor(
  { admission, route }: Visit,
  { record, reason, verdict }: Forward,
  kind: 'unreachable' | number,
  now: number,
): StandIn | undefined {
  if (record === undefined || reason === 'partial') return undefined;
  const { facts: request } = admission;
  return mayServeOnError({ stored: record.meta, request, verdict, rules: route.rules, now, kind });
}

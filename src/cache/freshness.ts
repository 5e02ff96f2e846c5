// The inputs of freshness (RFC 9111 §4.2) as the response states them: age on arrival, and which explicit lifetime
// counts. Pure readings of fields; the lifetime itself is worked out in policy.ts, its use at request time in age.ts.

import type { Fields } from '../http/fields.ts';
import { type CacheControl, parseDeltaSeconds } from './cache-control.ts';
import { parseHttpDate } from './http-date.ts';

/** The explicit freshness that governs, in RFC 9111 §4.2.1's order; 'invalid' anywhere means stale. */
export type Explicit =
  | { readonly by: 's-maxage' | 'max-age'; readonly seconds: number | 'invalid' }
  | { readonly by: 'expires'; readonly at: number | 'invalid' };

/**
 * @param expires the Expires lines; none where a targeted field governs (RFC 9213 §2.2)
 * @param respondedAt epoch ms
 */
export function explicitFreshness(
  control: CacheControl,
  expires: readonly string[],
  respondedAt: number,
): Explicit | undefined {
  if (control.sMaxage !== undefined) return { by: 's-maxage', seconds: control.sMaxage };
  if (control.maxAge !== undefined) return { by: 'max-age', seconds: control.maxAge };
  // Of several lines the first counts (RFC 9111 §4.2.1); what is no date is the past (§5.3).
  const [first] = expires;
  if (first !== undefined) return { by: 'expires', at: parseHttpDate(first, respondedAt) ?? 'invalid' };
  return undefined;
}

/** The Age field in seconds: its first member, 0 when that is no non-negative integer (RFC 9111 §5.1). */
export function receivedAgeSeconds(fields: Fields): number {
  const [first] = fields.all('age');
  if (first === undefined) return 0;
  const value = parseDeltaSeconds((first.split(',', 1)[0] ?? '').trim());
  return value === 'invalid' ? 0 : value;
}

export interface Arrival {
  readonly fields: Fields;
  readonly requestedAt: number;
  readonly respondedAt: number;
  /** The response's Date, epoch ms, or the time of receipt when it has none. */
  readonly date: number;
}

/**
 * corrected_initial_age, ms (RFC 9111 §4.2.3). Date has whole seconds, so the apparent age is counted in whole seconds
 * too; an origin whose clock is ahead gets none, one whose clock is behind makes its responses older, as the RFC has it.
 */
export function initialAgeMs({ fields, requestedAt, respondedAt, date }: Arrival): number {
  const apparentMs = Math.max(0, Math.floor(respondedAt / 1000) * 1000 - date);
  const responseDelayMs = Math.max(0, respondedAt - requestedAt);
  return Math.max(apparentMs, receivedAgeSeconds(fields) * 1000 + responseDelayMs);
}

// A stored part and a received one as one response (RFC 9111 §3.4): whether they may be joined, and the fields and bytes of
// the result. Pure; who reads and stores the bytes is the caller's.

import type { Stored } from '../../storage/store.ts';
import { Fields } from '../http/fields.ts';
import {
  type Combined,
  canCombine,
  combinedRange,
  formatContentRange,
  isComplete,
  partOf,
} from './content-range.ts';
import { freshenFromHead, type Validation } from './freshen.ts';
import type { StoredMeta } from './stored.ts';

/** The joined response: what is known of it, and which bytes of the two bodies it has, in order. */
export interface Joined extends Combined {
  readonly meta: StoredMeta;
}

/**
 * Joins a stored part with a 206 that was just received.
 * @param received what the policy makes of the 206 alone
 * @returns undefined when they are not of one representation, or leave a gap
 */
export function combine(
  stored: Stored<StoredMeta>,
  received: StoredMeta,
  validation: Omit<Validation, 'stored'>,
): Joined | undefined {
  if (received.partial === undefined || stored.meta.partial === undefined) return undefined;
  const have = partOf(stored.meta, stored.body.length);
  if (!canCombine({ ...stored.meta, part: have }, { ...received, part: received.partial })) return undefined;
  const combined = combinedRange(have, received.partial);
  if (combined === undefined) return undefined;
  // RFC 9111 §3.2: the new response's fields replace the stored ones.
  const updated = freshenFromHead({ stored: stored.meta, ...validation });
  if (updated.kind !== 'freshened') return undefined;
  const { part, pieces } = combined;
  const complete = isComplete(part);
  const fields = new Fields(updated.meta.lines).without(new Set(['content-range']));
  const lines = complete ? fields.lines : fields.with('Content-Range', formatContentRange(part)).lines;
  const meta: StoredMeta = {
    ...updated.meta,
    status: complete ? 200 : 206,
    lines,
    partial: complete ? undefined : part,
  };
  return { meta, part, pieces };
}

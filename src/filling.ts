// Begins the fill of a response that may be stored, and decides how its body gets into the store: kept in memory until it is
// whole, or written while it comes because it is large. What is stored in the end is keep.ts's.

import type { Inflow } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import { type Budget, Fill, type FillEnd, type Tap } from './cache/fill.ts';
import { Spill } from './cache/spill.ts';
import type { StoredMeta } from './cache/stored.ts';
import type { OriginResponse } from './origin/upstream.ts';

/** How much of a body may be kept in memory while it comes, and how much written while it comes. Bytes; 0 is not at all. */
export interface Keeping {
  readonly keepBytes: number;
  readonly partsBytes: number;
}

/** How a fill ended; `written` is the whole body where it was written while it came. */
export type FetchEnd = FillEnd & { readonly written?: WrittenBody };

export interface WrittenBody {
  readonly inflow: Inflow<StoredMeta>;
  /** It is not to be stored: gone once those who are still reading it have read it. */
  readonly unwanted: () => void;
}

/** What is asked of the store before a body has come. */
export type BodyStore = Pick<FrontStore<StoredMeta>, 'wayFor' | 'maxBodyBytes' | 'maxInflowBytes' | 'inflow'>;

export interface Filling {
  readonly keeping: Keeping;
  readonly tap: Tap;
  readonly store: BodyStore;
  readonly budget: Budget;
  /** Once; undefined when the body was to be written while it came, and was not. */
  readonly onEnd: (end: FetchEnd | undefined) => void;
}

export const NOTHING_KEPT: Keeping = { keepBytes: 0, partsBytes: 0 };
/** Of a body of unknown length: the writer must be able to catch up with what is kept when it begins. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

/**
 * What the store would not take is not collected for it. A body of unknown length could be endless: it may take an eighth
 * of the memory before it is given up, or written while it comes.
 * @param announced bytes, where the response says
 */
export function keepingOf(
  { key, variant }: { readonly key: string; readonly variant: string },
  announced: number | undefined,
  maxObjectBytes: number,
  store: BodyStore,
  { maxBytes }: Budget,
): Keeping {
  const partsBytes = Math.min(maxObjectBytes, store.maxInflowBytes);
  if (announced === undefined) {
    const most = Math.min(maxObjectBytes, maxBytes / 8);
    return { keepBytes: partsBytes > most ? Math.min(most, MAX_KEPT_BYTES) : most, partsBytes };
  }
  const way = store.wayFor(key, variant, announced);
  if (way === 'none') return NOTHING_KEPT;
  return { keepBytes: way === 'parts' ? 0 : maxObjectBytes, partsBytes };
}

/** A body that is written while it comes ends when the store has it: who asks before would find nothing there. */
export function beginFill({ keeping, tap, store, budget, onEnd }: Filling): Fill {
  const { keepBytes, partsBytes } = keeping;
  let spill: Spill | undefined;
  const overflow = (full: Fill): void => {
    const inflow = partsBytes > 0 ? store.inflow() : undefined;
    if (inflow !== undefined) spill = new Spill(full, inflow, partsBytes);
  };
  const fill = new Fill({
    tap,
    keep: keepBytes > 0,
    maxBytes: keepBytes,
    budget,
    overflow,
    onEnd: (end) => {
      const { inflow, done } = spill ?? {};
      if (done === undefined) onEnd(end);
      else
        void done.then((isWhole) => {
          if (!isWhole || inflow === undefined) return onEnd(undefined);
          onEnd({ ...end, written: { inflow, unwanted: () => fill.unback() } });
        });
    },
  });
  if (keepBytes === 0) overflow(fill);
  return fill;
}

/** Content-Length of a response that announces one; undefined when it is chunked or runs to the close. */
export function contentLength(response: OriginResponse): number | undefined {
  const value = response.fields.get('content-length');
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

// Where a journal stands among those of several nodes, as data: what it has heard of, and what the others have not. The
// rules that follow from it are the journal's; who finds it out is journal-link.ts.

import { type PurgeRecord, STEP } from './journal-record.ts';

export interface Standing {
  /** False for a node that numbers its purges alone: then nothing else here matters. */
  readonly among: boolean;
  /** In touch with the others. */
  readonly linked: boolean;
  /** No purge with a common number up to this one is missing here. */
  readonly position: number;
  /** This node's purges that have only its own number yet. A later common number does not cover them: see `Journal.knows`. */
  readonly own: readonly number[];
  /** Own numbers up to this one have got a common one, which is known here. */
  readonly settled: number;
  /** What began below it counts as deleted for now: purges may have been missed. 0 for nothing. */
  readonly held: number;
  /** What began below it counts as deleted for good: purges were missed and can't be learned any more. */
  readonly floor: number;
}

export const ALONE: Standing = {
  among: false,
  linked: false,
  position: 0,
  own: [],
  settled: 0,
  held: 0,
  floor: 0,
};

/** Among others, not yet in touch with them. */
export const JOINING: Standing = { ...ALONE, among: true };

/** A purge that only this node has numbered. */
export function isOwn({ seq }: Pick<PurgeRecord, 'seq'>): boolean {
  return seq % STEP !== 0;
}

// Names for fetched bytes: no two fetches share one, of whatever worker, node or run.

import { randomBytes } from 'node:crypto';

const run = randomBytes(9).toString('base64url');
let count = 0;

/** A name that nothing else has (StoredMeta.content). */
export function contentName(): string {
  count += 1;
  return `${run}${count.toString(36)}`;
}

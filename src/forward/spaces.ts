// The spaces of cache keys that settings make: the edge's own, and those of the forward proxy's rules.

import type { ForwardConfig } from '../config/forward.ts';

/** Spaces of stored responses (cache/key.ts): that of our own sites, and those of the forward proxy. */
export function spacesOf(forward: ForwardConfig | undefined): readonly string[] {
  return [...new Set(['', ...(forward?.rules.map(({ space }) => space) ?? [])])];
}

// The operator's cache rules for a route, as plain data. config.ts makes it; the cache rooms read it.

import { type CompressRules, DEFAULT_COMPRESS } from '../compress/rules.ts';

/** Cache settings of a route. Durations in ms; undefined leaves the origin's word alone. */
export interface CacheRules {
  /** The strict RFC reading everywhere; switches the safety deviations below off. */
  readonly strict: boolean;
  /** Forward everything on this route, store nothing. */
  readonly bypass: boolean;
  /** Overrides the freshness lifetime of storable responses, but for errors (400 and above): those have negativeTtlMs. */
  readonly ttlMs: number | undefined;
  readonly staleWhileRevalidateMs: number | undefined;
  readonly staleIfErrorMs: number | undefined;
  /** Freshness lifetime by status, e.g. {404: 10_000}, for responses that name none. */
  readonly negativeTtlMs: Readonly<Record<number, number>>;
  /** Lifetime cap of heuristic freshness (RFC 9111 §4.2.2), ms. */
  readonly heuristicMaxMs: number;
  /** Store responses that carry Set-Cookie (RFC 9111 allows it; `strict` implies it). */
  readonly storeSetCookie: boolean;
  /** Remove Set-Cookie before storing and delivering. */
  readonly stripSetCookie: boolean;
  /** Honour a client's request directives (no-cache, no-store, max-age, min-fresh; RFC 9111 §5.2.1). only-if-cached always is. */
  readonly honourClient: boolean;
  /** Targeted fields in order of preference, lower-case (RFC 9213). */
  readonly targetedFields: readonly string[];
  /** Keep targeted fields in the response to the client. */
  readonly passTargetedFields: boolean;
  /** Largest content that is stored, bytes. */
  readonly maxObjectBytes: number;
  /** Variants kept per key; the oldest beyond it is evicted. */
  readonly maxVariants: number;
  readonly key: KeyRules;
  /** What is stored in encoded forms as well. */
  readonly compress: CompressRules;
}

/** How the cache key and the forwarded target are made (one decision for both). */
export interface KeyRules {
  readonly query: 'keep' | 'sort' | 'drop';
  /** Parameter-name patterns (`*` at the end matches any rest); allow keeps only these, deny removes these. */
  readonly allowParams: readonly string[] | undefined;
  readonly denyParams: readonly string[];
  /** Path as sent, or with unreserved escapes decoded, dot segments and empty segments resolved (RFC 3986 §6.2.2). */
  readonly path: 'verbatim' | 'normalize';
  /** Request fields (lower-case) whose values are part of the variant key whatever Vary says. */
  readonly extraFields: readonly string[];
}

export const DEFAULT_RULES: CacheRules = {
  strict: false,
  bypass: false,
  ttlMs: undefined,
  staleWhileRevalidateMs: undefined,
  staleIfErrorMs: undefined,
  negativeTtlMs: {},
  heuristicMaxMs: 24 * 3_600_000,
  storeSetCookie: false,
  stripSetCookie: false,
  honourClient: true,
  targetedFields: ['cdn-cache-control', 'surrogate-control'],
  passTargetedFields: true,
  maxObjectBytes: 128 * 1024 * 1024,
  maxVariants: 64,
  key: { query: 'keep', allowParams: undefined, denyParams: [], path: 'verbatim', extraFields: [] },
  compress: DEFAULT_COMPRESS,
};

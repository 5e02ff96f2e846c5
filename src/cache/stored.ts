// What the cache knows about a stored response beside its bytes. Everything that can be worked out once, when the
// response is stored or freshened, is a number or a flag here, so that a hit compares numbers (design: decide as data).

import type { Coding } from '../compress/coding.ts';
import type { FieldLines } from '../http/fields.ts';

/** Metadata of a stored response (RFC 9111 §2). Instants are epoch ms. Serialisable: plain data only. */
export interface StoredMeta {
  readonly status: number;
  /**
   * End-to-end response fields in wire order: no hop-by-hop field, none that Connection named, no Content-Length
   * (the body knows), no Age (it is computed).
   */
  readonly lines: FieldLines;
  /** When the request that fetched or last validated it was sent, and when the response head arrived. */
  readonly requestedAt: number;
  readonly respondedAt: number;
  /** corrected_initial_age at `respondedAt` (RFC 9111 §4.2.3), ms. current age = initialAgeMs + (now - respondedAt). */
  readonly initialAgeMs: number;
  /** freshness_lifetime (RFC 9111 §4.2.1), ms. */
  readonly lifetimeMs: number;
  /** Fresh while now < freshUntil. respondedAt + lifetimeMs - initialAgeMs. */
  readonly freshUntil: number;
  /** The lifetime is a guess (RFC 9111 §4.2.2). */
  readonly heuristic: boolean;
  /** RFC 5861 windows after `freshUntil`, ms; 0 where absent or forbidden. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** must-revalidate, proxy-revalidate or s-maxage: never served stale (RFC 9111 §4.2.4). */
  readonly mustRevalidate: boolean;
  /** no-cache: validated before every reuse (RFC 9111 §5.2.2.4). */
  readonly noCache: boolean;
  /** Lower-case names that Vary nominates, sorted; empty without Vary. */
  readonly vary: readonly string[];
  /** The normalised values of those fields in the storing request, same order; undefined = absent. */
  readonly varyValues: readonly (string | undefined)[];
  readonly etag: string | undefined;
  /** Last-Modified as epoch ms, if valid. */
  readonly lastModified: number | undefined;
  /** Sequence of the purge journal under which the fetch began: the fence (see storage/journal.ts). */
  readonly seq: number;
  /**
   * Which bytes of the complete representation the body holds: [start, end), `complete` its whole length if known
   * (Content-Range `bytes 0-4/10` is {0, 5, 10}). undefined = all of it (RFC 9111 §3.3).
   */
  readonly partial:
    | { readonly start: number; readonly end: number; readonly complete: number | undefined }
    | undefined;
  /** The storing request carried Authorization. */
  readonly authorized: boolean;
  /**
   * Names the stored bytes, and stays when the rest is freshened, so that what was made of them can be told to be of them.
   * undefined where nothing may be made of them (compress/): its clients need not be told to vary by Accept-Encoding.
   */
  readonly content: string | undefined;
  /**
   * This is an encoded form of the response whose `content` is the same: its bytes are used with that one's fields, never
   * without it. `mark`: see compress/coded-tag.ts.
   */
  readonly coded: { readonly coding: Coding; readonly mark: string } | undefined;
}

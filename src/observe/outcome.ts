// What became of one request, in the words of Cache-Status (RFC 9211): the same for the field, the log and the metrics.

import type { Tier } from '../../storage/store.ts';
import type { Asked } from '../fetch.ts';
import type { TunnelEnd } from '../tunnel/tunnel.ts';

/** The outcomes a request can have; each with its sentence for the metrics' help and the docs. */
export const OUTCOMES = {
  hit: 'Answered from the store, fresh.',
  stale: 'Answered from the store although stale (stale-while-revalidate, stale-if-error, max-stale).',
  revalidated: 'A stored response was confirmed by the origin (304) and served.',
  miss: 'Fetched from the origin for the cache; collapsed followers count here too.',
  bypass: 'Forwarded without looking at or touching the store.',
  refused:
    'Answered by the edge itself with an error: a refused request, a loop, only-if-cached without a stored response.',
  failed: 'The origin failed and nothing stored could stand in (502, 504).',
  local:
    'Answered by the edge itself: PURGE, TRACE or OPTIONS at their last hop, redirects and fixed responses of the settings.',
  tunnel: 'Bytes both ways in another protocol, by Upgrade or CONNECT; counted when the tunnel ends.',
} as const;

export type OutcomeName = keyof typeof OUTCOMES;

/** One request's record; the access log's fields are made from it (docs/logging.md). */
export interface AccessRecord {
  readonly outcome: OutcomeName;
  readonly status: number;
  /** Content bytes handed to the client. */
  readonly bytes: number;
  /** Of a tunnel: bytes that the client sent. */
  readonly received?: number;
  /** Of a tunnel: who or what ended it. */
  readonly ended?: TunnelEnd;
  /** By CONNECT: the address that was dialled. */
  readonly dialled?: string | undefined;
  /** The Cache-Status member that was sent. */
  readonly cacheStatus: string;
  readonly tier?: Tier | undefined;
  readonly collapsed?: boolean;
  readonly stored?: boolean;
  /** Why a fetched response was not stored, or why the request was refused. */
  readonly reason?: string | undefined;
  /** Which of the operator's rules refused it. */
  readonly rule?: string | undefined;
  /** What failed, and on which side. */
  readonly failure?: string | undefined;
  readonly side?: 'client' | 'origin' | 'internal' | undefined;
  /** Which server of a group was asked for it at last, how often one was, and how long the head took. */
  readonly asked?: Asked | undefined;
  /** The client left, or the transfer broke, before the response was complete. */
  readonly incomplete?: 'client-gone' | 'broken' | undefined;
}

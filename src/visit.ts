// One request on its way through the edge, and what it may ask of the origin. Data only.

import type { Stored } from '../storage/store.ts';
import type { Admission } from './admit.ts';
import type { Verdict } from './cache/age.ts';
import type { Need } from './cache/content-range.ts';
import type { StoredMeta } from './cache/stored.ts';
import type { Asked, Booking } from './fetch.ts';
import type { Request, Responder } from './http/message.ts';
import type { Route } from './site/route.ts';
import type { Realm } from './site/site.ts';

export type Records = readonly Stored<StoredMeta>[];

export const NOTHING: Records = [];

/** A visit looks so often for what other workers have stored or fetch, before it fetches alone. */
export const MAX_LOOKS = 4;

export interface Visit {
  readonly request: Request;
  /** The request as its route was chosen: before the gate's changes and the route's own edits. */
  readonly came: Request;
  readonly responder: Responder;
  readonly admission: Admission;
  readonly realm: Realm;
  readonly route: Route;
  readonly key: string;
  /** What the origin is asked for (key.ts: decided together with the key; then the route's rewriting). */
  readonly target: string;
  /** Protocols that the origin is asked to go over to; such a request is for its client alone. */
  readonly upgrade: readonly string[] | undefined;
  /** The client is an edge of the operator's. */
  readonly toEdge: boolean;
  /** What was found under its key, encoded forms too. */
  held: Records;
  /** The store could not be asked: the miss is the storage's, not the cache's. */
  storeFailed: boolean;
  /** It has waited on another's fetch in vain: now it fetches alone. */
  alone: boolean;
  /** It follows another worker's fetch by itself, at its own pace. */
  apart: boolean;
  /** How often it was sent back to look for what another worker has stored. */
  looks: number;
  /** What tells the responses of its key apart, learned while it waited; the store does not know it yet. */
  vary: readonly string[] | undefined;
  /** The leave to fetch that was asked for together with the look-up; only until that is decided on. */
  booking: Booking | undefined;
  /** Who was asked for what it gets. */
  asked: Asked | undefined;
}

/** What a visit begins with. */
type Coming = Pick<
  Visit,
  'request' | 'came' | 'responder' | 'admission' | 'realm' | 'route' | 'key' | 'target' | 'upgrade' | 'toEdge'
>;

/** A visit that has not looked for anything yet. */
export function visitOf(coming: Coming): Visit {
  const { request, came, responder, admission, realm, route, key, target, upgrade, toEdge } = coming;
  return {
    request,
    came,
    responder,
    admission,
    realm,
    route,
    key,
    target,
    upgrade,
    toEdge,
    held: NOTHING,
    storeFailed: false,
    alone: false,
    apart: false,
    looks: 0,
    vary: undefined,
    booking: undefined,
    asked: undefined,
  };
}

/** Why and for what a visit goes to the origin. */
export interface Forward {
  /** RFC 9211 §2.2. */
  readonly reason: 'uri-miss' | 'vary-miss' | 'miss' | 'stale' | 'request' | 'partial' | 'bypass' | 'method';
  readonly ask: Ask;
  /** The response may be stored. */
  readonly store: boolean;
  /** The stored response that was selected, if any, and what the purge journal says of it. */
  readonly record: Stored<StoredMeta> | undefined;
  readonly verdict: Verdict;
  /** All that is stored under the key. */
  readonly records: Records;
  /** The bytes that a stored part lacks. */
  readonly need: Need | undefined;
  /** An unsafe method: its success invalidates (RFC 9111 §4.4). */
  readonly invalidates: boolean;
}

/** In which form the origin is asked. */
export type Ask =
  /** The request as the client made it, its conditions and Range included. */
  | 'as-is'
  /** The whole representation: the edge answers conditions and ranges itself. */
  | 'whole'
  /** The whole, unless it is what is stored already (our own conditions). */
  | 'validate'
  /** What a stored part lacks (our own Range and If-Range). */
  | 'complete';

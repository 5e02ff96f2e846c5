// Sends the fetch of a visit on its way: to the origin, or to the worker that makes it for all. Who waits for what it brings,
// and what becomes of that, is the path's (edge.ts).

import type { Flight } from './cache/collapse.ts';
import { isReusable } from './cache/methods.ts';
import type { CacheRules } from './cache/rules.ts';
import { type Elsewhere, type Fetcher, type FetchOutcome, nameOf } from './fetch.ts';
import type { FieldLines } from './http/fields.ts';
import { standInFor } from './may-use.ts';
import type { Identity } from './origin/forwarded.ts';
import type { Urgency } from './origin/upstream.ts';
import { requestLines } from './origin-request.ts';
import type { Forward, Visit } from './visit.ts';

/** What a fetch brings may be for all who ask; or it may use what others bring, while its own is for itself alone. */
export type Sharing = 'all' | 'others' | 'none';

export interface OutboundOptions {
  readonly fetcher: Fetcher;
  /** The fetches of other workers; undefined when there are none. */
  readonly elsewhere: Elsewhere | undefined;
  readonly identity: Identity;
  /** Epoch ms. */
  readonly now: () => number;
}

export class Outbound {
  readonly #options: OutboundOptions;

  constructor(options: OutboundOptions) {
    this.#options = options;
  }

  /** Starts a fetch, unless another worker makes it for all. */
  send(
    visit: Visit,
    forward: Forward,
    flight: Flight<FetchOutcome>,
    sharing: Sharing,
    urgency: Urgency = 'user',
  ): void {
    const lead = (): void => this.#start(visit, forward, flight, urgency);
    const { elsewhere } = this.#options;
    if (elsewhere === undefined || sharing === 'none') return lead();
    const { request, realm, key, booking } = visit;
    const seen = [...visit.held, ...forward.records].map(nameOf);
    const rulesFor = (type: string): CacheRules => realm.rulesFor(request.method, visit, type);
    elsewhere.join(flight, { key, seen, rulesFor, alone: sharing === 'others', booking, lead });
  }

  #start(visit: Visit, forward: Forward, flight: Flight<FetchOutcome>, urgency: Urgency): void {
    const { fetcher, identity, now } = this.#options;
    const { request, came, responder, realm, route, key, target } = visit;
    const { record, records, store, ask } = forward;
    fetcher.start({
      flight,
      key,
      request,
      upstream: route.upstream,
      client: realm.clientOf(came).address,
      urgency,
      target,
      upgrade: visit.upgrade,
      forCache: store && isReusable(request.method),
      ask,
      linesFor: (form) => requestLines(visit, forward, form, identity),
      rulesFor: (type) => realm.rulesFor(request.method, visit, type),
      record,
      records,
      standsIn: (status) => standInFor(visit, forward, status, now()) !== undefined,
      onInterim: urgency === 'user' ? (status, lines) => responder.inform(status, lines) : unheard,
    });
  }
}

/** Nobody waits for it. */
function unheard(_status: number, _lines: FieldLines): void {}

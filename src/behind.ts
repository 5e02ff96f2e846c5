// Fetches that nobody waits for: a stale response is revalidated behind its answer, what a soft purge has made stale is
// fetched again. One at a time for a key, and not again at once after a failure.

import type { Journal } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import type { Admission } from './admit.ts';
import type { Backoff } from './cache/backoff.ts';
import type { Flights } from './cache/collapse.ts';
import type { StoredMeta } from './cache/stored.ts';
import { withoutForms } from './compress/forms.ts';
import { type Elsewhere, type FetchOutcome, nameOf } from './fetch.ts';
import type { Fields } from './http/fields.ts';
import type { Lookup } from './lookup.ts';
import type { Counters } from './observe/counters.ts';
import type { Urgency } from './origin/upstream.ts';
import { flightKey } from './origin-request.ts';
import type { Outbound } from './outbound.ts';
import { type Refreshed, refreshVisit } from './refresh-visit.ts';
import type { Realm } from './site/site.ts';
import { type Forward, MAX_LOOKS, NOTHING, type Visit } from './visit.ts';

export interface BehindOptions {
  readonly store: FrontStore<StoredMeta>;
  readonly journal: Journal;
  readonly flights: Flights<FetchOutcome>;
  /** Work behind that has failed. */
  readonly backoff: Backoff;
  readonly elsewhere: Elsewhere | undefined;
  readonly lookup: Lookup;
  readonly outbound: Outbound;
  readonly counters: Counters;
  /** Epoch ms. */
  readonly now: () => number;
}

type Done = (result: Refreshed) => void;

export class Behind {
  readonly #options: BehindOptions;

  constructor(options: BehindOptions) {
    this.#options = options;
  }

  /** Revalidates behind a stale response (RFC 5861 §3). */
  revalidate(visit: Visit, forward: Forward): void {
    const { backoff, counters, flights, now } = this.#options;
    const name = flightKey(visit, forward);
    if (flights.find(name) !== undefined || !backoff.allows(name, now())) return;
    counters.backgroundRevalidations++;
    const behind: Visit = { ...visit, request: { ...visit.request, method: 'GET', body: null } };
    this.#fly(behind, forward, name, 'revalidation');
  }

  /** Fetches again what is stored and not fresh. Resolves when what it brings is stored. */
  refresh(
    key: string,
    variant: string,
    realm: Realm,
    admit: (fields: Fields) => Admission,
  ): Promise<Refreshed> {
    const { flights, lookup, now, store } = this.#options;
    const held = store.getNow(key) ?? NOTHING;
    const record = held.find((one) => one.variant === variant);
    const verdict = record && lookup.verdict(record);
    if (record === undefined || verdict === undefined || verdict === 'deleted')
      return Promise.resolve('gone');
    if (verdict === 'valid' && now() < record.meta.freshUntil) return Promise.resolve('fresh');
    const visit = refreshVisit(record, realm, admit, now());
    if (visit === undefined) return Promise.resolve('left');
    const forward: Forward = {
      reason: 'stale',
      ask: 'validate',
      store: true,
      record,
      verdict,
      records: lookup.kept(withoutForms(held)),
      need: undefined,
      invalidates: false,
    };
    const name = flightKey(visit, forward);
    // It may have begun before the purge: who asks again will see.
    if (flights.find(name) !== undefined) return Promise.resolve('busy');
    return new Promise((resolve) => this.#fly(visit, forward, name, 'warming', resolve));
  }

  #fly(visit: Visit, forward: Forward, name: string, urgency: Urgency, done?: Done): void {
    const { backoff, elsewhere, flights, journal, now, outbound } = this.#options;
    const flight = flights.begin(name, journal.seq, true);
    // Why it is made here: fetch.ts.
    const ended = (): void => {
      if (flight.outcome?.kind === 'again' && visit.looks < MAX_LOOKS) {
        visit.looks += 1;
        return this.#flyAgain(visit, forward, name, urgency, done);
      }
      const result = refreshed(flight.outcome);
      // Who leads tells.
      if (!flight.followed) {
        const hasFailed = result === 'failed' || result === 'busy';
        if (hasFailed) backoff.failed(name, now());
        if (hasFailed || backoff.succeeded(name)) elsewhere?.backOff(name, hasFailed);
      }
      done?.(result);
    };
    flight.onEnd = ended;
    outbound.send(visit, forward, flight, 'all', urgency);
  }

  /** Another worker's fetch could not be joined: perhaps because what it brought is stored. */
  #flyAgain(visit: Visit, forward: Forward, name: string, urgency: Urgency, done?: Done): void {
    const { flights, store } = this.#options;
    const isThis = (one: Stored<StoredMeta>): boolean =>
      forward.record !== undefined && nameOf(one) === nameOf(forward.record);
    store.get(visit.key).then(
      (records) => {
        if (!records.some(isThis)) done?.('fetched');
        else if (flights.find(name) !== undefined) done?.('busy');
        else this.#fly(visit, forward, name, urgency, done);
      },
      () => done?.('failed'),
    );
  }
}

/** `failed`: no answer, an error, or a body that broke off. */
function refreshed(outcome: FetchOutcome | undefined): Refreshed {
  if (outcome === undefined) return 'failed';
  if (outcome.kind === 'failed') return outcome.failure.kind === 'overloaded' ? 'busy' : 'failed';
  if (outcome.kind === 'validated') return 'unchanged';
  const broke =
    (outcome.kind === 'shared' && outcome.fill.state === 'failed') ||
    (outcome.kind === 'own' && outcome.response.status >= 500);
  return broke ? 'failed' : 'fetched';
}

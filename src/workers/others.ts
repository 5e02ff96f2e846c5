// Collapsing across workers: one fetch for those who wait on any of them. The home of a key says who leads (leases.ts); the
// leader fetches as if it were alone, and relays to the workers that follow (relay.ts, following.ts). Owns the numbers that
// tell these apart, and what becomes of them when a worker goes.

import type { Homes } from '../../storage/homes.ts';
import type { Stored } from '../../storage/store.ts';
import type { FrontStore } from '../../storage/tiered.ts';
import type { Backoff } from '../cache/backoff.ts';
import type { Flight, Flights, HitForMiss } from '../cache/collapse.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { type Booking, type Elsewhere, type FetchOutcome, type Joining, nameOf } from '../fetch.ts';
import { Booked } from './booked.ts';
import type { Claim, FlightNotice, Granted } from './flight-messages.ts';
import { Following } from './following.ts';
import { type Lease, Leases } from './leases.ts';
import type { Mesh } from './mesh.ts';
import { Relay } from './relay.ts';

export interface OthersOptions {
  /** This worker's number. */
  readonly self: number;
  readonly homes: Homes;
  readonly flights: Flights<FetchOutcome>;
  readonly hitForMiss: HitForMiss;
  readonly backoff: Backoff;
  readonly store: Pick<FrontStore<StoredMeta>, 'get'>;
  /** What our memory has of a key. */
  readonly held: (key: string) => readonly Stored<StoredMeta>[] | undefined;
  /** undefined while that worker is not there. */
  readonly wayTo: (worker: number) => FlightWay | undefined;
  readonly mesh: Pick<Mesh<never, never>, 'cork' | 'uncork'>;
  /** Takes in what other workers have sent until now. A promise when it has to wait for what is being handled. */
  readonly catchUp: () => Promise<void> | undefined;
  /** Epoch ms. */
  readonly now: () => number;
}

export interface FlightWay {
  ask<Answer>(question: Claim): Promise<Answer>;
  tell(notice: FlightNotice): void;
}

/** Leases found to be over are remembered until their key is claimed again. */
const MAX_REFUSED = 1024;

export class Others implements Elsewhere {
  readonly #options: OthersOptions;
  readonly #leases = new Leases();
  /** Fetches that this worker leads and others may join, by number. */
  readonly #led = new Map<number, Flight<FetchOutcome>>();
  readonly #relays = new Map<number, Map<number, Relay>>();
  readonly #following = new Map<number, { readonly leader: number; readonly what: Following }>();
  readonly #refused = new Map<string, Lease>();
  /** Claims that are not answered yet, by our number; and who follows already, having heard of the lease before we did. */
  readonly #claims = new Map<number, { readonly as: number; readonly from: number }[]>();
  #next = 1;

  constructor(options: OthersOptions) {
    this.#options = options;
  }

  book(key: string, flightKey: string): Booking | undefined {
    const { self, homes } = this.#options;
    if (homes.homeOf(homes.hash(key)) === self) return undefined;
    const claim = this.#claimFor({ alone: false, key, flightKey, seen: [] });
    this.#claims.set(claim.lease.id, []);
    return new Booked(claim, ({ lease }, leads) => {
      if (leads) this.#release(key, flightKey, lease, false);
      this.#answered(lease);
    });
  }

  cork(): void {
    this.#options.mesh.cork();
  }

  uncork(): void {
    this.#options.mesh.uncork();
  }

  join(flight: Flight<FetchOutcome>, joining: Joining): void {
    const { self, homes, wayTo, flights, catchUp } = this.#options;
    const { key, seen, alone, booking, lead } = joining;
    if (booking instanceof Booked && !alone) {
      const granted = booking.use(flight.key);
      if (granted !== undefined) {
        this.#refused.delete(flight.key);
        return this.#granted(granted, flight, joining, booking.question.lease);
      }
    }
    const claim = this.#claimFor({ alone, key, flightKey: flight.key, seen });
    this.#refused.delete(flight.key);
    const { lease } = claim;
    const home = homes.homeOf(homes.hash(key));
    // Why it is made here: fetch.ts.
    const abandoned = (): void => flights.end(flight);
    if (home === self) {
      const late = catchUp();
      if (late === undefined) return this.#granted(this.claim(claim), flight, joining, lease);
      flight.onAbandoned = abandoned;
      void late.then(() => this.#granted(this.claim(claim), flight, joining, lease));
      return;
    }
    const way = wayTo(home);
    if (way === undefined) return lead();
    flight.onAbandoned = abandoned;
    this.#claims.set(lease.id, []);
    way.ask<Granted>(claim).then(
      (granted) => this.#granted(granted, flight, joining, lease),
      () => {
        if (!flight.ended) lead();
        this.#answered(lease);
      },
    );
  }

  hasNewsOf(key: string): boolean {
    const { homes, catchUp } = this.#options;
    const hash = homes.hash(key);
    const version = homes.versionOf(hash);
    // What is being handled just now may be of the key, and will be when it is looked for again.
    const late = catchUp();
    return late !== undefined || homes.versionOf(hash) !== version;
  }

  backOff(flightKey: string, failed: boolean): void {
    const { self, homes, wayTo } = this.#options;
    for (let worker = 0; worker < homes.count; worker += 1)
      if (worker !== self) wayTo(worker)?.tell({ kind: 'backoff', flightKey, failed });
  }

  #claimFor(claimed: Pick<Claim, 'alone' | 'key' | 'flightKey' | 'seen'>): Claim {
    const lease: Lease = { worker: this.#options.self, id: this.#next++ };
    const not = this.#refused.get(claimed.flightKey);
    return { kind: 'claim', lease, not, ...claimed };
  }

  /** Some worker wants to fetch under a key that is at home here. */
  claim({ key, flightKey, lease, not, seen, alone }: Claim): Granted {
    const { held, hitForMiss, now } = this.#options;
    if (hitForMiss.knows(flightKey, now())) return { kind: 'alone' };
    const isNew = (record: Stored<StoredMeta>): boolean =>
      record.meta.coded === undefined && !seen.includes(nameOf(record));
    if (held(key)?.some(isNew)) return { kind: 'again' };
    if (alone) {
      const leader = this.#leases.find(flightKey, not);
      return leader === undefined ? { kind: 'lead' } : { kind: 'follow', lease: leader };
    }
    const leader = this.#leases.claim(flightKey, lease, not);
    return leader === lease ? { kind: 'lead' } : { kind: 'follow', lease: leader };
  }

  notice(notice: FlightNotice, from: number): void {
    switch (notice.kind) {
      case 'over':
        return this.#over(notice.flightKey, notice.lease, notice.unshared);
      case 'backoff':
        return this.#backedOff(notice.flightKey, notice.failed);
      case 'follow':
        return this.#followed(notice.id, notice.as, from);
      case 'taken':
        return this.#relays.get(from)?.get(notice.as)?.taken(notice.bytes);
      case 'leave':
        return this.#left(notice.as, from);
      case 'refused':
        return this.#following.get(notice.as)?.what.lost();
      case 'head':
        return this.#following.get(notice.as)?.what.head(notice.outcome);
      case 'data':
        return this.#following.get(notice.as)?.what.data(notice.chunks);
      case 'passing':
        return this.#following.get(notice.as)?.what.passing();
      case 'end':
        return this.#following.get(notice.as)?.what.end(notice.complete);
      default:
        return notice satisfies never;
    }
  }

  /** A worker has gone. Who followed a fetch of its that had no outcome yet looks again, and fetches. */
  lost(worker: number): void {
    this.#leases.lost(worker);
    for (const relay of this.#relays.get(worker)?.values() ?? []) relay.leave();
    this.#relays.delete(worker);
    for (const { leader, what } of this.#following.values()) if (leader === worker) what.lost();
  }

  #granted(granted: Granted, flight: Flight<FetchOutcome>, joining: Joining, lease: Lease): void {
    this.#go(granted, flight, joining, lease);
    this.#answered(lease);
  }

  /** The claim is answered: who follows already is told what came of it. */
  #answered({ id }: Lease): void {
    const followed = this.#claims.get(id);
    this.#claims.delete(id);
    if (followed !== undefined) for (const { as, from } of followed) this.#relay(id, as, from);
  }

  #followed(id: number, as: number, from: number): void {
    const claim = this.#claims.get(id);
    if (claim === undefined) this.#relay(id, as, from);
    else claim.push({ as, from });
  }

  #left(as: number, from: number): void {
    this.#relays.get(from)?.get(as)?.leave();
    for (const followed of this.#claims.values()) {
      const at = followed.findIndex((one) => one.as === as && one.from === from);
      if (at !== -1) followed.splice(at, 1);
    }
  }

  #go(granted: Granted, flight: Flight<FetchOutcome>, joining: Joining, lease: Lease): void {
    const { flights, hitForMiss, now } = this.#options;
    switch (granted.kind) {
      case 'lead':
        if (!joining.alone) return this.#lead(flight, joining, lease);
        if (!flight.ended) joining.lead();
        return;
      case 'follow':
        if (!flight.ended) this.#follow(flight, joining, granted.lease, lease.id);
        return;
      case 'again':
        if (!flight.ended) this.#again(flight);
        return;
      case 'alone':
        hitForMiss.remember(flight.key, now());
        flights.close(flight);
        if (flight.ended) return;
        // Now that this is known they ask as clients do that do not share.
        if (flight.waiting > 0) return this.#again(flight);
        return joining.lead();
      default:
        return granted satisfies never;
    }
  }

  #lead(flight: Flight<FetchOutcome>, { key, lead }: Joining, lease: Lease): void {
    const { flights, hitForMiss, now } = this.#options;
    const release = (): void => {
      this.#led.delete(lease.id);
      this.#release(key, flight.key, lease, hitForMiss.knows(flight.key, now()));
    };
    // A purge has overtaken it while it asked, or those who waited have left.
    if (flights.find(flight.key) !== flight) release();
    else {
      this.#led.set(lease.id, flight);
      flight.onClosed = release;
    }
    if (!flight.ended) lead();
  }

  #follow(flight: Flight<FetchOutcome>, joining: Joining, leader: Lease, as: number): void {
    const { wayTo, flights, store, hitForMiss, now } = this.#options;
    const way = wayTo(leader.worker);
    if (way === undefined) return this.#lookAgain(flight, leader);
    const what = new Following({
      flight,
      key: joining.key,
      as,
      rulesFor: joining.rulesFor,
      flights,
      store,
      tell: (notice) => way.tell(notice),
      again: () => this.#lookAgain(flight, leader),
      apart: () => this.#again(flight, true),
      unshared: () => hitForMiss.remember(flight.key, now()),
      onEnd: () => void this.#following.delete(as),
    });
    this.#following.set(as, { leader: leader.worker, what });
    way.tell({ kind: 'follow', id: leader.id, as });
  }

  /** The lease that we were shown is over. */
  #lookAgain(flight: Flight<FetchOutcome>, over: Lease): void {
    if (this.#refused.size >= MAX_REFUSED) this.#refused.clear();
    this.#refused.set(flight.key, over);
    this.#again(flight);
  }

  /** Nobody may find the flight when those who waited look again. */
  #again(flight: Flight<FetchOutcome>, apart = false): void {
    const { flights } = this.#options;
    flights.close(flight);
    flight.settle({ kind: 'again', apart });
    flights.end(flight);
  }

  #relay(id: number, as: number, to: number): void {
    const { flights, hitForMiss, wayTo, now } = this.#options;
    const flight = this.#led.get(id);
    const way = wayTo(to);
    if (way === undefined) return;
    if (flight === undefined || flights.find(flight.key) !== flight || !isJoinable(flight.outcome)) {
      return way.tell({ kind: 'refused', as });
    }
    const relays = this.#relays.get(to) ?? new Map<number, Relay>();
    this.#relays.set(to, relays);
    let isOver = false;
    const relay = new Relay(
      flight,
      as,
      (notice) => way.tell(notice),
      () => hitForMiss.knows(flight.key, now()),
      () => {
        isOver = true;
        relays.delete(as);
      },
    );
    if (!isOver) relays.set(as, relay);
  }

  #release(key: string, flightKey: string, lease: Lease, unshared: boolean): void {
    const { self, homes, wayTo } = this.#options;
    const home = homes.homeOf(homes.hash(key));
    if (home === self) this.#over(flightKey, lease, unshared);
    else wayTo(home)?.tell({ kind: 'over', flightKey, lease, unshared });
  }

  #backedOff(flightKey: string, failed: boolean): void {
    const { backoff, now } = this.#options;
    if (failed) backoff.failed(flightKey, now());
    else backoff.succeeded(flightKey);
  }

  #over(flightKey: string, lease: Lease, unshared: boolean): void {
    const { hitForMiss, now } = this.#options;
    this.#leases.over(flightKey, lease);
    if (unshared) hitForMiss.remember(flightKey, now());
  }
}

function isJoinable(outcome: FetchOutcome | undefined): boolean {
  return outcome?.kind !== 'shared' || outcome.fill.joinable;
}

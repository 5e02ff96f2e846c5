// Those who wait for their turn: in three lanes by urgency, first come first served in each, for so long and so many at most.
// Knows nothing of what they wait for.

import { Chain } from '../../storage/eviction/chain.ts';
import type { Urgency } from './upstream.ts';

export interface Waiter {
  readonly urgency: Urgency;
  /** Its turn will not come: it has waited too long, there are too many, or all is closing. */
  onRefused(reason: 'full' | 'timeout' | 'closing'): void;
}

export interface WaitingRules {
  /** Most that wait at a time. */
  readonly length: number;
  readonly timeoutMs: number;
}

const NO_LIMITS: WaitingRules = { length: Number.POSITIVE_INFINITY, timeoutMs: Number.POSITIVE_INFINITY };

/** A waiter's place in its lane. */
class Place<W> {
  readonly waiter: W;
  readonly timer: NodeJS.Timeout | undefined;
  older: Place<W> | undefined = undefined;
  newer: Place<W> | undefined = undefined;

  constructor(waiter: W, timer: NodeJS.Timeout | undefined) {
    this.waiter = waiter;
    this.timer = timer;
  }
}

/** Chains rather than Maps, where those who have gone long ago would be kept (collapse.ts: Flights). */
class Lane<W> extends Chain<Place<W>> {
  length = 0;
}

export class WaitingLine<W extends Waiter> {
  readonly #rules: WaitingRules;
  readonly #lanes: Readonly<Record<Urgency, Lane<W>>> = {
    user: new Lane(),
    revalidation: new Lane(),
    warming: new Lane(),
  };
  readonly #places = new WeakMap<W, Place<W>>();
  #length = 0;
  #emptied: PromiseWithResolvers<void> | undefined;
  /** Refused so far for want of room or time. */
  refused = 0;

  constructor(rules: WaitingRules = NO_LIMITS) {
    this.#rules = rules;
  }

  get length(): number {
    return this.#length;
  }

  /** By urgency. */
  get waiting(): Readonly<Record<Urgency, number>> {
    const { user, revalidation, warming } = this.#lanes;
    return { user: user.length, revalidation: revalidation.length, warming: warming.length };
  }

  /** Waits, or is refused at once. When it is full, who is more urgent takes the place of who is less. */
  join(waiter: W): void {
    const { length, timeoutMs } = this.#rules;
    if (this.#length >= length) {
      const other = this.#lessUrgent(waiter.urgency);
      this.refused += 1;
      if (other === undefined) return waiter.onRefused('full');
      this.leave(other);
      other.onRefused('full');
    }
    const timer =
      timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(() => this.#late(waiter), timeoutMs);
    const place = new Place(waiter, timer);
    this.#places.set(waiter, place);
    const lane = this.#lanes[waiter.urgency];
    lane.append(place);
    lane.length += 1;
    this.#length += 1;
  }

  /** Whose turn it is; it waits no longer. Of these urgencies only, where some are given. */
  next(of: readonly Urgency[] = LANES): W | undefined {
    if (this.#length === 0) return undefined;
    for (const urgency of of) {
      const first = this.#lanes[urgency].oldest;
      if (first === undefined) continue;
      this.leave(first.waiter);
      return first.waiter;
    }
    return undefined;
  }

  /** @returns false when it was not waiting. */
  leave(waiter: W): boolean {
    const place = this.#places.get(waiter);
    if (place === undefined) return false;
    this.#places.delete(waiter);
    clearTimeout(place.timer);
    const lane = this.#lanes[waiter.urgency];
    lane.remove(place);
    lane.length -= 1;
    this.#length -= 1;
    if (this.#length === 0) this.#emptied?.resolve();
    return true;
  }

  /** Resolves when nobody waits. */
  emptied(): Promise<void> {
    if (this.#length === 0) return Promise.resolve();
    this.#emptied ??= Promise.withResolvers<void>();
    return this.#emptied.promise;
  }

  /** Refuses everybody. */
  close(): void {
    for (let waiter = this.next(); waiter !== undefined; waiter = this.next()) waiter.onRefused('closing');
  }

  #late(waiter: W): void {
    if (!this.leave(waiter)) return;
    this.refused += 1;
    waiter.onRefused('timeout');
  }

  #lessUrgent(than: Urgency): W | undefined {
    for (let i = LANES.length - 1; i >= 0; i -= 1) {
      const lane = LANES[i];
      if (lane === undefined || lane === than) return undefined;
      const first = this.#lanes[lane].oldest;
      if (first !== undefined) return first.waiter;
    }
    return undefined;
  }
}

const LANES: readonly Urgency[] = ['user', 'revalidation', 'warming'];

// Those who wait for their turn: in three lanes by urgency, first come first served in each, for so long and so many at most.
// Knows nothing of what they wait for.

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

export class WaitingLine<W extends Waiter> {
  readonly #rules: WaitingRules;
  readonly #lanes: Readonly<Record<Urgency, Map<W, NodeJS.Timeout | undefined>>> = {
    user: new Map(),
    revalidation: new Map(),
    warming: new Map(),
  };
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
    return { user: user.size, revalidation: revalidation.size, warming: warming.size };
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
    this.#lanes[waiter.urgency].set(waiter, timer);
    this.#length += 1;
  }

  /** Whose turn it is; it waits no longer. Of these urgencies only, where some are given. */
  next(of: readonly Urgency[] = LANES): W | undefined {
    if (this.#length === 0) return undefined;
    for (const urgency of of) {
      const first = this.#lanes[urgency].keys().next();
      if (first.done === true) continue;
      this.leave(first.value);
      return first.value;
    }
    return undefined;
  }

  /** @returns false when it was not waiting. */
  leave(waiter: W): boolean {
    const lane = this.#lanes[waiter.urgency];
    if (!lane.has(waiter)) return false;
    clearTimeout(lane.get(waiter));
    lane.delete(waiter);
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
      const first = this.#lanes[lane].keys().next();
      if (first.done !== true) return first.value;
    }
    return undefined;
  }
}

const LANES: readonly Urgency[] = ['user', 'revalidation', 'warming'];

// A bound on what is asked of an upstream: so many requests at a time, so many a second. Those beyond it wait, the more
// urgent before the less, and a part of the bound is kept free of what nobody waits for. An upstream around an upstream.

import { type FailureKind, OriginFailure } from './failure.ts';
import type { Exchange, ExchangeEvents, OriginRequest, Upstream, Urgency } from './upstream.ts';
import { type Waiter, WaitingLine, type WaitingRules } from './waiting.ts';

export interface BudgetRules {
  /** At a time; undefined sets no bound. */
  readonly concurrency: number | undefined;
  /** On average; undefined sets no bound. Up to a second's worth is saved. */
  readonly perSecond: number | undefined;
  /** 0 to 1: the part of both that only requests of users may use. */
  readonly reserved: number;
  readonly queue: WaitingRules;
}

/** A budget as it is shown. */
export interface BudgetReport {
  readonly running: number;
  readonly waiting: Readonly<Record<Urgency, number>>;
  readonly refused: number;
}

const URGENCIES: readonly Urgency[] = ['user', 'revalidation', 'warming'];

/** The part of a budget that one of several workers has. At least one request at a time. */
export function shareOf(rules: BudgetRules, workers: number): BudgetRules {
  const { concurrency, perSecond } = rules;
  return {
    ...rules,
    concurrency: concurrency && Math.max(1, Math.floor(concurrency / workers)),
    perSecond: perSecond && perSecond / workers,
  };
}

export class Budgeted implements Upstream {
  readonly #upstream: Upstream;
  readonly #rules: BudgetRules;
  readonly #now: () => number;
  readonly #line: WaitingLine<BudgetedExchange>;
  #running = 0;
  #tokens: number;
  #countedAt: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param now ms; only differences count */
  constructor(upstream: Upstream, rules: BudgetRules, now: () => number = () => performance.now()) {
    this.#upstream = upstream;
    this.#rules = rules;
    this.#now = now;
    this.#line = new WaitingLine(rules.queue);
    this.#tokens = this.#mostTokens;
    this.#countedAt = now();
  }

  get authority(): string {
    return this.#upstream.authority;
  }

  get scheme(): 'http' | 'https' {
    return this.#upstream.scheme;
  }

  get requests(): number {
    return this.#upstream.requests;
  }

  get active(): number {
    return this.#upstream.active;
  }

  report(): BudgetReport {
    const { waiting, refused } = this.#line;
    return { running: this.#running, waiting, refused };
  }

  send(request: OriginRequest, events: ExchangeEvents): Exchange {
    const exchange = new BudgetedExchange(this, this.#upstream, request, events);
    // Who comes does not pass those who wait, unless it is more urgent.
    if (!this.#isBehind(exchange.urgency) && this.#take(exchange.urgency)) exchange.proceed();
    else this.#line.join(exchange);
    this.#wake();
    return exchange;
  }

  /** A request is over. */
  release(): void {
    this.#running -= 1;
    if (this.#line.length > 0) this.#serve();
  }

  leave(exchange: BudgetedExchange): void {
    this.#line.leave(exchange);
  }

  async close(): Promise<void> {
    await this.#line.emptied();
    await this.#upstream.close();
  }

  async destroy(): Promise<void> {
    clearTimeout(this.#timer);
    this.#line.close();
    await this.#upstream.destroy();
  }

  get #mostTokens(): number {
    return Math.max(1, this.#rules.perSecond ?? 0);
  }

  #isBehind(urgency: Urgency): boolean {
    if (this.#line.length === 0) return false;
    const { waiting } = this.#line;
    for (const other of URGENCIES) {
      if (waiting[other] > 0) return true;
      if (other === urgency) return false;
    }
    return false;
  }

  #serve(): void {
    for (const urgency of URGENCIES) {
      while (this.#line.waiting[urgency] > 0 && this.#take(urgency)) this.#line.next([urgency])?.proceed();
    }
    this.#wake();
  }

  /** Takes a place, and what it costs of the rate. */
  #take(urgency: Urgency): boolean {
    const { concurrency, perSecond, reserved } = this.#rules;
    const kept = urgency === 'user' ? 0 : reserved;
    if (concurrency !== undefined && this.#running >= Math.max(1, Math.floor(concurrency * (1 - kept))))
      return false;
    if (perSecond !== undefined) {
      this.#count(perSecond);
      if (this.#tokens < 1 + kept * (this.#mostTokens - 1)) return false;
      this.#tokens -= 1;
    }
    this.#running += 1;
    return true;
  }

  #count(perSecond: number): void {
    const now = this.#now();
    this.#tokens = Math.min(this.#mostTokens, this.#tokens + ((now - this.#countedAt) / 1000) * perSecond);
    this.#countedAt = now;
  }

  /** Where they wait for the rate, nothing that ends lets them go on: the time does. */
  #wake(): void {
    const { perSecond } = this.#rules;
    if (perSecond === undefined || this.#line.length === 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#serve();
      },
      Math.max(1, 1000 / perSecond),
    );
  }
}

class BudgetedExchange implements Exchange, ExchangeEvents, Waiter {
  readonly urgency: Urgency;
  readonly #budget: Budgeted;
  readonly #upstream: Upstream;
  readonly #request: OriginRequest;
  readonly #events: ExchangeEvents;
  #exchange: Exchange | undefined;
  #ended = false;

  constructor(budget: Budgeted, upstream: Upstream, request: OriginRequest, events: ExchangeEvents) {
    this.#budget = budget;
    this.#upstream = upstream;
    this.#request = request;
    this.#events = events;
    this.urgency = request.urgency;
  }

  /** Its turn has come, and its place is taken. */
  proceed(): void {
    this.#exchange = this.#upstream.send(this.#request, this);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#exchange === undefined) return this.#budget.leave(this);
    this.#exchange.abort();
    this.#budget.release();
  }

  onRefused(reason: 'full' | 'timeout' | 'closing'): void {
    const kind: FailureKind = reason === 'closing' ? 'closing' : 'overloaded';
    queueMicrotask(() => {
      if (this.#ended) return;
      this.#ended = true;
      this.#events.onFailure(new OriginFailure(kind));
    });
  }

  onInterim(...interim: Parameters<ExchangeEvents['onInterim']>): void {
    this.#events.onInterim(...interim);
  }

  onHead(...head: Parameters<ExchangeEvents['onHead']>): void {
    this.#events.onHead(...head);
  }

  onData(chunk: Buffer): void {
    this.#events.onData(chunk);
  }

  onEnd(): void {
    this.#end();
    this.#events.onEnd();
  }

  /** What is spoken from now on is no request of this budget. */
  onSwitch(...switched: Parameters<ExchangeEvents['onSwitch']>): void {
    this.#end();
    this.#events.onSwitch(...switched);
  }

  onFailure(failure: OriginFailure): void {
    this.#end();
    this.#events.onFailure(failure);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#budget.release();
  }
}

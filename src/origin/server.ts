// One server of a group: its origin, its health, and the numbers that an operator sees of it. Says when its state changes.

import { OutcomeCounter } from '../observe/counters.ts';
import type { Candidate } from './balance.ts';
import { Health, type HealthRules, type HealthState, type Mode } from './health.ts';
import type { Upstream } from './upstream.ts';

export interface ServerOptions {
  readonly id: string;
  readonly weight: number;
  readonly backup: boolean;
  readonly maxConnections: number;
  readonly health: HealthRules;
  readonly origin: Upstream;
  readonly onChange: (server: Server, from: HealthState, to: HealthState, why: string) => void;
}

/** A server as it is shown (GET /origins, metrics). */
export interface ServerReport {
  readonly url: string;
  readonly state: HealthState;
  readonly backup: boolean;
  readonly weight: number;
  /** Requests under way. */
  readonly active: number;
  readonly maxConnections: number;
  readonly requests: number;
  readonly failures: number;
  readonly ejections: number;
  /** Epoch ms. */
  readonly ejectedUntil: number | undefined;
  /** From the request sent to the response head; counts by bucket, not cumulative. */
  readonly firstByte: {
    readonly count: number;
    readonly totalMs: number;
    readonly buckets: readonly number[];
  };
}

export class Server implements Candidate {
  readonly id: string;
  readonly backup: boolean;
  readonly origin: Upstream;
  readonly maxConnections: number;
  weight: number;
  failures = 0;
  readonly #options: ServerOptions;
  readonly #health: Health;
  readonly #firstByte = new OutcomeCounter();
  #known: HealthState = 'up';

  constructor(options: ServerOptions) {
    this.#options = options;
    this.id = options.id;
    this.backup = options.backup;
    this.weight = options.weight;
    this.origin = options.origin;
    this.maxConnections = options.maxConnections;
    this.#health = new Health(options.health);
  }

  get active(): number {
    return this.origin.active;
  }

  get isFull(): boolean {
    return this.origin.active >= this.maxConnections;
  }

  get lastResort(): boolean {
    return this.#health.lastResort;
  }

  get ejectedUntil(): number | undefined {
    return this.#health.ejectedUntil;
  }

  admits(now: number): 'yes' | 'trial' | 'no' {
    const admits = this.#health.admits(now);
    if (admits === 'yes') this.weight = this.#options.weight * this.#health.share(now);
    return admits;
  }

  /** @returns whether the request that begins is its trial */
  begin(now: number): boolean {
    const isTrial = this.#health.begin();
    if (isTrial) this.#note(now, 'it is tried again');
    return isTrial;
  }

  gaveUp(): void {
    this.#health.gaveUp();
  }

  /** A response has begun. */
  answered(ms: number): void {
    this.#firstByte.add(ms, 0);
  }

  succeeded(now: number): void {
    this.#health.succeeded(now);
    this.#note(now, 'it has answered');
  }

  failed(now: number, why: string): void {
    this.failures += 1;
    this.#health.failed(now);
    this.#note(now, why);
  }

  checked(up: boolean, why: string, now: number): void {
    this.#health.checked(up, now);
    this.#note(now, `check: ${why}`);
  }

  set(mode: Mode, now: number): void {
    this.#health.set(mode, now);
    this.#note(now, 'the operator says so');
  }

  report(now: number): ServerReport {
    const { origin, failures, backup, maxConnections } = this;
    const { requests: count, totalMs, buckets } = this.#firstByte;
    return {
      url: this.id,
      state: this.#health.state(now),
      backup,
      weight: this.#options.weight,
      active: origin.active,
      maxConnections,
      requests: origin.requests,
      failures,
      ejections: this.#health.ejected,
      ejectedUntil: this.#health.ejectedUntil,
      firstByte: { count, totalMs, buckets: [...buckets] },
    };
  }

  #note(now: number, why: string): void {
    const to = this.#health.state(now);
    if (to === this.#known) return;
    const from = this.#known;
    this.#known = to;
    this.#options.onChange(this, from, to, why);
  }
}

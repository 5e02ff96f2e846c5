// Puts waiting to be written, by key, and the removals owed to the disk. Plain bookkeeping without I/O.

import type { PutRequest } from './sqlite-protocol.ts';

const MAX_OWED = 100_000;
/** What a queued record adds to the database beside its bytes. */
const OVERHEAD_BYTES = 8 * 1024;

/** Names records of one key: all of them, or one variant. */
export interface Pair {
  readonly name: string;
  readonly variant: string | undefined;
}

/** A queued put and how far it has been written. */
export interface Job {
  readonly request: PutRequest;
  readonly costBytes: number;
  bodyId: number | undefined;
  /** Chunks written so far. */
  written: number;
}

export class WriteQueue {
  readonly #jobs = new Map<string, Job[]>();
  readonly #dequeued: (bytes: number) => void;

  constructor(dequeued: (bytes: number) => void) {
    this.#dequeued = dequeued;
  }

  get empty(): boolean {
    return this.#jobs.size === 0;
  }

  /** Queues a put; one of the same record that waits and has not begun is superseded. */
  add(name: string, request: PutRequest): void {
    const costBytes = request.length + request.meta.length + OVERHEAD_BYTES;
    const job: Job = { request, costBytes, bodyId: undefined, written: 0 };
    const waiting = this.#jobs.get(name);
    if (waiting === undefined) {
      this.#jobs.set(name, [job]);
      return;
    }
    const { key, variant } = request;
    const same = waiting.findIndex(
      (one) => one.bodyId === undefined && one.request.key === key && one.request.variant === variant,
    );
    for (const superseded of same < 0 ? [] : waiting.splice(same, 1))
      this.#dequeued(superseded.request.queuedBytes);
    waiting.push(job);
  }

  has(name: string): boolean {
    return this.#jobs.has(name);
  }

  /** The key to write next. */
  first(): string | undefined {
    return this.#jobs.keys().next().value;
  }

  next(name: string): Job | undefined {
    return this.#jobs.get(name)?.[0];
  }

  /** Takes the first put of a key off the queue. */
  done(name: string): void {
    const waiting = this.#jobs.get(name);
    const job = waiting?.shift();
    if (waiting?.length === 0) this.#jobs.delete(name);
    if (job !== undefined) this.#dequeued(job.request.queuedBytes);
  }

  /** Every queued put; `first` of its record. */
  *pairs(): Generator<{ readonly name: string; readonly job: Job; readonly first: boolean }> {
    for (const [name, jobs] of this.#jobs) {
      const seen = new Set<string>();
      for (const job of jobs) {
        yield { name, job, first: !seen.has(job.request.variant) };
        seen.add(job.request.variant);
      }
    }
  }

  clear(): void {
    for (const jobs of this.#jobs.values())
      for (const { request } of jobs) this.#dequeued(request.queuedBytes);
    this.#jobs.clear();
  }
}

/** Removals that the disk has not seen. Beyond a bound: everything. */
export class Owed {
  readonly #pairs = new Map<string, Set<string> | 'all'>();
  #everything = false;

  get empty(): boolean {
    return !this.#everything && this.#pairs.size === 0;
  }

  /** The whole content is to be removed. */
  get everything(): boolean {
    return this.#everything;
  }

  add({ name, variant }: Pair): void {
    if (this.#everything) return;
    const present = this.#pairs.get(name);
    if (present === 'all') return;
    if (variant === undefined) this.#pairs.set(name, 'all');
    else if (present === undefined) this.#pairs.set(name, new Set([variant]));
    else present.add(variant);
    if (this.#pairs.size > MAX_OWED) this.addEverything();
  }

  addEverything(): void {
    this.#everything = true;
    this.#pairs.clear();
  }

  has(name: string, variant: string): boolean {
    if (this.#everything) return true;
    const variants = this.#pairs.get(name);
    return variants === 'all' || (variants?.has(variant) ?? false);
  }

  /** Every pair owed; they are no longer owed. Not for `everything`. */
  take(): readonly Pair[] {
    if (this.#pairs.size === 0) return [];
    const pairs: Pair[] = [];
    for (const [name, variants] of this.#pairs) {
      if (variants === 'all') pairs.push({ name, variant: undefined });
      else for (const variant of variants) pairs.push({ name, variant });
    }
    this.#pairs.clear();
    return pairs;
  }

  clear(): void {
    this.#everything = false;
    this.#pairs.clear();
  }
}

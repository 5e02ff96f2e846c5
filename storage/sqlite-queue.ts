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
  /** crc32 of each chunk written so far. */
  readonly checksums: number[];
  /** Puts queued later have larger ones. */
  readonly order: number;
}

/** Waits for the puts queued before it. */
interface Barrier {
  readonly order: number;
  left: number;
  readonly passed: () => void;
}

export class WriteQueue {
  readonly #jobs = new Map<string, Job[]>();
  #names = this.#jobs.keys();
  #first: string | undefined;
  readonly #dequeued: (request: PutRequest) => void;
  #count = 0;
  #order = 0;
  #barriers: Barrier[] = [];

  /** @param dequeued called with a put that leaves, written or not */
  constructor(dequeued: (request: PutRequest) => void) {
    this.#dequeued = dequeued;
  }

  get empty(): boolean {
    return this.#jobs.size === 0;
  }

  /** Queues a put; one of the same record that waits and has not begun is superseded. */
  add(name: string, request: PutRequest): void {
    const costBytes = request.length + request.meta.length + OVERHEAD_BYTES;
    this.#order += 1;
    this.#count += 1;
    const job: Job = { request, costBytes, bodyId: undefined, checksums: [], order: this.#order };
    const waiting = this.#jobs.get(name);
    if (waiting === undefined) {
      this.#jobs.set(name, [job]);
      return;
    }
    const { key, variant } = request;
    const same = waiting.findIndex(
      (one) => one.bodyId === undefined && one.request.key === key && one.request.variant === variant,
    );
    const superseded = same < 0 ? [] : waiting.splice(same, 1);
    waiting.push(job);
    for (const one of superseded) this.#leaves(one);
  }

  has(name: string): boolean {
    return this.#jobs.has(name);
  }

  /** The key to write next. One iterator for all: a new one would pass over all that has left before. */
  first(): string | undefined {
    if (this.#first !== undefined && this.#jobs.has(this.#first)) return this.#first;
    let next = this.#names.next();
    if (next.done === true && this.#jobs.size > 0) {
      this.#names = this.#jobs.keys();
      next = this.#names.next();
    }
    this.#first = next.value;
    return next.value;
  }

  next(name: string): Job | undefined {
    return this.#jobs.get(name)?.[0];
  }

  /** Takes the first put of a key off the queue. */
  done(name: string): void {
    const waiting = this.#jobs.get(name);
    const job = waiting?.shift();
    if (waiting?.length === 0) this.#jobs.delete(name);
    if (job !== undefined) this.#leaves(job);
  }

  /** Calls back when every put that is queued now has left. */
  barrier(passed: () => void): void {
    if (this.#count === 0) passed();
    else this.#barriers.push({ order: this.#order, left: this.#count, passed });
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
    const all = [...this.#jobs.values()].flat();
    this.#jobs.clear();
    for (const job of all) this.#leaves(job);
  }

  #leaves({ request, order }: Job): void {
    this.#count -= 1;
    this.#dequeued(request);
    if (this.#barriers.length === 0) return;
    for (const barrier of this.#barriers) {
      if (order > barrier.order) continue;
      barrier.left -= 1;
      if (barrier.left === 0) barrier.passed();
    }
    this.#barriers = this.#barriers.filter(({ left }) => left > 0);
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

// Plain numbers that the hot path may touch, each defined in a sentence. metrics.ts shows them; nobody else reads them.

import { OUTCOMES, type OutcomeName } from './outcome.ts';

/** Latency bucket bounds, seconds. */
export const LATENCY_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Requests, bytes and latency of one outcome. */
export class OutcomeCounter {
  requests = 0;
  bytes = 0;
  totalMs = 0;
  /** Counts per bucket of LATENCY_BOUNDS, not cumulative; the last is the overflow. */
  readonly buckets: number[] = new Array(LATENCY_BOUNDS.length + 1).fill(0);

  add(ms: number, bytes: number): void {
    this.requests++;
    this.bytes += bytes;
    this.totalMs += ms;
    const seconds = ms / 1000;
    let i = 0;
    while (i < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[i] as number)) i++;
    this.buckets[i] = (this.buckets[i] as number) + 1;
  }
}

export class Counters {
  readonly outcomes: Readonly<Record<OutcomeName, OutcomeCounter>>;
  /** Requests that waited for another one's fetch and shared its response. */
  collapsed = 0;
  /** Background revalidations begun (stale-while-revalidate). */
  backgroundRevalidations = 0;
  /** Purges applied by this process. */
  purges = 0;
  /** Fetches in flight that a purge or an unsafe method kept out of the store. */
  fenced = 0;
  /** Stored responses evicted because their key had more variants than `maxVariants`. */
  variantsEvicted = 0;
  /** Storage operations that failed; each was answered as a miss or dropped. */
  storeErrors = 0;
  /** Encoded forms made of stored responses, by coding; the bytes they were made of, theirs, and the time it took, ms. */
  readonly formsMade = new Map<string, number>();
  formsBytesIn = 0;
  formsBytesOut = 0;
  formsMs = 0;
  /** Forms not kept because they save too little. */
  formsFutile = 0;
  /** Forms not begun because too many were waiting. */
  formsDropped = 0;
  /** Forms that could not be made or stored. */
  formsFailed = 0;
  /** Responses served in a form that was made here, and by how many bytes these were smaller. */
  formsServed = 0;
  formsSavedBytes = 0;
  /** Request heads refused by the parser, by status. */
  readonly refusedHeads = new Map<number, number>();
  /** Connections that were reset at once: too many, or without the PROXY header that is needed; by reason. */
  readonly turnedAway = new Map<string, number>();
  /** TLS handshakes that failed, by OpenSSL's or the system's word. */
  readonly handshakeFailures = new Map<string, number>();
  /** Requests that the edge refused itself, by reason (the detail of Cache-Status). */
  readonly refusals = new Map<string, number>();
  /** Requests that a rule in dry run or log-only mode would have refused, by reason. */
  readonly noted = new Map<string, number>();
  /** Origin failures by kind. */
  readonly originFailures = new Map<string, number>();

  constructor() {
    const outcomes: Partial<Record<OutcomeName, OutcomeCounter>> = {};
    for (const name of Object.keys(OUTCOMES) as OutcomeName[]) outcomes[name] = new OutcomeCounter();
    this.outcomes = outcomes as Record<OutcomeName, OutcomeCounter>;
  }

  static bump<K>(map: Map<K, number>, key: K): void {
    map.set(key, (map.get(key) ?? 0) + 1);
  }
}

// This node's purges on their way to the others, in their order: not yet numbered by all, numbered but not yet back, back
// but not yet with every node. Without I/O.

import type { PurgeRecord } from './journal-record.ts';
import { isOwn } from './journal-standing.ts';

export interface Outgoing {
  /** As this node numbered it. */
  readonly record: PurgeRecord;
  /** Its common number. */
  seq: number | undefined;
  /** Its common number is known to every worker here. */
  back: boolean;
}

/** Beyond this, what is in the stream is no longer kept here as well. */
const MAX = 10_000;

export class Outbox {
  #waiting: Outgoing[] = [];
  #sent: number;
  #settled: number;

  /** @param known what the journal holds from an earlier run; `sent` the own number up to which all had it. */
  constructor(known: readonly PurgeRecord[], sent: number, node: string) {
    this.#sent = sent;
    this.#settled = sent;
    const numbered = new Set(known.map(({ was }) => was));
    for (const record of known) {
      const { seq, was } = record;
      if (isOwn(record) && seq > sent && !numbered.has(seq)) this.add(record);
      else if (record.node === node && was !== undefined && was > sent) {
        this.#waiting.push({ record: { ...record, seq: was }, seq, back: true });
      }
    }
    this.#waiting.sort((a, b) => a.record.seq - b.record.seq);
  }

  /** Every node has this node's purges up to this own number. */
  get sent(): number {
    return this.#sent;
  }

  add(record: PurgeRecord): Outgoing {
    const outgoing: Outgoing = { record, seq: undefined, back: false };
    this.#waiting.push(outgoing);
    this.#trim();
    return outgoing;
  }

  unsent(): readonly Outgoing[] {
    return this.#waiting.filter(({ seq }) => seq === undefined);
  }

  /** One has come back with its common number. */
  returned(was: number, seq: number): void {
    const outgoing = this.#waiting.find((one) => one.record.seq === was && !one.back);
    if (outgoing === undefined) return;
    outgoing.seq = seq;
    outgoing.back = true;
    this.#settled = Math.max(this.#settled, was);
  }

  /** Own numbers up to this one have a common one that is known here: purges come back in the order they were sent. */
  get settled(): number {
    return this.#settled;
  }

  /** Every node that is waited for has applied the purges up to this common number. */
  delivered(upTo: number): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || !first.back || first.seq === undefined || first.seq > upTo) return;
      this.#waiting.shift();
      this.#sent = Math.max(this.#sent, first.record.seq);
    }
  }

  /** Common numbers of before mean nothing to a server that has forgotten them. */
  resend(): void {
    for (const one of this.#waiting) {
      one.seq = undefined;
      one.back = false;
    }
  }

  #trim(): void {
    while (this.#waiting.length > MAX && this.#waiting[0]?.back === true) this.#waiting.shift();
  }
}

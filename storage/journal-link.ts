// One node's journal among those of several: its purges reach the others, theirs reach it, in one order. Owns the state of
// that: what is still to be sent, how far this node has read, who has acknowledged. The stream is journal-stream.ts; what
// follows from a standing, the journal's.
//
// INVARIANT: what the others are told (`applied`) moves only past purges that every worker here has applied, or that count
// as missed (`floor`).

import type { Journal, PurgeRecord, Standing } from './journal.ts';
import { AWAY_MS, type JournalStream, type NodeSeen, type StreamEntry } from './journal-stream.ts';
import { Outbox, type Outgoing } from './outbox.ts';
import type { RedisHealth } from './redis-connection.ts';

export interface LinkOptions {
  /** Opened with `among`. */
  readonly journal: Journal;
  readonly stream: JournalStream;
  readonly node: string;
  /** Stored responses here outlive the process: the others wait for this node when it is away. */
  readonly keeps: boolean;
  /** Has every worker apply purges, which the journal holds already, and take the standing. Must not reject. */
  readonly apply: (records: readonly PurgeRecord[], standing: Standing) => Promise<void>;
  /** Told when the node is in touch with the others, and when it no longer is. */
  readonly log: (health: RedisHealth) => void;
  /** How long a receipt waits for the other nodes, ms. Default 1000. */
  readonly waitMs?: number;
  /** How long after a failure the others are sought again, ms. Default 250. */
  readonly retryMs?: number;
}

/** Who has applied a purge when its receipt is written. */
export interface Spread {
  /** The number that all nodes know it by; undefined while it waits to be sent. */
  readonly sequence: number | undefined;
  readonly applied: readonly string[];
  /** Nodes that were heard of within the hour and will apply it when they can. */
  readonly pending: readonly string[];
}

const POLL_MS = 4;
const BEAT_MS = 1000;
const BLOCK_MS = 1000;
/** A node is waited for while it was heard of within this. */
const LIVE_MS = 3500;

export class JournalLink {
  readonly #options: LinkOptions;
  readonly #retryMs: number;
  readonly #outbox: Outbox;
  readonly #nodes = new Map<string, NodeSeen & { readonly heardAt: number }>();
  #numbering: string;
  /** Everything up to this common number was read, and is in the journal. */
  #position: number;
  /** The same, applied by every worker. */
  #applied = 0;
  #floor = 0;
  #held: number;
  #linked = false;
  /** Has been in touch in this process: since then it has missed nothing that the others do not still hold for it. */
  #wasLinked = false;
  #contactAt = 0;
  #publishing: Promise<void> | undefined;
  #polling: Promise<void> | undefined;
  #detail: string | undefined = 'not in touch with the other nodes yet';
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closing = false;
  #wake: () => void = () => undefined;
  #caughtUp: () => void = () => undefined;

  constructor(options: LinkOptions) {
    const { journal, node } = options;
    this.#options = options;
    this.#retryMs = options.retryMs ?? 250;
    this.#numbering = journal.place?.numbering ?? '';
    this.#position = journal.place?.position ?? 0;
    this.#held = journal.standing.held;
    this.#outbox = new Outbox(journal.known(), journal.place?.sent ?? 0, node);
  }

  /** Begins, and resolves when this node has caught up, or after `withinMs`. */
  async start(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#caughtUp = resolve;
    const timer = setTimeout(resolve, withinMs);
    this.#running = this.#run();
    this.#timer = setInterval(() => void this.#beat().catch(() => undefined), BEAT_MS);
    await promise;
    clearTimeout(timer);
  }

  /** In touch or why not, how many purges wait to be sent, and the nodes heard of. */
  health(): RedisHealth & { readonly unsent: number; readonly nodes: readonly string[] } {
    const nodes = [...this.#nodes.values()].filter((one) => this.#isLive(one)).map(({ node }) => node);
    const state = this.#linked ? { ok: true } : { ok: false, detail: this.#detail ?? 'not in touch' };
    return { ...state, unsent: this.#outbox.unsent().length, nodes };
  }

  /**
   * Sends a purge that the journal holds to the other nodes. Resolves when the nodes that are there have applied it, after
   * a second at the latest, and at once where the others can't be reached: it is sent when they can.
   */
  async spread(record: PurgeRecord): Promise<Spread> {
    const outgoing = this.#outbox.add(record);
    if (this.#linked) {
      void this.#publish();
      const deadline = performance.now() + (this.#options.waitMs ?? 1000);
      while (this.#linked && !this.#isWithAll(outgoing) && performance.now() < deadline) await this.#poll();
    }
    const others = [...this.#nodes.values()].filter((one) => this.#isAwaited(one));
    const has = (one: NodeSeen): boolean => outgoing.seq !== undefined && one.position >= outgoing.seq;
    return {
      sequence: outgoing.seq,
      applied: [this.#options.node, ...others.filter(has).map(({ node }) => node)],
      pending: others.filter((one) => !has(one)).map(({ node }) => node),
    };
  }

  /** Takes leave of the others. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    clearInterval(this.#timer);
    const { stream, keeps } = this.#options;
    if (this.#linked) await stream.beat(this.#applied, keeps ? 'stopped' : 'left').catch(() => undefined);
    stream.close();
    this.#wake();
    await this.#running;
    await this.#publishing;
  }

  async #run(): Promise<void> {
    const { stream } = this.#options;
    while (!this.#closing) {
      try {
        await stream.ready(this.#retryMs);
        await this.#join();
        for (;;) await this.#take(await stream.read(this.#position, BLOCK_MS));
      } catch (error) {
        await this.#lost(error);
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        const timer = setTimeout(resolve, this.#retryMs);
        if (!this.#closing) await promise;
        clearTimeout(timer);
      }
    }
  }

  async #join(): Promise<void> {
    const { stream, journal } = this.#options;
    const joined = await stream.join(journal.latest, this.#numbering);
    for (;;) {
      const entries = await stream.read(this.#position, 0);
      if (entries.length === 0) break;
      await this.#take(entries);
    }
    if (this.#position < joined.seq) this.#missed(joined.seq, joined.seq);
    this.#numbering = joined.numbering;
    this.#linked = true;
    this.#wasLinked = true;
    this.#held = 0;
    this.#detail = undefined;
    await this.#stand([]);
    await this.#beat();
    this.#options.log({ ok: true });
    this.#caughtUp();
    void this.#publish();
  }

  /** Applies entries in their order; what is missing between them can't be learned any more. */
  async #take(entries: readonly StreamEntry[]): Promise<void> {
    const { journal } = this.#options;
    const records: PurgeRecord[] = [];
    let position = this.#position;
    for (const { seq, before, numbering, record } of entries) {
      if (seq <= position) continue;
      if (record === undefined && numbering !== this.#numbering) this.#renumbered(before, seq);
      else if (before > position) this.#missed(before, seq);
      this.#numbering = numbering;
      position = seq;
      if (record !== undefined) records.push(record);
      if (record?.was !== undefined) this.#outbox.returned(record.was, seq);
    }
    this.#contactAt = performance.now();
    if (position === this.#position) return;
    journal.adopt(records);
    this.#position = position;
    await this.#stand(records);
    if (this.#linked) await this.#beat();
  }

  /**
   * The server is not the one it was, and may have forgotten purges. The others hold those that this node has not
   * acknowledged, as long as it was in touch within the hour, and send them again; else it counts on nothing from before.
   * To a node that was never among others, the beginning of everything is no loss.
   */
  #renumbered(before: number, seq: number): void {
    this.#outbox.resend();
    const relied = this.#wasLinked && performance.now() - this.#contactAt < AWAY_MS;
    const begins = this.#numbering === '' && before === 0;
    if (!relied && !begins) this.#missed(seq, seq);
  }

  #missed(floor: number, position: number): void {
    this.#floor = Math.max(this.#floor, floor);
    this.#position = Math.max(this.#position, Math.min(floor, position));
  }

  async #stand(records: readonly PurgeRecord[]): Promise<void> {
    const { journal, apply } = this.#options;
    const standing: Standing = {
      among: true,
      linked: this.#linked,
      position: this.#position,
      own: [],
      settled: this.#outbox.settled,
      held: this.#held,
      floor: this.#floor,
    };
    journal.stand(standing);
    await apply(records, standing);
    this.#applied = standing.position;
    this.#keep();
  }

  #keep(): void {
    const { journal } = this.#options;
    const place = {
      numbering: this.#numbering,
      position: this.#position,
      sent: this.#outbox.sent,
      floor: Math.max(this.#floor, journal.floor),
    };
    const kept = journal.place;
    if (kept?.position === place.position && kept.sent === place.sent && kept.numbering === place.numbering)
      return;
    journal.keep(place);
  }

  /** Sends what waits; one call at a time, so that the order stays. */
  #publish(): Promise<void> {
    this.#publishing ??= this.#send().finally(() => {
      this.#publishing = undefined;
    });
    return this.#publishing;
  }

  async #send(): Promise<void> {
    const { journal, stream } = this.#options;
    try {
      for (;;) {
        const batch = this.#outbox.unsent().slice(0, 500);
        if (batch.length === 0 || !this.#linked || this.#closing) return;
        const records = batch.map(({ record }) => record);
        const { numbers } = await stream.publish(journal.latest, this.#numbering, records);
        for (const [i, outgoing] of batch.entries()) outgoing.seq = numbers[i];
      }
    } catch {
      // It is sent again once the reading side is in touch anew.
      if (!this.#closing) setTimeout(() => void this.#publish(), this.#retryMs).unref();
    }
  }

  /** Asks for acknowledgements; all who wait share one question. */
  #poll(): Promise<void> {
    this.#polling ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await this.#beat().catch(() => undefined);
      this.#polling = undefined;
    })();
    return this.#polling;
  }

  async #beat(): Promise<void> {
    if (!this.#linked || this.#closing) return;
    const { stream, keeps, node } = this.#options;
    const applied = this.#applied;
    const seen = await stream.beat(applied, keeps ? 'keeping' : 'passing');
    const heardAt = performance.now();
    for (const one of seen) {
      if (one.node !== node) this.#nodes.set(one.node, { ...one, heardAt: heardAt - one.silentMs });
    }
    for (const one of this.#nodes.values()) {
      if (one.state === 'left' || heardAt - one.heardAt > AWAY_MS) this.#nodes.delete(one.node);
    }
    // What was with all nodes, those too that came lately, when they were asked: it need not be kept for them.
    const awaited = [...this.#nodes.values()].filter((one) => this.#isAwaited(one));
    this.#outbox.delivered(awaited.reduce((least, { position }) => Math.min(least, position), applied));
    this.#keep();
  }

  #isWithAll({ seq }: Outgoing): boolean {
    if (seq === undefined || this.#applied < seq) return false;
    return [...this.#nodes.values()].every((one) => !this.#isLive(one) || one.position >= seq);
  }

  #isLive({ state, heardAt }: NodeSeen & { readonly heardAt: number }): boolean {
    return (state === 'keeping' || state === 'passing') && performance.now() - heardAt < LIVE_MS;
  }

  /** A node that keeps nothing over its end needs no purge from before its next start. */
  #isAwaited(one: NodeSeen & { readonly heardAt: number }): boolean {
    return one.state === 'keeping' || one.state === 'stopped' || this.#isLive(one);
  }

  async #lost(error: unknown): Promise<void> {
    this.#detail = error instanceof Error ? error.message : String(error);
    if (!this.#linked) return;
    this.#linked = false;
    this.#contactAt = performance.now();
    await this.#stand([]);
    if (!this.#closing) this.#options.log({ ok: false, detail: this.#detail });
  }
}

// What fetches bring into the store: whole responses, parts, freshened fields, variants learned by validation. Every write
// passes the purge fence here, and a failing store costs a stored response, never an answer.

import type { Journal } from '../storage/journal.ts';
import type { Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import type { Flight } from './cache/collapse.ts';
import { combine, type Joined } from './cache/combine.ts';
import type { FillEnd } from './cache/fill.ts';
import { freshen, freshenedBy, freshenFromHead, headEffect, type Validation } from './cache/freshen.ts';
import type { CacheRules } from './cache/rules.ts';
import type { SearchAliases } from './cache/search-aliases.ts';
import type { StoredMeta } from './cache/stored.ts';
import { subjectOf } from './cache/subject.ts';
import { normalisedValue, variantKey } from './cache/vary.ts';
import type { Compressor } from './compress/compressor.ts';
import { formsOf, withoutForms } from './compress/forms.ts';
import type { FetchOutcome, FetchPlan } from './fetch.ts';
import type { FetchEnd, WrittenBody } from './filling.ts';
import { Fields } from './http/fields.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';

type Answer = Omit<Validation, 'stored'>;
type FetchFlight = Pick<Flight<FetchOutcome>, 'fenced'>;

export interface KeepOptions {
  readonly store: FrontStore<StoredMeta>;
  readonly journal: Journal;
  /** Hears of purges and invalidations before it is asked whether something may be stored. */
  readonly hear: (() => void) | undefined;
  readonly aliases: SearchAliases;
  /** Makes encoded forms of what is stored. */
  readonly compressor: Compressor;
  readonly counters: Counters;
  readonly log: Log;
}

/** Distinguishes a stored part from the whole that may be stored beside it. */
const PART = '#part';

export class Keep {
  readonly #options: KeepOptions;

  constructor(options: KeepOptions) {
    this.#options = options;
  }

  /**
   * A fill has ended: stores what it kept, or has written. A part is joined with the stored part it continues.
   * @returns a promise where lookups do not find it yet
   */
  fetched(plan: FetchPlan, rules: CacheRules, meta: StoredMeta, end: FetchEnd): Promise<void> | undefined {
    const { key, request, flight } = plan;
    const { chunks, written } = end;
    if (written !== undefined) return this.#written(plan, rules, meta, end, written);
    if (chunks === undefined || !this.#passes(key, meta, flight)) return undefined;
    const variant = variantKey(meta.vary, request.fields);
    if (meta.partial === undefined) {
      this.#put(key, variant, meta, chunks, rules);
      this.#forgetPart(plan, variant);
      this.#options.compressor.first({ key, variant }, meta, rules.compress, request.fields);
      return undefined;
    }
    if (end.length !== meta.partial.end - meta.partial.start) return undefined;
    const held = plan.records.find((one) => one.variant === `${variant}${PART}`);
    const { requestedAt, respondedAt, seq } = meta;
    const answer = { request, response: new Fields(meta.lines), requestedAt, respondedAt, rules, seq };
    const joined = held === undefined ? undefined : combine(held, meta, answer);
    if (held !== undefined && joined !== undefined) this.combined(key, held, joined, end, flight);
    else this.#put(key, `${variant}${PART}`, meta, chunks, rules);
    return undefined;
  }

  /** A body that was written while it came becomes the stored response's. */
  #written(
    plan: FetchPlan,
    rules: CacheRules,
    meta: StoredMeta,
    { length }: FillEnd,
    { inflow, unwanted }: WrittenBody,
  ): Promise<void> | undefined {
    const { key, request, flight } = plan;
    const { partial } = meta;
    const isWhole = partial === undefined || length === partial.end - partial.start;
    if (!isWhole || !this.#passes(key, meta, flight)) {
      unwanted();
      return undefined;
    }
    const { store, aliases } = this.#options;
    aliases.learn(key, new Fields(meta.lines));
    const variant = variantKey(meta.vary, request.fields);
    const name = partial === undefined ? variant : `${variant}${PART}`;
    this.#forgetForms(key, name);
    const finished = this.#quietly(key, () => store.finish(inflow, key, name, meta));
    if (meta.vary.length > 0) this.#quietly(key, () => this.#trim(key, rules.maxVariants));
    if (partial === undefined) this.#forgetPart(plan, variant);
    return finished;
  }

  /** The rest of a stored part has come: stores both as one. */
  combined(key: string, record: Stored<StoredMeta>, joined: Joined, end: FillEnd, flight: FetchFlight): void {
    const received = end.chunks;
    if (received === undefined) return;
    this.#quietly(key, async () => {
      const whole = Buffer.concat(received);
      const chunks: Buffer[] = [];
      for (const { from, start, end: stop } of joined.pieces) {
        if (from === 'received') chunks.push(whole.subarray(start, stop));
        else for await (const chunk of record.body.read(start, stop)) chunks.push(chunk);
      }
      if (!this.#passes(key, joined.meta, flight)) return;
      const variant = record.variant.endsWith(PART) ? record.variant.slice(0, -PART.length) : record.variant;
      const complete = joined.meta.partial === undefined;
      await this.#options.store.put(key, complete ? variant : record.variant, joined.meta, chunks);
      if (complete) await this.#options.store.delete(key, record.variant);
    });
  }

  /**
   * A 304 to our own conditions: freshens every stored response that it speaks of (RFC 9111 §4.3.4).
   * @param record the one that was selected; undefined when the stored variants were offered to the origin to choose from
   * @returns the response to serve; undefined when the 304 speaks of none
   */
  validated(
    record: Stored<StoredMeta> | undefined,
    records: readonly Stored<StoredMeta>[],
    answer: Answer,
    flight: FetchFlight,
  ): { record: Stored<StoredMeta>; shared: boolean } | undefined {
    const chosen = record ?? this.#chosen(records, answer);
    if (chosen === undefined) return undefined;
    const freshened = freshen({ ...answer, stored: chosen.meta });
    if (freshened.kind === 'unrelated') return undefined;
    const { key, variant, body, tier } = chosen;
    const shared = freshened.kind === 'freshened';
    if (!shared) {
      if (freshened.remove) this.#forget(key, variant);
      return { record: { key, variant, meta: freshened.meta, body, tier }, shared };
    }
    if (this.#passes(key, freshened.meta, flight)) {
      this.#update(chosen, freshened.meta);
      for (const other of records) {
        if (other === chosen || freshenedBy([other.meta], answer.response, answer.respondedAt).length === 0)
          continue;
        const also = freshen({ ...answer, stored: other.meta });
        if (also.kind === 'freshened') this.#update(other, also.meta);
      }
    }
    if (record !== undefined) return { record: { key, variant, meta: freshened.meta, body, tier }, shared };
    return { record: this.#learn(chosen, freshened.meta, answer, flight), shared };
  }

  /** A response to HEAD speaks of what is stored for GET too (RFC 9111 §4.3.5). */
  afterHead(record: Stored<StoredMeta>, status: number, answer: Answer): void {
    const effect = headEffect(record.meta, record.body.length, status, answer.response, answer.respondedAt);
    if (effect === 'invalidate') this.#forget(record.key, record.variant);
    if (effect !== 'freshen') return;
    const freshened = freshenFromHead({ ...answer, stored: record.meta });
    if (freshened.kind === 'freshened') this.#update(record, freshened.meta);
    else if (freshened.remove) this.#forget(record.key, record.variant);
  }

  /** A stored response that may not be used any more. */
  forget({ key, variant }: Stored<StoredMeta>): void {
    this.#forget(key, variant);
  }

  /** The stored variant that a 304 to several entity tags has chosen. */
  #chosen(records: readonly Stored<StoredMeta>[], answer: Answer): Stored<StoredMeta> | undefined {
    const whole = records.filter(({ meta }) => meta.partial === undefined);
    const [meta] = freshenedBy(
      whole.map((one) => one.meta),
      answer.response,
      answer.respondedAt,
    );
    return whole.find((one) => one.meta === meta);
  }

  /** The origin chose a stored variant for a request that did not select it: from now on this request does. */
  #learn(
    chosen: Stored<StoredMeta>,
    meta: StoredMeta,
    answer: Answer,
    flight: FetchFlight,
  ): Stored<StoredMeta> {
    const { fields } = answer.request;
    const variant = variantKey(meta.vary, fields);
    const learned: StoredMeta = {
      ...meta,
      varyValues: meta.vary.map((name) => normalisedValue(name, fields)),
    };
    const { key, body, tier } = chosen;
    if (body.chunks !== undefined && this.#passes(key, learned, flight)) {
      this.#put(key, variant, learned, body.chunks, answer.rules);
    }
    return { key, variant, meta: learned, body, tier };
  }

  /** INVARIANT: nothing whose fetch a purge has overtaken is written. */
  #passes(key: string, meta: StoredMeta, flight: FetchFlight): boolean {
    this.#options.hear?.();
    return !flight.fenced && this.#options.journal.verdict(subjectOf(key, meta.lines), meta.seq) === 'valid';
  }

  #put(key: string, variant: string, meta: StoredMeta, chunks: readonly Buffer[], rules: CacheRules): void {
    const { store, aliases } = this.#options;
    aliases.learn(key, new Fields(meta.lines));
    this.#forgetForms(key, variant);
    this.#quietly(key, () => store.put(key, variant, meta, chunks));
    // Without Vary there is one.
    if (meta.vary.length > 0) this.#quietly(key, () => this.#trim(key, rules.maxVariants));
  }

  /** The whole has come, of which a part is stored. */
  #forgetPart({ key, records }: FetchPlan, whole: string): void {
    const part = `${whole}${PART}`;
    if (records.some(({ variant }) => variant === part)) this.#forget(key, part);
  }

  /** Only the `most` latest variants of a key stay. */
  async #trim(key: string, most: number): Promise<void> {
    const { store, counters } = this.#options;
    const held = store.getNow(key) ?? (await store.get(key, () => true));
    for (const oldest of withoutForms(held).slice(most)) {
      counters.variantsEvicted++;
      this.#forget(key, oldest.variant);
    }
  }

  #update({ key, variant }: Stored<StoredMeta>, meta: StoredMeta): void {
    this.#quietly(key, () => this.#options.store.updateMeta(key, variant, meta));
  }

  #forget(key: string, variant: string): void {
    this.#quietly(key, () => this.#options.store.delete(key, variant));
    this.#forgetForms(key, variant);
  }

  /** Forms are of use with their response only. Those that memory does not know of go with their tier's eviction. */
  #forgetForms(key: string, variant: string): void {
    const { store } = this.#options;
    const held = store.getNow(key) ?? [];
    if (withoutForms(held) === held) return;
    for (const form of formsOf(held, variant)) this.#quietly(key, () => store.delete(key, form.variant));
  }

  #quietly(key: string, work: () => Promise<unknown>): Promise<void> {
    const done = (): void => undefined;
    return work().then(done, (error: unknown) => {
      this.#options.counters.storeErrors++;
      this.#options.log.error({ err: error, key }, 'could not store a response');
    });
  }
}

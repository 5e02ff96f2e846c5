// Makes encoded forms of stored responses, behind: a bounded queue, few at a time, off the event loop (encode.ts), each made
// once and put beside its response. Never delays a response, and a failure costs a form, nothing else. Knows no request.
//
// INVARIANT: a form is put under the name of the bytes it was made of (`content`), and is used for these alone: a purge, a
// replacement or a crash at any moment can leave a form that nobody finds, never one that is wrong.

import type { Journal } from '../../storage/journal.ts';
import type { Stored } from '../../storage/store.ts';
import type { FrontStore } from '../../storage/tiered.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { subjectOf } from '../cache/subject.ts';
import type { Fields } from '../http/fields.ts';
import { Counters } from '../observe/counters.ts';
import type { Log } from '../observe/log.ts';
import { acceptance, type Coding, mostWanted } from './coding.ts';
import { encode } from './encode.ts';
import { formMeta, formOf, formVariant } from './forms.ts';
import { type CompressRules, isWorthwhile } from './rules.ts';

type Record = Stored<StoredMeta>;

/** Forms that wait to be made; what comes beyond is dropped, and asked for again by later requests. */
const MAX_QUEUE = 1024;
/** Bodies remembered as not worth it. */
const MAX_REMEMBERED = 20_000;
/** A form has to save this share at least, or it is not worth its room. */
const LEAST_SAVING = 0.05;

interface Job {
  readonly key: string;
  readonly variant: string;
  readonly content: string;
  readonly coding: Coding;
  readonly rules: CompressRules;
  /** A lower tier may have it. */
  readonly mayBeThere: boolean;
}

export interface CompressorOptions {
  readonly store: FrontStore<StoredMeta>;
  readonly journal: Journal;
  /** Forms that are made at the same time. */
  readonly concurrency: number;
  readonly counters: Counters;
  readonly log: Log;
}

export class Compressor {
  readonly #options: CompressorOptions;
  readonly #waiting = new Map<string, Job>();
  readonly #underWay = new Set<string>();
  /** By name: not tried again for the same bytes. Oldest first. */
  readonly #futile = new Set<string>();
  concurrency: number;
  #stopped = false;

  constructor(options: CompressorOptions) {
    this.#options = options;
    this.concurrency = options.concurrency;
  }

  /** Forms that wait or are being made. */
  get queued(): number {
    return this.#waiting.size + this.#underWay.size;
  }

  /** Begins nothing more and stores nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  /** Of a response that was just stored: the form that its client would have liked; the first by rank where it named none. */
  first(
    stored: Pick<Record, 'key' | 'variant'>,
    { content }: StoredMeta,
    rules: CompressRules,
    request: Fields,
  ): void {
    if (content === undefined) return;
    const [preferred] = rules.encodings;
    const coding = request.has('accept-encoding')
      ? mostWanted(rules.encodings, acceptance(request))
      : preferred;
    const { key, variant } = stored;
    if (coding !== undefined) this.#take({ key, variant, content, coding, rules, mayBeThere: false });
  }

  /** Of a stored response, since somebody wants it. */
  make(
    { key, variant, meta: { content } }: Pick<Record, 'key' | 'variant' | 'meta'>,
    coding: Coding,
    rules: CompressRules,
  ): void {
    if (content !== undefined) this.#take({ key, variant, content, coding, rules, mayBeThere: true });
  }

  #take(job: Job): void {
    if (this.#stopped) return;
    const name = nameOf(job);
    if (this.#futile.has(name) || this.#underWay.has(name) || this.#waiting.has(name)) return;
    if (this.#waiting.size >= MAX_QUEUE) {
      this.#options.counters.formsDropped++;
      return;
    }
    this.#waiting.set(name, job);
    this.#next();
  }

  #next(): void {
    const { log, counters } = this.#options;
    for (const [name, job] of this.#waiting) {
      if (this.#underWay.size >= this.concurrency) return;
      this.#waiting.delete(name);
      this.#underWay.add(name);
      this.#run(name, job)
        .catch((error: unknown) => {
          counters.formsFailed++;
          this.#remember(name);
          log.warn({ err: error, key: job.key, coding: job.coding }, 'a response could not be compressed');
        })
        .finally(() => {
          this.#underWay.delete(name);
          this.#next();
        });
    }
  }

  async #run(name: string, job: Job): Promise<void> {
    const { store, counters, log } = this.#options;
    const { key, variant, content, coding, rules } = job;
    const found = await this.#find(job, job.mayBeThere);
    // Another worker or node has made it, or it was only gone from memory.
    if (found === undefined || formOf(found.held, content, coding) !== undefined) return;
    const { body } = found.record;
    if (!isWorthwhile(rules, body.length)) return this.#remember(name);
    const begunAt = performance.now();
    const encoded = await encode(body.chunks ?? body.read(0, body.length), {
      coding,
      level: rules.levels[coding],
      length: body.length,
      maxBytes: Math.floor(body.length * (1 - LEAST_SAVING)),
    });
    const tookMs = performance.now() - begunAt;
    counters.formsMs += tookMs;
    if (encoded === undefined) {
      counters.formsFutile++;
      return this.#remember(name);
    }
    const { record } = (await this.#find(job, false)) ?? {};
    if (record === undefined || this.#stopped) return;
    const meta = formMeta(record.meta, { coding, mark: encoded.mark });
    if (!(await store.put(key, formVariant(variant, coding), meta, encoded.chunks)))
      return this.#remember(name);
    Counters.bump(counters.formsMade, coding);
    counters.formsBytesIn += body.length;
    counters.formsBytesOut += encoded.bytes;
    log.debug({ key, coding, from: body.length, to: encoded.bytes, ms: Math.round(tookMs) }, 'compressed');
  }

  /**
   * The response with these bytes and what is stored beside it, unless a purge has deleted it.
   * @param everywhere also where memory has the response
   */
  async #find(
    { key, variant, content }: Job,
    everywhere: boolean,
  ): Promise<{ record: Record; held: readonly Record[] } | undefined> {
    const { store, journal } = this.#options;
    const among = (held: readonly Record[]): { record: Record; held: readonly Record[] } | undefined => {
      const record = held.find(
        ({ meta, variant: own }) => own === variant && meta.content === content && meta.coded === undefined,
      );
      if (record === undefined) return undefined;
      const verdict = journal.verdict(subjectOf(key, record.meta.lines), record.meta.seq);
      return verdict === 'deleted' ? undefined : { record, held };
    };
    const inMemory = among(store.getNow(key) ?? []);
    if (store.isWhole(key) || (inMemory !== undefined && !everywhere)) return inMemory;
    return among(await store.get(key)) ?? inMemory;
  }

  #remember(name: string): void {
    this.#futile.add(name);
    if (this.#futile.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#futile) {
      this.#futile.delete(oldest);
      break;
    }
  }
}

function nameOf({ content, coding }: Job): string {
  return `${content} ${coding}`;
}

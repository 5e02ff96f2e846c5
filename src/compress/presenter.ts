// In which form a request gets a stored response: as it is, or encoded as it wants it most and is at hand. What is wanted
// and not there is asked of the compressor, which makes it behind. Owns the choice (RFC 9110 §12.5.3, and the conditions of
// clients that hold one form or another) and what is remembered for it; the encoded bytes are the compressor's.

import type { MemoryRecord } from '../../storage/memory.ts';
import type { Stored, StoredBody, Tier } from '../../storage/store.ts';
import type { RequestFacts } from '../cache/request-directives.ts';
import type { StoredMeta } from '../cache/stored.ts';
import { fieldOf, isStrong, weakMatch } from '../cache/validators.ts';
import type { Counters } from '../observe/counters.ts';
import type { Visit } from '../visit.ts';
import { tagsIn, uncoded } from './coded-tag.ts';
import { type Acceptance, acceptance, type Coding, mostWanted, takesIdentity } from './coding.ts';
import type { Compressor } from './compressor.ts';
import { formOf, renamed, shownFormMeta, shownMeta } from './forms.ts';
import type { CompressRules } from './rules.ts';

type Record = Stored<StoredMeta>;

/** A stored response in an encoded form. */
class Form implements Record {
  readonly key: string;
  readonly variant: string;
  readonly meta: StoredMeta;
  readonly body: StoredBody;
  readonly tier: Tier;
  /** The record that holds its bytes. */
  readonly record: Record;
  readonly savedBytes: number;

  constructor(of: Record, record: Record, coded: NonNullable<StoredMeta['coded']>) {
    this.key = of.key;
    this.variant = record.variant;
    this.meta = shownFormMeta(of.meta, coded);
    this.body = record.body;
    this.tier = record.tier;
    this.record = record;
    this.savedBytes = of.body.length - record.body.length;
  }
}

/** What is remembered of a record that may have forms. */
interface Shown {
  readonly rules: CompressRules;
  readonly plain: Record;
  readonly forms: Map<Coding, Form>;
  /** Asked of the compressor since the record came, or since it was last there. */
  readonly asked: Set<Coding>;
}

/** What a visit tells: the request, what was found under its key, forms too, and whose settings hold. */
type Asking = Pick<Visit, 'request' | 'admission' | 'held' | 'realm' | 'came' | 'route'>;

export interface PresenterOptions {
  readonly compressor: Compressor;
  readonly touch: (record: Record) => void;
  readonly counters: Pick<Counters, 'formsServed' | 'formsSavedBytes'>;
}

export class Presenter {
  readonly #options: PresenterOptions;
  #shown = new WeakMap<Record, Shown>();

  constructor(options: PresenterOptions) {
    this.#options = options;
  }

  /** The settings have changed. */
  forget(): void {
    this.#shown = new WeakMap();
  }

  /** What a visit is shown of a stored response. The same object for the same record and form. */
  present(record: Record, visit: Asking): Record {
    const { content } = record.meta;
    if (content === undefined) return record;
    const { held, admission } = visit;
    const { facts } = admission;
    const shown = this.#shown.get(record) ?? this.#begin(record, visit);
    const order = shown.rules.encodings;
    if (order.length === 0) return record;
    const accepted = acceptance(facts.fields);
    const wanted = mostWanted(order, accepted);
    if (wanted === undefined && !facts.conditional) return shown.plain;
    const forms = { record, content, held, shown };
    const best = wanted && (this.#form(forms, wanted) ?? this.#nextBest(forms, wanted, accepted));
    if (wanted !== undefined && best?.meta.coded?.coding !== wanted) this.#ask(forms, wanted);
    if (facts.conditional) {
      const known = this.#heldByClient(forms, best, facts, accepted);
      if (known !== undefined) return known;
    }
    // Ranges of a form without a strong tag could be joined with nothing.
    return best === undefined || (facts.hasRange && !isStrong(best.meta.etag)) ? shown.plain : best;
  }

  /** It goes to a client. */
  served(shown: Record, method: string, { hasRange, conditional }: RequestFacts): void {
    if (!(shown instanceof Form)) return;
    const { touch, counters } = this.#options;
    touch(shown.record);
    counters.formsServed++;
    if (method === 'GET' && !hasRange && !conditional) counters.formsSavedBytes += shown.savedBytes;
  }

  #begin(record: Record, visit: Asking): Shown {
    const type = fieldOf(record.meta, 'content-type') ?? '';
    const rules = visit.realm.rulesFor(visit.request.method, visit, type).compress;
    const { key, variant, body, tier } = record;
    const plain = { key, variant, body, tier, meta: shownMeta(record.meta) };
    const shown = { rules, plain, forms: new Map(), asked: new Set<Coding>() };
    this.#shown.set(record, shown);
    return shown;
  }

  #form({ record, content, held, shown }: Forms, coding: Coding): Form | undefined {
    const found = formOf(held, content, coding);
    if (found?.meta.coded === undefined) return undefined;
    let form = shown.forms.get(coding);
    if (form === undefined || form.record !== found) {
      form = new Form(record, found, found.meta.coded);
      // What was read from a lower tier is another object each time.
      if (isKept(record) && isKept(found)) shown.forms.set(coding, form);
      shown.asked.delete(coding);
    }
    return form;
  }

  /** Of the forms that are there, the one that is wanted most. */
  #nextBest(forms: Forms, missing: Coding, accepted: Acceptance): Form | undefined {
    const left = forms.shown.rules.encodings.filter(
      (coding) => coding !== missing && formOf(forms.held, forms.content, coding) !== undefined,
    );
    const coding = mostWanted(left, accepted);
    return coding === undefined ? undefined : this.#form(forms, coding);
  }

  #ask({ record, shown }: Forms, coding: Coding): void {
    if (shown.asked.has(coding)) return;
    shown.asked.add(coding);
    this.#options.compressor.make(record, coding, shown.rules);
  }

  /**
   * The form that a client says it has: it keeps it (RFC 9110 §13.1.2), or goes on with it (§13.1.5), whatever it would get
   * anew. Only one that it still takes.
   */
  #heldByClient(
    forms: Forms,
    best: Form | undefined,
    { fields }: RequestFacts,
    accepted: Acceptance,
  ): Record | undefined {
    const { meta } = forms.record;
    if (!isStrong(meta.etag)) return undefined;
    const condition = ['if-none-match', 'if-match', 'if-range'].find((name) => fields.has(name));
    if (condition === undefined) return undefined;
    const tags = tagsIn(fields.all(condition));
    const has = (etag: string | undefined): boolean => tags.some((tag) => weakMatch(tag, etag));
    if (best !== undefined && has(best.meta.etag)) return best;
    if (has(meta.etag) && takesIdentity(accepted)) return forms.shown.plain;
    for (const tag of tags) {
      const parts = uncoded(tag);
      if (parts === undefined || parts.etag !== meta.etag || accepted[parts.coding] === 0) continue;
      const form = this.#form(forms, parts.coding);
      if (form !== undefined && weakMatch(tag, form.meta.etag)) return form;
      // Its bytes are gone here, or were made otherwise; they are of this response all the same.
      if (condition === 'if-none-match') {
        const { plain } = forms.shown;
        return { ...plain, meta: renamed(plain.meta, tag) };
      }
    }
    return undefined;
  }
}

interface Forms {
  readonly record: Record;
  readonly content: string;
  readonly held: readonly Record[];
  readonly shown: Shown;
}

/** The object stays the same as long as the record does. */
function isKept(record: Record): boolean {
  return record.tier === 'memory' && (record as Partial<MemoryRecord<StoredMeta>>).resident === true;
}

// What is stored for a visit: memory at once, the lower tier where memory has nothing, and what the purge journal says of it.
// A broken store is a miss with a detail. Decides nothing.

import type { Journal } from '../storage/journal.ts';
import type { Judged, Stored } from '../storage/store.ts';
import type { FrontStore } from '../storage/tiered.ts';
import type { Verdict } from './cache/age.ts';
import type { StoredMeta } from './cache/stored.ts';
import { subjectOf } from './cache/subject.ts';
import { selectVariant } from './cache/vary.ts';
import { withoutForms } from './compress/forms.ts';
import type { Presenter } from './compress/presenter.ts';
import type { Booking } from './fetch.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import { NOTHING, type Records, type Visit } from './visit.ts';

/** What the journal can say of records, as objects of one lookup at one epoch: a record that names another is judged anew. */
function judgements(): { readonly [verdict in Verdict]: Judged } {
  return {
    valid: { verdict: 'valid' },
    invalidated: { verdict: 'invalidated' },
    deleted: { verdict: 'deleted' },
  };
}

export type Record = Stored<StoredMeta>;

/** Takes all that is stored under the key, and of it what was selected for the request. */
export type OnFound = (visit: Visit, records: Records, record: Record | undefined) => void;

export interface LookupOptions {
  readonly store: FrontStore<StoredMeta>;
  readonly journal: Journal;
  readonly presenter: Presenter;
  /** What is to be asked with a look-up at another worker. */
  readonly book: (visit: Visit) => Booking | undefined;
  readonly counters: Counters;
  readonly log: Log;
}

export class Lookup {
  readonly #options: LookupOptions;
  readonly #onFound: OnFound;
  #epoch = -1;
  #judgements = judgements();

  constructor(options: LookupOptions, onFound: OnFound) {
    this.#options = options;
    this.#onFound = onFound;
  }

  /** Memory at once; the lower tier only when memory has nothing for this request. A broken store is a miss with a detail. */
  find(visit: Visit): void {
    const { store, log, counters } = this.#options;
    const { key, request } = visit;
    const held = store.getNow(key) ?? NOTHING;
    visit.held = held;
    const records = withoutForms(held);
    const record = selectVariant(records, request.fields);
    if (this.#suffices(record) || store.isWhole(key)) return this.#onFound(visit, records, record);
    const booking = this.#options.book(visit);
    visit.booking = booking;
    const over = (found: Records): void => {
      this.#foundBelow(visit, found);
      booking?.end();
    };
    store
      .get(key, (all) => this.#suffices(selectVariant(withoutForms(all), request.fields)), booking)
      .then(over, (error: unknown) => {
        counters.storeErrors++;
        log.error({ err: error, key }, 'the store could not be read');
        visit.storeFailed = true;
        over(NOTHING);
      });
  }

  /** What is deleted here another node may have anew. */
  #suffices(record: Stored<StoredMeta> | undefined): boolean {
    return record !== undefined && !(this.#options.store.hasShared && this.verdict(record) === 'deleted');
  }

  /** After the disk was read: another request's fetch may have been stored meanwhile. */
  #foundBelow(visit: Visit, found: Records): void {
    const held = this.#options.store.getNow(visit.key) ?? NOTHING;
    const { fields } = visit.request;
    const records = withoutForms(held);
    const record = selectVariant(records, fields);
    visit.held = found;
    if (record === undefined) {
      const others = withoutForms(found);
      return this.#onFound(visit, others, selectVariant(others, fields));
    }
    // What was promoted just now came from the disk, and is told so.
    const { variant, meta } = record;
    const promoted = found.find(
      (one) => one.variant === variant && one.meta.respondedAt === meta.respondedAt,
    );
    if (promoted === undefined) visit.held = held;
    this.#onFound(visit, records, promoted ?? record);
  }

  /** INVARIANT: what a purge deleted is offered to no validation, which could bring it back. */
  kept(records: Records): Records {
    return records.some((record) => this.verdict(record) === 'deleted')
      ? records.filter((record) => this.verdict(record) !== 'deleted')
      : records;
  }

  /** A stored response in the form that the request takes. */
  shown(visit: Visit, record: Stored<StoredMeta>): Stored<StoredMeta> {
    return record.meta.content === undefined ? record : this.#options.presenter.present(record, visit);
  }

  served({ request, admission }: Visit, shown: Stored<StoredMeta>): Stored<StoredMeta> {
    if (shown.meta.coded !== undefined)
      this.#options.presenter.served(shown, request.method, admission.facts);
    return shown;
  }

  /** What the purge journal says of a record; asked again only when the journal has moved. */
  verdict(record: Stored<StoredMeta>): Verdict {
    const { journal } = this.#options;
    const { judged } = record;
    if (journal.epoch !== this.#epoch) {
      this.#epoch = journal.epoch;
      this.#judgements = judgements();
    } else if (judged !== undefined && judged === this.#judgements[judged.verdict]) return judged.verdict;
    const verdict = journal.verdict(subjectOf(record.key, record.meta.lines), record.meta.seq);
    record.judged = this.#judgements[verdict];
    return verdict;
  }
}

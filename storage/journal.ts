// The purge journal (design.md §3): numbered purges that take effect at once in every tier, because each stored response
// carries the sequence its fetch began under. Owns numbering, durability and verdicts; what a subject is, its owner says.

import { JournalFile, loadJournal, newJournalId } from './journal-file.ts';
import type { PurgeMode, PurgeRecord, Selector } from './journal-record.ts';
import { PurgeTables, type Subject, type Verdict } from './journal-tables.ts';
import { StoreError } from './store.ts';

export type { PurgeMode, PurgeRecord, Selector } from './journal-record.ts';
export { parseRecord, parseSelector } from './journal-record.ts';
export type { Subject, Verdict } from './journal-tables.ts';

const DEFAULT_MAX_RECORDS = 100_000;
/** Kept for operators though later purges supersede them. */
const MAX_RECENT = 1000;
/**
 * Numbers left out after an end that was not in good order: a purge may have taken effect under one of them without
 * reaching the disk, and responses may be stored under it.
 */
const SKIPPED = 1_000_000;

export interface JournalOptions {
  /** Where purges.ndjson lives; without it purges last as long as the process. */
  readonly dir?: string;
  /** Purges that can be told apart; the oldest beyond it count as purging everything fetched before them. */
  readonly maxRecords?: number;
  /** For the name of a damaged file that is set aside. Epoch ms. */
  readonly now?: () => number;
}

/** The state another thread starts its replica from. */
export interface JournalSnapshot {
  readonly id: string;
  readonly seq: number;
  readonly floor: number;
  readonly records: readonly PurgeRecord[];
  readonly maxRecords: number;
}

export class Journal {
  readonly #maxRecords: number;
  readonly #tables: PurgeTables;
  #recent: PurgeRecord[] = [];
  #id: string;
  #seq: number;
  #epoch: number;
  #file: JournalFile | undefined;

  private constructor({ id, seq, floor, records, maxRecords }: JournalSnapshot) {
    this.#id = id;
    this.#maxRecords = maxRecords;
    this.#tables = new PurgeTables(maxRecords, floor);
    this.#seq = seq;
    this.#epoch = seq;
    for (const record of records) this.#take(record);
    this.#epoch = this.#seq;
  }

  /**
   * Loads the journal, or begins one with a new id when there is none or it is damaged. Never rejects: a journal that can't
   * be written says so at the next `append`.
   */
  static async open(options: JournalOptions = {}): Promise<Journal> {
    const { dir, maxRecords = DEFAULT_MAX_RECORDS, now = Date.now } = options;
    const fresh = { id: newJournalId(), seq: 0, floor: 0, records: [], maxRecords };
    if (dir === undefined) return new Journal(fresh);
    const loaded = await loadJournal(dir, now());
    const journal = new Journal(
      loaded === undefined ? fresh : { ...loaded.header, records: loaded.records, maxRecords },
    );
    if (loaded?.ended === false) journal.#skip();
    const file = new JournalFile(dir, 2 * maxRecords + MAX_RECENT, () => journal.#forFile());
    journal.#file = file;
    try {
      await file.compact();
    } catch {
      // Fail closed: the file on the disk will miss what is purged from now on, so the database must not outlive it.
      journal.#id = newJournalId();
    }
    return journal;
  }

  /** A journal that another thread feeds by `apply`. */
  static replica(snapshot: JournalSnapshot): Journal {
    return new Journal(snapshot);
  }

  /** Random, kept in the file: a database that lived with another journal may hold what was purged. */
  get id(): string {
    return this.#id;
  }

  /** The latest sequence; a fetch that begins now carries it. */
  get seq(): number {
    return this.#seq;
  }

  /** Moves with every record: a response verified at this epoch need not be verified again until it moves. Never below `seq`. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The least sequence that is not counted as deleted. */
  get floor(): number {
    return this.#tables.floor;
  }

  /**
   * A new purge: in effect when this returns its promise, durable when that resolves.
   * @param by who asked, for operators
   * @param at epoch ms
   * @throws StoreError when it could not be written; it is in effect all the same, and written with the next one.
   */
  async append(selector: Selector, mode: PurgeMode, by: string, at: number): Promise<PurgeRecord> {
    const record: PurgeRecord = { seq: this.#seq + 1, at, selector, mode, by };
    this.#take(record);
    try {
      await this.#file?.append(record);
    } catch (error) {
      throw new StoreError('purge', error);
    }
    return record;
  }

  /** A purge that another journal numbered. Known ones change nothing; the order does not matter. Not written to a file. */
  apply(record: PurgeRecord): void {
    this.#take(record);
  }

  /** What the purges say of a response whose fetch began under `seq`. */
  verdict(subject: Subject, seq: number): Verdict {
    return this.#tables.verdict(subject, seq);
  }

  /** The latest purges, newest first. */
  recent(limit: number): readonly PurgeRecord[] {
    return limit < 1 ? [] : this.#recent.slice(-limit).reverse();
  }

  snapshot(): JournalSnapshot {
    return {
      id: this.id,
      seq: this.#seq,
      floor: this.floor,
      records: this.#known(),
      maxRecords: this.#maxRecords,
    };
  }

  /** Closes the file in good order. @throws StoreError when that could not be written; the next start then leaves out numbers. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (error) {
      throw new StoreError('close', error);
    }
  }

  #take(record: PurgeRecord): void {
    const isNew = this.#tables.add(record);
    if (!isNew && record.seq <= this.#seq) return;
    this.#seq = Math.max(this.#seq, record.seq);
    this.#epoch = Math.max(this.#epoch + 1, this.#seq);
    this.#recent.push(record);
    if (this.#recent.length >= 2 * MAX_RECENT) this.#recent = this.#recent.slice(-MAX_RECENT);
  }

  #skip(): void {
    this.#seq += SKIPPED;
    this.#epoch = this.#seq;
  }

  /** Live records and those kept for operators, in order of their numbers. */
  #known(): readonly PurgeRecord[] {
    const known = new Set([...this.#tables.live(), ...this.#recent.slice(-MAX_RECENT)]);
    return [...known].sort((a, b) => a.seq - b.seq);
  }

  #forFile(): { header: { id: string; floor: number; seq: number }; records: readonly PurgeRecord[] } {
    return { header: { id: this.id, floor: this.floor, seq: this.#seq }, records: this.#known() };
  }
}

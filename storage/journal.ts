// The purge journal (design.md §3): numbered purges that take effect at once in every tier, because each stored response
// carries the sequence its fetch began under. Owns numbering, durability and verdicts; what a subject is, its owner says.

import { JournalFile, loadJournal, newJournalId, type Snapshot } from './journal-file.ts';
import { type PurgeMode, type PurgeRecord, type SavedPlace, type Selector, STEP } from './journal-record.ts';
import { ALONE, isOwn, JOINING, type Standing } from './journal-standing.ts';
import { PurgeTables, type Subject, type Verdict } from './journal-tables.ts';
import { StoreError } from './store.ts';

export type { PurgeMode, PurgeRecord, Selector } from './journal-record.ts';
export { parseRecord, parseSelector, selected } from './journal-record.ts';
export type { Standing } from './journal-standing.ts';
export type { Subject, Verdict } from './journal-tables.ts';

const DEFAULT_MAX_RECORDS = 100_000;
/** Kept for operators though later purges supersede them. */
const MAX_RECENT = 1000;
/**
 * Numbers left out after an end that was not in good order: a purge may have taken effect under one of them without
 * reaching the disk, and responses may be stored under it.
 */
const SKIPPED = 1_000_000;
/** The same where the own numbers between two common ones must last (journal-standing.ts). */
const SKIPPED_OWN = 4096;

export interface JournalOptions {
  /** Where purges.ndjson lives; without it purges last as long as the process. */
  readonly dir?: string;
  /** Purges that can be told apart; the oldest beyond it count as purging everything fetched before them. */
  readonly maxRecords?: number;
  /** For the name of a damaged file that is set aside. Epoch ms. */
  readonly now?: () => number;
  /**
   * Several nodes number their purges together (journal-link.ts): `append` gives out this node's own numbers, between the
   * common ones, and what an earlier run stored counts as deleted until `stand` says that no purge was missed.
   */
  readonly among?: boolean;
}

/** The state another thread starts its replica from. */
export interface JournalSnapshot {
  readonly id: string;
  readonly seq: number;
  readonly floor: number;
  readonly records: readonly PurgeRecord[];
  readonly maxRecords: number;
  readonly standing: Standing;
}

export class Journal {
  readonly #maxRecords: number;
  readonly #tables: PurgeTables;
  #recent: PurgeRecord[] = [];
  #id: string;
  #seq: number;
  #epoch: number;
  #file: JournalFile | undefined;
  #standing: Standing;
  #place: SavedPlace | undefined;

  private constructor({ id, seq, floor, records, maxRecords, standing }: JournalSnapshot) {
    this.#id = id;
    this.#standing = standing;
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
    const { dir, maxRecords = DEFAULT_MAX_RECORDS, now = Date.now, among = false } = options;
    const standing = among ? JOINING : ALONE;
    const fresh = { id: newJournalId(), seq: 0, floor: 0, records: [], maxRecords, standing };
    if (dir === undefined) return new Journal(fresh);
    const loaded = await loadJournal(dir, now());
    const journal = new Journal(
      loaded === undefined ? fresh : { ...loaded.header, records: loaded.records, maxRecords, standing },
    );
    journal.#place = loaded?.place;
    if (among && loaded !== undefined) journal.#resume(loaded.place, loaded.ended);
    else if (loaded?.ended === false) journal.#skip();
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

  /** What a fetch that begins now carries: the latest sequence, or an older one where that has to mean the same elsewhere. */
  get seq(): number {
    const { among, linked, own, position } = this.#standing;
    return among && linked && own.length === 0 ? position : this.#seq;
  }

  /** The latest sequence given out or heard of. */
  get latest(): number {
    return this.#seq;
  }

  /** Where this node stands among several; `stand` changes it. */
  get standing(): Standing {
    return this.#standing;
  }

  /** What the file kept of it; undefined at a first start. */
  get place(): SavedPlace | undefined {
    return this.#place;
  }

  /**
   * Whether a verdict can be given on a response that another node has stored under `seq`: only where this node has
   * heard of every purge up to there, and its own purges are among them.
   */
  knows(seq: number): boolean {
    const { among, linked, own, position } = this.#standing;
    return !among || (linked && seq <= position && (own[0] === undefined || seq < own[0]));
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
    if (this.#standing.among) this.#keepWithinStep(1);
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

  /** Purges that all nodes numbered together: in effect when this returns, written behind. */
  adopt(records: readonly PurgeRecord[]): void {
    for (const record of records) {
      this.#take(record);
      this.#behind((file) => file.append(record));
    }
  }

  /** This node's standing has changed. */
  stand(standing: Standing): void {
    const own = this.#standing.own.filter((seq) => seq > standing.settled);
    this.#standing = { ...standing, own };
    this.#seq = Math.max(this.#seq, standing.position);
    this.#tables.raise(standing.floor);
    this.#epoch = Math.max(this.#epoch + 1, this.#seq);
  }

  /** Keeps the place in the file, behind. */
  keep(place: SavedPlace): void {
    this.#place = place;
    this.#behind((file) => file.keep(place));
  }

  /** What the purges say of a response whose fetch began under `seq`. */
  verdict(subject: Subject, seq: number): Verdict {
    return seq < this.#standing.held ? 'deleted' : this.#tables.verdict(subject, seq);
  }

  /** The purges that are known, in order of their numbers. */
  known(): readonly PurgeRecord[] {
    return this.#known();
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
      standing: this.#standing,
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
    if (this.#standing.among && isOwn(record)) {
      this.#standing = { ...this.#standing, own: [...this.#standing.own, record.seq] };
    }
    if (record.was !== undefined) this.#recent = this.#recent.filter(({ seq }) => seq !== record.was);
    this.#recent.push(record);
    if (this.#recent.length >= 2 * MAX_RECENT) this.#recent = this.#recent.slice(-MAX_RECENT);
  }

  #skip(): void {
    this.#seq += SKIPPED;
    this.#epoch = this.#seq;
  }

  /** Another run has ended: what it stored counts as deleted until it is known what happened meanwhile. */
  #resume(place: SavedPlace | undefined, ended: boolean): void {
    const latest = Math.max(this.#seq, place?.position ?? 0);
    this.#seq = latest;
    this.#keepWithinStep(SKIPPED_OWN);
    this.#seq += ended ? 1 : SKIPPED_OWN;
    this.#place = place ?? { numbering: '', position: 0, sent: latest, floor: 0 };
    this.#tables.raise(this.#place.floor);
    const own = this.#known().flatMap((record) =>
      isOwn(record) && record.seq > (this.#place?.sent ?? 0) ? [record.seq] : [],
    );
    this.#standing = { ...JOINING, held: this.#seq, own };
    this.#epoch = this.#seq;
  }

  /** Fails closed when the own numbers give out: then nothing counts until there is a new common one. */
  #keepWithinStep(numbers: number): void {
    const next = (Math.floor(this.#seq / STEP) + 1) * STEP;
    if (this.#seq + numbers < next) return;
    this.#seq = next - numbers - 1;
    this.#tables.raise(next);
    this.#behind((file) => file.compact());
  }

  #behind(write: (file: JournalFile) => Promise<void>): void {
    // What could not be written is written with the next one; until then it is in effect all the same.
    if (this.#file !== undefined) write(this.#file).catch(() => undefined);
  }

  /** Live records and those kept for operators, in order of their numbers. */
  #known(): readonly PurgeRecord[] {
    const known = new Set([...this.#tables.live(), ...this.#recent.slice(-MAX_RECENT)]);
    return [...known].sort((a, b) => a.seq - b.seq);
  }

  #forFile(): ReturnType<Snapshot> {
    return {
      header: { id: this.id, floor: this.floor, seq: this.#seq },
      records: this.#known(),
      place: this.#place,
    };
  }
}

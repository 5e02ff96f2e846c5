// Bodies in the database: their chunks (a Keyv table) and the ledger that says how large they are and how each stands
// (column `used`, see sqlite-standing.ts). Owns ids, totals, clean-up. Which record a body belongs to is the business of sqlite-database.ts.
//
// A ledger row without a head is garbage: a body being written in parts, or one given up. Its chunks are swept in small
// steps, also after a restart, so nothing has to be scanned for orphans. What may be read later than it was found (it is not
// small) is given up first and swept in a later transaction, once nobody reads it.

import type { NodeSqliteDriver, Row } from './sqlite-driver.ts';
import { MalformedDatabase } from './sqlite-files.ts';
import { chunkName } from './sqlite-find.ts';
import { SelectionIndex } from './sqlite-index.ts';
import type { Leases } from './sqlite-leases.ts';
import { CHUNK_BYTES, SMALL_BYTES } from './sqlite-protocol.ts';
import { type DiskEviction, STANDING_SQL, Standings } from './sqlite-standing.ts';
import { BlobTable } from './sqlite-table.ts';
import type { Entry } from './store.ts';

/** A body of more chunks is swept in steps instead of deleted at once. */
const SWEEP_CHUNKS = 8;
const MAX_TOUCHED = 4_000;
/** Bodies given up that are looked at to find one that may go. */
const MAX_LOOKED = 256;

const SCHEMA = [
  'CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value) WITHOUT ROWID',
  'CREATE TABLE IF NOT EXISTS ledger (id INTEGER PRIMARY KEY, head TEXT, bytes INTEGER NOT NULL, chunks INTEGER NOT NULL, used INTEGER NOT NULL, url TEXT, seq INTEGER, tags TEXT)',
  'CREATE INDEX IF NOT EXISTS ledger_used ON ledger (used) WHERE head IS NOT NULL',
  'CREATE INDEX IF NOT EXISTS ledger_garbage ON ledger (id) WHERE head IS NULL',
];

export interface Totals {
  readonly records: number;
  readonly bytes: number;
}

/** A body and the name of the head that it belongs to. */
export interface Owned {
  readonly bodyId: number;
  readonly head: string;
  readonly standing: number;
}

export interface BodiesOptions {
  /** Ids start here or later. */
  readonly firstId: number;
  readonly eviction: DiskEviction;
  readonly leases: Leases;
}

export class Bodies {
  readonly #driver: NodeSqliteDriver;
  readonly chunks: BlobTable;
  /** Finds bodies by what purges select. */
  readonly index: SelectionIndex;
  /** Bodies being written in parts: garbage by the ledger, but not to be swept. */
  readonly #unfinished = new Set<number>();
  /** Given up in the open transaction: others still see them whole. */
  readonly #fresh = new Set<number>();
  /** False when surely nothing is given up and not yet gone. */
  #mayHaveGarbage = true;
  readonly #leases: Leases;
  readonly #standings: Standings;
  /** Uses that are not written yet: the floor and the scaled count at the time. */
  readonly #touched = new Map<number, readonly [number, number]>();
  /** Ids start behind every one that this process has given out. */
  #nextId: number;
  #records = 0;
  #bytes = 0;

  private constructor(
    driver: NodeSqliteDriver,
    chunks: BlobTable,
    { firstId, eviction, leases }: BodiesOptions,
  ) {
    this.#driver = driver;
    this.#leases = leases;
    this.chunks = chunks;
    this.index = new SelectionIndex(driver);
    this.#standings = new Standings(eviction);
    this.#nextId = Math.max(firstId, driver.number('SELECT max(id) FROM ledger') + 1);
    const floor = eviction === 'lru' ? undefined : this.state('floor');
    const most = 'SELECT max(used) FROM ledger WHERE head IS NOT NULL';
    this.#standings.floor = typeof floor === 'number' ? floor : driver.number(most);
    this.reload();
  }

  static async open(driver: NodeSqliteDriver, options: BodiesOptions): Promise<Bodies> {
    const chunks = await BlobTable.open(driver, 'chunks');
    for (const statement of SCHEMA) driver.all(statement);
    return new Bodies(driver, chunks, options);
  }

  get nextId(): number {
    return this.#nextId;
  }

  get totals(): Totals {
    return { records: this.#records, bytes: this.#bytes };
  }

  get hasTouches(): boolean {
    return this.#touched.size > 0;
  }

  /** Notes a use; written with the next transaction. Beyond a bound, uses are forgotten. */
  touch(bodyId: number, head: string): void {
    const scaledCount = this.#standings.use(head);
    if (this.#touched.size < MAX_TOUCHED || this.#touched.has(bodyId))
      this.#touched.set(bodyId, [this.#standings.floor, scaledCount]);
  }

  /** Writes totals and uses: the last statements of a transaction. */
  settle(): void {
    const driver = this.#driver;
    const { alpha, floor } = this.#standings;
    const sql = `UPDATE ledger SET used = ${STANDING_SQL} WHERE id = ?4`;
    for (const [id, [at, scaledCount]] of this.#touched) driver.all(sql, at, scaledCount, alpha, id);
    this.#touched.clear();
    this.setState('floor', floor);
    this.setState('records', this.#records);
    this.setState('bytes', this.#bytes);
  }

  /** What was done is seen by all. */
  committed(): void {
    this.#fresh.clear();
  }

  /** Takes the totals from the database again, after a rollback. */
  reload(): void {
    this.#fresh.clear();
    this.#mayHaveGarbage = true;
    this.#records = this.#driver.number('SELECT value FROM state WHERE name = ?', 'records');
    this.#bytes = this.#driver.number('SELECT value FROM state WHERE name = ?', 'bytes');
  }

  state(name: string): unknown {
    return this.#driver.get('SELECT value FROM state WHERE name = ?', name)?.value;
  }

  setState(name: string, value: number | string): void {
    const sql =
      'INSERT INTO state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';
    this.#driver.all(sql, name, value);
  }

  /** Announces a body: garbage until `finish`. */
  begin(chunks: number): number {
    const bodyId = this.#takeId();
    this.#driver.all(
      'INSERT INTO ledger (id, head, bytes, chunks, used) VALUES (?, NULL, 0, ?, 0)',
      bodyId,
      chunks,
    );
    this.#unfinished.add(bodyId);
    return bodyId;
  }

  /** The same for a body of the database before this one. */
  adopt(bodyId: number): void {
    this.#driver.all(
      'INSERT OR IGNORE INTO ledger (id, head, bytes, chunks, used) VALUES (?, NULL, 0, 0, 0)',
      bodyId,
    );
    this.#unfinished.add(bodyId);
  }

  /** How many chunks each body has that is being read, up to so many bytes. */
  leased(maxBytes: number): ReadonlyMap<number, number> {
    const leased = new Map<number, number>();
    let left = Math.floor(maxBytes / CHUNK_BYTES);
    for (const bodyId of this.#leases.held()) {
      const chunks = this.#driver.number('SELECT chunks FROM ledger WHERE id = ?', bodyId);
      if (chunks === 0 || chunks > left) continue;
      leased.set(bodyId, chunks);
      left -= chunks;
    }
    return leased;
  }

  isRead(bodyId: number): boolean {
    return this.#leases.holds(bodyId);
  }

  /** A body has so many chunks by now. */
  grow(bodyId: number, chunks: number): void {
    this.#driver.all('UPDATE ledger SET chunks = ? WHERE id = ?', chunks, bodyId);
  }

  async write(bodyId: number, chunk: number, bytes: Uint8Array): Promise<void> {
    await this.chunks.set(chunkName(bodyId, chunk), bytes);
  }

  /** A body that needs no `begin`: all of it is written in the open transaction. */
  add(chunks: number, head: string, bytes: number, entry: Entry): number {
    const bodyId = this.#takeId();
    const { url, seq } = entry;
    const sql =
      'INSERT INTO ledger (id, head, bytes, chunks, used, url, seq, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?)';
    const standing = this.#standings.of(this.#standings.use(head), bytes);
    const tags = this.index.add(bodyId, entry);
    this.#driver.all(sql, bodyId, head, bytes, chunks, standing, url, seq, tags);
    this.#counted(bytes);
    return bodyId;
  }

  finish(bodyId: number, head: string, bytes: number, entry: Entry): void {
    const standing = this.#standings.of(this.#standings.use(head), bytes);
    this.#driver.all(
      'UPDATE ledger SET head = ?, bytes = ?, used = ?, url = ?, seq = ?, tags = ? WHERE id = ?',
      head,
      bytes,
      standing,
      entry.url,
      entry.seq,
      this.index.add(bodyId, entry),
      bodyId,
    );
    this.#unfinished.delete(bodyId);
    this.#counted(bytes);
  }

  #counted(bytes: number): void {
    this.#records += 1;
    this.#standings.track(this.#records);
    this.#bytes += bytes;
  }

  /** Gives up a body that was not finished; it is swept. */
  abandon(bodyId: number): void {
    this.#mayHaveGarbage = true;
    this.#unfinished.delete(bodyId);
  }

  /** The record has another meta: another size, and perhaps another entry. */
  redescribe(bodyId: number, bytes: number, entry: Entry): void {
    const row = this.#driver.get('SELECT bytes, tags FROM ledger WHERE id = ?', bodyId);
    this.index.remove(bodyId, row?.tags);
    this.#driver.all(
      'UPDATE ledger SET bytes = ?, url = ?, seq = ?, tags = ? WHERE id = ?',
      bytes,
      entry.url,
      entry.seq,
      this.index.add(bodyId, entry),
      bodyId,
    );
    this.#bytes += bytes - (typeof row?.bytes === 'number' ? row.bytes : 0);
  }

  /** Removes a finished body: at once when it is so small that nobody reads it later, else as garbage. */
  async discard(bodyId: number): Promise<void> {
    const row = this.#driver.get(
      'SELECT id, bytes, chunks, tags FROM ledger WHERE id = ? AND head IS NOT NULL',
      bodyId,
    );
    if (row === undefined) return;
    this.index.remove(bodyId, row.tags);
    const { bytes, chunks } = numbers(row);
    this.#records -= 1;
    this.#bytes -= bytes;
    this.#touched.delete(bodyId);
    if (chunks > 1 || bytes > SMALL_BYTES) {
      this.#driver.all('UPDATE ledger SET head = NULL WHERE id = ?', bodyId);
      this.#fresh.add(bodyId);
      this.#mayHaveGarbage = true;
      return;
    }
    await this.chunks.delete(chunkNames(bodyId, 0, chunks));
    this.#driver.all('DELETE FROM ledger WHERE id = ?', bodyId);
  }

  /** The finished bodies that would be missed least; those that are being read, which give no room, only where all are. */
  victims(limit: number): readonly Owned[] {
    const sql = 'SELECT id, head, used FROM ledger WHERE head IS NOT NULL ORDER BY used LIMIT ?';
    const least = this.#driver.all(sql, 4 * limit).map(({ id, head, used }) => {
      if (typeof id !== 'number' || typeof head !== 'string' || typeof used !== 'number')
        throw new MalformedDatabase('a ledger row without a head');
      return { bodyId: id, head, standing: used };
    });
    const unread = least.filter(({ bodyId }) => !this.#leases.holds(bodyId));
    return (unread.length > 0 ? unread : least).slice(0, limit);
  }

  /** A victim has gone for room. */
  evicted({ standing }: Owned): void {
    this.#standings.evicted(standing);
  }

  /** Whether there is a body to sweep. */
  get hasGarbage(): boolean {
    return this.#garbage(false) !== undefined;
  }

  /** Whether there will be once the open transaction is committed. */
  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  /** Whether a body given up is not yet gone. */
  get hasHeld(): boolean {
    return this.#given().length > 0;
  }

  /** Bytes of bodies given up. */
  get heldBytes(): number {
    let chunks = 0;
    for (const row of this.#given()) chunks += row.chunks;
    return chunks * CHUNK_BYTES;
  }

  /**
   * Deletes some chunks of a body given up. @returns false when there is none.
   * @param evenRead one that is being read, too: the reading breaks
   */
  async sweep(evenRead = false): Promise<boolean> {
    const garbage = this.#garbage(evenRead);
    if (garbage === undefined) return false;
    const { id, chunks } = garbage;
    const left = Math.max(0, chunks - SWEEP_CHUNKS);
    await this.chunks.delete(chunkNames(id, left, chunks));
    if (left === 0) this.#driver.all('DELETE FROM ledger WHERE id = ?', id);
    else this.#driver.all('UPDATE ledger SET chunks = ? WHERE id = ?', left, id);
    return true;
  }

  #garbage(evenRead: boolean): { readonly id: number; readonly chunks: number } | undefined {
    return this.#given().find(({ id }) => evenRead || !this.#leases.holds(id));
  }

  /** Bodies given up, for all to see; oldest first. */
  #given(): readonly { readonly id: number; readonly chunks: number }[] {
    if (!this.#mayHaveGarbage) return [];
    const sql = 'SELECT id, 0 AS bytes, chunks FROM ledger WHERE head IS NULL LIMIT ?';
    const rows = this.#driver.all(sql, this.#unfinished.size + this.#fresh.size + MAX_LOOKED).map(numbers);
    this.#mayHaveGarbage = rows.some(({ id }) => !this.#unfinished.has(id));
    return rows.filter(({ id }) => !this.#unfinished.has(id) && !this.#fresh.has(id));
  }

  #takeId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }
}

function chunkNames(bodyId: number, from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => chunkName(bodyId, from + index));
}

function numbers({ id, bytes, chunks }: Row): {
  readonly id: number;
  readonly bytes: number;
  readonly chunks: number;
} {
  if (typeof id === 'number' && typeof bytes === 'number' && typeof chunks === 'number')
    return { id, bytes, chunks };
  throw new MalformedDatabase('the ledger holds something else than numbers');
}

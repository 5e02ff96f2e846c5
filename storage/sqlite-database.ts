// The database of stored records: a head per key (a Keyv table) over bodies (sqlite-bodies.ts). Owns what is in a
// transaction, not when one is committed: that, the queue and failures are sqlite-engine.ts's.

import { crc32 } from 'node:zlib';
import type { Attic } from './sqlite-attic.ts';
import { Bodies, type BodiesOptions, type Totals } from './sqlite-bodies.ts';
import { NodeSqliteDriver } from './sqlite-driver.ts';
import { databasePath, MalformedDatabase } from './sqlite-files.ts';
import { findVariants, readChunk } from './sqlite-find.ts';
import { decodeHead, encodeHead, type Head, type HeadVariant, headName } from './sqlite-head.ts';
import type { Cursor } from './sqlite-index.ts';
import type { Presence } from './sqlite-presence.ts';
import type { FoundVariant } from './sqlite-protocol.ts';
import { PAGE_BYTES, Space, walBudget } from './sqlite-space.ts';
import { BlobTable } from './sqlite-table.ts';
import type { Entry, Removed, Selection } from './store.ts';

const FORMAT = 2;
/** Pages that a small change touches (three tables and their indexes): what it adds to the log, bytes. */
export const CHANGE_BYTES = 6 * PAGE_BYTES;
/** Names read in one step: about a millisecond. */
const LEARNED = 1000;
const NOTHING: Removed = { records: 0, bytes: 0 };

export interface NewRecord {
  readonly key: string;
  readonly variant: string;
  readonly meta: Uint8Array;
  readonly entry: Entry;
  readonly length: number;
}

export type NewMeta = Omit<NewRecord, 'length'> & { readonly bodyId: number | undefined };

export class CacheDatabase {
  readonly space: Space;
  /** Bytes of log that one transaction may add. */
  readonly transactionBytes: number;
  readonly bodies: Bodies;
  readonly #driver: NodeSqliteDriver;
  readonly #heads: BlobTable;
  readonly #presence: Presence;
  /** Heads up to this name are in the presence; undefined when all are. */
  #learned: string | undefined = '';
  #damaged = 0;
  #pendingBytes = 0;
  /** What is still read of databases that were here before. */
  #attics: readonly Attic[] = [];

  private constructor(
    dir: string,
    maxBytes: number,
    driver: NodeSqliteDriver,
    heads: BlobTable,
    bodies: Bodies,
    presence: Presence,
  ) {
    this.space = new Space(dir, maxBytes, driver);
    this.transactionBytes = Math.floor(walBudget(maxBytes) / 4);
    this.bodies = bodies;
    this.#driver = driver;
    this.#heads = heads;
    this.#presence = presence;
    presence.forget();
  }

  /**
   * Opens or makes the database.
   * @throws what node:sqlite throws, or MalformedDatabase for a file of another format.
   */
  static async open(
    dir: string,
    maxBytes: number,
    options: BodiesOptions & { readonly presence: Presence },
  ): Promise<CacheDatabase> {
    const driver = new NodeSqliteDriver({
      filename: databasePath(dir),
      walBytes: Math.floor(walBudget(maxBytes) / 4),
    });
    try {
      const format = driver.number('PRAGMA user_version');
      const tables = driver.number('SELECT count(*) FROM sqlite_schema');
      if (tables > 0 && format !== FORMAT)
        throw new MalformedDatabase(`database format ${format}, not ${FORMAT}`);
      driver.all('BEGIN IMMEDIATE');
      const heads = await BlobTable.open(driver, 'heads');
      const bodies = await Bodies.open(driver, options);
      driver.all(`PRAGMA user_version=${FORMAT}`);
      driver.all('COMMIT');
      return new CacheDatabase(dir, maxBytes, driver, heads, bodies, options.presence);
    } catch (error) {
      driver.close();
      throw error;
    }
  }

  get totals(): Totals {
    return this.bodies.totals;
  }

  /** Records dropped since the last call because their bytes were missing or wrong. */
  takeDamaged(): number {
    const damaged = this.#damaged;
    this.#damaged = 0;
    return damaged;
  }

  /** What the open transaction adds to the log, estimated. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get inTransaction(): boolean {
    return this.#driver.inTransaction;
  }

  begin(): void {
    if (!this.#driver.inTransaction) this.#driver.all('BEGIN IMMEDIATE');
  }

  commit(): void {
    this.bodies.settle();
    this.#driver.all('COMMIT');
    this.bodies.committed();
    this.#pendingBytes = 0;
  }

  rollback(): void {
    this.#pendingBytes = 0;
    if (this.#driver.inTransaction) this.#driver.all('ROLLBACK');
    this.bodies.reload();
    this.#presence.forget();
    this.#learned = '';
    // What was carried of them may be lost.
    for (const attic of this.takeAttics()) attic.close();
  }

  get journalId(): string | undefined {
    const value = this.bodies.state('journal');
    return typeof value === 'string' ? value : undefined;
  }

  set journalId(id: string) {
    this.bodies.setState('journal', id);
  }

  /** Every variant of a key, with the bytes of small bodies. What is damaged is dropped, in a transaction left open. */
  async find(key: string): Promise<readonly FoundVariant[]> {
    const name = headName(key);
    const found = await findVariants(await this.#head(name, key), this.bodies.chunks, (bodyId) =>
      this.#dropDamaged(name, bodyId),
    );
    for (const { bodyId } of found) this.bodies.touch(bodyId, name);
    return found;
  }

  /** One chunk of a body; undefined when it is not there any more. A wrong one drops the record. */
  async read(key: string, bodyId: number, chunk: number, checksum: number): Promise<Uint8Array | undefined> {
    let bytes = await readChunk(this.bodies.chunks, bodyId, chunk, checksum);
    for (const attic of this.#attics) bytes ??= await readChunk(attic.chunks, bodyId, chunk, checksum);
    if (bytes === undefined) await this.#dropDamaged(headName(key), bodyId);
    return bytes;
  }

  async has(key: string, variant: string): Promise<boolean> {
    const head = await this.#head(headName(key), key);
    return head?.variants.some((one) => one.variant === variant) ?? false;
  }

  /** A step of counting what is selected. */
  count(
    selection: Selection,
    without: readonly Selection[],
    after: Cursor | undefined,
  ): { readonly removed: Removed; readonly next: Cursor | undefined } {
    return this.bodies.index.count(selection, without, after);
  }

  /** A step of removing what is selected. */
  async drop(
    selection: Selection,
    after: Cursor | undefined,
  ): Promise<{ readonly removed: Removed; readonly next: Cursor | undefined }> {
    const { found, next } = this.bodies.index.pick(selection, after);
    let { records, bytes } = NOTHING;
    for (const { bodyId, head } of found) {
      const removed = await this.remove(head, (one) => one.bodyId === bodyId);
      records += removed.records;
      bytes += removed.bytes;
    }
    return { removed: { records, bytes }, next };
  }

  /** The parts of a put, in this order: any number of transactions may lie between them. */
  beginBody(chunks: number): number {
    this.#pendingBytes += CHANGE_BYTES;
    return this.bodies.begin(chunks);
  }

  async writeChunk(bodyId: number, chunk: number, bytes: Uint8Array): Promise<void> {
    await this.bodies.write(bodyId, chunk, bytes);
    this.#pendingBytes += bytes.length;
  }

  /** A put whose body is one chunk, or none: all at once. */
  async put(record: NewRecord, name: string, chunk: Uint8Array | undefined): Promise<void> {
    const { meta, entry, length } = record;
    const bodyId = this.bodies.add(chunk === undefined ? 0 : 1, name, length + meta.length, entry);
    if (chunk !== undefined) await this.writeChunk(bodyId, 0, chunk);
    await this.#setBody(bodyId, record, name, chunk === undefined ? [] : [crc32(chunk)]);
  }

  /** Makes the body the record's, in place of the one it had. */
  async finishBody(bodyId: number, record: NewRecord, checksums: readonly number[]): Promise<void> {
    const { key, meta, entry, length } = record;
    const name = headName(key);
    await this.#setBody(bodyId, record, name, checksums);
    this.bodies.finish(bodyId, name, length + meta.length, entry);
  }

  async #setBody(
    bodyId: number,
    { key, variant, meta, length }: NewRecord,
    name: string,
    checksums: readonly number[],
  ): Promise<void> {
    const stored = await this.#heads.get(name);
    if (stored === undefined) this.#presence.add(name);
    const head = stored === undefined ? undefined : decodeHead(stored);
    const others: HeadVariant[] = [];
    for (const one of head?.variants ?? []) {
      if (head?.key === key && one.variant !== variant) others.push(one);
      else await this.bodies.discard(one.bodyId);
    }
    await this.#setHead(name, { key, variants: [{ variant, bodyId, length, checksums, meta }, ...others] });
  }

  async updateMeta({ key, variant, bodyId, meta, entry }: NewMeta): Promise<boolean> {
    const name = headName(key);
    const head = await this.#head(name, key);
    const at = head?.variants.findIndex((one) => one.variant === variant) ?? -1;
    const old = head?.variants[at];
    if (head === undefined || old === undefined) return false;
    if (bodyId !== undefined && old.bodyId !== bodyId) return false;
    await this.#setHead(name, { key, variants: head.variants.with(at, { ...old, meta }) });
    this.bodies.redescribe(old.bodyId, old.length + meta.length, entry);
    return true;
  }

  /** Removes the variants of a head that `which` names. */
  async remove(name: string, which: (variant: HeadVariant) => boolean): Promise<Removed> {
    const stored = await this.#heads.get(name);
    if (stored === undefined) return NOTHING;
    const head = decodeHead(stored);
    if (head === undefined) {
      await this.#dropHead(name);
      return NOTHING;
    }
    const gone = head.variants.filter(which);
    if (gone.length === 0) return NOTHING;
    const before = this.bodies.totals.bytes;
    for (const { bodyId } of gone) await this.bodies.discard(bodyId);
    if (gone.length === head.variants.length) await this.#deleteHead(name);
    else
      await this.#setHead(name, {
        key: head.key,
        variants: head.variants.filter((one) => !gone.includes(one)),
      });
    this.#pendingBytes += CHANGE_BYTES;
    return { records: gone.length, bytes: before - this.bodies.totals.bytes };
  }

  /** Removes the records that would be missed least: at most so many, and until about `bytes` are freed. @returns how many. */
  async evict(maxRecords: number, bytes: number): Promise<number> {
    const before = this.bodies.totals.bytes;
    let evicted = 0;
    for (const victim of this.bodies.victims(maxRecords)) {
      const { bodyId, head } = victim;
      const removed = await this.remove(head, (one) => one.bodyId === bodyId);
      if (removed.records === 0) await this.bodies.discard(bodyId);
      this.bodies.evicted(victim);
      evicted += 1;
      if (before - this.bodies.totals.bytes >= bytes) break;
    }
    return evicted;
  }

  /** From now on what is still read of them is read here, and carried over. */
  inherit(attics: readonly Attic[]): void {
    this.#attics = attics;
  }

  takeAttics(): readonly Attic[] {
    const attics = this.#attics;
    this.#attics = [];
    return attics;
  }

  get hasAttics(): boolean {
    return this.#attics.length > 0;
  }

  /** Learns some of the heads that are there. @returns false when all are known */
  learn(): boolean {
    if (this.#learned === undefined) return false;
    const sql = 'SELECT key FROM heads WHERE key > ? ORDER BY key LIMIT ?';
    const rows = this.#driver.all(sql, this.#learned, LEARNED);
    for (const { key } of rows) if (typeof key === 'string') this.#presence.add(key);
    const last = rows.length < LEARNED ? undefined : rows.at(-1)?.key;
    this.#learned = typeof last === 'string' ? last : undefined;
    if (this.#learned === undefined) this.#presence.know();
    return true;
  }

  /** Carries a chunk over from a database before this one. */
  async carry(): Promise<void> {
    const [attic] = this.#attics;
    const next = attic?.next;
    if (attic === undefined || next === undefined) {
      this.#attics = this.#attics.slice(1);
      attic?.close();
      return;
    }
    const { bodyId, chunk, isLast } = next;
    const bytes = this.bodies.isRead(bodyId) ? await attic.get(bodyId, chunk) : undefined;
    if (bytes === undefined) {
      attic.drop(bodyId);
      this.bodies.abandon(bodyId);
      return;
    }
    if (chunk === 0) this.bodies.adopt(bodyId);
    await this.writeChunk(bodyId, chunk, bytes);
    this.bodies.grow(bodyId, chunk + 1);
    if (isLast) this.bodies.abandon(bodyId);
    attic.carried(next);
  }

  /** @param evenRead what is being read, too */
  async sweep(evenRead = false): Promise<boolean> {
    const swept = await this.bodies.sweep(evenRead);
    if (swept) this.#pendingBytes += CHANGE_BYTES;
    return swept;
  }

  /** Gives some free pages back; the file is shorter after a checkpoint. */
  shrink(): void {
    this.#pendingBytes += this.space.shrink();
  }

  close(): void {
    this.#presence.forget();
    for (const attic of this.takeAttics()) attic.close();
    this.#driver.close();
  }

  async #head(name: string, key: string): Promise<Head | undefined> {
    const stored = await this.#heads.get(name);
    if (stored === undefined) return undefined;
    const head = decodeHead(stored);
    if (head !== undefined) return head.key === key ? head : undefined;
    await this.#dropHead(name);
    return undefined;
  }

  async #setHead(name: string, head: Head): Promise<void> {
    const bytes = encodeHead(head);
    await this.#heads.set(name, bytes);
    this.#pendingBytes += bytes.length + CHANGE_BYTES;
  }

  /** A head that can't be read: its bodies are found by eviction. */
  async #dropHead(name: string): Promise<void> {
    this.begin();
    this.#damaged += 1;
    await this.#deleteHead(name);
  }

  async #deleteHead(name: string): Promise<void> {
    await this.#heads.delete([name]);
    this.#presence.remove(name);
  }

  /** Removes a record whose bytes are missing or wrong, unless it has been replaced since. */
  async #dropDamaged(name: string, bodyId: number): Promise<void> {
    this.begin();
    const removed = await this.remove(name, (one) => one.bodyId === bodyId);
    this.#damaged += removed.records;
  }
}

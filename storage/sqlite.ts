// The disk tier as its users see it: a Store that asks the database's threads by messages (sqlite-line.ts). Owns what is
// copied for them, and bodies that are read as they are needed. Opened by sqlite-open.ts. No SQL here.

import type { MessagePort } from 'node:worker_threads';
import { SqliteBody } from './sqlite-body.ts';
import { Copies, type Described } from './sqlite-copies.ts';
import { copyForThread } from './sqlite-copy.ts';
import { SqliteInflow } from './sqlite-inflow.ts';
import type { Line } from './sqlite-line.ts';
import type { FoundVariant, Health, Reply, Request, SqliteStats } from './sqlite-protocol.ts';
import {
  type Codec,
  type Entry,
  type Inflow,
  type Inflowing,
  type Removed,
  type Selectable,
  type Selection,
  type Store,
  type Stored,
  StoreError,
} from './store.ts';

export { attachSqliteStore, openSqliteStore, type SqliteOptions } from './sqlite-open.ts';
export type { Health, SqliteStats } from './sqlite-protocol.ts';

/** What a queued record takes beside its bytes. */
const RECORD_BYTES = 1024;
const NOTHING: Removed = { records: 0, bytes: 0 };
const NONE: readonly never[] = [];

/** Where lines to the threads come from. */
export interface Lines {
  /** Closing this store closes the database. */
  readonly isOwner: boolean;
  port(): MessagePort;
  close(): Promise<void>;
}

export class SqliteStore<M> implements Store<M>, Selectable, Inflowing<M> {
  readonly #codec: Codec<M>;
  readonly #line: Line;
  readonly #lines: Lines;
  readonly #copies = new Copies();
  /** Keys of puts that are not on the disk yet. */
  readonly #sent = new Map<number, string>();
  /** Updates that look first. */
  readonly #updating = new Set<Promise<boolean>>();
  #streams = 0;
  #closing: Promise<void> | undefined;

  constructor(codec: Codec<M>, line: Line, lines: Lines) {
    this.#codec = codec;
    this.#line = line;
    this.#lines = lines;
  }

  /** What is known here of the database's state. */
  health(): Health {
    return this.#line.health;
  }

  /** A port for `attachSqliteStore` in another thread. */
  port(): MessagePort {
    return this.#lines.port();
  }

  async get(key: string): Promise<readonly Stored<M>[]> {
    this.#check('get');
    // What is being copied is in no queue yet.
    if (this.#copies.has(key)) await this.#copies.sent(key);
    if (this.#line.isAbsent(key)) return NONE;
    const reply = await this.#line.look(key, 'get', (id) => ({ kind: 'get', id, key }));
    const stored: Stored<M>[] = [];
    for (const found of reply.kind === 'found' ? reply.variants : []) {
      const meta = this.#codec.decode(asBuffer(found.meta));
      if (meta !== undefined)
        stored.push({ key, variant: found.variant, meta, body: this.#body(key, found), tier: 'disk' });
      else {
        this.#removeBehind(key, found.variant);
        this.#line.send({ kind: 'count', what: 'undecodable' });
      }
    }
    return stored;
  }

  /**
   * Accepts a record to be written behind. Declined (false) when the queue is full or the body is over an eighth of the
   * disk; what it would have replaced is removed all the same.
   */
  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    this.#check('put');
    this.#copies.cancel(key, variant);
    const copy = copyForThread(new Uint8Array(this.#codec.encode(meta)), chunks);
    const queuedBytes = copy.bytes + RECORD_BYTES;
    const { ok, detail } = this.#line.health;
    if (!ok || copy.length > this.#line.maxBodyBytes || !this.#line.enqueue(queuedBytes)) {
      this.#removeBehind(key, variant);
      if (!ok) throw new StoreError('put', new Error(detail));
      this.#line.send({ kind: 'count', what: 'dropped' });
      return false;
    }
    this.#line.changes(key);
    let sent: Described | undefined = { meta: copy.meta, entry: this.#entry(key, meta) };
    if (copy.instant) while (copy.advance());
    else {
      sent = await this.#copies.copy(key, variant, copy, sent);
      if (this.#closing !== undefined) sent = undefined;
    }
    if (sent === undefined) {
      this.#line.dequeue(queuedBytes);
      this.#line.changed(key);
      return false;
    }
    const id = this.#line.takeId();
    this.#sent.set(id, key);
    const { length } = copy;
    this.#line.send(
      { kind: 'put', id, key, variant, ...sent, length, chunks: copy.chunks, queuedBytes },
      copy.moved,
    );
    return true;
  }

  /** For the line: a put is on the disk, or will never be. */
  written(id: number): void {
    const key = this.#sent.get(id);
    if (key === undefined) return;
    this.#sent.delete(id);
    this.#line.changed(key);
  }

  /** For the line: no put that was sent is heard of any more. */
  lost(): void {
    for (const id of [...this.#sent.keys()]) this.written(id);
  }

  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    this.#check('updateMeta');
    const described = { meta: new Uint8Array(this.#codec.encode(meta)), entry: this.#entry(key, meta) };
    const isCopied = this.#copies.describe(key, variant, described, (old) => this.#isOf(old.meta, meta));
    if (isCopied !== undefined) return isCopied;
    const updating = this.#update(key, variant, meta, described);
    this.#updating.add(updating);
    return updating.finally(() => this.#updating.delete(updating));
  }

  /** The meta is for the body that was looked at, whatever takes its place until the update comes to its turn. */
  async #update(key: string, variant: string, meta: M, described: Described): Promise<boolean> {
    const bodyId = this.#codec.sameBytes && (await this.#bodyOf(key, variant, meta));
    if (bodyId === undefined && this.#codec.sameBytes !== undefined) return false;
    const reply = await this.#change(key, 'updateMeta', (id) => ({
      kind: 'updateMeta',
      id,
      key,
      variant,
      bodyId,
      ...described,
    }));
    return reply.kind === 'done' && reply.done;
  }

  /** The stored body that a meta speaks of. */
  async #bodyOf(key: string, variant: string, meta: M): Promise<number | undefined> {
    const reply = await this.#line.look(key, 'updateMeta', (id) => ({ kind: 'get', id, key }));
    const found = reply.kind === 'found' ? reply.variants.find((one) => one.variant === variant) : undefined;
    return found !== undefined && this.#isOf(found.meta, meta) ? found.bodyId : undefined;
  }

  #isOf(stored: Uint8Array, meta: M): boolean {
    const old = this.#codec.decode(asBuffer(stored));
    return old !== undefined && this.#codec.sameBytes?.(old, meta) !== false;
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    this.#check('delete');
    this.#copies.cancel(key, variant);
    return removedOf(await this.#change(key, 'delete', (id) => ({ kind: 'delete', id, key, variant })));
  }

  async clear(): Promise<Removed> {
    this.#check('clear');
    this.#copies.cancelAll();
    return removedOf(await this.#change(undefined, 'clear', (id) => ({ kind: 'clear', id })));
  }

  /** What `clear` would remove: known at once, where clearing may take a while. */
  async total(): Promise<Removed> {
    return removedOf(await this.#ask('total', (id) => ({ kind: 'total', id })));
  }

  async countSelected(selection: Selection, without: readonly Selection[]): Promise<Removed> {
    await this.flush();
    return this.#select('count', selection, without, false, async () => undefined);
  }

  async dropSelected(selection: Selection, rest: () => Promise<void>): Promise<Removed> {
    await this.flush();
    return this.#select('drop', selection, [], true, rest);
  }

  get maxBodyBytes(): number {
    return this.#line.health.ok ? this.#line.maxBodyBytes : 0;
  }

  inflow(): Inflow<M> | undefined {
    if (this.#closing !== undefined || !this.#line.health.ok) return undefined;
    this.#streams += 1;
    const stream = this.#streams;
    const readers = this.#line.holds.lasting();
    return new SqliteInflow<M>({
      write: async (bytes) => {
        const part = (id: number): Request => ({ kind: 'part', id, stream, bytes });
        const reply = await this.#line.ask('put', part, [bytes.buffer]);
        return reply.kind === 'taken' ? reply.at : undefined;
      },
      // No record's yet, or the record's by now: its name plays no part.
      read: ({ bodyId, checksum }, chunk) => {
        readers.read(bodyId);
        return this.#read({ key: '', bodyId, chunk, checksum });
      },
      finish: async (key, variant, meta, length) => {
        this.#copies.cancel(key, variant);
        const described = { meta: new Uint8Array(this.#codec.encode(meta)), entry: this.#entry(key, meta) };
        const reply = await this.#change(key, 'put', (id) => ({
          kind: 'finish',
          id,
          stream,
          key,
          variant,
          ...described,
          length,
        }));
        return reply.kind === 'done' && reply.done;
      },
      abandon: () => this.#line.send({ kind: 'abandon', stream }),
    });
  }

  async stats(): Promise<SqliteStats> {
    const reply = await this.#ask('stats', (id) => ({ kind: 'stats', id }));
    if (reply.kind !== 'stats') throw new StoreError('stats', new Error(`unexpected ${reply.kind}`));
    return reply.stats;
  }

  /** Resolves when every put accepted before is written. */
  async flush(): Promise<void> {
    await this.#ask('flush', (id) => ({ kind: 'flush', id }));
  }

  /** An attached store only detaches, its puts written. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#updating);
    const kind = this.#lines.isOwner ? 'close' : 'flush';
    await this.#line.ask(kind, (id) => ({ kind, id })).catch(() => undefined);
    this.#line.close();
    await this.#lines.close();
    this.lost();
  }

  async #select(
    operation: string,
    selection: Selection,
    without: readonly Selection[],
    drop: boolean,
    rest: () => Promise<void>,
  ): Promise<Removed> {
    let { records, bytes } = NOTHING;
    let after: Extract<Request, { kind: 'select' }>['after'];
    do {
      const from = after;
      const reply = await this.#ask(operation, (id) => ({
        kind: 'select',
        id,
        selection,
        without,
        after: from,
        drop,
      }));
      if (reply.kind !== 'selected') throw new StoreError(operation, new Error(`unexpected ${reply.kind}`));
      records += reply.removed.records;
      bytes += reply.removed.bytes;
      after = reply.next;
      if (after !== undefined) await rest();
    } while (after !== undefined);
    return { records, bytes };
  }

  #entry(key: string, meta: M): Entry {
    return this.#codec.entry?.(key, meta) ?? { url: key, tags: [], seq: 0 };
  }

  #body(key: string, { bodyId, length, checksums, chunks }: FoundVariant): SqliteBody {
    return new SqliteBody(
      length,
      chunks?.map(asBuffer),
      (chunk) => this.#read({ key, bodyId, chunk, checksum: checksums[chunk] ?? 0 }),
      () => this.#line.holds.hold(bodyId),
    );
  }

  async #read(chunk: Omit<Extract<Request, { kind: 'read' }>, 'kind' | 'id'>): Promise<Buffer> {
    this.#check('read');
    const reply = await this.#line.look(chunk.key, 'read', (id) => ({ kind: 'read', id, ...chunk }));
    if (reply.kind !== 'bytes') throw new StoreError('read', new Error(`unexpected ${reply.kind}`));
    return asBuffer(reply.bytes);
  }

  #removeBehind(key: string, variant: string): void {
    this.#change(key, 'delete', (id) => ({ kind: 'delete', id, key, variant })).catch(() => undefined);
  }

  async #change(
    key: string | undefined,
    operation: string,
    request: (id: number) => Request,
  ): Promise<Reply> {
    this.#line.changes(key);
    try {
      return await this.#line.ask(operation, request);
    } finally {
      this.#line.changed(key);
    }
  }

  async #ask(operation: string, request: (id: number) => Request): Promise<Reply> {
    this.#check(operation);
    return this.#line.ask(operation, request);
  }

  #check(operation: string): void {
    if (this.#closing !== undefined) throw new StoreError(operation, new Error('the store is closed'));
  }
}

function removedOf(reply: Reply): Removed {
  return reply.kind === 'removed' ? reply.removed : NOTHING;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

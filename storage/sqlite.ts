// The disk tier as its users see it: a Store that asks the database's thread (sqlite-thread.ts) by messages. Owns the
// bound on queued writes, and bodies that are read as they are needed. No SQL here.

import { mkdir } from 'node:fs/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { SqliteBody } from './sqlite-body.ts';
import { type Copied, copyForThread } from './sqlite-copy.ts';
import type {
  Event,
  FoundVariant,
  Health,
  Reply,
  Request,
  SqliteStats,
  ThreadOptions,
} from './sqlite-protocol.ts';
import type { DiskEviction } from './sqlite-standing.ts';
import {
  type Codec,
  type Removed,
  type Store,
  type Stored,
  StoreError,
  type Walkable,
  type Walked,
  type WalkPage,
} from './store.ts';

export type { Health, SqliteStats } from './sqlite-protocol.ts';

const MIN_BYTES = 4 * 1024 * 1024;
const DEFAULT_QUEUE_BYTES = 64 * 1024 * 1024;
/** What a queued record takes beside its bytes. */
const RECORD_BYTES = 1024;

export interface SqliteOptions<M> {
  /** Made when it is not there. */
  readonly dir: string;
  /** Bound on the database file and its log together, bytes; at least 4 MB. */
  readonly maxBytes: number;
  readonly codec: Codec<M>;
  /** Bound on puts accepted and not yet written, bytes, over all clients; beyond it puts are declined. Default 64 MB. */
  readonly maxQueueBytes?: number;
  /** The purge journal's identity: content that belongs to another one is dropped. */
  readonly journalId?: string;
  /** Which records go first: by count / size^alpha with the alpha given, or by last use. Default 0.5. */
  readonly eviction?: DiskEviction;
  /** How long after a failure the database is tried again, ms. Default 1000. */
  readonly retryMs?: number;
  /** Told when the store's health changes. */
  readonly log?: (health: Health) => void;
}

interface Pending {
  readonly operation: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: StoreError) => void;
}

interface Copying {
  readonly variant: string;
  meta: Uint8Array;
  cancelled: boolean;
}

/**
 * Opens the database in a thread of its own. A database that can't be opened or written is no reason to fail: its
 * operations reject, `health` says so, and it is tried again.
 * @throws StoreError when the directory can't be made.
 */
export async function openSqliteStore<M>(options: SqliteOptions<M>): Promise<SqliteStore<M>> {
  const { dir, codec, journalId, log } = options;
  const { maxQueueBytes = DEFAULT_QUEUE_BYTES, eviction = 0.5, retryMs = 1000 } = options;
  const maxBytes = Math.max(MIN_BYTES, options.maxBytes);
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw new StoreError('open', error);
  }
  const { port1, port2 } = new MessageChannel();
  const workerData: ThreadOptions = {
    dir,
    maxBytes,
    maxQueueBytes,
    journalId,
    eviction,
    retryMs,
    port: port2,
  };
  const worker = new Worker(new URL('./sqlite-thread.ts', import.meta.url), {
    workerData,
    transferList: [port2],
  });
  const store = attachSqliteStore(port1, codec, { worker, ...(log !== undefined && { log }) });
  worker.unref();
  return store;
}

/** A store over a port of another thread's store (`port()`). @throws StoreError when that store is closed. */
export async function attachSqliteStore<M>(
  port: MessagePort,
  codec: Codec<M>,
  extra: { readonly worker?: Worker; readonly log?: (health: Health) => void } = {},
): Promise<SqliteStore<M>> {
  const { promise, resolve, reject } = Promise.withResolvers<Extract<Event, { kind: 'hello' }>>();
  const gone = (): void => reject(new StoreError('open', new Error('the database thread ended')));
  const failed = (error: unknown): void => reject(new StoreError('open', error));
  const hello = (event: Event): void => {
    if (event.kind === 'hello') resolve(event);
  };
  port.on('message', hello);
  port.on('close', gone);
  extra.worker?.on('error', failed);
  try {
    return new SqliteStore(port, codec, await promise, extra.worker, extra.log);
  } finally {
    port.off('message', hello);
    port.off('close', gone);
  }
}

export class SqliteStore<M> implements Store<M>, Walkable<M> {
  readonly #port: MessagePort;
  readonly #codec: Codec<M>;
  readonly #worker: Worker | undefined;
  readonly #log: ((health: Health) => void) | undefined;
  readonly #queuedBytes: Int32Array;
  readonly #maxQueueBytes: number;
  readonly #maxBodyBytes: number;
  readonly #pending = new Map<number, Pending>();
  /** Puts whose bytes are being copied; one that was deleted or replaced meanwhile is not sent. */
  readonly #copying = new Map<string, Set<Copying>>();
  #nextId = 1;
  #health: Health;
  #closing: Promise<void> | undefined;

  constructor(
    port: MessagePort,
    codec: Codec<M>,
    hello: Extract<Event, { kind: 'hello' }>,
    worker: Worker | undefined,
    log: ((health: Health) => void) | undefined,
  ) {
    this.#port = port;
    this.#codec = codec;
    this.#worker = worker;
    this.#log = log;
    this.#queuedBytes = new Int32Array(hello.queue);
    this.#maxQueueBytes = hello.maxQueueBytes;
    this.#maxBodyBytes = hello.maxBodyBytes;
    this.#health = hello.health;
    port.on('message', (event: Event) => this.#receive(event));
    port.on('close', () => this.#ended(new Error('the store is closed')));
    worker?.on('error', (error) => this.#ended(error instanceof Error ? error : new Error(String(error))));
    port.unref();
    if (!hello.health.ok) log?.(hello.health);
  }

  /** What is known here of the database's state. */
  health(): Health {
    return this.#health;
  }

  /** A port for `attachSqliteStore` in another thread. */
  port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#send({ kind: 'attach', port: port2 }, [port2]);
    return port1;
  }

  async get(key: string): Promise<readonly Stored<M>[]> {
    const reply = await this.#ask('get', (id) => ({ kind: 'get', id, key }));
    const stored: Stored<M>[] = [];
    for (const found of reply.kind === 'found' ? reply.variants : []) {
      const meta = this.#codec.decode(asBuffer(found.meta));
      if (meta !== undefined)
        stored.push({ key, variant: found.variant, meta, body: this.#body(key, found), tier: 'disk' });
      else {
        this.#send({ kind: 'delete', id: 0, key, variant: found.variant });
        this.#send({ kind: 'count', what: 'undecodable' });
      }
    }
    return stored;
  }

  /**
   * Accepts a record to be written behind. Declined (false) when the queue is full or the body is over an eighth of the
   * disk; what it would have replaced is removed all the same.
   */
  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    if (this.#closing !== undefined) throw new StoreError('put', new Error('the store is closed'));
    this.#cancel(key, variant);
    const copy = copyForThread(new Uint8Array(this.#codec.encode(meta)), chunks);
    const queuedBytes = copy.bytes + RECORD_BYTES;
    if (!this.#health.ok || copy.length > this.#maxBodyBytes || !this.#enqueue(queuedBytes)) {
      this.#send({ kind: 'delete', id: 0, key, variant });
      if (!this.#health.ok) throw new StoreError('put', new Error(this.#health.detail));
      this.#send({ kind: 'count', what: 'dropped' });
      return false;
    }
    let sent: Uint8Array | undefined = copy.meta;
    if (copy.instant) while (copy.advance());
    else sent = await this.#copySlowly(key, variant, copy);
    if (sent === undefined) {
      Atomics.sub(this.#queuedBytes, 0, queuedBytes);
      return false;
    }
    const { length } = copy;
    this.#send(
      { kind: 'put', key, variant, meta: sent, length, chunks: copy.chunks, queuedBytes },
      copy.moved,
    );
    return true;
  }

  async updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    const encoded = new Uint8Array(this.#codec.encode(meta));
    for (const copying of this.#copying.get(key) ?? []) {
      if (copying.variant !== variant || copying.cancelled) continue;
      copying.meta = encoded;
      return true;
    }
    const reply = await this.#ask('updateMeta', (id) => ({
      kind: 'updateMeta',
      id,
      key,
      variant,
      meta: encoded,
    }));
    return reply.kind === 'done' && reply.done;
  }

  async delete(key: string, variant?: string): Promise<Removed> {
    this.#cancel(key, variant);
    return this.#removed(await this.#ask('delete', (id) => ({ kind: 'delete', id, key, variant })));
  }

  async clear(): Promise<Removed> {
    for (const key of this.#copying.keys()) this.#cancel(key, undefined);
    return this.#removed(await this.#ask('clear', (id) => ({ kind: 'clear', id })));
  }

  /** What `clear` would remove: known at once, where clearing may take a while. */
  async total(): Promise<Removed> {
    return this.#removed(await this.#ask('total', (id) => ({ kind: 'total', id })));
  }

  async walk(after: number, needles?: readonly Uint8Array[]): Promise<WalkPage<M>> {
    const reply = await this.#ask('walk', (id) => ({ kind: 'walk', id, after, needles }));
    if (reply.kind !== 'walked') throw new StoreError('walk', new Error(`unexpected ${reply.kind}`));
    const records: Walked<M>[] = [];
    for (const { key, variant, meta: encoded, bytes, bodyId } of reply.found) {
      const meta = this.#codec.decode(asBuffer(encoded));
      if (meta !== undefined) records.push({ key, variant, meta, bytes, id: bodyId });
    }
    return { records, next: reply.next, pending: reply.pending };
  }

  async drop(records: readonly Walked<M>[]): Promise<Removed> {
    const bodies = records.map(({ key, variant, id }) => ({ key, variant, bodyId: id }));
    return this.#removed(await this.#ask('drop', (id) => ({ kind: 'drop', id, bodies })));
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
    const ended = this.#ask('close', (id) => ({ kind: this.#worker === undefined ? 'flush' : 'close', id }));
    await ended.catch(() => {});
    this.#port.close();
    await this.#worker?.terminate();
    this.#ended(new Error('the store is closed'));
  }

  #body(key: string, { variant, bodyId, length, checksums, chunks }: FoundVariant): SqliteBody {
    return new SqliteBody(length, chunks?.map(asBuffer), async (chunk) => {
      const checksum = checksums[chunk] ?? 0;
      const reply = await this.#ask('read', (id) => ({
        kind: 'read',
        id,
        key,
        variant,
        bodyId,
        chunk,
        checksum,
      }));
      if (reply.kind !== 'bytes') throw new StoreError('read', new Error(`unexpected ${reply.kind}`));
      return asBuffer(reply.bytes);
    });
  }

  #enqueue(bytes: number): boolean {
    if (Atomics.add(this.#queuedBytes, 0, bytes) + bytes <= this.#maxQueueBytes) return true;
    Atomics.sub(this.#queuedBytes, 0, bytes);
    return false;
  }

  /**
   * Copies a large body in turns of the event loop.
   * @returns the meta to write, updated meanwhile perhaps; undefined when the record was deleted or replaced.
   */
  async #copySlowly(key: string, variant: string, copy: Copied): Promise<Uint8Array | undefined> {
    const copying: Copying = { variant, meta: copy.meta, cancelled: false };
    const others = this.#copying.get(key) ?? new Set();
    this.#copying.set(key, others.add(copying));
    while (!copying.cancelled && copy.advance()) await new Promise((resolve) => setImmediate(resolve));
    others.delete(copying);
    if (others.size === 0 && this.#copying.get(key) === others) this.#copying.delete(key);
    return copying.cancelled || this.#closing !== undefined ? undefined : copying.meta;
  }

  #cancel(key: string, variant: string | undefined): void {
    for (const token of this.#copying.get(key) ?? []) {
      if (variant === undefined || token.variant === variant) token.cancelled = true;
    }
  }

  #ask(operation: string, request: (id: number) => Request): Promise<Reply> {
    if (this.#closing !== undefined && operation !== 'close') {
      return Promise.reject(new StoreError(operation, new Error('the store is closed')));
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#port.ref();
      this.#pending.set(id, { operation, resolve, reject });
      this.#send(request(id));
    });
  }

  #send(request: Request, moved: readonly (ArrayBuffer | MessagePort)[] = []): void {
    this.#port.postMessage(request, [...moved]);
  }

  #receive(event: Event): void {
    if (event.kind === 'hello') return;
    if (event.kind === 'health') {
      this.#health = event.health;
      this.#log?.(event.health);
      return;
    }
    const pending = this.#pending.get(event.id);
    if (pending === undefined) return;
    this.#pending.delete(event.id);
    if (this.#pending.size === 0) this.#port.unref();
    if (event.kind === 'failed') pending.reject(new StoreError(pending.operation, new Error(event.message)));
    else pending.resolve(event);
  }

  #ended(cause: Error): void {
    this.#health = { ok: false, detail: cause.message };
    this.#closing ??= Promise.resolve();
    for (const { operation, reject } of this.#pending.values()) reject(new StoreError(operation, cause));
    this.#pending.clear();
  }

  #removed(reply: Reply): Removed {
    return reply.kind === 'removed' ? reply.removed : { records: 0, bytes: 0 };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

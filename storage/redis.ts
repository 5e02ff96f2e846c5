// The shared tier: a Store in Redis (or Valkey) that several nodes use at once. Owns the order of this node's calls, the
// bound on what is on its way, and what is believed of what comes back. What happens inside Redis is redis-scripts.ts;
// how long anybody waits for it, redis-connection.ts. How much is kept is Redis's own `maxmemory`.

import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { cut, totalLength } from './chunks.ts';
import { type ConnectionOptions, RedisConnection, type RedisHealth, type Reply } from './redis-connection.ts';
import {
  CONTENT_ID_LENGTH,
  type Description,
  decodeDescription,
  decodeMeta,
  encodeDescription,
  encodeMeta,
} from './redis-record.ts';
import { listOf, numberOf, textOf } from './redis-reply.ts';
import { CLEAR, COUNT, DELETE, DROP, GET, LINGER_MS, PUT, RENEW, UPDATE } from './redis-scripts.ts';
import { SqliteBody as ChunkedBody } from './sqlite-body.ts';
import { headName as nameOf } from './sqlite-head.ts';
import { CHUNK_BYTES } from './sqlite-protocol.ts';
import {
  type Codec,
  type Removed,
  type Store,
  type Stored,
  type StoredBody,
  StoreError,
  type StoreStats,
} from './store.ts';
import { Turns } from './turns.ts';

export interface RedisOptions<M> extends Omit<ConnectionOptions, 'onHealth'> {
  /** Begins every key. Nodes with the same prefix share what they store. */
  readonly prefix: string;
  readonly codec: Codec<M>;
  /** Bound on puts accepted and not yet written, bytes; beyond it puts are declined. Default 32 MB. */
  readonly maxQueueBytes?: number;
  /** A larger body is declined. Default 128 MB. */
  readonly maxBodyBytes?: number;
  /** After this long a record goes by itself, ms. Default 7 days. */
  readonly keepMs?: number;
  /** Told when the server begins and ceases to answer. */
  readonly log?: (health: RedisHealth) => void;
}

export interface RedisStats extends StoreStats {
  /** Bytes of accepted puts that are not written yet. */
  readonly queuedBytes: number;
  /** Puts declined because the queue was full or the body too large. */
  readonly dropped: number;
  /** Accepted puts that failed to be written. */
  readonly failedWrites: number;
  /** Records dropped because bytes were missing (evicted, perhaps) or failed their checksum. */
  readonly damaged: number;
}

const MB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** A body up to this size travels with its description: one round trip instead of two. */
const INLINE_BYTES = 32 * 1024;
/** What a queued record takes beside its bytes. */
const RECORD_BYTES = 1024;
/** Chunks whose record never came are gone after this. */
const UNFINISHED_MS = 600_000;
/** A chunk may take longer than a lookup. */
const CHUNK_TIMEOUT_MS = 3000;
const CLOSE_MS = 5000;
/** Contents that this node may describe anew; the oldest is forgotten, and then simply not described anew. */
const MAX_SEEN = 20_000;

/** Connects in the background; until then operations reject. */
export class RedisStore<M> implements Store<M> {
  readonly #options: RedisOptions<M>;
  readonly #codec: Codec<M>;
  readonly #generationKey: string;
  /** Lookups and records; and chunks on their way in, so that a lookup need not wait behind them. */
  readonly #main: RedisConnection;
  readonly #bulk: RedisConnection;
  readonly #turns = new Turns();
  /** The content that was last written or found here, by record: a new meta is for that content only. */
  readonly #seen = new Map<string, string>();
  /** The content that was last put and is still to be written, by record. */
  readonly #unwritten = new Map<string, string>();
  #order = 0;
  #queuedBytes = 0;
  #dropped = 0;
  #failedWrites = 0;
  #damaged = 0;
  #closing: Promise<void> | undefined;

  constructor(options: RedisOptions<M>) {
    this.#options = options;
    this.#codec = options.codec;
    this.#generationKey = `${options.prefix}:generation`;
    const { log } = options;
    this.#main = new RedisConnection({ ...options, ...(log !== undefined && { onHealth: log }) });
    this.#bulk = new RedisConnection({ ...options, timeoutMs: CHUNK_TIMEOUT_MS });
  }

  health(): RedisHealth {
    return this.#main.health();
  }

  /** Resolves when the server answers, or after `withinMs`. */
  async ready(withinMs: number): Promise<void> {
    await Promise.all([this.#main.ready(withinMs), this.#bulk.ready(withinMs)]);
  }

  get(key: string): Promise<readonly Stored<M>[]> {
    const name = nameOf(key);
    return this.#turns.look(name, async () => this.#found(key, name, await this.#run(GET, name)));
  }

  /** Accepts a record to be written behind. Declined (false) when the queue is full or the body too large. */
  async put(key: string, variant: string, meta: M, chunks: readonly Buffer[]): Promise<boolean> {
    this.#check('put');
    const { maxQueueBytes = 32 * MB, maxBodyBytes = 128 * MB } = this.#options;
    const length = totalLength(chunks);
    const name = nameOf(key);
    const queuedBytes = length + RECORD_BYTES;
    if (length > maxBodyBytes || this.#queuedBytes + queuedBytes > maxQueueBytes) {
      this.#dropped += 1;
      this.#behind(name, 0, () => this.#run(DELETE, name, nameOf(variant)));
      return false;
    }
    const { ok, detail } = this.health();
    if (!ok) throw new StoreError('put', new Error(detail));
    const contentId = randomBytes(18).toString('base64url').slice(0, CONTENT_ID_LENGTH);
    this.#order = Math.max(this.#order + 1, Date.now() * 1000);
    const record = { contentId, variant, order: this.#order, length };
    const encoded = encodeMeta(contentId, this.#codec.encode(meta));
    const seen = seenName(name, variant);
    this.#unwritten.set(seen, contentId);
    this.#behind(name, queuedBytes, async () => {
      try {
        await this.#write(name, record, encoded, chunks);
        this.#see(seen, contentId);
      } finally {
        if (this.#unwritten.get(seen) === contentId) this.#unwritten.delete(seen);
      }
    });
    return true;
  }

  updateMeta(key: string, variant: string, meta: M): Promise<boolean> {
    const name = nameOf(key);
    const seen = seenName(name, variant);
    // Now, not when its turn comes: what is put after this call is not what the new meta speaks of.
    const contentId = this.#unwritten.get(seen) ?? this.#seen.get(seen);
    return this.#turns.run(name, async () => {
      if (contentId === undefined) return false;
      const encoded = encodeMeta(contentId, this.#codec.encode(meta));
      return (await this.#run(UPDATE, name, nameOf(variant), contentId, encoded)) === 1;
    });
  }

  delete(key: string, variant?: string): Promise<Removed> {
    const name = nameOf(key);
    const field = variant === undefined ? '' : nameOf(variant);
    return this.#turns.run(name, async () => removedOf(await this.#run(DELETE, name, field)));
  }

  /** Everything is gone at once, for every node; the memory is given back in the background. */
  clear(): Promise<Removed> {
    return this.#turns.runAlone(async () => {
      const reply = await this.#run(CLEAR, '', randomBytes(6).toString('base64url'));
      const [generation, ...removed] = listOf(reply);
      void this.#reclaim(textOf(generation)).catch(() => undefined);
      return removedOf(removed);
    });
  }

  /** `bytes`, `maxBytes` and `evictions` are the whole server's; maxBytes is 0 where it has no `maxmemory`. */
  async stats(): Promise<RedisStats> {
    this.#check('stats');
    await this.#turns.idle();
    const [count, info] = await Promise.all([this.#run(COUNT, ''), this.#main.call(['INFO'])]);
    const server = textOf(info);
    const number = (name: string): number =>
      Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(server)?.[1] ?? 0);
    return {
      records: Math.max(0, numberOf(listOf(count)[1])),
      bytes: number('used_memory'),
      maxBytes: number('maxmemory'),
      evictions: number('evicted_keys'),
      queuedBytes: this.#queuedBytes,
      dropped: this.#dropped,
      failedWrites: this.#failedWrites,
      damaged: this.#damaged,
    };
  }

  /** Resolves when every put accepted before is written, or has failed. */
  flush(): Promise<void> {
    return this.#turns.idle();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.health().ok ? CLOSE_MS : 0);
    await Promise.race([promise, this.#turns.idle()]);
    clearTimeout(timer);
    this.#main.close();
    this.#bulk.close();
  }

  #check(operation: string): void {
    if (this.#closing !== undefined) throw new StoreError(operation, new Error('the store is closed'));
  }

  async #run(script: Parameters<RedisConnection['run']>[0], ...args: (string | Buffer)[]): Promise<Reply> {
    return this.#main.run(script, [this.#generationKey], [this.#options.prefix, ...args]);
  }

  /** Work that nobody waits for. */
  #behind(name: string, queuedBytes: number, work: () => Promise<unknown>): void {
    this.#queuedBytes += queuedBytes;
    this.#turns
      .run(name, work)
      .catch(() => {
        this.#failedWrites += 1;
      })
      .finally(() => {
        this.#queuedBytes -= queuedBytes;
      });
  }

  async #write(
    name: string,
    record: Omit<Description, 'checksums' | 'inline'>,
    meta: Buffer,
    chunks: readonly Buffer[],
  ): Promise<void> {
    const { length, contentId, variant } = record;
    const inline = length <= INLINE_BYTES ? Buffer.concat(chunks) : undefined;
    const generation = inline === undefined ? await this.#generation() : '';
    const checksums =
      inline === undefined
        ? await this.#writeChunks(this.#contentKey(generation, contentId), length, chunks)
        : [];
    const description = encodeDescription({ ...record, checksums, inline });
    const keepMs = `${this.#options.keepMs ?? 7 * DAY_MS}`;
    await this.#run(PUT, name, nameOf(variant), description, meta, keepMs, generation);
  }

  async #writeChunks(key: string, length: number, chunks: readonly Buffer[]): Promise<readonly number[]> {
    const checksums: number[] = [];
    const last: Promise<unknown>[] = [];
    for (let start = 0; start < length; start += CHUNK_BYTES) {
      const parts = [...cut(chunks, start, Math.min(start + CHUNK_BYTES, length))];
      const chunk = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
      const written = this.#bulk.call(['HSET', key, `${checksums.length}`, chunk]);
      written.catch(() => undefined);
      last.push(written);
      checksums.push(crc32(chunk));
      if (start === 0) last.push(this.#bulk.call(['PEXPIRE', key, `${UNFINISHED_MS}`]));
      // Two on their way keep the line busy.
      while (last.length > 2) await last.shift();
    }
    await Promise.all(last);
    return checksums;
  }

  async #generation(): Promise<string> {
    const reply = await this.#main.call(['GET', this.#generationKey]);
    return reply === null ? '0' : textOf(reply);
  }

  #contentKey(generation: string, contentId: string): string {
    return `${this.#options.prefix}:${generation}:b:${contentId}`;
  }

  #found(key: string, name: string, reply: Reply): readonly Stored<M>[] {
    const [generation, ...rest] = listOf(reply);
    const values = new Map<string, { value: Buffer; there: boolean }>();
    for (let i = 0; i + 2 < rest.length; i += 3) {
      const value = rest[i + 1];
      if (Buffer.isBuffer(value)) values.set(textOf(rest[i]), { value, there: rest[i + 2] === 1 });
    }
    const found: { order: number; stored: Stored<M> }[] = [];
    for (const [field, { value, there }] of values) {
      if (!field.startsWith('d')) continue;
      const is = decodeDescription(value);
      const sealed = values.get(`m${field.slice(1)}`);
      const bytes = is && sealed && decodeMeta(sealed.value, is.contentId);
      const meta = bytes && this.#codec.decode(bytes);
      if (is === undefined || meta === undefined || !there || nameOf(is.variant) !== field.slice(1)) {
        this.#drop(name, field.slice(1), is?.contentId ?? '');
        continue;
      }
      this.#see(seenName(name, is.variant), is.contentId);
      const body = this.#body(name, textOf(generation), is);
      const stored = { key, variant: is.variant, meta, body, tier: 'shared' as const };
      found.push({ order: is.order, stored });
    }
    return found.sort((a, b) => b.order - a.order).map(({ stored }) => stored);
  }

  #body(
    name: string,
    generation: string,
    { contentId, variant, length, checksums, inline }: Description,
  ): StoredBody {
    const chunks = inline === undefined ? undefined : inline.length === 0 ? [] : [inline];
    const key = this.#contentKey(generation, contentId);
    const fetch = async (index: number): Promise<Buffer> => {
      const bytes = await this.#main.call(['HGET', key, `${index}`], CHUNK_TIMEOUT_MS);
      const expected = Math.min(CHUNK_BYTES, length - index * CHUNK_BYTES);
      if (Buffer.isBuffer(bytes) && bytes.length === expected && crc32(bytes) === checksums[index])
        return bytes;
      this.#drop(name, nameOf(variant), contentId);
      throw new StoreError(
        'read',
        new Error(bytes === null ? 'the content is gone' : 'the content is damaged'),
      );
    };
    return new ChunkedBody(length, chunks, fetch, () => this.#hold(key));
  }

  /** A content that is being read stays, though it is removed or replaced. @returns to be called when that has ended */
  #hold(contentKey: string): () => void {
    const timer = setInterval(() => {
      this.#run(RENEW, '', contentKey).catch(() => undefined);
    }, LINGER_MS / 3).unref();
    return () => clearInterval(timer);
  }

  /** What cannot be read is removed, unless something else has taken its place. */
  #drop(name: string, field: string, contentId: string): void {
    this.#damaged += 1;
    this.#run(DROP, name, field, contentId).catch(() => undefined);
  }

  #see(seen: string, contentId: string): void {
    this.#seen.delete(seen);
    this.#seen.set(seen, contentId);
    if (this.#seen.size <= MAX_SEEN) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }

  /** Gives the memory of a generation back in small steps; what a failure leaves behind expires by itself. */
  async #reclaim(generation: string): Promise<void> {
    const pattern = `${this.#options.prefix.replace(/[\\*?[\]]/g, '\\$&')}:${generation}:*`;
    let cursor = '0';
    do {
      const [next, keys] = listOf(await this.#bulk.call(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '500']));
      cursor = textOf(next);
      const names = listOf(keys).filter((one) => Buffer.isBuffer(one));
      // Somebody may be reading these.
      const contents = names.filter((one) => textOf(one).startsWith(this.#contentKey(generation, '')));
      const others = names.filter((one) => !contents.includes(one));
      if (others.length > 0) await this.#bulk.call(['UNLINK', ...others]);
      await Promise.all(contents.map((one) => this.#bulk.call(['PEXPIRE', one, `${LINGER_MS}`])));
    } while (cursor !== '0' && this.#closing === undefined);
  }
}

function seenName(name: string, variant: string): string {
  return variant === '' ? name : `${name}${nameOf(variant)}`;
}

function removedOf(reply: Reply): Removed {
  const [records, bytes] = listOf(reply);
  return { records: numberOf(records), bytes: numberOf(bytes) };
}

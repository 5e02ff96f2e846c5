// Bodies that are put while they come, a part at a time: too large to wait in the queue. Owns which part is next, and the
// bound on what is unfinished. One that ends early is garbage by the ledger (sqlite-bodies.ts), also after a crash.

import { crc32 } from 'node:zlib';
import type { CacheDatabase, NewRecord } from './sqlite-database.ts';
import type { Written } from './sqlite-inflow.ts';
import type { Session } from './sqlite-session.ts';
import type { Writer } from './sqlite-writer.ts';

export type StreamEnd = NewRecord;

interface Stream {
  readonly bodyId: number;
  readonly checksums: number[];
  bytes: number;
}

export class Streams {
  readonly #session: Session;
  readonly #writer: Writer;
  readonly #maxBytes: number;
  readonly #streams = new Map<string, Stream>();
  /** Those given up whose clients have not said that they know. */
  readonly #over = new Set<string>();
  #bytes = 0;

  /** @param maxBytes of all that is unfinished: it can't be evicted */
  constructor(session: Session, writer: Writer, maxBytes: number) {
    this.#session = session;
    this.#writer = writer;
    this.#maxBytes = maxBytes;
  }

  /** Writes the next part; the first one begins the body. @returns undefined when it is given up for want of room */
  async add(name: string, bytes: Uint8Array): Promise<Written | undefined> {
    if (this.#over.has(name)) return undefined;
    const db = await this.#session.begin();
    const stream = this.#streams.get(name) ?? this.#begin(name, db);
    if (this.#bytes + bytes.length > this.#maxBytes || !(await this.#writer.makeRoom(db, bytes.length))) {
      this.#giveUp(name, stream, db);
      return undefined;
    }
    const checksum = crc32(bytes);
    await db.writeChunk(stream.bodyId, stream.checksums.length, bytes);
    stream.checksums.push(checksum);
    db.bodies.grow(stream.bodyId, stream.checksums.length);
    stream.bytes += bytes.length;
    this.#bytes += bytes.length;
    if (db.pendingBytes >= db.transactionBytes) this.#session.commitNow(db);
    return { bodyId: stream.bodyId, checksum };
  }

  /** @returns false when not all of the body was taken */
  async finish(name: string, end: StreamEnd, db: CacheDatabase): Promise<boolean> {
    const stream = this.#streams.get(name);
    if (stream?.bytes !== end.length) {
      this.abandon(name, db);
      return false;
    }
    await db.finishBody(stream.bodyId, end, stream.checksums);
    this.#forget(name, stream);
    return true;
  }

  /** Its client has done with it. */
  abandon(name: string, db: CacheDatabase | undefined): void {
    this.#over.delete(name);
    const stream = this.#streams.get(name);
    if (stream === undefined) return;
    db?.bodies.abandon(stream.bodyId);
    this.#forget(name, stream);
  }

  abandonAll(prefix: string, db: CacheDatabase | undefined): void {
    for (const name of [...this.#streams.keys(), ...this.#over])
      if (name.startsWith(prefix)) this.abandon(name, db);
  }

  /** What was not committed is lost: none can be finished any more. */
  giveUp(db: CacheDatabase | undefined): void {
    for (const [name, stream] of [...this.#streams]) this.#giveUp(name, stream, db);
  }

  /** INVARIANT: a stream that has lost parts takes no more: its next one would be taken for its first. */
  #giveUp(name: string, stream: Stream, db: CacheDatabase | undefined): void {
    db?.bodies.abandon(stream.bodyId);
    this.#forget(name, stream);
    this.#over.add(name);
  }

  #begin(name: string, db: CacheDatabase): Stream {
    const stream: Stream = { bodyId: db.beginBody(0), checksums: [], bytes: 0 };
    this.#streams.set(name, stream);
    return stream;
  }

  #forget(name: string, { bytes }: Stream): void {
    this.#streams.delete(name);
    this.#bytes -= bytes;
  }
}

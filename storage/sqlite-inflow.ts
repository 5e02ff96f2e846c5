// A body on its way into the database, in parts of a chunk's size: a few of them under way at a time, so that a large body
// takes little memory. What is written can be read at once; it becomes a record's with `finish`.

import { CHUNK_BYTES } from './sqlite-protocol.ts';
import { type Inflow, StoreError } from './store.ts';

/** Parts sent and not yet taken. */
const MAX_PARTS = 4;

/** Where a part was written. */
export interface Written {
  readonly bodyId: number;
  readonly checksum: number;
}

export interface InflowEnds<M> {
  /** Undefined when the part was not taken: nothing more will be. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<Written | undefined>;
  read(at: Written, chunk: number): Promise<Buffer>;
  finish(key: string, variant: string, meta: M, length: number): Promise<boolean>;
  abandon(): void;
}

export class SqliteInflow<M> implements Inflow<M> {
  onWritten: () => void = () => undefined;
  written = 0;
  readonly #ends: InflowEnds<M>;
  readonly #chunks: Written[] = [];
  readonly #underWay: Promise<void>[] = [];
  #part = new Uint8Array(CHUNK_BYTES);
  #filled = 0;
  #length = 0;
  #failed = false;

  constructor(ends: InflowEnds<M>) {
    this.#ends = ends;
  }

  async write(bytes: Buffer): Promise<boolean> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + CHUNK_BYTES - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
      if (this.#filled === CHUNK_BYTES) this.#send();
    }
    this.#length += bytes.length;
    while (this.#underWay.length >= MAX_PARTS) await this.#underWay.shift();
    return !this.#failed;
  }

  async end(): Promise<boolean> {
    if (this.#filled > 0) this.#send();
    await Promise.all(this.#underWay.splice(0));
    return !this.#failed && this.written === this.#length;
  }

  async read(position: number): Promise<Buffer> {
    const chunk = Math.floor(position / CHUNK_BYTES);
    const at = this.#chunks[chunk];
    if (at === undefined) throw new StoreError('read', new Error('not written yet'));
    return (await this.#ends.read(at, chunk)).subarray(position - chunk * CHUNK_BYTES);
  }

  finish(key: string, variant: string, meta: M): Promise<boolean> {
    return this.#ends.finish(key, variant, meta, this.#length);
  }

  abandon(): void {
    this.#failed = true;
    this.#ends.abandon();
  }

  #send(): void {
    const part = this.#filled === CHUNK_BYTES ? this.#part : this.#part.slice(0, this.#filled);
    this.#part = new Uint8Array(CHUNK_BYTES);
    this.#filled = 0;
    this.#underWay.push(this.#sent(part));
  }

  async #sent(part: Uint8Array<ArrayBuffer>): Promise<void> {
    const { length } = part;
    const at = this.#failed ? undefined : await this.#ends.write(part).catch(() => undefined);
    if (at === undefined) {
      this.#failed = true;
      return;
    }
    this.#chunks.push(at);
    this.written += length;
    this.onWritten();
  }
}

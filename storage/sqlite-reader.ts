// The database as lookups see it that run beside the writing thread: a connection that only reads. Sees what is committed,
// and has no answer rather than a doubtful one: what is damaged, gone meanwhile or not open is asked of the writing thread.

import { NodeSqliteDriver } from './sqlite-driver.ts';
import { databasePath } from './sqlite-files.ts';
import { findVariants, readChunk } from './sqlite-find.ts';
import { decodeHead, headName } from './sqlite-head.ts';
import type { Leases } from './sqlite-leases.ts';
import type { FoundVariant } from './sqlite-protocol.ts';
import { BlobTable } from './sqlite-table.ts';

/** Not an answer: ask the writing thread. */
class Unsure extends Error {}

interface Opened {
  readonly driver: NodeSqliteDriver;
  readonly heads: BlobTable;
  readonly chunks: BlobTable;
}

export class Reader {
  readonly #dir: string;
  readonly #leases: Leases;
  #opened: Opened | undefined;

  constructor(dir: string, leases: Leases) {
    this.#dir = dir;
    this.#leases = leases;
  }

  /** @throws what node:sqlite throws; it stays closed then. */
  async open(): Promise<void> {
    this.close();
    const driver = new NodeSqliteDriver({ filename: databasePath(this.#dir), walBytes: 0, readOnly: true });
    try {
      const heads = await BlobTable.open(driver, 'heads');
      this.#opened = { driver, heads, chunks: await BlobTable.open(driver, 'chunks') };
    } catch (error) {
      driver.close();
      throw error;
    }
  }

  close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.driver.close();
  }

  /** @throws when it can't be sure. */
  async get(key: string): Promise<readonly FoundVariant[]> {
    const { heads, chunks } = this.#tables();
    const name = headName(key);
    const bytes = await heads.get(name);
    if (bytes === undefined) return [];
    const head = decodeHead(bytes);
    if (head === undefined) throw new Unsure('a damaged head');
    const found = await findVariants(head.key === key ? head : undefined, chunks, async () => {
      throw new Unsure('a damaged body');
    });
    const toRead = found.filter((one) => one.chunks === undefined);
    if (toRead.length === 0) return found;
    for (const { bodyId } of toRead) this.#leases.take(bodyId);
    const again = await heads.get(name);
    if (again === undefined || !Buffer.from(again).equals(bytes)) throw new Unsure('changed meanwhile');
    return found;
  }

  /** @throws when it can't be sure. */
  async read(bodyId: number, chunk: number, checksum: number): Promise<Uint8Array> {
    this.#leases.take(bodyId);
    const bytes = await readChunk(this.#tables().chunks, bodyId, chunk, checksum);
    if (bytes === undefined) throw new Unsure('a damaged body');
    return bytes;
  }

  #tables(): Opened {
    if (this.#opened === undefined) throw new Unsure('not open');
    return this.#opened;
  }
}

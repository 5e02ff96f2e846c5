// A database that was emptied by beginning another in its place: what of it is still being read, until that has been carried
// over. The file has lost its name by then; its bytes are given back when this is closed. Only reads.

import { NodeSqliteDriver } from './sqlite-driver.ts';
import { databasePath } from './sqlite-files.ts';
import { chunkName } from './sqlite-find.ts';
import { BlobTable } from './sqlite-table.ts';

/** A chunk that is still to be carried. */
export interface Leftover {
  readonly bodyId: number;
  readonly chunk: number;
  readonly isLast: boolean;
}

export class Attic {
  readonly #driver: NodeSqliteDriver;
  readonly chunks: BlobTable;
  /** How many chunks each body has. */
  readonly #left: Map<number, number>;
  #carried = 0;

  private constructor(driver: NodeSqliteDriver, chunks: BlobTable, left: Map<number, number>) {
    this.#driver = driver;
    this.chunks = chunks;
    this.#left = left;
  }

  /**
   * To be opened while the database still has its name.
   * @param bodies how many chunks each body has that is to be carried
   * @throws what node:sqlite throws
   */
  static async open(dir: string, bodies: ReadonlyMap<number, number>): Promise<Attic> {
    const driver = new NodeSqliteDriver({ filename: databasePath(dir), walBytes: 0, readOnly: true });
    try {
      return new Attic(driver, await BlobTable.open(driver, 'chunks'), new Map(bodies));
    } catch (error) {
      driver.close();
      throw error;
    }
  }

  get(bodyId: number, chunk: number): Promise<Uint8Array | undefined> {
    return this.chunks.get(chunkName(bodyId, chunk));
  }

  get next(): Leftover | undefined {
    for (const [bodyId, chunks] of this.#left)
      return { bodyId, chunk: this.#carried, isLast: this.#carried + 1 >= chunks };
    return undefined;
  }

  carried({ bodyId, isLast }: Leftover): void {
    if (isLast) this.drop(bodyId);
    else this.#carried += 1;
  }

  /** The rest of a body need not be carried. */
  drop(bodyId: number): void {
    this.#left.delete(bodyId);
    this.#carried = 0;
  }

  close(): void {
    this.#driver.close();
  }
}

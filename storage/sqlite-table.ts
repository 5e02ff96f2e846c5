// A Keyv table of byte strings. Keyv reports a broken store as an `error` event and then answers "not there": here the
// event becomes a rejection, so that a failure never looks like a miss.

import KeyvSqlite from '@keyv/sqlite';
import { Keyv } from 'keyv';
import type { NodeSqliteDriver } from './sqlite-driver.ts';

export class BlobTable {
  readonly #keyv: Keyv<Uint8Array>;
  #failure: { readonly error: unknown } | undefined;

  private constructor(store: KeyvSqlite) {
    this.#keyv = new Keyv<Uint8Array>({ store, serialization: false, checkExpired: false });
    this.#keyv.on('error', (error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** @throws what the driver throws when the table can't be made. */
  static async open(driver: NodeSqliteDriver, table: string): Promise<BlobTable> {
    const store = new KeyvSqlite({ uri: 'sqlite://shared', table, keySize: 64, driver });
    const blobs = new BlobTable(store);
    await store.ready;
    blobs.#failure = undefined;
    return blobs;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const value = await this.#checked(this.#keyv.get(key));
    return value instanceof Uint8Array ? value : undefined;
  }

  async set(key: string, value: Uint8Array): Promise<void> {
    if (!(await this.#checked(this.#keyv.set(key, value)))) throw new Error('keyv did not store the value');
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#checked(this.#keyv.deleteMany([...keys]));
  }

  async #checked<T>(operation: Promise<T>): Promise<T> {
    const result = await operation;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
    return result;
  }
}

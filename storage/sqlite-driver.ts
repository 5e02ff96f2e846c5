// The driver that @keyv/sqlite gets from us: node:sqlite, one shared connection for several Keyv tables, prepared
// statements kept, bytes bound as BLOBs. Keyv (serialization: false) hands us its envelope {value} and wants it back:
// it is taken off and put on here, so that a row holds nothing but the bytes.

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { SqliteDriver } from '@keyv/sqlite';

export type Row = Readonly<Record<string, unknown>>;

export interface DriverOptions {
  readonly filename: string;
  /** The WAL is checkpointed when it reaches this many bytes, and truncated to it. */
  readonly walBytes: number;
  /** Never writes: beside a driver that does. */
  readonly readOnly?: boolean;
}

const PAGE_BYTES = 4096;
const MAX_STATEMENTS = 200;

export class NodeSqliteDriver implements SqliteDriver {
  readonly name = 'custom';
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws what node:sqlite throws when the file can't be opened or is no database. */
  constructor(options: DriverOptions) {
    this.#database = new DatabaseSync(options.filename, { timeout: 50 });
    const pragmas = options.readOnly === true ? READER_PRAGMAS : writerPragmas(options.walBytes);
    try {
      for (const pragma of pragmas) this.#database.prepare(`PRAGMA ${pragma}`).all();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** For @keyv/sqlite: every table gets this one connection; closing it is for `close`. */
  async connect(): ReturnType<SqliteDriver['connect']> {
    return {
      query: async (sql, ...parameters) => {
        const rows = this.#statement(sql).all(...parameters.map(bindable));
        for (const row of rows)
          if (row.value instanceof Uint8Array) Object.assign(row, { value: { value: row.value } });
        return rows;
      },
      close: async () => {},
    };
  }

  all(sql: string, ...parameters: SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...parameters);
  }

  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...parameters);
  }

  /** The first column of the first row as a number; 0 when there is none. */
  number(sql: string, ...parameters: SQLInputValue[]): number {
    const row = this.get(sql, ...parameters);
    const value = row === undefined ? 0 : Object.values(row)[0];
    return typeof value === 'number' ? value : 0;
  }

  get inTransaction(): boolean {
    return this.#database.isTransaction;
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    const kept = this.#statements.get(sql);
    if (kept !== undefined) return kept;
    const statement = this.#database.prepare(sql);
    const oldest = this.#statements.keys().next().value;
    if (this.#statements.size >= MAX_STATEMENTS && oldest !== undefined) this.#statements.delete(oldest);
    this.#statements.set(sql, statement);
    return statement;
  }
}

const READER_PRAGMAS = ['query_only=ON', 'cache_size=-8192', 'temp_store=MEMORY'];

function writerPragmas(walBytes: number): readonly string[] {
  return [
    'auto_vacuum=INCREMENTAL',
    'journal_mode=WAL',
    'synchronous=NORMAL',
    `wal_autocheckpoint=${Math.max(16, Math.floor(walBytes / PAGE_BYTES))}`,
    `journal_size_limit=${walBytes}`,
    'cache_size=-16384',
    'temp_store=MEMORY',
  ];
}

function bindable(parameter: unknown): SQLInputValue {
  if (typeof parameter === 'string' || typeof parameter === 'number' || typeof parameter === 'bigint')
    return parameter;
  if (parameter === null || parameter === undefined) return null;
  if (parameter instanceof Uint8Array) return parameter;
  if (typeof parameter === 'object' && 'value' in parameter && parameter.value instanceof Uint8Array)
    return parameter.value;
  throw new TypeError(`a ${typeof parameter} can't be bound`);
}

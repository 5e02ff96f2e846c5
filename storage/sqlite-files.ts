// The database's files: their names, removing them, setting a malformed one aside. Knows no SQL.

import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'responses.db';
const SUFFIXES = ['', '-wal', '-shm', '-journal'];

export function databasePath(dir: string): string {
  return join(dir, NAME);
}

/** Bytes of the write-ahead log; 0 when there is none. */
export function walFileBytes(dir: string): number {
  return statSync(`${databasePath(dir)}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** The log goes before what it belongs to: SQLite would replay a log that it finds beside a newer database. */
export function removeDatabase(dir: string): void {
  for (const suffix of SUFFIXES.toReversed()) rmSync(`${databasePath(dir)}${suffix}`, { force: true });
}

/** Keeps the database as `*.broken-<timestamp>` for the operator, and of earlier ones none: they would fill the disk. */
export function setAside(dir: string, timestamp: number): string {
  for (const name of readdirSync(dir)) {
    if (name.startsWith(`${NAME}.broken-`)) rmSync(join(dir, name), { force: true });
  }
  const kept = `${databasePath(dir)}.broken-${timestamp}`;
  for (const suffix of SUFFIXES) {
    const file = `${databasePath(dir)}${suffix}`;
    if (statSync(file, { throwIfNoEntry: false }) !== undefined) renameSync(file, `${kept}${suffix}`);
  }
  return kept;
}

/** SQLite's primary result code of an error from node:sqlite; undefined for other errors. */
export function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

export class MalformedDatabase extends Error {}

/** The file's content is at fault, not the disk: no later try would succeed. */
export function isMalformed(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB || error instanceof MalformedDatabase;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

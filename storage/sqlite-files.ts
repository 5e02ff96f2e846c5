// The database's files: their names, removing them, setting a malformed one aside. Knows no SQL.

import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'responses.db';
/** What is smaller is removed on the spot. */
const LARGE_BYTES = 64 * 1024 * 1024;
const GONE = '.gone-';
const SUFFIXES = ['', '-wal', '-shm', '-journal'];

export function databasePath(dir: string): string {
  return join(dir, NAME);
}

/** Held by the process that owns the database; never removed, or two could hold one each. */
export function lockPath(dir: string): string {
  return join(dir, 'responses.lock');
}

/** Bytes of the write-ahead log; 0 when there is none. */
export function walFileBytes(dir: string): number {
  return statSync(`${databasePath(dir)}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Removes the database from its place at once; its bytes are given back behind, which takes a while for a large one.
 * The log goes before what it belongs to: SQLite would replay a log that it finds beside a newer database.
 */
export function removeDatabase(dir: string): void {
  for (const suffix of SUFFIXES.toReversed()) {
    const file = `${databasePath(dir)}${suffix}`;
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size < LARGE_BYTES) rmSync(file, { force: true });
    else renameSync(file, `${databasePath(dir)}${GONE}${randomBytes(6).toString('hex')}`);
  }
  reclaimRemoved(dir);
}

/** Gives back what was removed and is still there, perhaps from an earlier run. */
export function reclaimRemoved(dir: string): void {
  for (const name of readdirSync(dir))
    if (name.startsWith(`${NAME}${GONE}`)) rm(join(dir, name), { force: true }).catch(() => undefined);
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

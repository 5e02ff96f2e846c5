// The journal on the disk: purges.ndjson, a header line and one line per purge, fsync'd before an append resolves.
// Owns loading, group commit and compaction; what the records mean is journal.ts's.

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  headerLine,
  isObject,
  type JournalHeader,
  type PurgeRecord,
  parseHeader,
  parseJson,
  parsePlace,
  parseRecord,
  type SavedPlace,
} from './journal-record.ts';
import { makeDirectory } from './make-directory.ts';

const NAME = 'purges.ndjson';
/** Written when the journal is closed in good order: no purge was given out that the file does not hold. */
const END_LINE = '{"end":true}\n';

export interface Loaded {
  readonly header: JournalHeader;
  readonly records: readonly PurgeRecord[];
  /** The latest that was kept. */
  readonly place: SavedPlace | undefined;
  /** Closed in good order. */
  readonly ended: boolean;
}

/** What a compacted file is to hold. */
export type Snapshot = () => Omit<Loaded, 'ended'>;

/**
 * The journal as it is on the disk. A torn last line is left out.
 * @returns undefined when there is none, or it is damaged: it is then set aside as `*.broken-<timestamp>`.
 */
export async function loadJournal(dir: string, now: number): Promise<Loaded | undefined> {
  const path = join(dir, NAME);
  try {
    await makeDirectory(dir);
    const loaded = parseJournal(await readFile(path, 'utf8'));
    if (loaded !== undefined) return loaded;
    await rename(path, `${path}.broken-${now}`);
  } catch {
    // Not there, or not readable: either way its purges are unknown.
  }
  return undefined;
}

export function newJournalId(): string {
  return randomUUID();
}

function parseJournal(text: string): Loaded | undefined {
  const lines = text.split('\n');
  const torn = lines.pop() ?? '';
  const header = parseHeader(parseJson(lines.shift() ?? ''));
  if (header === undefined) return undefined;
  const records: PurgeRecord[] = [];
  let ended = false;
  let place: SavedPlace | undefined;
  for (const line of lines) {
    const value = parseJson(line);
    const record = parseRecord(value);
    ended = false;
    if (record !== undefined) records.push(record);
    else if (!isObject(value)) return undefined;
    else if (value.end === true) ended = true;
    else {
      place = parsePlace(value.place);
      if (place === undefined) return undefined;
    }
  }
  // A whole record without its newline was never acknowledged; it does no harm to heed it.
  const last = parseRecord(parseJson(torn));
  if (last !== undefined) records.push(last);
  return { header, records, place, ended: ended && torn === '' };
}

export class JournalFile {
  readonly #dir: string;
  readonly #snapshot: Snapshot;
  readonly #maxLines: number;
  #handle: FileHandle | undefined;
  #lines = 0;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #closed = false;

  /**
   * @param maxLines the file is compacted when it has grown by this many
   * @param snapshot everything there is to know, for a file written anew
   */
  constructor(dir: string, maxLines: number, snapshot: Snapshot) {
    this.#dir = dir;
    this.#maxLines = maxLines;
    this.#snapshot = snapshot;
  }

  /** Resolves when the record is on the disk, together with those waiting. The record must be in the snapshot already. */
  append(record: PurgeRecord): Promise<void> {
    return this.#append(record);
  }

  /** Keeps the place; resolves when it is on the disk. It must be in the snapshot already. */
  keep(place: SavedPlace): Promise<void> {
    return this.#append({ place });
  }

  #append(line: object): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the journal is closed'));
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    this.#next ??= this.#enqueue(async () => {
      this.#next = undefined;
      await this.#write(this.#waiting.splice(0));
    });
    return this.#next;
  }

  /** Writes the file anew with what the snapshot holds. */
  compact(): Promise<void> {
    return this.#enqueue(() => this.#rewrite());
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#enqueue(async () => {
      const handle = this.#handle;
      if (handle === undefined) return;
      this.#handle = undefined;
      try {
        await handle.appendFile(END_LINE);
        await handle.datasync();
      } finally {
        await handle.close();
      }
    });
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(work);
    this.#writing = done.catch(() => {});
    return done;
  }

  async #write(lines: readonly string[]): Promise<void> {
    const handle = this.#handle;
    // After a failure nothing is known of the file's end: it is written anew, with all that failed.
    if (handle === undefined || this.#lines + lines.length > this.#maxLines) return this.#rewrite();
    try {
      await handle.appendFile(lines.join(''));
      await handle.datasync();
      this.#lines += lines.length;
    } catch (error) {
      this.#handle = undefined;
      await handle.close().catch(() => {});
      throw error;
    }
  }

  async #rewrite(): Promise<void> {
    const path = join(this.#dir, NAME);
    const fresh = `${path}.new`;
    await makeDirectory(this.#dir);
    const { header, records, place } = this.#snapshot();
    let handle: FileHandle | undefined;
    try {
      await rm(fresh, { force: true });
      handle = await open(fresh, 'ax');
      await handle.appendFile(
        headerLine(header) +
          records.map((record) => `${JSON.stringify(record)}\n`).join('') +
          (place === undefined ? '' : `${JSON.stringify({ place })}\n`),
      );
      await handle.datasync();
      await rename(fresh, path);
      await syncDirectory(this.#dir);
    } catch (error) {
      await handle?.close().catch(() => {});
      throw error;
    }
    const old = this.#handle;
    this.#handle = handle;
    this.#lines = 0;
    await old?.close().catch(() => {});
  }
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

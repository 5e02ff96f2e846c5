// What a purge selects among the stored bodies, found by index: by URL in the ledger, by tag in a table of its own. Owns the
// queries and their steps; the ledger itself is sqlite-bodies.ts's.

import type { SQLInputValue } from 'node:sqlite';
import type { Selector } from './journal-record.ts';
import type { NodeSqliteDriver, Row } from './sqlite-driver.ts';
import { MalformedDatabase } from './sqlite-files.ts';
import type { Entry, Removed, Selection } from './store.ts';

/** Rows that one step counts: about a millisecond. */
const COUNT_ROWS = 4000;
/** Rows that one step of a removal looks at, and the most that it picks. */
const PICK_ROWS = 2000;
const PICKED = 32;

const SCHEMA = [
  'CREATE INDEX IF NOT EXISTS ledger_url ON ledger (url, id, seq, bytes) WHERE head IS NOT NULL',
  'CREATE TABLE IF NOT EXISTS tags (tag TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tag, id)) WITHOUT ROWID',
];

/** Where the next step begins. */
export interface Cursor {
  readonly range: number;
  readonly url: string;
  readonly id: number;
}

interface Sql {
  readonly text: string;
  readonly values: readonly SQLInputValue[];
}

/** Some rows of what a selector names, whatever their sequence; `next` is undefined when they are the last. */
interface Window extends Sql {
  readonly next: Cursor | undefined;
}

/** [from, to) */
type Range = readonly [from: string, to: string];

export class SelectionIndex {
  readonly #driver: NodeSqliteDriver;

  /** The ledger must be there. */
  constructor(driver: NodeSqliteDriver) {
    this.#driver = driver;
    for (const statement of SCHEMA) driver.all(statement);
  }

  /** Files a body under its tags. @returns what its ledger row remembers of them. */
  add(id: number, { tags }: Entry): string | null {
    for (const tag of new Set(tags))
      this.#driver.all('INSERT OR IGNORE INTO tags (tag, id) VALUES (?, ?)', tag, id);
    return tags.length === 0 ? null : JSON.stringify(tags);
  }

  /** @param remembered what `add` returned */
  remove(id: number, remembered: unknown): void {
    if (typeof remembered !== 'string') return;
    for (const tag of parseTags(remembered))
      this.#driver.all('DELETE FROM tags WHERE tag = ? AND id = ?', tag, id);
  }

  /** Counts a step's worth of what is selected, without what any of `without` selects. */
  count(
    { selector, before }: Selection,
    without: readonly Selection[],
    after: Cursor | undefined,
  ): { readonly removed: Removed; readonly next: Cursor | undefined } {
    const window = this.#window(selector, after, COUNT_ROWS);
    const others = without.map(condition);
    const sql = [
      `SELECT count(*) AS records, coalesce(sum(l.bytes), 0) AS bytes FROM ${window.text} AND l.seq < ?`,
      ...others.map(({ text }) => `AND NOT ${text}`),
    ].join(' ');
    const values = [...window.values, before, ...others.flatMap((one) => one.values)];
    const row = this.#driver.get(sql, ...values);
    return { removed: { records: wholeOf(row, 'records'), bytes: wholeOf(row, 'bytes') }, next: window.next };
  }

  /** Some of the bodies that are selected, with the heads that they belong to. */
  pick(
    { selector, before }: Selection,
    after: Cursor | undefined,
  ): {
    readonly found: readonly { readonly bodyId: number; readonly head: string }[];
    readonly next: Cursor | undefined;
  } {
    const window = this.#window(selector, after, PICK_ROWS);
    const order = selector.kind === 'tag' ? 'l.id' : 'l.url, l.id';
    const sql = `SELECT l.id, l.url, l.head FROM ${window.text} AND l.seq < ? ORDER BY ${order} LIMIT ${PICKED}`;
    const rows = this.#driver.all(sql, ...window.values, before);
    const found = rows.map((row) => ({ bodyId: wholeOf(row, 'id'), head: textOf(row, 'head') }));
    const last = rows.length < PICKED ? undefined : rows.at(-1);
    if (last === undefined) return { found, next: window.next };
    return { found, next: { range: after?.range ?? 0, url: textOf(last, 'url'), id: wholeOf(last, 'id') } };
  }

  /** So many rows behind `after`. */
  #window(selector: Selector, after: Cursor | undefined, rows: number): Window {
    const { range = 0, id = 0 } = after ?? {};
    if (selector.kind === 'tag') {
      const { tag } = selector;
      const end = this.#driver.get(
        `SELECT id FROM tags WHERE tag = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ${rows}`,
        tag,
        id,
      );
      const text = `tags AS t CROSS JOIN ledger AS l ON l.id = t.id
        WHERE l.head IS NOT NULL AND t.tag = ? AND t.id > ? AND t.id <= ?`;
      const last = end === undefined ? Number.MAX_SAFE_INTEGER : wholeOf(end, 'id');
      return {
        text,
        values: [tag, id, last],
        next: end === undefined ? undefined : { range, url: '', id: last },
      };
    }
    const ranges = rangesOf(selector);
    const [from, to] = ranges[range] ?? ['', ''];
    const url = after?.url ?? from;
    const end = this.#driver.get(
      `SELECT url, id FROM ledger WHERE head IS NOT NULL AND (url, id) > (?, ?) AND url < ?
       ORDER BY url, id LIMIT 1 OFFSET ${rows}`,
      url,
      id,
      to,
    );
    const text = 'ledger AS l WHERE l.head IS NOT NULL AND (l.url, l.id) > (?, ?) AND ';
    if (end !== undefined) {
      const [lastUrl, lastId] = [textOf(end, 'url'), wholeOf(end, 'id')];
      return {
        text: `${text} (l.url, l.id) <= (?, ?)`,
        values: [url, id, lastUrl, lastId],
        next: { range, url: lastUrl, id: lastId },
      };
    }
    const following = ranges[range + 1];
    return {
      text: `${text} l.url < ?`,
      values: [url, id, to],
      next: following && { range: range + 1, url: following[0], id: 0 },
    };
  }
}

/** Whether a ledger row `l` is selected. */
function condition({ selector, before }: Selection): Sql {
  if (selector.kind === 'tag') {
    const text = '(l.seq < ? AND EXISTS (SELECT 1 FROM tags WHERE tag = ? AND id = l.id))';
    return { text, values: [before, selector.tag] };
  }
  const ranges = rangesOf(selector);
  const either = ranges.map(() => 'l.url >= ? AND l.url < ?').join(' OR ');
  return { text: `(l.seq < ? AND (${either}))`, values: [before, ...ranges.flat()] };
}

/** Behind every text that begins so. */
const LAST = '\u{10ffff}';

function rangesOf(selector: Exclude<Selector, { kind: 'tag' }>): readonly Range[] {
  switch (selector.kind) {
    case 'url':
      return [only(selector.url)];
    case 'path':
      return [only(selector.path), startingWith(`${selector.path}?`)];
    case 'prefix':
      return [startingWith(selector.prefix)];
    case 'host':
      return [only(`//${selector.host}`), startingWith(`//${selector.host}/`)];
    case 'all':
      return [startingWith('')];
    default:
      return selector satisfies never;
  }
}

function only(text: string): Range {
  return [text, `${text}\0`];
}

function startingWith(text: string): Range {
  return [text, text + LAST];
}

function parseTags(remembered: string): readonly string[] {
  const tags: unknown = JSON.parse(remembered);
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
}

function wholeOf(row: Row | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value === 'number') return value;
  throw new MalformedDatabase(`${column} is no number`);
}

function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw new MalformedDatabase(`${column} is no text`);
}

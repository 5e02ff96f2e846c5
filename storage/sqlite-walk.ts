// A walk over all heads of the database, a page at a time: for background work that must see every record once. Rows keep
// their place while they are changed, and new ones come at the end.

import type { NodeSqliteDriver } from './sqlite-driver.ts';
import { decodeHead } from './sqlite-head.ts';
import type { Page, WalkedVariant } from './sqlite-protocol.ts';

/** Heads of one page: about a millisecond, so that a lookup waits for no more. */
const PAGE_HEADS = 256;

/** @param after 0, or the `next` of the page before; `next` is undefined when there are no more heads. */
export function walkHeads(
  driver: NodeSqliteDriver,
  after: number,
  needles: readonly Uint8Array[] | undefined,
): Page {
  const rows = driver.all(
    'SELECT rowid AS place, value FROM heads WHERE rowid > ? ORDER BY rowid LIMIT ?',
    after,
    PAGE_HEADS,
  );
  const found: WalkedVariant[] = [];
  for (const { value } of rows) {
    if (!(value instanceof Uint8Array) || !holdsOneOf(value, needles)) continue;
    const head = decodeHead(value);
    for (const { variant, bodyId, length, meta } of head?.variants ?? []) {
      found.push({ key: head?.key ?? '', variant, bodyId, meta, bytes: length + meta.length });
    }
  }
  const place = rows.at(-1)?.place;
  return { found, next: typeof place === 'number' ? place : undefined };
}

function holdsOneOf(value: Uint8Array, needles: readonly Uint8Array[] | undefined): boolean {
  if (needles === undefined) return true;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return needles.some((needle) => bytes.includes(needle));
}

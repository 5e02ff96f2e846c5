// A purge as data: what it selects, and its line in the journal file. Parses lines strictly; decides nothing.

export type Selector =
  | { readonly kind: 'url'; readonly url: string }
  /** A URL without a query: that one, and every query of it. */
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'host'; readonly host: string }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'all' };

/** `invalidate`: stale from now on, may be revalidated. `delete`: gone. */
export type PurgeMode = 'invalidate' | 'delete';

export interface PurgeRecord {
  /** Larger than that of every record before it. */
  readonly seq: number;
  /** Epoch ms. */
  readonly at: number;
  readonly selector: Selector;
  readonly mode: PurgeMode;
  /** Who asked for it, for operators. */
  readonly by: string;
  /** The node that was asked, when all nodes number their purges together. */
  readonly node?: string;
  /** The number that this node gave it before all nodes had one for it. Only on the node that was asked. */
  readonly was?: number;
}

/**
 * Where several nodes number their purges together, common numbers are its multiples; those between are a node's own, for
 * purges that the others have not heard of yet.
 */
export const STEP = 65_536;

/** What a selector names, as one string; '' for `all`. */
export function selected(selector: Selector): string {
  switch (selector.kind) {
    case 'url':
      return selector.url;
    case 'path':
      return selector.path;
    case 'prefix':
      return selector.prefix;
    case 'host':
      return selector.host;
    case 'tag':
      return selector.tag;
    case 'all':
      return '';
  }
}

/** @returns undefined for anything that is not a record exactly. */
export function parseRecord(value: unknown): PurgeRecord | undefined {
  if (!isObject(value)) return undefined;
  const { seq, at, mode, by, node, was } = value;
  const selector = parseSelector(value.selector);
  if (selector === undefined || !isSequence(seq) || typeof at !== 'number' || typeof by !== 'string')
    return undefined;
  if (mode !== 'invalidate' && mode !== 'delete') return undefined;
  if (node === undefined && was === undefined) return { seq, at, selector, mode, by };
  if (typeof node !== 'string' || (was !== undefined && !isSequence(was))) return undefined;
  return { seq, at, selector, mode, by, node, ...(was !== undefined && { was }) };
}

export function parseSelector(value: unknown): Selector | undefined {
  if (!isObject(value)) return undefined;
  const { kind, url, path, prefix, host, tag } = value;
  if (kind === 'url' && typeof url === 'string') return { kind, url };
  if (kind === 'path' && typeof path === 'string') return { kind, path };
  if (kind === 'prefix' && typeof prefix === 'string') return { kind, prefix };
  if (kind === 'host' && typeof host === 'string') return { kind, host };
  if (kind === 'tag' && typeof tag === 'string') return { kind, tag };
  return kind === 'all' ? { kind } : undefined;
}

/** The first line of a journal file. */
export interface JournalHeader {
  /** Random; the database remembers which journal it lived with. */
  readonly id: string;
  /** Sequences below it count as deleted. */
  readonly floor: number;
  /** The latest sequence given out when the file was begun. */
  readonly seq: number;
}

/** Where a node stands among the purges of all nodes, as its journal file keeps it. */
export interface SavedPlace {
  /** Names the common numbering. */
  readonly numbering: string;
  /** The last common number below which nothing is missing here. */
  readonly position: number;
  /** This node's purges up to this own number are with all the others. */
  readonly sent: number;
  /** Sequences below it count as deleted. */
  readonly floor: number;
}

export function parsePlace(value: unknown): SavedPlace | undefined {
  if (!isObject(value)) return undefined;
  const { numbering, position, sent, floor } = value;
  if (typeof numbering !== 'string' || !isSequence(position) || !isSequence(sent) || !isSequence(floor))
    return undefined;
  return { numbering, position, sent, floor };
}

const FORMAT = 1;

export function headerLine({ id, floor, seq }: JournalHeader): string {
  return `${JSON.stringify({ purges: FORMAT, id, floor, seq })}\n`;
}

export function parseHeader(value: unknown): JournalHeader | undefined {
  if (!isObject(value)) return undefined;
  const { purges, id, floor, seq } = value;
  if (purges !== FORMAT || typeof id !== 'string' || id === '' || !isSequence(floor) || !isSequence(seq))
    return undefined;
  return { id, floor, seq };
}

export function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** @returns undefined for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// No-Vary-Search at work: which stored key answers a URL whose query differs only in what its origin calls meaningless.
// Learns from responses as they are stored, forgets the oldest; a forgotten alias costs a miss, never a wrong hit.
//
// INVARIANT: two keys share an alias only under one rule and one path of one authority, and only when the rule makes
// them equal (no-vary-search.ts).

import { isDeepStrictEqual } from 'node:util';
import { Fields } from '../http/fields.ts';
import { canonicalTarget, type NoVarySearch, noVarySearch } from './no-vary-search.ts';

const MAX_PATHS = 10_000;
const MAX_ALIASES = 50_000;

export class SearchAliases {
  readonly #tell: ((key: string, field: string) => void) | undefined;
  /** The rule last seen for a path: scheme, authority and path without the query. */
  readonly #rules = new Map<string, NoVarySearch>();
  /** Canonical form of a key to the key that a response is stored under. */
  readonly #keys = new Map<string, string>();

  /** @param tell tells other workers of what is new: a key, and the No-Vary-Search of what is stored under it; empty for none */
  constructor(tell?: (key: string, field: string) => void) {
    this.#tell = tell;
  }

  /** A response is stored under a key. */
  learn(key: string, fields: Fields): void {
    const field = fields.get('no-vary-search') ?? '';
    const isNew = field === '' ? this.#rules.has(pathOf(key)) : !this.#knows(key, fields);
    if (!isNew) return;
    this.hear(key, field);
    this.#tell?.(key, field);
  }

  /** Another worker has learned it. */
  hear(key: string, field: string): void {
    const path = pathOf(key);
    const rule = field === '' ? undefined : noVarySearch(Fields.from({ 'no-vary-search': field }));
    if (rule === undefined) {
      this.#rules.delete(path);
      return;
    }
    remember(this.#rules, path, rule, MAX_PATHS);
    remember(this.#keys, canonicalTarget(rule, key), key, MAX_ALIASES);
  }

  #knows(key: string, fields: Fields): boolean {
    const rule = noVarySearch(fields);
    const known = this.#rules.get(pathOf(key));
    if (rule === undefined || known === undefined) return rule === known;
    return isDeepStrictEqual(rule, known) && this.#keys.get(canonicalTarget(rule, key)) === key;
  }

  /** The key of the response that answers this one's URL, or the key itself. */
  resolve(key: string): string {
    if (this.#rules.size === 0) return key;
    const rule = this.#rules.get(pathOf(key));
    return rule === undefined ? key : (this.#keys.get(canonicalTarget(rule, key)) ?? key);
  }
}

function pathOf(key: string): string {
  const mark = key.indexOf('?');
  return mark === -1 ? key : key.slice(0, mark);
}

function remember<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}

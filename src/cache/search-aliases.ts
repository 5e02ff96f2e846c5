// No-Vary-Search at work: which stored key answers a URL whose query differs only in what its origin calls meaningless.
// Learns from responses as they are stored, forgets the oldest; a forgotten alias costs a miss, never a wrong hit.
//
// INVARIANT: two keys share an alias only under one rule and one path of one authority, and only when the rule makes
// them equal (no-vary-search.ts).

import type { Fields } from '../http/fields.ts';
import { canonicalTarget, type NoVarySearch, noVarySearch } from './no-vary-search.ts';

const MAX_PATHS = 10_000;
const MAX_ALIASES = 50_000;

export class SearchAliases {
  /** The rule last seen for a path: scheme, authority and path without the query. */
  readonly #rules = new Map<string, NoVarySearch>();
  /** Canonical form of a key to the key that a response is stored under. */
  readonly #keys = new Map<string, string>();

  /** A response is stored under a key. */
  learn(key: string, fields: Fields): void {
    const path = pathOf(key);
    const rule = noVarySearch(fields);
    if (rule === undefined) {
      this.#rules.delete(path);
      return;
    }
    remember(this.#rules, path, rule, MAX_PATHS);
    remember(this.#keys, canonicalTarget(rule, key), key, MAX_ALIASES);
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

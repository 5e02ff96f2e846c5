// Values filed under selectors, found by what a selector selects: the journal's records, and whoever counts matches.
// A lookup costs one map access a kind, one per tag, one per length of prefix; never one per selector.

import { type Selector, selected } from './journal-record.ts';

/** What a stored response is to the journal; the owner decides what goes in. */
export interface Subject {
  /** `//host/path?query`, in the form purges are made with. */
  readonly url: string;
  readonly host: string;
  /** Asked for only when a tag has been purged. */
  readonly tags: readonly string[];
}

type Kind = Selector['kind'];

export class SelectorMap<T> {
  readonly #maps: Readonly<Record<Kind, Map<string, T>>> = {
    url: new Map(),
    path: new Map(),
    prefix: new Map(),
    host: new Map(),
    tag: new Map(),
    all: new Map(),
  };
  /** How many prefixes there are of each length: a url is looked up once per length. */
  readonly #prefixLengths = new Map<number, number>();

  get(selector: Selector): T | undefined {
    return this.#maps[selector.kind].get(selected(selector));
  }

  set(selector: Selector, value: T): void {
    const map = this.#maps[selector.kind];
    const what = selected(selector);
    if (selector.kind === 'prefix' && !map.has(what)) this.#countPrefix(what.length, 1);
    map.set(what, value);
  }

  delete(selector: Selector): void {
    const what = selected(selector);
    if (this.#maps[selector.kind].delete(what) && selector.kind === 'prefix')
      this.#countPrefix(what.length, -1);
  }

  clear(): void {
    for (const map of Object.values(this.#maps)) map.clear();
    this.#prefixLengths.clear();
  }

  /** The values whose selectors select the subject. */
  matching(subject: Subject): readonly T[] {
    const { url, host } = subject;
    const maps = this.#maps;
    const found: T[] = [];
    const take = (value: T | undefined): void => {
      if (value !== undefined) found.push(value);
    };
    if (maps.all.size > 0) take(maps.all.get(''));
    if (maps.host.size > 0) take(maps.host.get(host));
    if (maps.url.size > 0) take(maps.url.get(url));
    if (maps.path.size > 0) take(maps.path.get(withoutQuery(url)));
    if (maps.tag.size > 0) for (const tag of subject.tags) take(maps.tag.get(tag));
    for (const length of this.#prefixLengths.keys())
      if (length <= url.length) take(maps.prefix.get(url.slice(0, length)));
    return found;
  }

  #countPrefix(length: number, by: number): void {
    const count = (this.#prefixLengths.get(length) ?? 0) + by;
    if (count === 0) this.#prefixLengths.delete(length);
    else this.#prefixLengths.set(length, count);
  }
}

function withoutQuery(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? url : url.slice(0, mark);
}

// The fields by which origins are told who somebody is. A client must neither write them nor have them taken away: not under
// another spelling that applications read as the same (X_Auth_User becomes HTTP_X_AUTH_USER like X-Auth-User), and not by
// naming them in Connection (RFC 9110 §7.6.1), which would make the edge drop what it has written itself.

import type { Fields } from '../../http/fields.ts';

export class IdentityFields {
  /** Lower-case names with "-" for "_". */
  readonly #names: ReadonlySet<string>;
  readonly #known = new WeakMap<Fields, Fields>();

  constructor(names: Iterable<string>) {
    this.#names = new Set([...names].map(plain));
  }

  /** The fields without what a client has written under these names; themselves where there is nothing of it. */
  without(fields: Fields): Fields {
    if (this.#names.size === 0) return fields;
    let kept = this.#known.get(fields);
    if (kept === undefined) {
      kept = this.#unnamed(fields.without(new Set([...fields.names()].filter((name) => this.#has(name)))));
      this.#known.set(fields, kept);
    }
    return kept;
  }

  #unnamed(fields: Fields): Fields {
    const options = fields.get('connection')?.split(',') ?? [];
    const left = options.map((option) => option.trim()).filter((option) => !this.#has(option.toLowerCase()));
    return left.length === options.length ? fields : fields.with('Connection', left.join(', '));
  }

  #has(name: string): boolean {
    return this.#names.has(plain(name));
  }
}

function plain(name: string): string {
  return name.replaceAll('_', '-');
}

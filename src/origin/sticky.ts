// Keeps a client with one server of a group by a cookie, for applications that hold sessions in their own memory. The cookie
// names the server by a digest, the same for all workers and nodes; what names none is no cookie. Pure.

import { createHash } from 'node:crypto';
import { cookieValues, withoutCookie } from '../http/cookies.ts';
import { type FieldLines, Fields } from '../http/fields.ts';

export interface StickyRules {
  readonly cookie: string;
  readonly path: string;
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** `auto`: where the client came by TLS. */
  readonly secure: 'auto' | 'always' | 'never';
  readonly httpOnly: boolean;
  /** undefined lasts as long as the browser's session. */
  readonly maxAgeSeconds: number | undefined;
}

/** What the client is to be told: a value for Set-Cookie, to which Secure may have to be added. */
export interface StickyCookie {
  readonly value: string;
  readonly secure: StickyRules['secure'];
}

const ID_LENGTH = 16;
const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' };

export class Sticky<S extends { readonly id: string }> {
  readonly #rules: StickyRules;
  readonly #byId: ReadonlyMap<string, S>;
  readonly #cookies: ReadonlyMap<S, StickyCookie>;

  constructor(rules: StickyRules, group: string, servers: readonly S[]) {
    this.#rules = rules;
    const ids = servers.map((server) => [idOf(group, server.id), server] as const);
    this.#byId = new Map(ids);
    this.#cookies = new Map(ids.map(([id, server]) => [server, cookieOf(rules, id)]));
  }

  /** The server that a request's cookie names. */
  wanted(lines: FieldLines): S | undefined {
    const [id, ...more] = cookieValues(new Fields(lines), this.#rules.cookie);
    return id === undefined || more.length > 0 ? undefined : this.#byId.get(id);
  }

  /** The request's lines without the cookie: it is no business of the server's. */
  without(lines: FieldLines): FieldLines {
    return withoutCookie(new Fields(lines), this.#rules.cookie).lines;
  }

  cookieFor(server: S): StickyCookie | undefined {
    return this.#cookies.get(server);
  }
}

function idOf(group: string, server: string): string {
  return createHash('sha256').update(`${group}\n${server}`).digest('base64url').slice(0, ID_LENGTH);
}

function cookieOf({ cookie, path, sameSite, secure, httpOnly, maxAgeSeconds }: StickyRules, id: string) {
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  const only = httpOnly ? '; HttpOnly' : '';
  return { value: `${cookie}=${id}; Path=${path}${age}${only}; SameSite=${SAME_SITE[sameSite]}`, secure };
}

// A request made up from what is stored, to fetch it again while nobody asks for it: URL and nominated fields are the stored
// response's, the route is the one that such a request has now. Pure.

import type { Stored } from '../storage/store.ts';
import type { Admission } from './admit.ts';
import type { StoredMeta } from './cache/stored.ts';
import { ROUTE, variantKey } from './cache/vary.ts';
import { Fields } from './http/fields.ts';
import type { Peer, Request, Responder } from './http/message.ts';
import type { Realm } from './site/site.ts';
import { type Visit, visitOf } from './visit.ts';

/** What came of fetching again. `busy`: it may be tried again. `left`: nothing that could be fetched for all. */
export type Refreshed = 'unchanged' | 'fetched' | 'fresh' | 'gone' | 'left' | 'busy' | 'failed';

/** @returns undefined where no request can be made up that would get the same */
export function refreshVisit(
  record: Stored<StoredMeta>,
  realm: Realm,
  admit: (fields: Fields) => Admission,
  now: number,
): Visit | undefined {
  const { key, meta, variant } = record;
  const [, scheme, authority, target] = /^(https?):\/\/([^/]*)(\/.*)$/s.exec(key) ?? [];
  if ((scheme !== 'http' && scheme !== 'https') || authority === undefined || target === undefined)
    return undefined;
  // What one client's credentials brought, a part, an encoded form: none of them is what a plain GET brings.
  if (meta.authorized || meta.partial !== undefined || meta.coded !== undefined) return undefined;
  const lines: string[] = [];
  for (const [i, name] of meta.vary.entries()) {
    const value = meta.varyValues[i];
    if (name === ROUTE || value === undefined) continue;
    // Nobody's session goes on because of what is stored.
    if (name === 'cookie') return undefined;
    lines.push(name, value);
  }
  const asked: Request = {
    method: 'GET',
    target,
    scheme,
    authority,
    version: '1.1',
    fields: new Fields(lines),
    body: null,
    peer: NOBODYS_PEER,
    receivedAt: now,
  };
  const route = realm.route('GET', asked);
  const request = route.entered(asked);
  if (route.answer !== undefined || route.rules.bypass) return undefined;
  // Another route has it now, or what the route looks at is not known.
  if (variantKey(meta.vary, request.fields) !== variant) return undefined;
  return visitOf({
    request,
    came: asked,
    responder: NOBODY,
    admission: admit(request.fields),
    realm,
    route,
    key,
    target: route.rewritten(asked, target),
    upgrade: undefined,
    toEdge: false,
  });
}

/** No address is no client's: an origin that shows more to its own host must not be told that this is it. */
const NOBODYS_PEER: Peer = { address: '', port: 0 };

const nothing = (): void => undefined;

const NOBODY: Responder = {
  gone: true,
  bytesSent: 0,
  onAbort: nothing,
  inform: nothing,
  send: nothing,
  start: () => ({ write: () => true, onDrain: nothing, end: nothing, abort: nothing }),
  drop: nothing,
};

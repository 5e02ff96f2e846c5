// The request that goes to the origin for a visit, in the form that is asked (visit.ts), and who waits for the same. Pure.

import { revalidationLines, stripConditionals, stripRange } from './cache/conditional.ts';
import { completionLines } from './cache/content-range.ts';
import { maxForwards } from './cache/max-forwards.ts';
import { variantKey } from './cache/vary.ts';
import { withOriginTags } from './compress/coded-tag.ts';
import type { FieldLines } from './http/fields.ts';
import { forwardRequestLines, type Identity } from './origin/forwarded.ts';
import type { Ask, Forward, Visit } from './visit.ts';

/** What a fetch for the whole leaves out: the edge answers these itself. */
const ANSWERED_HERE: ReadonlySet<string> = new Set([...stripConditionals, ...stripRange]);

/** Its field lines. */
export function requestLines(
  { request, realm, route }: Visit,
  { record, records, need }: Forward,
  ask: Ask,
  identity: Identity,
): FieldLines {
  const hops = maxForwards(request.method, request.fields);
  const form = {
    identity,
    hostPolicy: route.hostPolicy,
    trusted: realm.trusted,
    telling: route.telling,
    originAuthority: route.upstream.authority,
    maxForwards: hops.kind === 'forward' ? hops.value : undefined,
  };
  const bare = { ...form, without: ANSWERED_HERE };
  switch (ask) {
    case 'as-is': {
      const lines = forwardRequestLines(request, form);
      return route.rules.compress.encodings.length > 0 ? withOriginTags(lines) : lines;
    }
    case 'whole':
      return forwardRequestLines(request, bare);
    case 'validate': {
      const offered = record === undefined ? records.map(({ meta }) => meta) : [];
      return forwardRequestLines(request, { ...bare, add: revalidationLines(record?.meta, offered) });
    }
    case 'complete': {
      const add = record === undefined || need === undefined ? undefined : completionLines(record.meta, need);
      return forwardRequestLines(request, add === undefined ? form : { ...bare, add });
    }
    default:
      return ask satisfies never;
  }
}

/** Requests with this key wait for one another: the cache key, and the nominated values as far as they are known. */
export function flightKey(
  { key, vary, request, admission, route }: Visit,
  { record, records }: Pick<Forward, 'record' | 'records'>,
): string {
  const names = vary ?? (record ?? records[0])?.meta.vary ?? route.rules.key.extraFields;
  const variant = names.length === 0 ? '' : `\n${variantKey(names, request.fields)}`;
  // RFC 9111 §3.5: what comes of a request with credentials may be for it alone; others do not wait for that.
  const isIdentified = admission.facts.hasAuthorization || request.user?.isTold === true;
  return isIdentified ? `${key}${variant}\nauthorized` : `${key}${variant}`;
}

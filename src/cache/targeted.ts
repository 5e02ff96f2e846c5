// Targeted cache control (RFC 9213): which field speaks to this cache, read into the same CacheControl that
// Cache-Control gives. Owns the mapping of structured types to directives; what follows from them is policy.ts's.
//
// A field that is empty or fails to parse is as if absent (§2.1), and the next in the list is asked. Parameters are
// ignored. A value of the wrong type is not consumed (§2.1); where that would lift a restriction, the restriction
// holds, and a lifetime of the wrong type means stale. Surrogate-Control is read by the same grammar; its `content`
// is an unknown directive and ignored, its `max-age=1+2` form makes it invalid.

import type { Fields } from '../http/fields.ts';
import {
  applyNoCache,
  applyPrivate,
  blankCacheControl,
  type CacheControl,
  type Delta,
  fieldNames,
  MAX_DELTA_SECONDS,
  type MutableCacheControl,
} from './cache-control.ts';
import { bareValue, dictionaryOf, type InnerList, type Item, innerItems, textOf } from './structured.ts';

export interface Targeted {
  /** The lower-case name of the field that was chosen. */
  readonly field: string;
  readonly control: CacheControl;
}

/**
 * The first valid, non-empty field of `names`; it stands in for Cache-Control and Expires (RFC 9213 §2.2).
 * @param names lower-case, in order of preference
 * @returns undefined when there is none
 */
export function targetedControl(fields: Fields, names: readonly string[]): Targeted | undefined {
  for (const field of names) {
    const lines = fields.all(field);
    if (lines.length === 0) continue;
    const dictionary = dictionaryOf(lines);
    if (dictionary === undefined || dictionary.size === 0) continue;
    const control = blankCacheControl();
    const decimals = decimalKeys(lines);
    for (const [name, member] of dictionary) applyMember(control, name, member, decimals.has(name));
    return { field, control };
  }
  return undefined;
}

function applyMember(
  control: MutableCacheControl,
  name: string,
  member: Item | InnerList,
  decimal: boolean,
): void {
  const value = bareValue(member);
  const on = value !== false;
  const seconds: Delta = decimal ? 'invalid' : secondsOf(value);
  switch (name) {
    case 'no-store':
      control.noStore = on;
      return;
    case 'no-cache':
      if (on) applyNoCache(control, listedNames(member));
      return;
    case 'private':
      if (on) applyPrivate(control, listedNames(member));
      return;
    case 'must-revalidate':
      control.mustRevalidate = on;
      return;
    case 'proxy-revalidate':
      control.proxyRevalidate = on;
      return;
    case 'no-transform':
      control.noTransform = on;
      return;
    case 'immutable':
      control.immutable = on;
      return;
    case 'public':
      control.public = value === true;
      return;
    case 'must-understand':
      control.mustUnderstand = value === true;
      return;
    case 'max-age':
      control.maxAge = seconds;
      return;
    case 's-maxage':
      control.sMaxage = seconds;
      return;
    case 'stale-while-revalidate':
      control.staleWhileRevalidate = seconds;
      return;
    case 'stale-if-error':
      control.staleIfError = seconds;
      return;
    default:
      return;
  }
}

/** Field names given as a String, a Token or an Inner List of them; undefined = take the directive as unqualified. */
function listedNames(member: Item | InnerList): readonly string[] | undefined {
  const items = innerItems(member);
  if (items === undefined) {
    const text = textOf(bareValue(member));
    return text === undefined ? undefined : fieldNames(text);
  }
  const texts = items.map((item) => textOf(bareValue(item)));
  return texts.every((text) => text !== undefined) ? fieldNames(texts.join(',')) : undefined;
}

function secondsOf(value: unknown): number | 'invalid' {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return 'invalid';
  return Math.min(value, MAX_DELTA_SECONDS);
}

const DECIMAL = /([a-z*][a-z0-9_\-.*]*)=-?\d+\./g;

/** Keys that seem to have a Decimal value: the parser gives 60 for `60.0`, but an Integer is not a Decimal (RFC 9213 §2.1). */
function decimalKeys(lines: readonly string[]): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const line of lines) {
    for (const match of line.matchAll(DECIMAL)) keys.add(match[1] ?? '');
  }
  return keys;
}

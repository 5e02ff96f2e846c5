// Secondary keys (RFC 9111 §4.1): which request fields Vary nominates, their values in comparable form, the variant
// key made of them, and the choice among stored responses. Knows no freshness.

import { Fields } from '../http/fields.ts';
import { canonicalEncodings, canonicalLanguages, isMostWantedLanguage } from './negotiation.ts';
import type { StoredMeta } from './stored.ts';
import { dateOf } from './stored-fields.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

/**
 * Lower-case names that Vary nominates, sorted, each once; '*' when a member is "*" or no field name: then nothing
 * can be matched.
 */
export function nominated(fields: Fields): readonly string[] | '*' {
  const lines = fields.all('vary');
  if (lines.length === 0) return [];
  const names = new Set<string>();
  for (const part of lines.join(',').toLowerCase().split(',')) {
    const name = part.trim();
    if (name === '') continue;
    if (name === '*' || !TOKEN.test(name)) return '*';
    names.add(name);
  }
  return [...names].sort();
}

/** Fields whose value is no list, so that blanks beside a comma belong to it. */
const SINGLETONS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'date',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'origin',
  'proxy-authorization',
  'referer',
  'user-agent',
]);

/**
 * Nominated like a field where a request's route is not chosen by its URL alone: what routes have fetched differently is
 * told apart. No field has this name (RFC 9110 §5.1).
 */
export const ROUTE = ':route';

const routeLabels = new WeakMap<Fields, string>();

/** Gives the requests that have these fields, this very object, a label as their value of ROUTE. */
export function labelRoute(fields: Fields, label: string): void {
  routeLabels.set(fields, label);
}

/** Requests with the same header bytes share one Fields, so a hit finds the values here. */
const remembered = new WeakMap<Fields, Map<string, string | undefined>>();

/**
 * The value of a request field in comparable form: two requests whose values are equal mean the same (RFC 9111 §4.1).
 * @param name lower-case
 * @returns undefined when the field is absent, which differs from empty
 */
export function normalisedValue(name: string, requestFields: Fields): string | undefined {
  let values = remembered.get(requestFields);
  if (values === undefined) {
    values = new Map();
    remembered.set(requestFields, values);
  }
  if (values.has(name)) return values.get(name);
  const combined = name === ROUTE ? routeLabels.get(requestFields) : requestFields.get(name);
  const value = combined === undefined ? undefined : normalise(name, combined);
  values.set(name, value);
  return value;
}

function normalise(name: string, value: string): string {
  if (SINGLETONS.has(name)) return value;
  const canonical =
    name === 'accept-encoding'
      ? canonicalEncodings(value)
      : name === 'accept-language'
        ? canonicalLanguages(value)
        : undefined;
  return canonical ?? withoutListBlanks(value);
}

/** Removes blanks around commas outside quoted strings. A broken quoted string leaves the value as it is. */
function withoutListBlanks(value: string): string {
  if (!value.includes(',')) return value;
  const parts: readonly string[] = value.match(/"(?:[^"\\]|\\.)*"|[^",]+|,|"/g) ?? [];
  if (parts.includes('"')) return value;
  return parts
    .map((part, i) => {
      if (part === ',' || part.startsWith('"')) return part;
      const head = i === 0 || parts[i - 1] === ',' ? part.replace(/^[ \t]+/, '') : part;
      return i === parts.length - 1 || parts[i + 1] === ',' ? head.replace(/[ \t]+$/, '') : head;
    })
    .join('');
}

/** The variant under which a response is stored: '' without names, else injective in names and values. */
export function variantKey(names: readonly string[], requestFields: Fields): string {
  if (names.length === 0) return '';
  return JSON.stringify(names.map((name) => [name, normalisedValue(name, requestFields) ?? null]));
}

type Match = 'exact' | 'language' | 'none';

/** Whether the request selects the stored response (RFC 9111 §4.1). */
export function selects(meta: StoredMeta, requestFields: Fields): boolean {
  return match(meta, requestFields) !== 'none';
}

function match(meta: StoredMeta, requestFields: Fields): Match {
  let result: Match = 'exact';
  for (let i = 0; i < meta.vary.length; i += 1) {
    const name = meta.vary[i];
    if (name === undefined) return 'none';
    if (normalisedValue(name, requestFields) === meta.varyValues[i]) continue;
    if (name !== 'accept-language' || !speaksMostWanted(meta, requestFields)) return 'none';
    result = 'language';
  }
  return result;
}

/**
 * The stored response is in one language and the request wants none more than that one: the origin, which had it
 * for another request, has nothing better to choose (RFC 9111 §4.1, RFC 9110 §12.5.4).
 */
function speaksMostWanted(meta: StoredMeta, requestFields: Fields): boolean {
  const wanted = requestFields.get('accept-language');
  const tag = new Fields(meta.lines).get('content-language');
  if (wanted === undefined || tag === undefined || tag.includes(',')) return false;
  return isMostWantedLanguage(tag, wanted);
}

/**
 * The stored response to use for a request, or undefined. Those that vary come before those that do not, then those
 * whose nominated values are equal before those matched by language, complete ones before partial ones, then the most recent by Date (RFC 9111 §4, §4.1).
 */
export function selectVariant<T extends { readonly meta: StoredMeta }>(
  stored: readonly T[],
  requestFields: Fields,
): T | undefined {
  let best: { readonly one: T; readonly found: Match } | undefined;
  for (const one of stored) {
    const found = match(one.meta, requestFields);
    if (found === 'none') continue;
    if (best === undefined || precedes(one.meta, found, best.one.meta, best.found)) best = { one, found };
  }
  return best?.one;
}

function precedes(a: StoredMeta, foundA: Match, b: StoredMeta, foundB: Match): boolean {
  // RFC 9111 §4.1: a default response without Vary does not outdo one that was chosen for such a request.
  if ((a.vary.length === 0) !== (b.vary.length === 0)) return a.vary.length > 0;
  if (foundA !== foundB) return foundA === 'exact';
  if ((a.partial === undefined) !== (b.partial === undefined)) return a.partial === undefined;
  const dates = sentAt(a) - sentAt(b);
  return dates === 0 ? a.respondedAt > b.respondedAt : dates > 0;
}

function sentAt(meta: StoredMeta): number {
  return dateOf(new Fields(meta.lines), meta.respondedAt) ?? meta.respondedAt;
}

// No-Vary-Search: which differences between two query strings the origin declares meaningless. Owns reading the
// field and comparing targets by it; whether and when to look for an equivalent stored response is the edge's.
//
// Any fault in the field means that everything counts, as without it. Names and values are compared as bytes after
// decoding, not as lossy UTF-8: two targets that are equal here are equal to every decoder.

import type { Fields } from '../http/fields.ts';
import { bareValue, dictionaryOf, innerItems, stringsOf } from './structured.ts';

export interface NoVarySearch {
  /** The order of parameters with different names means nothing. */
  readonly ignoreOrder: boolean;
  /** Names that mean nothing: a list, or all but the `except` ones. Decoded, one character a byte. */
  readonly ignored: { readonly names: ReadonlySet<string> } | { readonly allBut: ReadonlySet<string> };
}

/** The rule of a response; undefined without the field, or when it is faulty or rules nothing out. */
export function noVarySearch(fields: Fields): NoVarySearch | undefined {
  const lines = fields.all('no-vary-search');
  if (lines.length === 0) return undefined;
  const dictionary = dictionaryOf(lines);
  if (dictionary === undefined) return undefined;

  const order = dictionary.get('key-order');
  const orderValue = order === undefined ? false : bareValue(order);
  if (typeof orderValue !== 'boolean') return undefined;

  const params = dictionary.get('params');
  const exceptMember = dictionary.get('except');
  const all = params !== undefined && bareValue(params) === true;
  if (exceptMember !== undefined && !all) return undefined;

  const listed = all ? exceptMember : params;
  const none = listed === undefined || (!all && bareValue(listed) === false);
  const names = none ? new Set<string>() : nameList(innerItems(listed));
  if (names === undefined) return undefined;
  if (!all && names.size === 0 && !orderValue) return undefined;
  return { ignoreOrder: orderValue, ignored: all ? { allBut: names } : { names } };
}

function nameList(items: ReturnType<typeof innerItems>): ReadonlySet<string> | undefined {
  const names = items === undefined ? undefined : stringsOf(items);
  return names === undefined ? undefined : new Set(names.map(decode));
}

/** Whether a response stored for one target answers the other, by the stored response's rule. */
export function equivalent(rule: NoVarySearch, targetA: string, targetB: string): boolean {
  return targetA === targetB || canonicalTarget(rule, targetA) === canonicalTarget(rule, targetB);
}

/** A form that is the same for all equivalent targets and for no others. For comparing, not for sending. */
export function canonicalTarget(rule: NoVarySearch, target: string): string {
  const mark = target.indexOf('?');
  if (mark === -1) return target;
  const params: [string, string][] = [];
  for (const part of target.slice(mark + 1).split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(equals === -1 ? part : part.slice(0, equals));
    if (counts(rule, name)) params.push([name, equals === -1 ? '' : decode(part.slice(equals + 1))]);
  }
  if (rule.ignoreOrder) params.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const query = params.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  return query === '' ? target.slice(0, mark) : `${target.slice(0, mark)}?${query}`;
}

function counts({ ignored }: NoVarySearch, name: string): boolean {
  return 'names' in ignored ? !ignored.names.has(name) : ignored.allBut.has(name);
}

/** application/x-www-form-urlencoded decoding to one character a byte. */
function decode(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function encode(bytes: string): string {
  return bytes.replace(
    /[^A-Za-z0-9\-._~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
}

// Structured fields (RFC 9651), the only file that imports structured-headers. Owns turning field lines into
// dictionaries and lists, and a failed parse into undefined; knows no field's meaning.

import {
  type BareItem,
  type Dictionary,
  type InnerList,
  type Item,
  type List,
  parseDictionary,
  parseList,
  Token,
} from 'structured-headers';

export type { BareItem, Dictionary, InnerList, Item, List };

/**
 * A Dictionary (RFC 9651 §3.2) from all lines of a field.
 * @returns undefined where the field fails to parse, which means that it is ignored whole (§4.2).
 */
export function dictionaryOf(lines: readonly string[]): Dictionary | undefined {
  return attempt(() => parseDictionary(lines.join(', ')));
}

/** A List (RFC 9651 §3.1) from all lines of a field; undefined where it fails to parse. */
export function listOf(lines: readonly string[]): List | undefined {
  return attempt(() => parseList(lines.join(', ')));
}

/** The items of an Inner List, or undefined when the member is a single item. */
export function innerItems(member: Item | InnerList): readonly Item[] | undefined {
  return isInnerList(member) ? member[0] : undefined;
}

/** The bare value of an item, or undefined when the member is an Inner List. */
export function bareValue(member: Item | InnerList): BareItem | undefined {
  return isInnerList(member) ? undefined : member[0];
}

/** The text of a String or a Token, or undefined for other types. */
export function textOf(value: BareItem | undefined): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Token ? value.toString() : undefined;
}

/** All members as Strings (RFC 9651 §3.3.3), or undefined if one is anything else. Parameters are ignored. */
export function stringsOf(members: readonly (Item | InnerList)[]): readonly string[] | undefined {
  const strings: string[] = [];
  for (const member of members) {
    const value = bareValue(member);
    if (typeof value !== 'string') return undefined;
    strings.push(value);
  }
  return strings;
}

function isInnerList(member: Item | InnerList): member is InnerList {
  return Array.isArray(member[0]);
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

// From an operator's words (URLs, prefixes, hosts, tags) to the selectors of the journal. Pure; a word that names nothing
// is undefined. Whether the client spoke http or https plays no part in what is selected.

import type { Selector } from '../../storage/journal.ts';
import { cacheKey, purgeUrl } from '../cache/key.ts';
import type { KeyRules } from '../cache/rules.ts';
import { tagAsField } from '../cache/tags.ts';

/** How the keys of an authority's targets are made. */
export type KeyRulesFor = (authority: string, target: string) => KeyRules;

/** The keys that a scheme-less URL selects: whichever scheme the clients spoke, and in every space (key.ts), the purge finds it. */
export function keysOf(url: string, spaces: readonly string[]): readonly string[] {
  return spaces.flatMap((space) => [`${space}http:${url}`, `${space}https:${url}`]);
}

/** An absolute http or https URL. @param anyQuery the URL with every query it may have */
export function urlSelector(text: string, rulesFor: KeyRulesFor, anyQuery = false): Selector | undefined {
  const named = parseUrl(text);
  if (named === undefined) return undefined;
  const { authority, target } = named;
  const rules = rulesFor(authority, target);
  if (!anyQuery) return { kind: 'url', url: withoutScheme(authority, target, rules) };
  const [path = '/'] = target.split('?');
  return { kind: 'path', path: withoutScheme(authority, path, rules) };
}

/** The beginning of URLs, with or without a scheme, perhaps with one `*` at the end. */
export function prefixSelector(text: string, rulesFor: KeyRulesFor): Selector | undefined {
  const begin = text.endsWith('*') ? text.slice(0, -1) : text;
  if (begin.includes('*')) return undefined;
  const named = parseUrl(/^https?:\/\//i.test(begin) ? begin : `http://${begin.replace(/^\/\//, '')}`);
  if (named === undefined) return undefined;
  const { authority, target } = named;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  // What a query begins with cannot be normalised.
  const query = mark === -1 ? '' : target.slice(mark);
  return { kind: 'prefix', prefix: withoutScheme(authority, path, rulesFor(authority, path)) + query };
}

/** A host, with its port unless it is the scheme's own. */
export function hostSelector(text: string): Selector | undefined {
  if (/[/?#@\\\s*]/.test(text)) return undefined;
  const authority = URL.parse(`http://${text}`)?.host;
  return authority === undefined || authority === '' ? undefined : { kind: 'host', host: authority };
}

/** Exactly this tag, case included. */
export function tagSelector(text: string): Selector | undefined {
  return text === '' || text !== text.trim() || /\p{Cc}/u.test(text)
    ? undefined
    : { kind: 'tag', tag: tagAsField(text) };
}

function withoutScheme(authority: string, target: string, rules: KeyRules): string {
  return purgeUrl(cacheKey('http', authority, target, rules).key);
}

/** The target byte for byte where it could stand in a request so: keys are verbatim by default, the URL parser is not. */
function parseUrl(text: string): { readonly authority: string; readonly target: string } | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined;
  const written = /^https?:\/\/[^/?#\\]+([^#]*)/i.exec(text)?.[1];
  if (written === undefined || /[^\x21-\x7e]|\\/.test(written))
    return { authority: url.host, target: url.pathname + url.search };
  return { authority: url.host, target: written.startsWith('/') ? written : `/${written}` };
}

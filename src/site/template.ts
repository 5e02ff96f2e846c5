// Texts with places in braces that a request fills: "https://www.example.org{uri}". Plain data once parsed; pure.
// Every value comes from a request whose head has passed the grammar, so it holds no line break.

import { type Pattern, wildcards } from '../config/patterns.ts';
import type { Request } from '../http/message.ts';

const NAMES = ['scheme', 'host', 'uri', 'path', 'query', 'method', 'client'] as const;

type Name = (typeof NAMES)[number];

/** Literal texts and places, in order; a number is what the n-th `*` of the route's path stood for. */
export type Template = readonly (string | { readonly name: Name } | { readonly star: number })[];

/** Said where a template is not allowed as it is. */
export const PLACES = `${NAMES.map((name) => `{${name}}`).join(', ')}, and {1}, {2}, … for what each "*" of the route's path stood for`;

/** @returns undefined for a place that is not known, or a brace without its other. */
export function parseTemplate(text: string): Template | undefined {
  const parts: Template[number][] = [];
  for (const part of text.split(/(\{[^{}]*\})/)) {
    if (part === '') continue;
    if (!part.startsWith('{')) {
      if (/[{}]/.test(part)) return undefined;
      parts.push(part);
      continue;
    }
    const place = placeOf(part.slice(1, -1));
    if (place === undefined) return undefined;
    parts.push(place);
  }
  return parts;
}

/** The number of the last star that a template names; 0 for none. */
export function starsOf(template: Template): number {
  return Math.max(0, ...template.map((part) => (typeof part === 'object' && 'star' in part ? part.star : 0)));
}

/** What the places stand for: the request's words, and the path patterns of its route with the path that one of them matched. */
export interface Values {
  readonly request: Pick<Request, 'scheme' | 'authority' | 'target' | 'method'>;
  readonly patterns: readonly Pattern[];
  /** In the spelling that patterns see. */
  readonly path: string;
  /** The client's address. */
  readonly client: string;
}

export function fillTemplate(template: Template, { request, patterns, path, client }: Values): string {
  let stars: readonly string[] | undefined;
  let text = '';
  for (const part of template) {
    if (typeof part === 'string') text += part;
    else if ('name' in part) text += part.name === 'client' ? client : wordOf(part.name, request);
    else {
      stars ??= starsIn(patterns, path);
      text += stars[part.star - 1] ?? '';
    }
  }
  return text;
}

function starsIn(patterns: readonly Pattern[], path: string): readonly string[] {
  for (const pattern of patterns) {
    const stars = wildcards(pattern, path);
    if (stars !== undefined) return stars;
  }
  return [];
}

function placeOf(text: string): Template[number] | undefined {
  const star = /^[1-9]$/.test(text) ? Number(text) : undefined;
  if (star !== undefined) return { star };
  const name = NAMES.find((one) => one === text);
  return name === undefined ? undefined : { name };
}

function wordOf(
  name: Exclude<Name, 'client'>,
  { scheme, authority, target, method }: Values['request'],
): string {
  const mark = target.indexOf('?');
  switch (name) {
    case 'scheme':
      return scheme;
    case 'host':
      return authority;
    case 'uri':
      return target;
    case 'path':
      return mark === -1 ? target : target.slice(0, mark);
    case 'query':
      return mark === -1 ? '' : target.slice(mark);
    case 'method':
      return method;
    default:
      return name satisfies never;
  }
}

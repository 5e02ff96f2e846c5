// What the settings change in header fields: remove, set, add, in this order. Pure.

import type { FieldLines } from '../http/fields.ts';
import { fillTemplate, type Template, type Values } from './template.ts';

/** Names are lower-case in `removed`; `lines` are what comes in: of `set` and of `add`. */
export interface Edits {
  /** What is removed, and what is set anew. */
  readonly removed: ReadonlySet<string>;
  readonly lines: FieldLines;
}

/** Edits whose values are filled by each request. */
export interface EditTemplates {
  readonly removed: ReadonlySet<string>;
  readonly lines: readonly { readonly name: string; readonly value: Template }[];
}

/** The settings' form: plain data. */
export interface EditsConfig {
  readonly remove: readonly string[];
  readonly set: readonly (readonly [string, Template])[];
  readonly add: readonly (readonly [string, Template])[];
}

/** @returns undefined where nothing is changed. The last in `configs` speaks last. */
export function editTemplates(configs: readonly EditsConfig[]): EditTemplates | undefined {
  const removed = new Set<string>();
  let lines: { name: string; value: Template }[] = [];
  for (const { remove, set, add } of configs) {
    const gone = new Set([...remove, ...set.map(([name]) => name.toLowerCase())]);
    lines = lines.filter(({ name }) => !gone.has(name.toLowerCase()));
    for (const name of gone) removed.add(name);
    lines.push(...[...set, ...add].map(([name, value]) => ({ name, value })));
  }
  return removed.size === 0 && lines.length === 0 ? undefined : { removed, lines };
}

/** True when no value depends on the request. */
export function isStatic({ lines }: EditTemplates): boolean {
  return lines.every(({ value }) => value.every((part) => typeof part === 'string'));
}

export function fillEdits({ removed, lines }: EditTemplates, values: Values): Edits {
  return { removed, lines: lines.flatMap(({ name, value }) => [name, fillTemplate(value, values)]) };
}

/** Edits that depend on no request. */
export function staticEdits({ removed, lines }: EditTemplates): Edits {
  return { removed, lines: lines.flatMap(({ name, value }) => [name, value.join('')]) };
}

export function edited(lines: FieldLines, { removed, lines: more }: Edits): FieldLines {
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] ?? '';
    if (!isRemoved(name.toLowerCase(), removed)) kept.push(name, lines[i + 1] ?? '');
  }
  kept.push(...more);
  return kept;
}

/** Also in the spelling that applications read as the same: X_Real_IP is HTTP_X_REAL_IP like X-Real-IP. */
function isRemoved(name: string, removed: ReadonlySet<string>): boolean {
  return removed.has(name) || (name.includes('_') && removed.has(name.replaceAll('_', '-')));
}

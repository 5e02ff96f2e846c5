// Faults of settings: what zod found, as path, given value and what is allowed; and the one error that carries them all.

import type { z } from 'zod';
import { nearest } from './nearest.ts';

export interface Fault {
  /** `routes[0].cache.ttl`, `--memory`, or a file name. */
  readonly path: string;
  /** What was given, as JSON, cut to a line's length. Secrets are hidden. */
  readonly value: string;
  readonly allowed: string;
}

/** Ends a start: every fault there is, in one message. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[], source: string) {
    const lines = faults.map(({ path, value, allowed }) => `  ${path}: ${value}; allowed: ${allowed}`);
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    super([`${count} in the settings (${source})`, ...lines].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Path = readonly PropertyKey[];

const LONGEST = 80;
/** Names whose values are kept out of messages, misspelt ones too. */
const SECRET = /tok(?!enFile)|secret(?!File)|passw|\busers/i;

/** Every issue as a fault; one for each unknown key. `input` is what was parsed, `rename` may put another name on a path. */
export function faultsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  rename: (path: string) => string | undefined = () => undefined,
): readonly Fault[] {
  return issues.flatMap((issue) => {
    const isUnknown = issue.code === 'unrecognized_keys';
    const paths = isUnknown ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    return paths.map((path) => {
      const name = formatPath(path);
      const given = issue.code === 'invalid_key' ? path.at(-1) : valueAt(input, path);
      const allowed = isUnknown ? meant(String(path.at(-1)), issue.message) : issue.message;
      return { path: rename(name) ?? name, value: show(given, name), allowed };
    });
  });
}

const UNKNOWN = 'nothing of that name; known here: ';

/** What is allowed in place of a name that a section does not know. */
export function unknownName(known: readonly string[]): string {
  return `${UNKNOWN}${known.join(', ')}`;
}

/** Says which of the known names may have been meant. */
function meant(typed: string, allowed: string): string {
  if (!allowed.startsWith(UNKNOWN)) return allowed;
  const near = nearest(typed, allowed.slice(UNKNOWN.length).split(', '));
  return near === undefined ? allowed : `${allowed}; did you mean "${near}"?`;
}

/** ['routes', 0, 'cache', 'a b'] → `routes[0].cache["a b"]`; the whole is `(the whole)`. */
export function formatPath(path: Path): string {
  const parts = path.map((key, index) => {
    if (typeof key === 'number') return `[${key}]`;
    const name = String(key);
    if (!/^[\w$-]{1,60}$/.test(name)) return `[${cut(JSON.stringify(name))}]`;
    return index === 0 ? name : `.${name}`;
  });
  return parts.length === 0 ? '(the whole)' : parts.join('');
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined,
    input,
  );
}

function show(value: unknown, path: string): string {
  if (value === undefined) return 'not given';
  if (SECRET.test(path)) return '(hidden)';
  const hide = (key: string, one: unknown): unknown => (SECRET.test(key) ? '(hidden)' : one);
  return cut(JSON.stringify(value, hide).replace(/\/\/[^/@"]*@/g, '//…@'));
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

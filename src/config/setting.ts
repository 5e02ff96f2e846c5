// The kinds of settings that schema.ts is written with. Each carries `allowed`, one phrase that is the message of a fault,
// the text of the docs table and part of the editor's hint, so that the three cannot differ. Knows no setting by name.

import { z } from 'zod';
import { unknownName } from './faults.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts';

// Settings are parsed once or twice: making code for that takes longer than it saves.
z.config({ jitless: true });

interface Bounds {
  readonly min: number;
  readonly max: number;
}

const SIZE_PATTERN = '\\d+(\\.\\d+)?(B|KB|MB|GB|TB)?';
const DURATION_PATTERN = '\\d+(\\.\\d+)?(ms|s|m|h|d)';

/** Bytes, from "256MB" or a plain number. */
export function size(sentence: string, bounds: Bounds) {
  const allowed = sizePhrase(bounds);
  return parsed(sizeInput(allowed), sentence, allowed, (value) => within(parseSize(value), bounds));
}

/** Bytes, or `word` for the absence of a limit. */
export function sizeOr<const W extends string>(word: W, sentence: string, bounds: Bounds) {
  const allowed = `"${word}", or ${sizePhrase(bounds)}`;
  return parsed(sizeInput(allowed, word), sentence, allowed, (value) =>
    value === word ? word : within(parseSize(value), bounds),
  );
}

/** Milliseconds, from "30s". */
export function duration(sentence: string, bounds: Bounds) {
  const allowed = durationPhrase(bounds);
  return parsed(durationInput(allowed), sentence, allowed, (value) => within(parseDuration(value), bounds));
}

/** Milliseconds, or `word`. */
export function durationOr<const W extends string>(word: W, sentence: string, bounds: Bounds) {
  const allowed = `"${word}", or ${durationPhrase(bounds)}`;
  return parsed(durationInput(allowed, word), sentence, allowed, (value) =>
    value === word ? word : within(parseDuration(value), bounds),
  );
}

export function integer(sentence: string, { min, max }: Bounds) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed).meta({ description: sentence, allowed });
}

/** A whole number, or `word` for what is worked out. */
export function integerOr<const W extends string>(word: W, sentence: string, { min, max }: Bounds) {
  const allowed = `"${word}", or a whole number from ${min} to ${max}`;
  return z
    .union([z.literal(word), z.int(allowed).min(min, allowed).max(max, allowed)], { error: allowed })
    .meta({ description: sentence, allowed });
}

/** A number that need not be whole. */
export function decimal(sentence: string, { min, max }: Bounds) {
  const allowed = `a number from ${min} to ${max}`;
  return z.number(allowed).min(min, allowed).max(max, allowed).meta({ description: sentence, allowed });
}

export function flag(sentence: string) {
  const allowed = 'true or false';
  return z.boolean(allowed).meta({ description: sentence, allowed });
}

export function oneOf<const T extends readonly [string, ...string[]]>(sentence: string, values: T) {
  const allowed = values.map((value) => `"${value}"`).join(', ');
  return z.enum(values, allowed).meta({ description: sentence, allowed });
}

/** A string that `parse` understands; undefined from `parse` is a fault. */
export function text<T>(sentence: string, allowed: string, parse: (value: string) => T | undefined) {
  return parsed(z.string(allowed), sentence, allowed, parse);
}

/** A list of strings that `parse` understands one by one. */
export function list<T>(sentence: string, item: string, parse: (value: string) => T | undefined) {
  const allowed = `a list; each ${item}`;
  const one = parsedString(z.string(item), item, parse);
  return z.array(one, allowed).meta({ description: sentence, allowed });
}

/** Durations by name, as in {"404": "10s"}; `name` says which names are allowed. */
export function durationsBy(
  sentence: string,
  name: { readonly pattern: RegExp; readonly allowed: string },
  bounds: Bounds,
) {
  const each = durationPhrase(bounds);
  const allowed = `an object of ${name.allowed}, each with ${each}`;
  const value = parsedString(durationInput(each), each, (text) => within(parseDuration(text), bounds));
  return z
    .record(z.string().regex(name.pattern), value, { error: allowed })
    .meta({ description: sentence, allowed });
}

/** An object of settings. An unknown key is a fault, which lists the known ones. */
export function section<S extends z.ZodRawShape>(sentence: string, shape: S) {
  const names = Object.keys(shape);
  const error = (issue: { readonly code: string | undefined }): string =>
    issue.code === 'unrecognized_keys' ? unknownName(names) : `an object with: ${names.join(', ')}`;
  return z.strictObject(shape, { error }).meta({ description: sentence });
}

function parsed<I extends z.ZodType, T>(
  input: I,
  sentence: string,
  allowed: string,
  parse: (value: z.output<I>) => T | undefined,
) {
  return parsedString(input, allowed, parse).meta({ description: sentence, allowed });
}

function parsedString<I extends z.ZodType, T>(
  input: I,
  allowed: string,
  parse: (value: z.output<I>) => T | undefined,
) {
  return input.transform((value, context): T => {
    const result = parse(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}

function sizeInput(allowed: string, word?: string) {
  return z.union(
    [
      z.string().meta({ pattern: wholly(SIZE_PATTERN, word) }),
      z.number().meta({ type: 'integer', minimum: 0 }),
    ],
    {
      error: allowed,
    },
  );
}

function durationInput(allowed: string, word?: string) {
  return z.string(allowed).meta({ pattern: wholly(DURATION_PATTERN, word) });
}

function wholly(pattern: string, word: string | undefined): string {
  return word === undefined ? `^${pattern}$` : `^(${word}|${pattern})$`;
}

function within(value: number | undefined, { min, max }: Bounds): number | undefined {
  return value !== undefined && value >= min && value <= max ? value : undefined;
}

function sizePhrase({ min, max }: Bounds): string {
  return `a size such as "256MB" or plain bytes, ${formatSize(min)} to ${formatSize(max)}`;
}

function durationPhrase({ min, max }: Bounds): string {
  return `a duration such as "30s" or "500ms", ${formatDuration(min)} to ${formatDuration(max)}`;
}

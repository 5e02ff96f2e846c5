// The files that settings come from and that they name: settings, tokens, the contents of answers. Each is read once per start and
// reload; what cannot be read is a fault.

import { readFileSync } from 'node:fs';
import type { Fault } from './faults.ts';
import { findJsonFault } from './json.ts';
import { type Parsed, token } from './schema.ts';
import { why } from './why.ts';

/** The settings in a file. */
export function readJson(file: string): { json: unknown; faults: readonly Fault[] } {
  const text = readText(file);
  if (text instanceof Error) {
    return { json: {}, faults: [{ path: file, value: why(text), allowed: 'a readable JSON file' }] };
  }
  const fault = findJsonFault(text);
  if (fault === undefined) return { json: JSON.parse(text), faults: [] };
  const value = `line ${fault.line}, column ${fault.column}: ${fault.problem}`;
  return { json: {}, faults: [{ path: file, value, allowed: 'JSON' }] };
}

/** The token in the first line of a file. @param path of the setting that names it */
export function readToken(file: string, path: string): { token: string } | { fault: Fault } {
  const text = readText(file);
  if (text instanceof Error) {
    return {
      fault: {
        path,
        value: `${JSON.stringify(file)}: ${why(text)}`,
        allowed: 'a readable file',
      },
    };
  }
  const found = token((text.split('\n')[0] ?? '').trimEnd());
  if (found !== undefined) return { token: found };
  const allowed = 'a file whose first line is 16 to 512 visible characters without spaces';
  return { fault: { path, value: `${JSON.stringify(file)}: no token in it`, allowed } };
}

const MAX_BODY_BYTES = 1024 * 1024;

/** The content of the route at this place, where it answers itself. */
export function readBody(
  respond: Parsed['routes'][number]['respond'],
  i: number,
): { body: Buffer } | { fault: Fault } {
  const file = respond?.file;
  if (file === undefined) return { body: Buffer.from(respond?.body ?? '') };
  try {
    const body = readFileSync(file);
    if (body.length <= MAX_BODY_BYTES) return { body };
    return { fault: bodyFault(i, file, 'larger than 1 MB') };
  } catch (error) {
    return { fault: bodyFault(i, file, why(error)) };
  }
}

function bodyFault(i: number, file: string, problem: string): Fault {
  const value = `${JSON.stringify(file)}: ${problem}`;
  return { path: `routes[${i}].respond.file`, value, allowed: 'a readable file of 1 MB at most' };
}

function readText(file: string): string | Error {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

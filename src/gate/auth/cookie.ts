// A token in a cookie (RFC 6265 §4.2), for browsers, which send no Authorization of their own. Pure, total.

import { Fields } from '../../http/fields.ts';
import type { Credentials } from './credentials.ts';

/** Where several of this name differ none counts: a client may not have set them all itself. */
export function tokenIn(fields: Fields, name: string): Credentials {
  const values = fields
    .all('cookie')
    .flatMap(pairs)
    .filter((pair) => nameOf(pair) === name)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
  const [token = ''] = values;
  if (values.some((value) => value !== token)) return { kind: 'unusable' };
  if (token === '') return { kind: 'none' };
  return /^[A-Za-z0-9\-._]{1,16384}$/.test(token) ? { kind: 'cookie', token } : { kind: 'unusable' };
}

/** Without the cookies of this name; the same where there is none. */
export function withoutCookie(fields: Fields, name: string): Fields {
  const isKept = (pair: string): boolean => nameOf(pair) !== name;
  if (fields.all('cookie').flatMap(pairs).every(isKept)) return fields;
  const lines: string[] = [];
  for (let i = 0; i < fields.lines.length; i += 2) {
    const [field = '', value = ''] = [fields.lines[i], fields.lines[i + 1]];
    if (field.toLowerCase() !== 'cookie') lines.push(field, value);
    else if (pairs(value).some(isKept)) lines.push(field, pairs(value).filter(isKept).join('; '));
  }
  return new Fields(lines);
}

function pairs(line: string): readonly string[] {
  return line.split(';').map((pair) => pair.trim());
}

/** undefined of what is no pair. */
function nameOf(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals === -1 ? undefined : pair.slice(0, equals).trim();
}

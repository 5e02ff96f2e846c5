// Cookies in a request's fields (RFC 6265 §4.2, §5.4). Pure, total; names are compared as they are written.

import { Fields } from './fields.ts';

/** The values of all cookies of this name. */
export function cookieValues(fields: Fields, name: string): readonly string[] {
  return fields
    .all('cookie')
    .flatMap(pairs)
    .filter((pair) => nameOf(pair) === name)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim());
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

export function cookieName(value: string): string | undefined {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(value) ? value : undefined;
}

function pairs(line: string): readonly string[] {
  return line.split(';').map((pair) => pair.trim());
}

/** undefined of what is no pair. */
function nameOf(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  return equals === -1 ? undefined : pair.slice(0, equals).trim();
}

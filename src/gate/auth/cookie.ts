// A token in a cookie, for browsers, which send no Authorization of their own. Pure, total.

import { cookieValues } from '../../http/cookies.ts';
import type { Fields } from '../../http/fields.ts';
import type { Credentials } from './credentials.ts';

/** Where several of this name differ none counts: a client may not have set them all itself. */
export function tokenIn(fields: Fields, name: string): Credentials {
  const values = cookieValues(fields, name);
  const [token = ''] = values;
  if (values.some((value) => value !== token)) return { kind: 'unusable' };
  if (token === '') return { kind: 'none' };
  return /^[A-Za-z0-9\-._]{1,16384}$/.test(token) ? { kind: 'cookie', token } : { kind: 'unusable' };
}

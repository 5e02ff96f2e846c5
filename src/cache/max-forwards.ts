// Max-Forwards (RFC 9110 §7.6.2): how far OPTIONS and TRACE may go. For other methods the field is ignored.

import type { Fields } from '../http/fields.ts';

export type MaxForwards =
  /** Forward without the field: it is absent, invalid, or not for this method. */
  | { readonly kind: 'ignore' }
  /** This is the last hop: the edge answers itself. */
  | { readonly kind: 'answer' }
  /** Forward with this value. */
  | { readonly kind: 'forward'; readonly value: number };

/** What is larger is passed on as this, which no chain of proxies reaches. */
const MAX_VALUE = 2 ** 31;

export function maxForwards(method: string, fields: Fields): MaxForwards {
  if (method !== 'OPTIONS' && method !== 'TRACE') return { kind: 'ignore' };
  const [value, ...more] = fields.all('max-forwards');
  if (value === undefined || more.length > 0 || !/^[0-9]+$/.test(value)) return { kind: 'ignore' };
  const hops = Math.min(Number(value), MAX_VALUE);
  return hops === 0 ? { kind: 'answer' } : { kind: 'forward', value: hops - 1 };
}

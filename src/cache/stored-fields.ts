// Which field lines travel on and which are kept: hop-by-hop fields end here. Owns the lists of names; knows no
// freshness. Used for what is forwarded (endToEnd) and for what is stored (storedLines).

import type { FieldLines, Fields } from '../http/fields.ts';
import { formatHttpDate, parseHttpDate } from './http-date.ts';

/** RFC 9110 §7.6.1, RFC 9111 §3.1; Content-Length is the writer's, made from the body. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
]);

/** Age is computed on delivery; Warning is obsolete (RFC 9111 §5.5) and would be wrong after a validation. */
const NEVER_STORED: ReadonlySet<string> = new Set(['age', 'warning']);

/** The lines a message is forwarded with: none that is hop-by-hop, none that Connection names, no Content-Length. */
export function endToEnd(fields: Fields): FieldLines {
  return fields.without(hopByHopNames(fields)).lines;
}

/**
 * The lines a response is stored with: those of `endToEnd` without Age, Warning and `alsoWithout`, with a valid Date
 * (RFC 9110 §6.6.1: a missing or broken one is replaced by the time of receipt).
 * @param alsoWithout lower-case names
 */
export function storedLines(
  fields: Fields,
  respondedAt: number,
  alsoWithout: readonly string[] = [],
): FieldLines {
  const drop = new Set([...hopByHopNames(fields), ...NEVER_STORED, ...alsoWithout]);
  const kept = fields.without(drop);
  return dateOf(kept, respondedAt) === undefined
    ? kept.with('Date', formatHttpDate(respondedAt)).lines
    : kept.lines;
}

/** The one valid Date of a response as epoch ms; undefined when missing, broken, or several that differ. */
export function dateOf(fields: Fields, now: number): number | undefined {
  return singleDate(fields.all('date'), now);
}

/** The date that all lines agree on, or undefined. */
export function singleDate(lines: readonly string[], now: number): number | undefined {
  const [first] = lines;
  if (first === undefined || lines.some((line) => line !== first)) return undefined;
  return parseHttpDate(first, now);
}

function hopByHopNames(fields: Fields): ReadonlySet<string> {
  const named = fields.all('connection');
  if (named.length === 0) return HOP_BY_HOP;
  const names = new Set(HOP_BY_HOP);
  for (const line of named) {
    for (const option of line.split(',')) names.add(option.trim().toLowerCase());
  }
  return names;
}

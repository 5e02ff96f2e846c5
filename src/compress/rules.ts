// Which responses the edge may encode: the operator's rules, and what RFC 9110 §7.7 (no-transform) and the response itself
// say. Pure.

import { type CacheControl, parseCacheControl } from '../cache/cache-control.ts';
import { matchesPattern, type Pattern, parseMediaPattern } from '../config/patterns.ts';
import type { Fields } from '../http/fields.ts';
import type { Coding } from './coding.ts';

/** Settings of a route, plain data. */
export interface CompressRules {
  /** In order of preference; none leaves content as it is. */
  readonly encodings: readonly Coding[];
  /** Media types of content that is worth it. */
  readonly types: readonly Pattern[];
  /** Sizes of content that is worth it. */
  readonly minBytes: number;
  readonly maxBytes: number;
  /** How hard each coding tries, in its own scale. */
  readonly levels: Readonly<Record<Coding, number>>;
}

/** Content that is text, or as good as: what is compressed already (pictures, films, archives, woff2) is not among it. */
export const DEFAULT_TYPES: readonly string[] = [
  'text/*',
  'application/javascript',
  'application/x-javascript',
  'application/ecmascript',
  'application/json',
  'application/*+json',
  'application/ndjson',
  'application/x-ndjson',
  'application/xml',
  'application/*+xml',
  'application/graphql',
  'application/rtf',
  'application/wasm',
  'application/vnd.ms-fontobject',
  'application/x-font-ttf',
  'application/x-font-otf',
  'font/ttf',
  'font/otf',
  'font/collection',
  'font/sfnt',
  'image/svg+xml',
  'image/bmp',
  'image/x-icon',
  'image/vnd.microsoft.icon',
  'model/*',
];

export const DEFAULT_COMPRESS: CompressRules = {
  encodings: [],
  types: DEFAULT_TYPES.map((text) => parseMediaPattern(text) ?? []),
  minBytes: 1024,
  maxBytes: 8 * 1024 * 1024,
  levels: { zstd: 9, br: 6, gzip: 6 },
};

/** A response's head, as far as it counts here. */
export interface Encodable {
  readonly status: number;
  readonly fields: Fields;
  /** What counts of Cache-Control or the field that stands in for it (RFC 9213). */
  readonly control: Pick<CacheControl, 'noTransform'>;
  /** Lower-case names that tell its variants apart. */
  readonly vary: readonly string[];
}

/** Fields after which the bytes are not ours to change. */
const FORBIDDING = ['content-encoding', 'content-range', 'signature-input'] as const;

/** Whether forms of the response may be made. A length that is not announced is looked at when it is known. */
export function mayEncode(rules: CompressRules, { status, fields, control, vary }: Encodable): boolean {
  if (rules.encodings.length === 0 || status !== 200 || control.noTransform) return false;
  // The origin chooses by it: it encodes what it wants encoded.
  if (vary.includes('accept-encoding')) return false;
  if (FORBIDDING.some((name) => fields.has(name))) return false;
  const announced = fields.get('content-length');
  if (announced !== undefined && !isWorthwhile(rules, Number(announced))) return false;
  // RFC 9213 §2.2 lets another field stand in for Cache-Control; what it says to every intermediary holds all the same.
  if (parseCacheControl(fields.all('cache-control')).noTransform) return false;
  const type = (fields.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  return rules.types.some((pattern) => matchesPattern(pattern, type));
}

export function isWorthwhile({ minBytes, maxBytes }: CompressRules, bytes: number): boolean {
  return bytes >= minBytes && bytes <= maxBytes;
}

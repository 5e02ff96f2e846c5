// The Cache-Status field (RFC 9211): our own member as a structured field, behind those of upstream caches. Owns the words
// of `detail` and X-Cache. The types cannot say hit and fwd at once (RFC 9211 §2.2).

import type { OutcomeName } from '../observe/outcome.ts';
import { listOf } from './structured.ts';

/** Why a request went forward (RFC 9211 §2.2). */
export type ForwardReason =
  | 'bypass'
  | 'method'
  | 'uri-miss'
  | 'vary-miss'
  | 'miss'
  | 'request'
  | 'stale'
  | 'partial';

interface Common {
  /** A word of DETAILS, of NO_STORE_REASONS (no-store-reasons.ts) or of FAILURES (origin/failure.ts). */
  readonly detail?: string | undefined;
  /** The cache key; behind a debug setting, for it may tell more than the URL does. */
  readonly key?: string | undefined;
}

/** Answered from the store without asking the origin. */
export interface HitStatus extends Common {
  readonly hit: true;
  /** Seconds of freshness left, negative when stale. */
  readonly ttl: number;
  readonly fwd?: never;
}

/** Went to the origin, or was answered from the store because the origin failed. */
export interface ForwardStatus extends Common {
  readonly fwd: ForwardReason;
  readonly fwdStatus?: number | undefined;
  readonly ttl?: number | undefined;
  readonly stored?: boolean | undefined;
  readonly collapsed?: boolean | undefined;
  readonly hit?: never;
}

/** The edge's own answer: neither a hit nor forwarded. */
export interface OwnStatus extends Common {
  readonly detail: string;
  readonly hit?: never;
  readonly fwd?: never;
}

export type CacheStatus = HitStatus | ForwardStatus | OwnStatus;

/** The words of `detail`, besides why a response was not stored and what the origin failed with. */
export const DETAILS = {
  'stale-while-revalidate':
    'Stale, served at once while the origin is asked in the background (RFC 5861 §3).',
  'max-stale': "Stale, within what the request's max-stale accepts (RFC 9111 §5.2.1.2).",
  'stale-if-error': 'Stale, served because the origin failed, within stale-if-error (RFC 5861 §4).',
  disconnected:
    'Stale, served because the origin cannot be reached and nothing forbids it (RFC 9111 §4.2.4).',
  fresh: 'Fresh, but the client asked for validation, and the origin failed.',
  'only-if-cached':
    'The request wants no origin asked, and nothing stored may be used: 504 (RFC 9111 §5.2.1.7).',
  'storage-error': 'The store could not be read; the request was answered as a miss.',
  'not-shared': "Waited for another request's fetch, whose response was for that request alone.",
  'max-forwards': 'OPTIONS or TRACE at its last hop: answered here (RFC 9110 §7.6.2).',
  'connect-refused': 'CONNECT is not served by a reverse proxy.',
  'upgrade-refused': 'The request asks for another protocol, which the settings do not allow.',
  'upgrade-malformed': 'The request asks for WebSocket without what its handshake needs.',
  connect: 'A tunnel of the forward proxy (CONNECT).',
  'bad-destination': 'The forward proxy was asked for what is no host.',
  'port-denied': 'The forward proxy does not connect to this port.',
  'acl-denied': 'A rule of the forward proxy denies the request.',
  'acl-default': 'No rule of the forward proxy allows the request.',
  'too-many-tunnels': 'As many tunnels are open as may be.',
  loop: 'The request has been through this edge before.',
  purge: 'A PURGE request, answered by the edge.',
} as const satisfies Record<string, string>;

export type Detail = keyof typeof DETAILS;

/**
 * Our member of Cache-Status, a structured-field Item (RFC 9211 §2).
 * @param name of this cache
 */
export function formatCacheStatus(name: string, status: CacheStatus): string {
  let text = itemOf(name);
  if (status.hit === true) {
    text += `; hit; ttl=${integer(status.ttl)}`;
  } else if (status.fwd !== undefined) {
    text += `; fwd=${status.fwd}`;
    if (status.fwdStatus !== undefined) text += `; fwd-status=${integer(status.fwdStatus)}`;
    if (status.ttl !== undefined) text += `; ttl=${integer(status.ttl)}`;
    if (status.stored === true) text += '; stored';
    if (status.collapsed === true) text += '; collapsed';
  }
  if (status.detail !== undefined) text += `; detail=${tokenOrString(status.detail)}`;
  if (status.key !== undefined) text += `; key=${sfString(status.key)}`;
  return text;
}

/** An upstream list longer than this is not passed on. */
const MAX_UPSTREAM_CHARS = 4096;

/**
 * The field with our member at its end, nearest the client (RFC 9211 §2). Upstream lines that are no structured field, or
 * too long, are dropped: kept, they would make the whole field unreadable.
 */
export function appendCacheStatus(upstream: readonly string[], own: string): string {
  if (upstream.length === 0) return own;
  const before = upstream.join(', ').trim();
  if (before === '' || before.length > MAX_UPSTREAM_CHARS || (listOf([before])?.length ?? 0) === 0)
    return own;
  return `${before}, ${own}`;
}

/** X-Cache, for people's habits. */
export type XCache = 'HIT' | 'MISS' | 'STALE' | 'BYPASS' | 'REVALIDATED';

const X_CACHE: Readonly<Record<OutcomeName, XCache>> = {
  hit: 'HIT',
  stale: 'STALE',
  revalidated: 'REVALIDATED',
  miss: 'MISS',
  bypass: 'BYPASS',
  refused: 'MISS',
  failed: 'MISS',
  tunnel: 'BYPASS',
  local: 'BYPASS',
};

export function xCache(outcome: OutcomeName): XCache {
  return X_CACHE[outcome];
}

let named = { name: '', item: '' };

/** The name of this cache, which is the same all the time. */
function itemOf(name: string): string {
  if (name !== named.name) named = { name, item: tokenOrString(name) };
  return named.item;
}

const TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;

function tokenOrString(text: string): string {
  return TOKEN.test(text) ? text : sfString(text);
}

/** RFC 9651 §3.3.3. What a String cannot hold is percent-encoded, as it would be in a URL. */
function sfString(text: string): string {
  const escaped = text.replace(/["\\]|[^\x20-\x7e]/gu, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : percentEncoded(char),
  );
  return `"${escaped}"`;
}

function percentEncoded(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  // Field values and targets are latin1: one character, one byte. Beyond it, UTF-8.
  const bytes = point < 256 ? [point] : [...Buffer.from(char, 'utf8')];
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

const MAX_INTEGER = 999_999_999_999_999;

/** RFC 9651 §3.3.1: at most 15 digits. */
function integer(value: number): number {
  if (Number.isNaN(value)) return 0;
  // `+ 0` turns -0 into 0.
  return Math.trunc(Math.min(Math.max(value, -MAX_INTEGER), MAX_INTEGER)) + 0;
}

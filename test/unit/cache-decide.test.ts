import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/cache/age.ts';
import { type Decision, decide, mayServeOnError } from '../../src/cache/decide.ts';
import { requestFacts } from '../../src/cache/request-directives.ts';
import { type CacheRules, DEFAULT_RULES } from '../../src/cache/rules.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Fields } from '../../src/http/fields.ts';
import { storedMeta, T0 } from '../support/stored-meta.ts';

interface Row {
  readonly name: string;
  readonly method?: string;
  readonly request?: Readonly<Record<string, string>>;
  readonly stored?: Partial<StoredMeta> | 'none';
  readonly verdict?: Verdict;
  readonly rules?: Partial<CacheRules>;
  readonly hadVariants?: boolean;
  /** Seconds after the stored response arrived; it is fresh for 60. */
  readonly at: number;
  /** The decision in short, see `short`. */
  readonly is: string;
}

function short(decision: Decision): string {
  switch (decision.kind) {
    case 'bypass':
    case 'only-if-cached':
      return decision.kind;
    case 'method':
      return decision.invalidate ? 'method, invalidate' : 'method';
    case 'hit':
      return `hit age=${decision.ageMs / 1000} ttl=${decision.ttlMs / 1000}`;
    case 'stale':
      return `stale ${decision.reason} ttl=${decision.ttlMs / 1000}${decision.refresh ? ' refresh' : ''}`;
    case 'revalidate':
      return `revalidate ${decision.reason} ${decision.cause}${decision.mayServeStaleIfError ? ' sie' : ''}${decision.store ? '' : ' no-store'}`;
    case 'partial':
      return decision.need === undefined
        ? 'partial'
        : `partial need ${decision.need.start}-${decision.need.end ?? ''}`;
    case 'miss':
      return `miss ${decision.reason}${decision.store ? '' : ' no-store'}`;
    default:
      return decision satisfies never;
  }
}

const cc = (value: string): Record<string, string> => ({ 'Cache-Control': value });
const SWR: Partial<StoredMeta> = { staleWhileRevalidateMs: 30_000 };
const SIE: Partial<StoredMeta> = { staleIfErrorMs: 30_000 };
const PART: Partial<StoredMeta> = { status: 206, etag: '"a"', partial: { start: 0, end: 5, complete: 10 } };

const TABLES: Readonly<Record<string, readonly Row[]>> = {
  'methods (RFC 9111 §4, §4.4)': [
    { name: 'GET from the store', at: 10, is: 'hit age=10 ttl=50' },
    { name: 'HEAD from a stored GET', method: 'HEAD', at: 10, is: 'hit age=10 ttl=50' },
    ...['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH', 'FROBNICATE', 'get'].map((method) => ({
      name: `${method} is forwarded and invalidates`,
      method,
      at: 10,
      is: 'method, invalidate',
    })),
    ...['OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'].map((method) => ({
      name: `${method} is forwarded and invalidates nothing`,
      method,
      at: 10,
      is: 'method',
    })),
    { name: 'a route that bypasses', rules: { bypass: true }, at: 10, is: 'bypass' },
  ],
  'misses (RFC 9211 §2.2)': [
    { name: 'nothing under the key', stored: 'none', at: 0, is: 'miss uri-miss' },
    { name: 'variants, none selected', stored: 'none', hadVariants: true, at: 0, is: 'miss vary-miss' },
    { name: 'a purged one', verdict: 'deleted', at: 10, is: 'miss miss' },
    {
      name: 'no-store in the request forbids storing',
      stored: 'none',
      request: cc('no-store'),
      at: 0,
      is: 'miss uri-miss no-store',
    },
    {
      name: 'no-store where clients are not honoured',
      stored: 'none',
      request: cc('no-store'),
      rules: { honourClient: false },
      at: 0,
      is: 'miss uri-miss',
    },
    {
      name: 'no-store does not forbid reuse (§5.2.1.5)',
      request: cc('no-store'),
      at: 10,
      is: 'hit age=10 ttl=50',
    },
  ],
  'freshness (RFC 9111 §4.2)': [
    { name: 'the last instant of freshness', at: 59.999, is: 'hit age=59.999 ttl=0.001' },
    { name: 'the first instant of staleness', at: 60, is: 'revalidate stale expired' },
    {
      name: 'age on arrival counts',
      stored: { initialAgeMs: 55_000 },
      at: 5,
      is: 'revalidate stale expired',
    },
    { name: 'a clock set back makes nothing younger', at: -100, is: 'hit age=0 ttl=60' },
    {
      name: 'no-cache is validated however fresh',
      stored: { noCache: true },
      at: 1,
      is: 'revalidate stale no-cache',
    },
    {
      name: 'must-revalidate is served while fresh',
      stored: { mustRevalidate: true },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
    {
      name: 'a soft purge makes it stale',
      verdict: 'invalidated',
      at: 1,
      is: 'revalidate stale invalidated',
    },
    {
      name: 'Authorization in the request does not matter to what was storable (§3.5)',
      request: { Authorization: 'Basic eA==' },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
  ],
  'request directives (RFC 9111 §5.2.1)': [
    { name: 'no-cache', request: cc('no-cache'), at: 1, is: 'revalidate request client' },
    { name: 'Pragma alone (§5.4)', request: { Pragma: 'no-cache' }, at: 1, is: 'revalidate request client' },
    {
      name: 'Pragma beside Cache-Control',
      request: { Pragma: 'no-cache', ...cc('max-age=100') },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
    { name: 'max-age above the age', request: cc('max-age=10'), at: 10, is: 'hit age=10 ttl=50' },
    { name: 'max-age below the age', request: cc('max-age=10'), at: 11, is: 'revalidate request client sie' },
    { name: 'max-age=0 on arrival', request: cc('max-age=0'), at: 0, is: 'revalidate request client sie' },
    {
      name: 'a max-age that cannot be read',
      request: cc('max-age=soon'),
      at: 1,
      is: 'revalidate request client sie',
    },
    { name: 'min-fresh met', request: cc('min-fresh=50'), at: 10, is: 'hit age=10 ttl=50' },
    { name: 'min-fresh not met', request: cc('min-fresh=50'), at: 11, is: 'revalidate request client sie' },
    {
      name: 'not honoured',
      request: cc('no-cache'),
      rules: { honourClient: false },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
    {
      name: 'strict honours them again',
      request: cc('no-cache'),
      rules: { honourClient: false, strict: true },
      at: 1,
      is: 'revalidate request client',
    },
    { name: 'a stale one is stale first', request: cc('no-cache'), at: 70, is: 'revalidate stale expired' },
    { name: 'only-if-cached, fresh', request: cc('only-if-cached'), at: 1, is: 'hit age=1 ttl=59' },
    { name: 'only-if-cached, stale', request: cc('only-if-cached'), at: 70, is: 'only-if-cached' },
    {
      name: 'only-if-cached, nothing',
      stored: 'none',
      request: cc('only-if-cached'),
      at: 0,
      is: 'only-if-cached',
    },
    {
      name: 'only-if-cached is honoured whatever the route says',
      stored: 'none',
      request: cc('only-if-cached'),
      rules: { honourClient: false },
      at: 0,
      is: 'only-if-cached',
    },
    {
      name: 'only-if-cached within stale-while-revalidate',
      stored: SWR,
      request: cc('only-if-cached'),
      at: 70,
      is: 'stale stale-while-revalidate ttl=-10 refresh',
    },
  ],
  'stale-while-revalidate (RFC 5861 §3)': [
    { name: 'within the window', stored: SWR, at: 70, is: 'stale stale-while-revalidate ttl=-10 refresh' },
    { name: 'after it', stored: SWR, at: 90, is: 'revalidate stale expired' },
    {
      name: 'soft purged while fresh',
      stored: SWR,
      verdict: 'invalidated',
      at: 10,
      is: 'stale stale-while-revalidate ttl=0 refresh',
    },
    {
      name: 'must-revalidate forbids',
      stored: { ...SWR, mustRevalidate: true },
      at: 70,
      is: 'revalidate stale expired',
    },
    { name: 'no-cache forbids', stored: { ...SWR, noCache: true }, at: 70, is: 'revalidate stale no-cache' },
    {
      name: 'a client that says no-cache',
      stored: SWR,
      request: cc('no-cache'),
      at: 70,
      is: 'revalidate stale expired',
    },
    {
      name: 'a client that says max-age',
      stored: SWR,
      request: cc('max-age=99'),
      at: 70,
      is: 'revalidate stale expired',
    },
    {
      name: 'a client that says min-fresh',
      stored: SWR,
      request: cc('min-fresh=1'),
      at: 70,
      is: 'revalidate stale expired',
    },
  ],
  'max-stale (RFC 9111 §5.2.1.2)': [
    { name: 'within', request: cc('max-stale=10'), at: 70, is: 'stale max-stale ttl=-10' },
    { name: 'beyond', request: cc('max-stale=10'), at: 71, is: 'revalidate stale expired' },
    { name: 'without a value: any', request: cc('max-stale'), at: 7000, is: 'stale max-stale ttl=-6940' },
    { name: 'unreadable: none', request: cc('max-stale=x'), at: 70, is: 'revalidate stale expired' },
    {
      name: 'with max-age as the bound of age',
      request: cc('max-stale=100, max-age=70'),
      at: 71,
      is: 'revalidate stale expired sie',
    },
    {
      name: 'with a max-age that it is within',
      request: cc('max-stale=100, max-age=80'),
      at: 71,
      is: 'stale max-stale ttl=-11',
    },
    {
      name: 'must-revalidate forbids',
      stored: { mustRevalidate: true },
      request: cc('max-stale'),
      at: 70,
      is: 'revalidate stale expired',
    },
    {
      name: 'no-cache forbids',
      stored: { noCache: true },
      request: cc('max-stale'),
      at: 70,
      is: 'revalidate stale no-cache',
    },
    {
      name: 'does not reach behind a purge',
      verdict: 'invalidated',
      request: cc('max-stale'),
      at: 10,
      is: 'revalidate stale invalidated',
    },
    {
      name: 'not honoured',
      request: cc('max-stale'),
      rules: { honourClient: false },
      at: 70,
      is: 'revalidate stale expired',
    },
  ],
  'conditions for the origin (RFC 9110 §13.1.1, §13.1.4)': [
    {
      name: 'If-Match that holds',
      stored: { etag: '"a"' },
      request: { 'If-Match': '"a"' },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
    {
      name: 'If-Match that does not',
      stored: { etag: '"a"' },
      request: { 'If-Match': '"b"' },
      at: 1,
      is: 'revalidate request condition',
    },
    {
      name: 'If-Match compares strongly',
      stored: { etag: 'W/"a"' },
      request: { 'If-Match': 'W/"a"' },
      at: 1,
      is: 'revalidate request condition',
    },
    {
      name: 'If-None-Match is answered from the store',
      stored: { etag: '"a"' },
      request: { 'If-None-Match': '"b"' },
      at: 1,
      is: 'hit age=1 ttl=59',
    },
  ],
  'stored parts (RFC 9111 §3.3)': [
    { name: 'a range within', stored: PART, request: { Range: 'bytes=1-3' }, at: 1, is: 'hit age=1 ttl=59' },
    { name: 'the whole', stored: PART, at: 1, is: 'partial need 5-' },
    {
      name: 'a range that reaches out',
      stored: PART,
      request: { Range: 'bytes=3-6' },
      at: 1,
      is: 'partial need 5-7',
    },
    {
      name: 'a range that reaches out to the end',
      stored: PART,
      request: { Range: 'bytes=3-' },
      at: 1,
      is: 'partial need 5-',
    },
    { name: 'a suffix', stored: PART, request: { Range: 'bytes=-5' }, at: 1, is: 'partial need 5-' },
    { name: 'a range beside it', stored: PART, request: { Range: 'bytes=8-9' }, at: 1, is: 'partial' },
    {
      name: 'several ranges, not all within',
      stored: PART,
      request: { Range: 'bytes=0-1,7-8' },
      at: 1,
      is: 'partial',
    },
    {
      name: 'a missing head',
      stored: { ...PART, partial: { start: 5, end: 10, complete: 10 } },
      at: 1,
      is: 'partial need 0-5',
    },
    {
      name: 'a part in the middle',
      stored: { ...PART, partial: { start: 3, end: 6, complete: 10 } },
      at: 1,
      is: 'partial',
    },
    {
      name: 'of unknown length',
      stored: { ...PART, partial: { start: 0, end: 5, complete: undefined } },
      at: 1,
      is: 'partial need 5-',
    },
    {
      name: 'without a strong validator nothing is joined',
      stored: { ...PART, etag: 'W/"a"' },
      at: 1,
      is: 'partial',
    },
    {
      name: 'HEAD asks for the whole',
      method: 'HEAD',
      stored: PART,
      request: { Range: 'bytes=1-3' },
      at: 1,
      is: 'partial',
    },
    {
      name: 'If-Range that does not hold wants the whole',
      stored: PART,
      request: { Range: 'bytes=1-3', 'If-Range': '"b"' },
      at: 1,
      is: 'partial need 5-',
    },
    {
      name: 'stale, a range within',
      stored: PART,
      request: { Range: 'bytes=1-3' },
      at: 70,
      is: 'revalidate stale expired',
    },
    { name: 'a range of a complete one', request: { Range: 'bytes=1-3' }, at: 1, is: 'hit age=1 ttl=59' },
  ],
  'stale-if-error is announced (RFC 5861 §4)': [
    { name: 'within the window', stored: SIE, at: 70, is: 'revalidate stale expired sie' },
    { name: 'after it', stored: SIE, at: 90, is: 'revalidate stale expired' },
    {
      name: "the request's own window",
      request: cc('stale-if-error=20'),
      at: 70,
      is: 'revalidate stale expired sie',
    },
  ],
};

for (const [title, rows] of Object.entries(TABLES)) {
  describe(title, () => {
    for (const row of rows) {
      it(`${row.name}: ${row.is}`, () => {
        const stored = row.stored === 'none' ? undefined : storedMeta(row.stored);
        const decision = decide({
          method: row.method ?? 'GET',
          request: requestFacts(Fields.from(row.request ?? {})),
          stored,
          verdict: row.verdict ?? 'valid',
          rules: { ...DEFAULT_RULES, ...row.rules },
          hadVariants: row.hadVariants ?? stored !== undefined,
          now: T0 + row.at * 1000,
        });
        expect(short(decision)).toBe(row.is);
      });
    }
  });
}

describe('a stored response in place of a failed origin', () => {
  type Kind = 'unreachable' | number;
  const rows: readonly (readonly [
    string,
    Partial<StoredMeta>,
    Readonly<Record<string, string>>,
    number,
    Kind,
    string | undefined,
    { readonly rules?: Partial<CacheRules>; readonly verdict?: Verdict }?,
  ])[] = [
    ['unreachable, nothing forbids (§4.2.4)', {}, {}, 9999, 'unreachable', 'disconnected'],
    ['a 503 without a window', {}, {}, 70, 503, undefined],
    ['a 503 within the window', SIE, {}, 70, 503, 'stale-if-error'],
    ['a 500 within the window', SIE, {}, 70, 500, 'stale-if-error'],
    ['a 501 is no such error', SIE, {}, 70, 501, undefined],
    ['a 404 is no error', SIE, {}, 70, 404, undefined],
    ['unreachable within the window', SIE, {}, 70, 'unreachable', 'stale-if-error'],
    ['unreachable after a named window', SIE, {}, 90, 'unreachable', undefined],
    ["the request's window", {}, cc('stale-if-error=20'), 70, 502, 'stale-if-error'],
    ["after the request's window", {}, cc('stale-if-error=20'), 81, 'unreachable', undefined],
    ['max-stale', {}, cc('max-stale=20'), 70, 504, 'max-stale'],
    ['must-revalidate (§5.2.2.2)', { ...SIE, mustRevalidate: true }, {}, 70, 'unreachable', undefined],
    [
      'must-revalidate, while it is fresh',
      { mustRevalidate: true },
      cc('max-age=0'),
      10,
      'unreachable',
      'fresh',
    ],
    ['no-cache (§5.2.2.4)', { ...SIE, noCache: true }, {}, 10, 'unreachable', undefined],
    ['the client says no-cache', SIE, cc('no-cache'), 70, 'unreachable', undefined],
    [
      'the client says no-cache, not honoured',
      SIE,
      cc('no-cache'),
      70,
      'unreachable',
      'stale-if-error',
      { rules: { honourClient: false } },
    ],
    ['a reload', {}, cc('max-age=0'), 70, 'unreachable', 'disconnected'],
    ['a reload, strictly', {}, cc('max-age=0'), 70, 'unreachable', undefined, { rules: { strict: true } }],
    ['soft purged, unreachable', {}, {}, 10, 'unreachable', 'disconnected', { verdict: 'invalidated' }],
    ['soft purged, within the window', SIE, {}, 10, 503, 'stale-if-error', { verdict: 'invalidated' }],
    ['purged', SIE, {}, 10, 'unreachable', undefined, { verdict: 'deleted' }],
    ['If-Match that does not hold', { etag: '"a"' }, { 'If-Match': '"b"' }, 10, 'unreachable', undefined],
    ['a part that lacks what is asked for', PART, {}, 70, 'unreachable', undefined],
  ];
  for (const [name, stored, request, at, kind, expected, more = {}] of rows) {
    it(name, () => {
      const ground = mayServeOnError({
        stored: storedMeta(stored),
        request: requestFacts(Fields.from(request)),
        verdict: more.verdict ?? 'valid',
        rules: { ...DEFAULT_RULES, ...more.rules },
        now: T0 + at * 1000,
        kind,
      });
      expect(ground).toBe(expected);
    });
  }
});

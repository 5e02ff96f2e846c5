import { describe, expect, it } from 'vitest';
import { type RequestFacts, requestFacts } from '../../src/cache/request-directives.ts';
import { Fields } from '../../src/http/fields.ts';

const PLAIN = {
  plain: true,
  noStore: false,
  noCache: false,
  maxAgeSeconds: undefined,
  minFreshSeconds: undefined,
  maxStaleSeconds: undefined,
  staleIfErrorSeconds: undefined,
  onlyIfCached: false,
  hasAuthorization: false,
  hasRange: false,
  conditional: false,
  originCondition: false,
};

describe('request directives (RFC 9111 §5.2.1)', () => {
  const rows: readonly (readonly [
    string,
    Readonly<Record<string, string | readonly string[]>>,
    Partial<RequestFacts>,
  ])[] = [
    ['nothing', { Accept: '*/*', Cookie: 'a=b' }, {}],
    ['unknown directives change nothing', { 'Cache-Control': 'frob, x=1, no-transform' }, {}],
    ['any case', { 'Cache-Control': 'No-Cache, NO-STORE' }, { noCache: true, noStore: true }],
    ['several lines', { 'Cache-Control': ['no-store', 'max-age=5'] }, { noStore: true, maxAgeSeconds: 5 }],
    ['a quoted number', { 'Cache-Control': 'max-age="5"' }, { maxAgeSeconds: 5 }],
    ['an unreadable max-age is 0', { 'Cache-Control': 'max-age=-1' }, { maxAgeSeconds: 0 }],
    ['max-age without a value is 0', { 'Cache-Control': 'max-age' }, { maxAgeSeconds: 0 }],
    [
      'an unreadable min-fresh is never met',
      { 'Cache-Control': 'min-fresh=x' },
      { minFreshSeconds: Number.POSITIVE_INFINITY },
    ],
    [
      'max-stale without a value',
      { 'Cache-Control': 'max-stale' },
      { maxStaleSeconds: Number.POSITIVE_INFINITY },
    ],
    ['max-stale', { 'Cache-Control': 'max-stale=7' }, { maxStaleSeconds: 7 }],
    ['an unreadable max-stale allows nothing', { 'Cache-Control': 'max-stale=7.5, x' }, { plain: true }],
    ['an unreadable stale-if-error allows nothing', { 'Cache-Control': 'stale-if-error=' }, { plain: true }],
    ['no-cache with an argument', { 'Cache-Control': 'no-cache="etag"' }, { noCache: true }],
    ['Pragma alone', { Pragma: 'x, No-Cache' }, { noCache: true }],
    ['Pragma of another kind', { Pragma: 'no-cache-please' }, { plain: true }],
    ['Pragma beside an empty Cache-Control', { Pragma: 'no-cache', 'Cache-Control': '' }, { plain: true }],
    ['Authorization', { Authorization: 'x' }, { hasAuthorization: true }],
    ['Range', { Range: 'bytes=0-' }, { hasRange: true }],
    ['If-Range', { 'If-Range': '"a"' }, { conditional: true }],
    ['If-None-Match', { 'If-None-Match': '"a"' }, { conditional: true }],
    ['If-Modified-Since', { 'If-Modified-Since': 'x' }, { conditional: true }],
    ['If-Match', { 'If-Match': '"a"' }, { conditional: true, originCondition: true }],
    ['If-Unmodified-Since', { 'If-Unmodified-Since': 'x' }, { conditional: true, originCondition: true }],
    ['only-if-cached', { 'Cache-Control': 'only-if-cached' }, { onlyIfCached: true }],
  ];
  it.each(rows)('%s', (_name, fields, expected) => {
    const { fields: _fields, ...facts } = requestFacts(Fields.from(fields));
    const restricted = Object.keys(expected).length > 0;
    expect(facts).toEqual({ ...PLAIN, plain: !restricted, ...expected });
  });

  it('is read once per header block', () => {
    const fields = Fields.from({ 'Cache-Control': 'no-cache' });
    expect(requestFacts(fields)).toBe(requestFacts(fields));
  });
});

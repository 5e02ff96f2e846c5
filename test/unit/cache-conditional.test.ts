import { describe, expect, it } from 'vitest';
import {
  evaluate,
  notModifiedLines,
  originConditionsHold,
  revalidationLines,
} from '../../src/cache/conditional.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Fields } from '../../src/http/fields.ts';
import { storedMeta, T0, T0_DATE } from '../support/stored-meta.ts';

const EARLIER = 'Sun, 09 Sep 2001 01:46:39 GMT';
const LATER = 'Sun, 09 Sep 2001 01:46:41 GMT';
type Given = Readonly<Record<string, string | readonly string[]>>;

describe('answering conditions (RFC 9110 §13.2.2, RFC 9111 §4.3.2)', () => {
  const A: Partial<StoredMeta> = { etag: '"a"', lastModified: T0 };
  const rows: readonly (readonly [string, Partial<StoredMeta>, Given, 'full' | 'not-modified', string?])[] = [
    ['no condition', A, {}, 'full'],
    ['the same tag', A, { 'If-None-Match': '"a"' }, 'not-modified'],
    ['for HEAD too', A, { 'If-None-Match': '"a"' }, 'not-modified', 'HEAD'],
    ['not for POST', A, { 'If-None-Match': '"a"' }, 'full', 'POST'],
    ['another tag', A, { 'If-None-Match': '"b"' }, 'full'],
    ['another case', A, { 'If-None-Match': '"A"' }, 'full'],
    ['the first of a list', A, { 'If-None-Match': '"a", "b"' }, 'not-modified'],
    ['the last of a list', A, { 'If-None-Match': '"x","b" ,\t"a"' }, 'not-modified'],
    ['several lines', A, { 'If-None-Match': ['"b"', '"a"'] }, 'not-modified'],
    ['empty members', A, { 'If-None-Match': ',, "a",' }, 'not-modified'],
    ['a comma inside a tag', { etag: '"a,b"' }, { 'If-None-Match': '"x", "a,b"' }, 'not-modified'],
    ['a comma inside a tag is no separator', { etag: '"b"' }, { 'If-None-Match': '"a,"b""' }, 'full'],
    ['weak asked, strong stored', A, { 'If-None-Match': 'W/"a"' }, 'not-modified'],
    ['strong asked, weak stored', { etag: 'W/"a"' }, { 'If-None-Match': '"a"' }, 'not-modified'],
    ['a lower-case weakness mark is none', A, { 'If-None-Match': 'w/"a"' }, 'full'],
    ['a backslash is no escape', { etag: '"a\\b"' }, { 'If-None-Match': '"a\\b"' }, 'not-modified'],
    ['bytes beyond ASCII', { etag: '"\xfcber"' }, { 'If-None-Match': '"\xfcber"' }, 'not-modified'],
    ['the empty tag', { etag: '""' }, { 'If-None-Match': '""' }, 'not-modified'],
    ['any', A, { 'If-None-Match': ' * ' }, 'not-modified'],
    ['any, of something without a tag', {}, { 'If-None-Match': '*' }, 'not-modified'],
    ['any, in a list, is no tag', A, { 'If-None-Match': '*, "b"' }, 'full'],
    ['an unquoted tag', A, { 'If-None-Match': 'a' }, 'full'],
    ['an unquoted tag for an unquoted one', { etag: 'a' }, { 'If-None-Match': 'a' }, 'not-modified'],
    ['an open quote', A, { 'If-None-Match': '"a' }, 'full'],
    ['nothing', A, { 'If-None-Match': '' }, 'full'],
    ['an error response', { ...A, status: 404 }, { 'If-None-Match': '"a"' }, 'full'],
    ['a redirect', { ...A, status: 301 }, { 'If-None-Match': '*' }, 'full'],
    ['not modified since', A, { 'If-Modified-Since': T0_DATE }, 'not-modified'],
    ['not modified since later', A, { 'If-Modified-Since': LATER }, 'not-modified'],
    ['modified since', A, { 'If-Modified-Since': EARLIER }, 'full'],
    ['an obsolete date form', A, { 'If-Modified-Since': 'Sunday, 09-Sep-01 01:46:40 GMT' }, 'not-modified'],
    ['asctime', A, { 'If-Modified-Since': 'Sun Sep  9 01:46:40 2001' }, 'not-modified'],
    ['no date', A, { 'If-Modified-Since': 'yesterday' }, 'full'],
    ['two dates', A, { 'If-Modified-Since': [T0_DATE, T0_DATE] }, 'full'],
    ['without Last-Modified the Date counts', {}, { 'If-Modified-Since': T0_DATE }, 'not-modified'],
    ['without Last-Modified, before the Date', {}, { 'If-Modified-Since': EARLIER }, 'full'],
    ['without Date, the time of receipt', { lines: [] }, { 'If-Modified-Since': T0_DATE }, 'not-modified'],
    ['a tag beats a date', A, { 'If-None-Match': '"b"', 'If-Modified-Since': LATER }, 'full'],
    ['an unreadable tag beats a date', A, { 'If-None-Match': '"', 'If-Modified-Since': LATER }, 'full'],
    ['If-Match is not for caches', A, { 'If-Match': '"b"', 'If-None-Match': '"a"' }, 'not-modified'],
  ];
  for (const [name, meta, request, expected, method = 'GET'] of rows) {
    it(name, () => {
      expect(evaluate(method, Fields.from(request), storedMeta(meta))).toBe(expected);
    });
  }
});

describe('conditions for the origin (RFC 9110 §13.1.1, §13.1.4)', () => {
  const A: Partial<StoredMeta> = { etag: '"a"', lastModified: T0 };
  const rows: readonly (readonly [string, Partial<StoredMeta>, Given, boolean])[] = [
    ['If-Match: the tag', A, { 'If-Match': '"b", "a"' }, true],
    ['If-Match: any', {}, { 'If-Match': '*' }, true],
    ['If-Match: weak never matches', { etag: 'W/"a"' }, { 'If-Match': 'W/"a"' }, false],
    ['If-Match: no tag stored', {}, { 'If-Match': '"a"' }, false],
    ['If-Unmodified-Since holds', A, { 'If-Unmodified-Since': T0_DATE }, true],
    ['If-Unmodified-Since does not', A, { 'If-Unmodified-Since': EARLIER }, false],
    ['If-Unmodified-Since without Last-Modified', {}, { 'If-Unmodified-Since': EARLIER }, true],
    ['If-Unmodified-Since that is no date', A, { 'If-Unmodified-Since': '0' }, true],
    ['If-Match beats it', A, { 'If-Match': '"a"', 'If-Unmodified-Since': EARLIER }, true],
  ];
  it.each(rows)('%s', (_name, meta, request, expected) => {
    expect(originConditionsHold(Fields.from(request), storedMeta(meta))).toBe(expected);
  });
});

describe('a 304 (RFC 9110 §15.4.5)', () => {
  const lines = (extra: readonly string[]) => ['Date', T0_DATE, 'Cache-Control', 'max-age=9', ...extra];

  it('carries what a 200 would of the fields that must be there, and no metadata of the representation', () => {
    const must = ['ETag', '"a"', 'Vary', 'Accept', 'Expires', LATER, 'Content-Location', '/x', 'X-Own', '1'];
    const not = [
      'Content-Type',
      'text/html',
      'content-encoding',
      'gzip',
      'Content-Language',
      'en',
      'Last-Modified',
      EARLIER,
      'Content-MD5',
      'x',
    ];
    const meta = storedMeta({ etag: '"a"', lines: lines([...must, ...not]) });
    expect(notModifiedLines(meta, 7)).toEqual([...lines(must), 'Age', '7']);
  });

  it('carries Last-Modified where there is no tag, and Age only when it is known', () => {
    const meta = storedMeta({ lines: lines(['Last-Modified', EARLIER, 'Age', '3']) });
    expect(notModifiedLines(meta)).toEqual(lines(['Last-Modified', EARLIER]));
  });
});

describe('our own validation (RFC 9111 §4.3.1)', () => {
  const dated = (changes: Partial<StoredMeta>) =>
    storedMeta({ lastModified: T0, lines: ['Last-Modified', T0_DATE], ...changes });
  const etag = (value: string) => storedMeta({ etag: value });
  const since = ['If-Modified-Since', T0_DATE];
  const rows: readonly (readonly [
    string,
    StoredMeta | undefined,
    readonly StoredMeta[],
    readonly string[],
  ])[] = [
    ['a tag', etag('"a"'), [], ['If-None-Match', '"a"']],
    ['a weak tag', etag('W/"a"'), [], ['If-None-Match', 'W/"a"']],
    ['a date, as it was written', dated({}), [], since],
    ['both', dated({ etag: '"a"' }), [], ['If-None-Match', '"a"', ...since]],
    ['neither', storedMeta(), [], []],
    [
      'with other variants no date',
      dated({ etag: '"a"' }),
      [etag('"b"'), etag('"a"')],
      ['If-None-Match', '"a", "b"'],
    ],
    ["others' tags do not mute a date", dated({}), [etag('"b"')], since],
    ['a vary-miss', undefined, [etag('"b"'), etag('"c"'), storedMeta()], ['If-None-Match', '"b", "c"']],
    [
      'parts join no list',
      etag('"a"'),
      [storedMeta({ etag: '"p"', partial: { start: 0, end: 1, complete: 2 } })],
      ['If-None-Match', '"a"'],
    ],
    ['a broken tag stands alone', etag('a, b'), [etag('"b"')], ['If-None-Match', 'a, b']],
    ['broken tags of others are left out', etag('"a"'), [etag('b')], ['If-None-Match', '"a"']],
  ];
  it.each(rows)('%s', (_name, selected, variants, expected) => {
    expect(revalidationLines(selected, variants)).toEqual(expected);
  });

  it('bounds the list', () => {
    const many = Array.from({ length: 100 }, (_, i) => etag(`"${i}"`));
    expect(revalidationLines(etag('"a"'), many)[1]?.split(', ')).toHaveLength(16);
  });
});

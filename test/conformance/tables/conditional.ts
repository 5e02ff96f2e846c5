// If-None-Match and If-Modified-Since answered from the store (RFC 9110 §13.1.2, §13.1.3).

import type { HeaderInput } from '../../support/wire.ts';
import { ask, fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const CACHE = 'RFC 9111 §4.3.2';
const INM = 'RFC 9110 §13.1.2';
const IMS = 'RFC 9110 §13.1.3';
const FRESH = { 'Cache-Control': 'max-age=100' };

const NOT_MODIFIED = { status: 304, asked: 0, body: '' } as const;

/** The stored ETag, the request's If-None-Match: 304 from the store, or the whole. */
const matches = (
  id: string,
  title: string,
  etag: string,
  inm: string | readonly string[],
  clause = INM,
): Row =>
  optimal(
    `inm-${id}`,
    clause,
    title,
    fetched({ ...FRESH, ETag: etag }),
    later(1, NOT_MODIFIED, ask({ 'If-None-Match': inm })),
  );
const differs = (
  id: string,
  title: string,
  etag: string | undefined,
  inm: string | readonly string[],
  clause = INM,
): Row =>
  required(
    `inm-${id}`,
    clause,
    title,
    fetched(etag === undefined ? FRESH : { ...FRESH, ETag: etag }),
    later(1, 'hit', ask({ 'If-None-Match': inm })),
  );

const tags: readonly Row[] = [
  matches('strong', 'the strong tag', '"a"', '"a"'),
  matches('weak', 'the weak tag', 'W/"a"', 'W/"a"'),
  matches('weak-asked', 'a weak tag for a stored strong one: comparison is weak', '"a"', 'W/"a"'),
  matches('weak-stored', 'a strong tag for a stored weak one', 'W/"a"', '"a"'),
  matches('star', '* matches whatever is stored', '"a"', '*'),
  matches('first', 'first of a list', '"a"', '"a", "b", "c"'),
  matches('middle', 'in the middle of a list', '"b"', '"a", "b", "c"'),
  matches('last', 'last of a list', '"c"', '"a", "b", "c"'),
  matches('weak-list', 'in a list with weak tags', '"c"', 'W/"a", "b", W/"c"'),
  matches('no-blanks', 'in a list without blanks', '"b"', '"a","b","c"'),
  matches('blanks', 'in a list with blanks, tabs and empty members', '"b"', '"a" ,\t, "b",'),
  matches('lines', 'on the second of two lines', '"b"', ['"a"', '"b"']),
  matches('comma', 'a tag with a comma in it', '"a,b"', '"x", "a,b"'),
  matches('backslash', 'a backslash is a plain character', '"a\\b"', '"a\\b"'),
  matches('backslash-end', 'also before the closing quote', '"a\\"', '"a\\", "b"'),
  matches('empty-tag', 'the empty tag', '""', '""'),
  matches(
    'blank-free-specials',
    'every character that a tag may have',
    '"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"',
    '"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"',
  ),
  optimal(
    'inm-obs-text',
    INM,
    'octets beyond ASCII',
    now(
      { asked: 1, status: 200 },
      {
        origin: {
          play: 'bytes',
          bytes:
            'HTTP/1.1 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\nETag: "\xe4"\r\nContent-Length: 1\r\n\r\nx',
        },
      },
    ),
    later(1, NOT_MODIFIED, ask({ 'If-None-Match': '"\xe4"' })),
  ),
  matches('unquoted', 'an unquoted tag of an origin that sends such', 'abc', 'abc', 'RFC 9110 §8.8.3'),
  differs('other', 'another tag', '"a"', '"b"'),
  differs('other-list', 'a list without it', '"a"', '"b", "c", W/"d"'),
  differs('case', 'the tag in another case', '"a"', '"A"'),
  differs('prefix', 'a longer tag', '"a"', '"ab"'),
  differs('inside', 'the tag within another', '"b"', '"a,b"'),
  differs('no-etag', 'nothing stored to compare with', undefined, '"a"'),
  differs('star-quoted', 'a quoted star is a tag', '"a"', '"*"'),
  differs('half-quoted', 'a tag without its closing quote', '"a"', '"a'),
  differs('escape', 'no escape is undone', '"ab"', '"a\\b"'),
  differs('no-comma', 'a list without commas names none after the first', '"b"', '"a" "b"'),
  optimal(
    'inm-star-no-etag',
    INM,
    '* matches a response without ETag',
    fetched(FRESH),
    later(1, NOT_MODIFIED, ask({ 'If-None-Match': '*' })),
  ),
  optimal(
    'inm-head',
    INM,
    'a HEAD gets its 304 too',
    fetched({ ...FRESH, ETag: '"a"' }),
    later(1, NOT_MODIFIED, { request: { method: 'HEAD', headers: { 'If-None-Match': '"a"' } } }),
  ),
];

const LM = { ...FRESH, 'Last-Modified': '{t-1000}' };
const since = (
  id: string,
  title: string,
  value: string | readonly string[],
  found: 304 | 200,
  headers: HeaderInput = LM,
  clause = IMS,
): Row =>
  (found === 304 ? optimal : required)(
    `ims-${id}`,
    clause,
    title,
    fetched(headers),
    later(5, found === 304 ? NOT_MODIFIED : 'hit', ask({ 'If-Modified-Since': value })),
  );

const dates: readonly Row[] = [
  since('same', 'the stored Last-Modified', '{t-1000}', 304),
  since('later', 'a later date', '{t-999}', 304),
  since('now', 'the present', '{t+5}', 304),
  since('850', 'in the form of RFC 850', '{t-1000|850}', 304, LM, 'RFC 9110 §5.6.7'),
  since('asctime', 'in the form of asctime()', '{t-1000|asctime}', 304, LM, 'RFC 9110 §5.6.7'),
  since(
    'stored-850',
    'Last-Modified stored in the form of RFC 850',
    '{t-1000}',
    304,
    { ...FRESH, 'Last-Modified': '{t-1000|850}' },
    'RFC 9110 §5.6.7',
  ),
  since('earlier', 'an earlier date', '{t-1001}', 200),
  since('long-ago', 'a date long ago', 'Thu, 01 Jan 1970 00:00:00 GMT', 200),
  since('word', 'no date is ignored', 'yesterday', 200),
  since('number', 'a number is ignored', '2000000000', 200),
  since('empty', 'an empty one is ignored', '', 200),
  since('iso', 'an ISO 8601 date is ignored', '2050-01-01T00:00:00Z', 200),
  since('list', 'two of them are ignored', ['{t-1000}', '{t}'], 200),
  since('by-date', 'without Last-Modified the Date counts', '{t}', 304, FRESH, CACHE),
  since('by-date-earlier', 'and an earlier date gets the whole', '{t-1}', 200, FRESH, CACHE),
  optimal(
    'ims-by-receipt',
    CACHE,
    'without Date the time of receipt',
    fetched(FRESH, { date: false }),
    later(5, NOT_MODIFIED, ask({ 'If-Modified-Since': '{t}' })),
  ),
  optimal(
    'ims-head',
    IMS,
    'a HEAD gets its 304 too',
    fetched(LM),
    later(1, NOT_MODIFIED, { request: { method: 'HEAD', headers: { 'If-Modified-Since': '{t-1000}' } } }),
  ),
];

export const conditional: Table = { topic: 'Conditional requests', rows: [...tags, ...dates] };

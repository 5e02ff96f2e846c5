// Conditional requests that the cache answers itself (RFC 9111 §4.3.2, RFC 9110 §13).

import { ask, cc, fetched, later, now, optimal, required, type Row, type Table } from '../row.ts';
import type { HeaderInput } from '../../support/wire.ts';

const CACHE = 'RFC 9111 §4.3.2';
const INM = 'RFC 9110 §13.1.2';
const IMS = 'RFC 9110 §13.1.3';
const FRESH = { 'Cache-Control': 'max-age=100' };

const NOT_MODIFIED = { status: 304, asked: 0, body: '' } as const;

/** The stored ETag, the request's If-None-Match: 304 from the store, or the whole. */
const matches = (id: string, title: string, etag: string, inm: string | readonly string[], clause = INM): Row =>
  optimal(`inm-${id}`, clause, title, fetched({ ...FRESH, ETag: etag }), later(1, NOT_MODIFIED, ask({ 'If-None-Match': inm })));
const differs = (id: string, title: string, etag: string | undefined, inm: string | readonly string[], clause = INM): Row =>
  required(`inm-${id}`, clause, title, fetched(etag === undefined ? FRESH : { ...FRESH, ETag: etag }), later(1, 'hit', ask({ 'If-None-Match': inm })));

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
  matches('blank-free-specials', 'every character that a tag may have', "\"!#$%&'()*+-./:;<=>?@[]^_`{|}~\"", "\"!#$%&'()*+-./:;<=>?@[]^_`{|}~\""),
  optimal('inm-obs-text', INM, 'octets beyond ASCII', now({ asked: 1, status: 200 }, { origin: { play: 'bytes', bytes: 'HTTP/1.1 200 OK\r\nDate: {now}\r\nCache-Control: max-age=100\r\nETag: "\xe4"\r\nContent-Length: 1\r\n\r\nx' } }), later(1, NOT_MODIFIED, ask({ 'If-None-Match': '"\xe4"' }))),
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
  optimal('inm-star-no-etag', INM, '* matches a response without ETag', fetched(FRESH), later(1, NOT_MODIFIED, ask({ 'If-None-Match': '*' }))),
  optimal('inm-head', INM, 'a HEAD gets its 304 too', fetched({ ...FRESH, ETag: '"a"' }), later(1, NOT_MODIFIED, { request: { method: 'HEAD', headers: { 'If-None-Match': '"a"' } } })),
];

const LM = { ...FRESH, 'Last-Modified': '{t-1000}' };
const since = (id: string, title: string, value: string | readonly string[], found: 304 | 200, headers: HeaderInput = LM, clause = IMS): Row =>
  (found === 304 ? optimal : required)(`ims-${id}`, clause, title, fetched(headers), later(5, found === 304 ? NOT_MODIFIED : 'hit', ask({ 'If-Modified-Since': value })));

const dates: readonly Row[] = [
  since('same', 'the stored Last-Modified', '{t-1000}', 304),
  since('later', 'a later date', '{t-999}', 304),
  since('now', 'the present', '{t+5}', 304),
  since('850', 'in the form of RFC 850', '{t-1000|850}', 304, LM, 'RFC 9110 §5.6.7'),
  since('asctime', 'in the form of asctime()', '{t-1000|asctime}', 304, LM, 'RFC 9110 §5.6.7'),
  since('stored-850', 'Last-Modified stored in the form of RFC 850', '{t-1000}', 304, { ...FRESH, 'Last-Modified': '{t-1000|850}' }, 'RFC 9110 §5.6.7'),
  since('earlier', 'an earlier date', '{t-1001}', 200),
  since('long-ago', 'a date long ago', 'Thu, 01 Jan 1970 00:00:00 GMT', 200),
  since('word', 'no date is ignored', 'yesterday', 200),
  since('number', 'a number is ignored', '2000000000', 200),
  since('empty', 'an empty one is ignored', '', 200),
  since('iso', 'an ISO 8601 date is ignored', '2050-01-01T00:00:00Z', 200),
  since('list', 'two of them are ignored', ['{t-1000}', '{t}'], 200),
  since('by-date', 'without Last-Modified the Date counts', '{t}', 304, FRESH, CACHE),
  since('by-date-earlier', 'and an earlier date gets the whole', '{t-1}', 200, FRESH, CACHE),
  optimal('ims-by-receipt', CACHE, 'without Date the time of receipt', fetched(FRESH, { date: false }), later(5, NOT_MODIFIED, ask({ 'If-Modified-Since': '{t}' }))),
  optimal('ims-head', IMS, 'a HEAD gets its 304 too', fetched(LM), later(1, NOT_MODIFIED, { request: { method: 'HEAD', headers: { 'If-Modified-Since': '{t-1000}' } } })),
];

const BOTH = { ...LM, ETag: '"a"' };
const OF_304 = { ...BOTH, 'Content-Location': '/x', Expires: '{t+50}', Vary: 'X-A', 'Content-Type': 'text/plain', 'Content-Language': 'en', 'X-B': '1' };

const rules: readonly Row[] = [
  required('cond-both-tag', 'RFC 9110 §13.2.2', 'If-None-Match that does not match overrules If-Modified-Since', fetched(BOTH), later(1, 'hit', ask({ 'If-None-Match': '"b"', 'If-Modified-Since': '{t-1000}' }))),
  required('cond-both-date', 'RFC 9110 §13.2.2', 'If-None-Match that matches overrules it too', fetched(BOTH), later(1, NOT_MODIFIED, ask({ 'If-None-Match': '"a"', 'If-Modified-Since': '{t-5000}' }))),
  required('cond-no-etag', 'RFC 9110 §13.2.2', 'also where no ETag is stored', fetched(LM), later(1, 'hit', ask({ 'If-None-Match': '"a"', 'If-Modified-Since': '{t-1000}' }))),
  ...(['ETag', 'Cache-Control', 'Content-Location', 'Date', 'Expires', 'Vary'] as const).map((name) =>
    required(`cond-304-${name.toLowerCase()}`, 'RFC 9110 §15.4.5', `the 304 has ${name}`, fetched({ ...OF_304, Date: '{t}' }), later(1, { ...NOT_MODIFIED, headers: { [name]: name === 'Date' ? '{t}' : OF_304[name] } }, ask({ 'If-None-Match': '"a"' }))),
  ),
  optimal('cond-304-slim', 'RFC 9110 §15.4.5', 'and no metadata of the representation besides', fetched(OF_304), later(1, { ...NOT_MODIFIED, headers: { 'Content-Type': null, 'Content-Language': null, 'Content-Length': null, 'Last-Modified': null } }, ask({ 'If-None-Match': '"a"' }))),
  optimal('cond-304-date-only', 'RFC 9110 §15.4.5', 'Last-Modified where there is no ETag', fetched(LM), later(1, { ...NOT_MODIFIED, headers: { 'Last-Modified': '{t-1000}' } }, ask({ 'If-Modified-Since': '{t-1000}' }))),
  required('cond-404', 'RFC 9110 §13.2.1', 'a stored 404 is no answer to a condition', fetched({ ...FRESH, ETag: '"a"' }, { status: 404 }), later(1, 'hit', ask({ 'If-None-Match': '"a"' }))),
  required('cond-301', 'RFC 9110 §13.2.1', 'nor is a stored redirection', fetched({ ...FRESH, ETag: '"a"', Location: '/x' }, { status: 301 }), later(1, 'hit', ask({ 'If-None-Match': '*' }))),
  required('cond-post', 'RFC 9110 §13.1.2', 'a POST with If-None-Match is for the origin', fetched({ ...FRESH, ETag: '"a"' }), later(1, { asked: 1, forwarded: { 'If-None-Match': '"a"' } }, { request: { method: 'POST', headers: { 'If-None-Match': '"a"' } } })),
  required('cond-put', 'RFC 9111 §4.3.2', 'a PUT with If-Match too', fetched({ ...FRESH, ETag: '"a"' }), later(1, { asked: 1, status: 412, forwarded: { 'If-Match': '"b"' } }, { request: { method: 'PUT', headers: { 'If-Match': '"b"' }, body: 'x' }, origin: { status: 412 } })),
  optimal('cond-if-match', 'RFC 9110 §13.1.1', 'If-Match that holds for what is stored is a hit', fetched({ ...FRESH, ETag: '"a"' }), later(1, 'hit', ask({ 'If-Match': '"a"' }))),
  required('cond-if-match-not', 'RFC 9111 §4.3.2', 'where it does not hold the origin answers', fetched({ ...FRESH, ETag: '"a"' }), later(1, { outcome: 'asked', status: 412, forwarded: { 'If-Match': '"b"' } }, { ...ask({ 'If-Match': '"b"' }), origin: { status: 412 } })),
  required('cond-if-match-weak', 'RFC 9110 §13.1.1', 'its comparison is strong', fetched({ ...FRESH, ETag: 'W/"a"' }), later(1, { outcome: 'asked', status: 412 }, { ...ask({ 'If-Match': 'W/"a"' }), origin: { status: 412 } })),
  required('cond-if-unmodified-since', 'RFC 9111 §4.3.2', 'If-Unmodified-Since that does not hold is for the origin', fetched(LM), later(1, { outcome: 'asked', status: 412, forwarded: { 'If-Unmodified-Since': '{t-2000}' } }, { ...ask({ 'If-Unmodified-Since': '{t-2000}' }), origin: { status: 412 } })),
  required('cond-412-not-stored', 'RFC 9111 §4.3.2', 'the 412 replaces nothing', fetched({ ...FRESH, ETag: '"a"' }), later(1, { status: 412 }, { ...ask({ 'If-Match': '"b"' }), origin: { status: 412, headers: FRESH } }), later(1, { outcome: 'hit', from: 1 })),
];

const stale: readonly Row[] = [
  required('cond-stale-asks', 'RFC 9111 §4.3', 'a stale response answers no condition before it is validated', fetched({ ...FRESH, ETag: '"a"' }), later(150, { status: 304, asked: 1 }, { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ETag: '"a"' } } })),
  optimal('cond-stale-freshens', 'RFC 9111 §4.3.3', 'the 304 to it freshens what is stored', fetched({ ...FRESH, ETag: '"a"' }), later(150, { status: 304, asked: 1 }, { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ETag: '"a"' } } }), later(50, 'hit')),
  required('cond-stale-other', 'RFC 9111 §4.3.3', 'a client that has another version gets the stored one after its validation', fetched({ ...FRESH, ETag: '"a"' }), later(150, { outcome: 'validated', status: 200 }, { ...ask({ 'If-None-Match': '"b"' }), origin: { status: 304, headers: { ETag: '"a"' } } })),
  required('cond-stale-changed', 'RFC 9111 §4.3.3', 'a client that has the old version gets the new one', fetched({ ...FRESH, ETag: '"a"' }), later(150, 'fetched', { ...ask({ 'If-None-Match': '"a"' }), origin: { headers: { ...FRESH, ETag: '"b"' } } })),
  optimal('cond-stale-new', 'RFC 9110 §13.1.2', 'one that has the new version already gets a 304', fetched({ ...FRESH, ETag: '"a"' }), later(150, { status: 304, asked: 1 }, { ...ask({ 'If-None-Match': '"b"' }), origin: { headers: { ...FRESH, ETag: '"b"' } } }), later(1, { outcome: 'hit', from: 2 })),
];

const misses: readonly Row[] = [
  optimal('cond-miss-fills', CACHE, 'with nothing stored the whole is fetched, stored, and the condition answered', now({ status: 304, asked: 1, forwarded: { 'If-None-Match': null } }, { ...ask({ 'If-None-Match': '"a"' }), origin: { headers: { ...FRESH, ETag: '"a"' } } }), later(1, { outcome: 'hit', from: 1 })),
  optimal('cond-miss-date', CACHE, 'by date too', now({ status: 304, asked: 1, forwarded: { 'If-Modified-Since': null } }, { ...ask({ 'If-Modified-Since': '{t-1000}' }), origin: { headers: LM } }), later(1, { outcome: 'hit', from: 1 })),
  required('cond-miss-other', CACHE, 'a client with another version gets the whole', now('fetched', { ...ask({ 'If-None-Match': '"b"' }), origin: { headers: { ...FRESH, ETag: '"a"' } } })),
  required('cond-304-not-stored', 'RFC 9111 §4.3.2', "an origin's 304 to a client is not stored as a response", now({ status: 304 }, { ...ask({ 'If-None-Match': '"a"' }), origin: { status: 304, headers: { ...FRESH, ETag: '"a"' } } }), later(1, 'fetched', { origin: { headers: { ...FRESH, ETag: '"a"' } } })),
  required('cond-no-store', 'RFC 9111 §5.2.2.5', 'a response that is not stored answers the condition of its own client only', now({ status: 304 }, { ...ask({ 'If-None-Match': '"a"' }), origin: { headers: { ...cc('no-store'), ETag: '"a"' } } }), later(1, 'fetched')),
];

export const conditional: Table = { topic: 'Conditional requests', rows: [...tags, ...dates, ...rules, ...stale, ...misses] };

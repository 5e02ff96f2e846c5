// Cache-Groups and Cache-Group-Invalidation (RFC 9875).

import { cc, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const LIFE = cc('max-age=100');
const INVALIDATION = 'RFC 9875 §3';
const GROUP = { ...LIFE, 'Cache-Groups': '"one", "two"' };
const posts = (
  value: string | readonly string[],
  to = '/post',
  method = 'POST',
  headers = {},
  status = 200,
) =>
  later(
    1,
    { asked: 1 },
    { request: { method, to, headers }, origin: { status, headers: { 'Cache-Group-Invalidation': value } } },
  );
const grouped = (
  id: string,
  title: string,
  field: string | readonly string[],
  invalidation: string | readonly string[],
  gone: boolean,
): Row =>
  (gone ? optimal : required)(
    `group-${id}`,
    INVALIDATION,
    title,
    fetched({ ...LIFE, 'Cache-Groups': field }, {}, { to: '/a' }),
    posts(invalidation),
    later(1, gone ? 'asked' : { outcome: 'hit', from: 1 }, {
      request: { to: '/a' },
      ...(gone ? { origin: { headers: LIFE } } : {}),
    }),
  );

const groups: readonly Row[] = [
  grouped('one', 'a POST invalidates a group', '"one"', '"one"', true),
  grouped('second', 'one of several that a response is in', '"one", "two"', '"two"', true),
  grouped('several', 'several at once', '"two"', '"one", "two", "three"', true),
  grouped('lines', 'on several lines', ['"one"', '"two"'], ['"x"', '"two"'], true),
  grouped('parameters', 'parameters are ignored', '"one";x=1', '"one";y', true),
  grouped('other', 'no other group', '"one"', '"two"', false),
  grouped('case', 'groups are told apart by case', '"one"', '"One"', false),
  grouped('prefix', 'and whole', '"one"', '"on"', false),
  grouped('token', 'a token is no group', '"one"', 'one', false),
  grouped('broken', 'a broken field invalidates nothing', '"one"', '"one', false),
  grouped('broken-member', 'one broken string', '"one"', '"one", "two', false),
  grouped('response-broken', 'a response with a broken field is in no group', '"one', '"one"', false),
  grouped('response-token', 'nor is one with a token', 'one', '"one"', false),
  required(
    'group-safe',
    INVALIDATION,
    'a GET invalidates no group',
    fetched(GROUP, {}, { to: '/a' }),
    later(
      1,
      { asked: 1 },
      { request: { to: '/b' }, origin: { headers: { 'Cache-Group-Invalidation': '"one"' } } },
    ),
    later(1, { outcome: 'hit', from: 1 }, { request: { to: '/a' } }),
  ),
  required(
    'group-options',
    INVALIDATION,
    'nor does an OPTIONS',
    fetched(GROUP, {}, { to: '/a' }),
    posts('"one"', '/b', 'OPTIONS'),
    later(1, { outcome: 'hit', from: 1 }, { request: { to: '/a' } }),
  ),
  required(
    'group-host',
    'RFC 9875 §2.1',
    'groups of another origin are others',
    fetched(GROUP, {}, { to: '/a', headers: { Host: 'a.example' } }),
    posts('"one"', '/b', 'POST', { Host: 'b.example' }),
    later(1, { outcome: 'hit', from: 1 }, { request: { to: '/a', headers: { Host: 'a.example' } } }),
  ),
  optimal(
    'group-delete',
    INVALIDATION,
    'a DELETE invalidates a group too',
    fetched(GROUP, {}, { to: '/a' }),
    posts('"one"', '/b', 'DELETE'),
    later(1, 'asked', { request: { to: '/a' }, origin: { headers: LIFE } }),
  ),
  optimal(
    'group-all',
    INVALIDATION,
    'all responses of the group',
    fetched(GROUP, {}, { to: '/a' }),
    later(1, 'fetched', { request: { to: '/b' } }),
    posts('"one"'),
    later(1, 'asked', { request: { to: '/a' }, origin: { headers: LIFE } }),
    later(1, 'asked', { request: { to: '/b' } }),
  ),
  optimal(
    'group-later',
    INVALIDATION,
    'what is stored afterwards is not',
    fetched(GROUP, {}, { to: '/a' }),
    posts('"one"'),
    later(1, 'fetched', { request: { to: '/a' }, origin: { headers: GROUP } }),
    later(1, 'hit', { request: { to: '/a' } }),
  ),
  required(
    'group-passed-on',
    'RFC 9875 §2',
    'the field is passed on',
    fetched(GROUP),
    later(1, { outcome: 'hit', headers: { 'Cache-Groups': '"one", "two"' } }),
  ),
];

export const cacheGroups: Table = { topic: 'Cache groups', rows: groups };

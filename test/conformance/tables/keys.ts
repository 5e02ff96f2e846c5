// The cache key: what tells requests apart, by default and by settings.

import {
  type Ask,
  cc,
  fetched,
  later,
  now,
  optimal,
  type Row,
  required,
  type Settings,
  type Table,
  withSettings,
} from '../row.ts';

const KEY = 'RFC 9111 §2';
const SAME_URI = 'RFC 9110 §4.2.3';
const LIFE = cc('max-age=100');

const same = (id: string, title: string, first: Ask, second: Ask, clause = SAME_URI): Row =>
  optimal(`key-${id}`, clause, title, fetched(LIFE, {}, first), later(1, 'hit', { request: second }));
const other = (id: string, title: string, first: Ask, second: Ask, clause = KEY): Row =>
  required(`key-${id}`, clause, title, fetched(LIFE, {}, first), later(1, 'asked', { request: second }));
const keyed = (key: Settings): Settings => ({ cache: { key } });

const defaults: readonly Row[] = [
  same('query-same', 'the same query', { to: '?a=1&b=2' }, { to: '?a=1&b=2' }, KEY),
  other('query', 'another query', { to: '?a=1' }, { to: '?a=2' }),
  other('query-absent', 'a query and none', { to: '?a=1' }, {}),
  other('query-empty', 'an empty query and none', { to: '?' }, {}),
  other('query-order', 'the parameters in another order', { to: '?a=1&b=2' }, { to: '?b=2&a=1' }),
  other('query-case', 'a query in another case', { to: '?a=x' }, { to: '?a=X' }),
  other('query-more', 'one parameter more', { to: '?a=1' }, { to: '?a=1&b=2' }),
  other('path', 'another path', { to: '/a' }, { to: '/b' }),
  other('path-case', 'a path in another case', { to: '/a' }, { to: '/A' }),
  other('path-slash', 'a slash at the end', { to: '/a' }, { to: '/a/' }),
  other('path-slashes', 'two slashes', { to: '/a/b' }, { to: '/a//b' }),
  other('path-reserved', 'an encoded slash', { to: '/a/b' }, { to: '/a%2Fb' }),
  other('path-question', 'an encoded question mark', { to: '/a?b' }, { to: '/a%3Fb' }),
  other('path-semicolon', 'path parameters', { to: '/a' }, { to: '/a;x=1' }),
  other('host', 'another host', { headers: { Host: 'a.example' } }, { headers: { Host: 'b.example' } }),
  other(
    'host-port',
    'another port',
    { headers: { Host: 'a.example:8080' } },
    { headers: { Host: 'a.example:8081' } },
  ),
  other('host-sub', 'a subdomain', { headers: { Host: 'a.example' } }, { headers: { Host: 'x.a.example' } }),
  other(
    'host-query',
    'a host that looks like another with a path',
    { headers: { Host: 'a.example' }, to: '/b' },
    { headers: { Host: 'b' } },
  ),
  same(
    'host-case',
    'the host in another case',
    { headers: { Host: 'a.example' } },
    { headers: { Host: 'A.EXAMPLE' } },
  ),
  same(
    'host-default-port',
    'the port of the scheme',
    { headers: { Host: 'a.example' } },
    { headers: { Host: 'a.example:80' } },
  ),
  same(
    'cookies',
    'cookies tell nothing apart',
    { headers: { Cookie: 'a=1' } },
    { headers: { Cookie: 'a=2' } },
    KEY,
  ),
  same(
    'user-agent',
    'nor does the user agent',
    { headers: { 'User-Agent': 'a' } },
    { headers: { 'User-Agent': 'b' } },
    KEY,
  ),
  same(
    'accept',
    'nor what the client accepts, without Vary',
    { headers: { Accept: 'a/b' } },
    { headers: { Accept: 'c/d' } },
    KEY,
  ),
  same(
    'forwarded',
    'nor what an untrusted client says of itself',
    { headers: { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'x' } },
    { headers: { 'X-Forwarded-Proto': 'http' } },
    KEY,
  ),
  ...withSettings(
    { trustedProxies: ['127.0.0.0/8'] },
    other(
      'scheme',
      'another scheme, as a trusted proxy tells it',
      { headers: { 'X-Forwarded-Proto': 'https' } },
      { headers: { 'X-Forwarded-Proto': 'http' } },
    ),
  ),
  required(
    'key-fragment-free',
    'RFC 9110 §4.2.5',
    'the target goes to the origin as it came',
    now(
      { asked: 1, forwardedTarget: '{path}/a%2fb//c?x=%20&&y' },
      { request: { to: '/a%2fb//c?x=%20&&y' }, origin: { headers: {} } },
    ),
  ),
];

const settings: readonly Row[] = [
  ...withSettings(
    keyed({ query: 'sort' }),
    same(
      'sort',
      'query: sort puts parameters in order',
      { to: '?b=2&a=1' },
      { to: '?a=1&b=2' },
      'setting key.query',
    ),
    other(
      'sort-values',
      'and leaves values apart',
      { to: '?b=2&a=1' },
      { to: '?a=2&b=1' },
      'setting key.query',
    ),
    other(
      'sort-repeated',
      'and the order of parameters of one name',
      { to: '?a=1&a=2' },
      { to: '?a=2&a=1' },
      'setting key.query',
    ),
    required(
      'key-sort-target',
      'setting key.query',
      'the origin is asked in the same order',
      now(
        { asked: 1, forwardedTarget: '{path}?a=1&b=2' },
        { request: { to: '?b=2&a=1' }, origin: { headers: {} } },
      ),
    ),
  ),
  ...withSettings(
    keyed({ query: 'drop' }),
    same('drop', 'query: drop leaves the query out', { to: '?a=1' }, { to: '?a=2' }, 'setting key.query'),
  ),
  ...withSettings(
    keyed({ denyParams: ['utm_*', 'fbclid'] }),
    same(
      'deny',
      'denyParams leaves parameters out',
      { to: '?a=1&utm_source=x' },
      { to: '?fbclid=7&a=1' },
      'setting key.denyParams',
    ),
    same(
      'deny-encoded',
      'however they are written',
      { to: '?a=1' },
      { to: '?a=1&%75tm_source=x' },
      'setting key.denyParams',
    ),
    other(
      'deny-others',
      'and no others',
      { to: '?a=1' },
      { to: '?a=1&xutm_source=x' },
      'setting key.denyParams',
    ),
    required(
      'key-deny-target',
      'setting key.denyParams',
      'the origin does not see them',
      now(
        { asked: 1, forwardedTarget: '{path}?a=1' },
        { request: { to: '?utm_id=2&a=1' }, origin: { headers: {} } },
      ),
    ),
  ),
  ...withSettings(
    keyed({ allowParams: ['a'] }),
    same(
      'allow',
      'allowParams leaves all others out',
      { to: '?a=1&b=2' },
      { to: '?c=3&a=1' },
      'setting key.allowParams',
    ),
    other(
      'allow-kept',
      'and keeps those it names',
      { to: '?a=1' },
      { to: '?a=2' },
      'setting key.allowParams',
    ),
  ),
  ...withSettings(
    keyed({ path: 'normalize' }),
    same(
      'normalize-dots',
      'path: normalize resolves dot segments',
      { to: '/a/../b/./c' },
      { to: '/b/c' },
      'RFC 3986 §6.2.2.3',
    ),
    same(
      'normalize-escapes',
      'escapes of unreserved characters',
      { to: '/%61%7e' },
      { to: '/a~' },
      'RFC 3986 §6.2.2.2',
    ),
    same('normalize-case', 'escapes in any case', { to: '/a%2fb' }, { to: '/a%2Fb' }, 'RFC 3986 §6.2.2.1'),
    other(
      'normalize-reserved',
      'escapes of reserved characters stay',
      { to: '/a%2Fb' },
      { to: '/a/b' },
      'RFC 3986 §6.2.2.2',
    ),
    required(
      'key-normalize-target',
      'setting key.path',
      'the origin is asked for the same',
      now({ asked: 1, forwardedTarget: '{path}/b' }, { request: { to: '/a/../b' }, origin: { headers: {} } }),
    ),
  ),
  ...withSettings(
    { host: 'origin' },
    other(
      'host-origin',
      'hosts stay apart where the origin sees its own',
      { headers: { Host: 'a.example' } },
      { headers: { Host: 'b.example' } },
    ),
  ),
];

export const keys: Table = { topic: 'Cache key', rows: [...defaults, ...settings] };

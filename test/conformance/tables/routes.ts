// What the operator's settings change, and what they do not: routes, lifetimes, bypass.

import {
  CLOSES,
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

const route = (match: Settings, cache: Settings): Settings => ({ routes: [{ match, cache }] });
const LIFE = cc('max-age=100');

const rows: readonly Row[] = [
  ...withSettings(
    { cache: { ttl: '50s' } },
    optimal(
      'ttl',
      'setting ttl',
      'gives a lifetime to a response that names none',
      fetched({}),
      later(49, 'hit'),
      later(1, 'asked'),
    ),
    optimal(
      'ttl-longer',
      'setting ttl',
      'overrides a shorter one',
      fetched(cc('max-age=1')),
      later(49, 'hit'),
    ),
    required(
      'ttl-shorter',
      'setting ttl',
      'overrides a longer one',
      fetched(cc('max-age=1000')),
      later(50, 'asked'),
    ),
    required(
      'ttl-no-store',
      'RFC 9111 §5.2.2.5',
      'does not lift no-store',
      fetched(cc('no-store')),
      later(1, 'asked'),
    ),
    required(
      'ttl-private',
      'RFC 9111 §5.2.2.7',
      'does not lift private',
      fetched(cc('private')),
      later(1, 'asked'),
    ),
    required(
      'ttl-authorization',
      'RFC 9111 §3.5',
      'does not share what is for one user',
      fetched({}, {}, { headers: { Authorization: 'x' } }),
      later(1, 'asked'),
    ),
    required(
      'ttl-error',
      'setting ttl',
      'does not prolong errors',
      fetched({}, { status: 500 }),
      later(1, 'asked'),
    ),
    required(
      'ttl-vary-star',
      'RFC 9111 §4.1',
      'does not lift Vary: *',
      fetched({ Vary: '*' }),
      later(1, 'asked'),
    ),
  ),
  ...withSettings(
    { cache: { negativeTtl: { 404: '20s', 503: '5s' } } },
    optimal(
      'negative',
      'setting negativeTtl',
      'gives a lifetime by status',
      fetched({}, { status: 404 }),
      later(19, 'hit'),
      later(1, 'asked'),
    ),
    optimal(
      'negative-503',
      'setting negativeTtl',
      'to each its own',
      fetched({}, { status: 503 }),
      later(4, 'hit'),
      later(1, 'asked'),
    ),
    required(
      'negative-named',
      'setting negativeTtl',
      'not where the response names one',
      fetched(cc('max-age=1'), { status: 404 }),
      later(10, 'asked'),
    ),
    required(
      'negative-no-store',
      'RFC 9111 §5.2.2.5',
      'does not lift no-store',
      fetched(cc('no-store'), { status: 404 }),
      later(1, 'asked'),
    ),
    required(
      'negative-other',
      'setting negativeTtl',
      'to no other status',
      fetched({}, { status: 403 }),
      later(1, 'asked'),
    ),
  ),
  ...withSettings(
    { cache: { heuristicMax: '0s' } },
    required(
      'no-heuristic',
      'setting heuristicMax',
      'nothing is guessed where it is 0',
      fetched({ 'Last-Modified': '{t-100000}' }),
      later(1, 'asked'),
    ),
    optimal(
      'no-heuristic-explicit',
      'setting heuristicMax',
      'a named lifetime is not touched',
      fetched(LIFE),
      later(50, 'hit'),
    ),
  ),
  ...withSettings(
    route({ path: '/c/bypass*' }, { bypass: true }),
    required('bypass', 'setting bypass', 'nothing is stored on the route', fetched(LIFE), later(1, 'asked')),
    required(
      'bypass-status',
      'RFC 9211 §2.2',
      'Cache-Status says fwd=bypass',
      now({ cacheStatus: { fwd: 'bypass' } }, { origin: { headers: LIFE } }),
    ),
    required(
      'bypass-closed',
      'setting bypass',
      'nothing stands in for the origin',
      fetched(LIFE),
      later(1, 'failed', { origin: CLOSES }),
    ),
    required(
      'bypass-conditions',
      'setting bypass',
      'conditions go to the origin',
      now(
        { status: 304, asked: 1, forwarded: { 'If-None-Match': '"a"' } },
        {
          request: { headers: { 'If-None-Match': '"a"' } },
          origin: { status: 304, headers: { ETag: '"a"' } },
        },
      ),
    ),
    required(
      'bypass-range',
      'setting bypass',
      'so do ranges',
      now(
        { status: 206, asked: 1, body: '01', forwarded: { Range: 'bytes=0-1' } },
        {
          request: { headers: { Range: 'bytes=0-1' } },
          origin: { status: 206, headers: { 'Content-Range': 'bytes 0-1/10' }, body: '01' },
        },
      ),
    ),
    optimal('not-bypass', 'setting routes', 'other paths are stored', fetched(LIFE), later(1, 'hit')),
  ),
  ...withSettings(
    {
      routes: [
        { match: { host: 'a.example' }, cache: { ttl: '10s' } },
        { match: { host: '*.example' }, cache: { ttl: '50s' } },
      ],
    },
    required(
      'route-first',
      'setting routes',
      'the first route that matches holds',
      fetched({}, {}, { headers: { Host: 'a.example' } }),
      later(10, 'asked', { request: { headers: { Host: 'a.example' } } }),
    ),
    optimal(
      'route-second',
      'setting routes',
      'then the next',
      fetched({}, {}, { headers: { Host: 'b.example' } }),
      later(49, 'hit', { request: { headers: { Host: 'b.example' } } }),
    ),
    required('route-none', 'setting routes', 'then none', fetched({}), later(1, 'asked')),
  ),
  ...withSettings(
    route({ contentType: 'image/*' }, { ttl: '50s', stripSetCookie: true }),
    optimal(
      'route-type',
      'setting routes',
      'a route by media type gives a lifetime',
      fetched({ 'Content-Type': 'image/png' }),
      later(49, 'hit'),
    ),
    optimal(
      'route-type-parameters',
      'setting routes',
      'whatever its parameters',
      fetched({ 'Content-Type': 'Image/SVG+xml; charset=utf-8' }),
      later(49, 'hit'),
    ),
    required(
      'route-type-other',
      'setting routes',
      'to no other type',
      fetched({ 'Content-Type': 'text/html' }),
      later(1, 'asked'),
    ),
    required('route-type-none', 'setting routes', 'nor without one', fetched({}), later(1, 'asked')),
    optimal(
      'route-type-cookie',
      'setting stripSetCookie',
      'and strips its cookies',
      now(
        { outcome: 'fetched', headers: { 'Set-Cookie': null } },
        { origin: { headers: { 'Content-Type': 'image/png', 'Set-Cookie': 'a=b' } } },
      ),
      later(1, { outcome: 'hit', headers: { 'Set-Cookie': null } }),
    ),
    optimal(
      'route-type-304',
      'setting routes',
      'also after a 304',
      fetched({ 'Content-Type': 'image/png', ETag: '"a"' }),
      later(60, 'validated', { origin: { status: 304, headers: { ETag: '"a"' } } }),
      later(49, 'hit'),
    ),
  ),
  ...withSettings(
    { cache: { maxObject: '10B' } },
    required(
      'max-object',
      'setting maxObject',
      'larger content is not stored',
      fetched(LIFE, { body: '01234567890' }),
      later(1, 'asked'),
    ),
    required(
      'max-object-chunked',
      'setting maxObject',
      'also where no length announces it',
      fetched(LIFE, { body: '01234567890', chunked: true }),
      later(1, 'asked'),
    ),
    optimal(
      'max-object-fits',
      'setting maxObject',
      'content of the size is',
      fetched(LIFE, { body: '0123456789' }),
      later(1, 'hit'),
    ),
  ),
];

export const routes: Table = { topic: 'Routes and settings', rows };

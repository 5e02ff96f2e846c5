// No-Vary-Search: queries that differ in what their origin calls meaningless.

import { cc, fetched, later, optimal, type Row, required, type Table } from '../row.ts';

const LIFE = cc('max-age=100');
const NVS = 'No-Vary-Search';
const nvs = (
  id: string,
  title: string,
  rule: string,
  first: string,
  second: string,
  hit: boolean,
  clause = NVS,
): Row =>
  (hit ? optimal : required)(
    `nvs-${id}`,
    clause,
    title,
    fetched({ ...LIFE, 'No-Vary-Search': rule }, {}, { to: first }),
    later(1, hit ? 'hit' : 'asked', { request: { to: second } }),
  );

const search: readonly Row[] = [
  nvs('params', 'a parameter that means nothing', 'params=("utm")', '?a=1&utm=x', '?a=1&utm=y', true),
  nvs('params-absent', 'present or absent', 'params=("utm")', '?a=1&utm=x', '?a=1', true),
  nvs('params-first', 'wherever it stands', 'params=("utm")', '?a=1', '?utm=z&a=1', true),
  nvs('params-encoded', 'however it is written', 'params=("utm")', '?a=1', '?a=1&%75tm=2', true),
  nvs('params-several', 'several parameters', 'params=("x" "y")', '?a=1&x=1', '?y=2&a=1', true),
  nvs('all', 'no parameter means anything', 'params', '?a=1', '?b=2&c=3', true),
  nvs('all-absent', 'nor does a query at all', 'params', '?a=1', '', true),
  nvs('except', 'none but those named', 'params, except=("a")', '?a=1&b=2', '?c=3&a=1', true),
  nvs('order', 'the order means nothing', 'key-order', '?a=1&b=2', '?b=2&a=1', true),
  nvs(
    'order-and-params',
    'neither the order nor a parameter',
    'key-order, params=("x")',
    '?a=1&b=2',
    '?x=3&b=2&a=1',
    true,
  ),
  nvs('other-value', 'another parameter still counts', 'params=("utm")', '?a=1&utm=x', '?a=2&utm=x', false),
  nvs('other-param', 'one that is not named', 'params=("utm")', '?a=1', '?a=1&b=2', false),
  nvs('except-counts', 'one that is excepted', 'params, except=("a")', '?a=1', '?a=2', false),
  nvs(
    'order-counts',
    'the order where only parameters are named',
    'params=("x")',
    '?a=1&b=2',
    '?b=2&a=1',
    false,
  ),
  nvs(
    'order-values',
    'the values where only the order means nothing',
    'key-order',
    '?a=1&b=2',
    '?a=2&b=1',
    false,
  ),
  nvs('order-repeated', 'the order of parameters of one name', 'key-order', '?a=1&a=2', '?a=2&a=1', false),
  nvs('order-false', 'key-order=?0', 'key-order=?0', '?a=1&b=2', '?b=2&a=1', false),
  nvs('case', 'names are told apart by case', 'params=("utm")', '?UTM=1', '?UTM=2', false),
  nvs('path', 'the path always counts', 'params', '/a?x=1', '/b?x=1', false),
  nvs('broken', 'a broken field means nothing', 'params=("utm"', '?utm=1', '?utm=2', false),
  nvs('tokens', 'tokens for strings mean nothing', 'params=(utm)', '?utm=1', '?utm=2', false),
  nvs('except-alone', 'except without params means nothing', 'except=("a")', '?b=1', '?b=2', false),
  nvs(
    'except-list',
    'except beside a list means nothing',
    'params=("b"), except=("a")',
    '?b=1',
    '?b=2',
    false,
  ),
  nvs('empty', 'an empty field means nothing', '', '?b=1', '?b=2', false),
  required(
    'nvs-host',
    NVS,
    'another host always counts',
    fetched({ ...LIFE, 'No-Vary-Search': 'params' }, {}, { to: '?a=1', headers: { Host: 'a.example' } }),
    later(1, 'asked', { request: { to: '?a=2', headers: { Host: 'b.example' } } }),
  ),
  required(
    'nvs-vary',
    NVS,
    'Vary holds beside it',
    fetched(
      { ...LIFE, 'No-Vary-Search': 'params', Vary: 'X-A' },
      {},
      { to: '?a=1', headers: { 'X-A': '1' } },
    ),
    later(1, 'asked', { request: { to: '?a=2', headers: { 'X-A': '2' } } }),
  ),
  required(
    'nvs-stale',
    NVS,
    'a stale response is not reused for another query either',
    fetched({ 'Cache-Control': 'max-age=10', 'No-Vary-Search': 'params' }, {}, { to: '?a=1' }),
    later(20, 'asked', { request: { to: '?a=2' } }),
  ),
  required(
    'nvs-own',
    NVS,
    'a response without the field is for its own query',
    fetched(LIFE, {}, { to: '?a=1' }),
    later(1, 'asked', { request: { to: '?a=2' } }),
  ),
  required(
    'nvs-unsafe',
    'RFC 9111 §4.4',
    'a POST to an equivalent query invalidates',
    fetched({ ...LIFE, 'No-Vary-Search': 'params' }, {}, { to: '?a=1' }),
    later(1, { asked: 1 }, { request: { method: 'POST', to: '?a=1', body: 'x' }, origin: { headers: {} } }),
    later(1, 'asked', { request: { to: '?a=2' } }),
  ),
];

export const noVarySearch: Table = { topic: 'No-Vary-Search', rows: search };

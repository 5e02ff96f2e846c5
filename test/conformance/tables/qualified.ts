// no-cache and private with field names (RFC 9111 §5.2.2.4, §5.2.2.7).

import { fetched, later, now, optimal, type Row, required, type Table } from '../row.ts';

const NO_STORE = 'RFC 9111 §5.2.2.5';
const NO_CACHE = 'RFC 9111 §5.2.2.4';
const PRIVATE = 'RFC 9111 §5.2.2.7';

const qualified: readonly Row[] = (['no-cache', 'private'] as const).flatMap((directive): Row[] => {
  const clause = directive === 'private' ? PRIVATE : NO_CACHE;
  const headers = (value: string): Record<string, string> => ({
    'Cache-Control': `max-age=100, ${directive}${value}`,
    'X-A': '1',
    'X-B': '2',
  });
  const hit = (a: string | null, b: string | null) =>
    later(1, { outcome: 'hit', headers: { 'X-A': a, 'X-B': b } });
  return [
    optimal(
      `${directive}-field`,
      clause,
      `${directive}="x-a": the rest is reused, the field is not`,
      fetched(headers('="x-a"')),
      hit(null, '2'),
    ),
    optimal(
      `${directive}-field-token`,
      'RFC 9111 §5.2',
      `${directive}=x-a as a token`,
      fetched(headers('=x-a')),
      hit(null, '2'),
    ),
    optimal(
      `${directive}-field-case`,
      clause,
      `field names of ${directive} in any case`,
      fetched(headers('="X-a"')),
      hit(null, '2'),
    ),
    optimal(
      `${directive}-fields`,
      clause,
      `several field names of ${directive}`,
      fetched(headers('="x-a, X-B"')),
      hit(null, null),
    ),
    optimal(
      `${directive}-absent-field`,
      clause,
      `a field of ${directive} that is not there`,
      fetched(headers('="x-c"')),
      hit('1', '2'),
    ),
    required(
      `${directive}-first-client`,
      clause,
      `the client that was fetched for gets the field of ${directive}`,
      now({ outcome: 'fetched', headers: { 'X-A': '1' } }, { origin: { headers: headers('="x-a"') } }),
    ),
    required(
      `${directive}-field-twice`,
      clause,
      `a qualified and a plain ${directive}: the plain one holds`,
      fetched(headers(`="x-a", ${directive}`)),
      later(1, 'asked'),
    ),
    required(
      `${directive}-field-and-no-store`,
      NO_STORE,
      `a qualified ${directive} beside no-store`,
      fetched(headers('="x-a", no-store')),
      later(1, 'asked'),
    ),
  ];
});

export const qualifiedTable: Table = { topic: 'Directives with field names', rows: qualified };

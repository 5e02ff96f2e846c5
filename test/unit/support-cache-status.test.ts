import { describe, expect, it } from 'vitest';
import { cacheStatus, cacheStatusList } from '../support/cache-status.ts';

const parse = (value: string) => cacheStatus({ headers: { 'cache-status': value } });
const none = { hit: false, stored: false, collapsed: false };

describe('Cache-Status (RFC 9211)', () => {
  it.each([
    ['edge; hit', { ...none, name: 'edge', hit: true }],
    [
      'edge;hit;ttl=-12;detail=stale-while-revalidate',
      { ...none, name: 'edge', hit: true, ttl: -12, detail: 'stale-while-revalidate' },
    ],
    [
      '"my edge"; fwd=uri-miss; stored; collapsed=?0',
      { ...none, name: 'my edge', fwd: 'uri-miss', stored: true },
    ],
    [
      'edge; fwd=stale; fwd-status=304; collapsed',
      { ...none, name: 'edge', fwd: 'stale', fwdStatus: 304, collapsed: true },
    ],
    ['edge; hit; key="/a\\"b\\\\,;"', { ...none, name: 'edge', hit: true, key: '/a"b\\,;' }],
    ['a; fwd=miss, b; hit; ttl=3', { ...none, name: 'b', hit: true, ttl: 3 }],
    ['edge; hit; unknown=1.5x', undefined],
    ['edge; hit; fwd=miss', undefined],
    ['edge; ttl="5"', undefined],
    ['edge; ttl=5.5', undefined],
    ['edge; hit=1', undefined],
    ['edge; fwd=1', undefined],
    ['edge; Hit', undefined],
    ['edge hit', undefined],
    ['edge; hit,', undefined],
    ['edge; key="open', undefined],
    ['5; hit', undefined],
    ['', undefined],
  ])('%s', (value, expected) => {
    if (expected === undefined) expect(() => parse(value)).toThrow(/Cache-Status/);
    else expect(parse(value)).toEqual(expected);
  });

  it('must be there', () => {
    expect(() => cacheStatus({ headers: {} })).toThrow('the response has no Cache-Status');
  });

  it('lists every cache, the nearest to the origin first', () => {
    expect(cacheStatusList('a; fwd=miss, b; hit').map(({ name }) => name)).toEqual(['a', 'b']);
  });
});

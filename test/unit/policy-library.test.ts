// The traps of http-cache-semantics 4.3 as design.md §6 lists them: each is sprung on the library itself, so that a
// release that mends it is noticed, and shown not to reach our policy.

import CachePolicy from 'http-cache-semantics';
import { describe, expect, it } from 'vitest';
import { selects } from '../../src/cache/vary.ts';
import { Fields } from '../../src/http/fields.ts';
import { linesNamed, metaOf, NOW, outcome } from './assessing.ts';

function library(headers: Record<string, string>, request: Record<string, string> = {}, status = 200) {
  return new CachePolicy({ method: 'GET', url: '/', headers: request }, { status, headers });
}

describe('the library leaks, we do not', () => {
  it.each([
    ['PRIVATE, max-age=60', 'private'],
    ['No-Store, max-age=60', 'no-store'],
    ['private="", max-age=60', 'private'],
    ['no-store="", max-age=60', 'no-store'],
    ['max-age=60 private', 'malformed'],
  ])('%s', (control, reason) => {
    expect(library({ 'cache-control': control }).storable()).toBe(true);
    expect(outcome({ 'Cache-Control': control })).toBe(reason);
  });

  it('max-stale unlocks proxy-revalidate there; here stale use is marked forbidden', () => {
    const policy = library({ 'cache-control': 'max-age=0, proxy-revalidate' });
    expect(policy.satisfiesWithoutRevalidation({ url: '/', headers: { 'cache-control': 'max-stale' } })).toBe(
      true,
    );
    const meta = metaOf({ 'Cache-Control': 'max-age=0, proxy-revalidate', ETag: '"a"' });
    expect(meta.mustRevalidate).toBe(true);
  });
});

describe('the library loses hits, we do not', () => {
  it('a fresh must-revalidate response', () => {
    const headers = { 'cache-control': 'max-age=60, must-revalidate' };
    expect(library(headers).satisfiesWithoutRevalidation({ url: '/', headers: {} })).toBe(false);
    expect(metaOf({ 'Cache-Control': headers['cache-control'] }).freshUntil).toBe(NOW + 60_000);
  });

  it('a fresh proxy-revalidate response', () => {
    const headers = { 'cache-control': 'max-age=60, proxy-revalidate' };
    expect(library(headers).maxAge()).toBe(0);
    expect(metaOf({ 'Cache-Control': headers['cache-control'] }).freshUntil).toBe(NOW + 60_000);
  });

  it('the order of Accept-Encoding', () => {
    const headers = { 'cache-control': 'max-age=60', vary: 'Accept-Encoding' };
    const policy = library(headers, { 'accept-encoding': 'gzip, br' });
    const other = { 'accept-encoding': 'br,gzip' };
    expect(policy.satisfiesWithoutRevalidation({ url: '/', headers: other })).toBe(false);
    const meta = metaOf(
      { 'Cache-Control': 'max-age=60', Vary: 'Accept-Encoding' },
      { request: { 'Accept-Encoding': 'gzip, br' } },
    );
    expect(selects(meta, Fields.from({ 'Accept-Encoding': 'br,gzip' }))).toBe(true);
  });

  it('statuses it does not know', () => {
    expect(library({ 'cache-control': 'max-age=60' }, {}, 599).storable()).toBe(false);
    expect(outcome({ 'Cache-Control': 'max-age=60' }, { status: 599 })).toBe('stored');
  });

  it('206', () => {
    expect(library({ 'cache-control': 'max-age=60' }, {}, 206).storable()).toBe(false);
    expect(outcome({ 'Cache-Control': 'max-age=60', 'Content-Range': 'bytes 0-1/2' }, { status: 206 })).toBe(
      'stored',
    );
  });

  it('targeted fields', () => {
    expect(library({ 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' }).storable()).toBe(
      false,
    );
    expect(outcome({ 'Cache-Control': 'no-store', 'CDN-Cache-Control': 'max-age=60' })).toBe('stored');
  });
});

describe('the library errs otherwise, we do not', () => {
  it('several lines of a field throw there', () => {
    const policy = () =>
      new CachePolicy(
        { headers: {} },
        { status: 200, headers: { 'cache-control': ['max-age=60', 'public'] } },
      );
    expect(policy).toThrow();
    expect(metaOf({ 'Cache-Control': ['max-age=60', 'public'] }).lifetimeMs).toBe(60_000);
  });

  it('the apparent age is ignored and Date rewritten there', () => {
    const date = new Date(Date.now() - 30_000).toUTCString();
    const policy = library({ 'cache-control': 'max-age=60', date });
    expect(policy.age()).toBeLessThan(5);
    expect(policy.responseHeaders().date).not.toBe(date);
    const sent = new Date(NOW - 30_000).toUTCString();
    const meta = metaOf({ 'Cache-Control': 'max-age=60', Date: sent });
    expect(meta.initialAgeMs).toBe(30_000);
    expect(new Fields(meta.lines).all('date')).toEqual([sent]);
  });

  it('the last of two max-age counts there', () => {
    expect(library({ 'cache-control': 'max-age=5, max-age=60' }).maxAge()).toBe(60);
    expect(metaOf({ 'Cache-Control': 'max-age=5, max-age=60' }).lifetimeMs).toBe(5000);
  });

  it('immutable alone is a lifetime there', () => {
    expect(library({ 'cache-control': 'immutable' }).maxAge()).toBeGreaterThan(0);
    expect(metaOf({ 'Cache-Control': 'immutable', ETag: '"a"' }).lifetimeMs).toBe(0);
  });

  it('Set-Cookie is stored with public there', () => {
    const headers = { 'cache-control': 'public, max-age=60', 'set-cookie': 'a=b' };
    expect(library(headers).storable()).toBe(true);
    expect(outcome({ 'Cache-Control': 'public, max-age=60', 'Set-Cookie': 'a=b' })).toBe('set-cookie');
  });

  it('numbers are read to the first letter there', () => {
    expect(library({ 'cache-control': 'max-age=60junk' }).maxAge()).toBe(60);
    expect(metaOf({ 'Cache-Control': 'max-age=60junk', ETag: '"a"' }).lifetimeMs).toBe(0);
  });

  it('dates are read in any form there', () => {
    expect(library({ expires: '2099-01-01' }).maxAge()).toBeGreaterThan(0);
    expect(metaOf({ Expires: '2099-01-01', ETag: '"a"' }).lifetimeMs).toBe(0);
  });

  it('a Pragma of the response counts there', () => {
    expect(
      library({ pragma: 'no-cache', expires: new Date(Date.now() + 60_000).toUTCString() }).maxAge(),
    ).toBe(0);
    expect(metaOf({ Pragma: 'no-cache', Expires: new Date(NOW + 60_000).toUTCString() }).lifetimeMs).toBe(
      60_000,
    );
  });

  it('hop-by-hop names in other case are kept there', () => {
    const policy = library({ 'cache-control': 'max-age=60', connection: 'X-Hop', 'x-hop': '1' });
    expect(policy.responseHeaders()).toHaveProperty('x-hop');
    expect(
      linesNamed(metaOf({ 'Cache-Control': 'max-age=60', Connection: 'X-Hop', 'x-hop': '1' })),
    ).not.toContain('x-hop');
  });
});

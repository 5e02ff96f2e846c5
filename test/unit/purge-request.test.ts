// The body of POST /purge and the words in it: what they select, and what is wrong with them.

import { describe, expect, it } from 'vitest';
import { type ReadPurge, readPurge } from '../../src/admin/purge-request.ts';
import { hostSelector, prefixSelector, tagSelector, urlSelector } from '../../src/admin/selectors.ts';
import { DEFAULT_RULES, type KeyRules } from '../../src/cache/rules.ts';

const verbatim = (): KeyRules => DEFAULT_RULES.key;
const normalising = (): KeyRules => ({
  ...DEFAULT_RULES.key,
  path: 'normalize',
  query: 'sort',
  denyParams: ['utm_*'],
});

describe('urlSelector', () => {
  it.each<[string, string | undefined]>([
    ['http://a.test/x?b=1&a=2', '//a.test/x?b=1&a=2'],
    ['HTTPS://A.test/x', '//a.test/x'],
    ['http://a.test', '//a.test/'],
    ['http://a.test?q', '//a.test/?q'],
    ['http://a.test:80/x', '//a.test/x'],
    ['https://a.test:443/x', '//a.test/x'],
    ['http://a.test:8080/x', '//a.test:8080/x'],
    ['http://[::1]:81/x', '//[::1]:81/x'],
    ['http://a.test/x#part', '//a.test/x'],
    // As clients send it: keys are verbatim.
    ['http://a.test/a/../b/%7Ec', '//a.test/a/../b/%7Ec'],
    ['http://a.test/ä b', '//a.test/%C3%A4%20b'],
    ['/x', undefined],
    ['a.test/x', undefined],
    ['ftp://a.test/x', undefined],
    ['http://user:word@a.test/x', undefined],
    ['http:///x y', undefined],
    ['', undefined],
  ])('makes of %j %j', (text, url) => {
    expect(urlSelector(text, verbatim)).toEqual(url === undefined ? undefined : { kind: 'url', url });
  });

  it('follows the rules that keys are made by', () => {
    expect(urlSelector('http://a.test/x/../%7Eb?b=1&utm_id=3&a=2', normalising)).toEqual({
      kind: 'url',
      url: '//a.test/~b?a=2&b=1',
    });
  });

  it('takes the query off for any query', () => {
    expect(urlSelector('http://a.test/x?b=1', verbatim, true)).toEqual({ kind: 'path', path: '//a.test/x' });
  });
});

describe('prefixSelector', () => {
  it.each<[string, string | undefined]>([
    ['http://a.test/img/*', '//a.test/img/'],
    ['https://a.test/img', '//a.test/img'],
    ['a.test/img/*', '//a.test/img/'],
    ['//a.test:81/img*', '//a.test:81/img'],
    ['a.test', '//a.test/'],
    ['a.test/s?q=a*', '//a.test/s?q=a'],
    ['http://a.test/*.png', undefined],
    ['http://*.test/', undefined],
    ['*', undefined],
    ['', undefined],
  ])('makes of %j %j', (text, prefix) => {
    expect(prefixSelector(text, verbatim)).toEqual(
      prefix === undefined ? undefined : { kind: 'prefix', prefix },
    );
  });

  it('normalises the path and keeps what a query begins with', () => {
    expect(prefixSelector('a.test/x/..//y?b=1&a', normalising)).toEqual({
      kind: 'prefix',
      prefix: '//a.test/y?b=1&a',
    });
  });
});

it.each<[string, string | undefined]>([
  ['A.test', 'a.test'],
  ['a.test:80', 'a.test'],
  ['a.test:8080', 'a.test:8080'],
  ['[::1]', '[::1]'],
  ['http://a.test', undefined],
  ['a.test/', undefined],
  ['*.test', undefined],
  ['a b', undefined],
  ['', undefined],
])('names by %j the host %j', (text, host) => {
  expect(hostSelector(text)).toEqual(host === undefined ? undefined : { kind: 'host', host });
});

it.each<[string, string | undefined]>([
  ['a/1', 'a/1'],
  ['with blank', 'with blank'],
  ['é', '\xc3\xa9'],
  [' a', undefined],
  ['a\nb', undefined],
  ['', undefined],
])('names by %j the tag %j', (text, tag) => {
  expect(tagSelector(text)).toEqual(tag === undefined ? undefined : { kind: 'tag', tag });
});

function read(body: unknown): ReadPurge {
  return readPurge(JSON.stringify(body), verbatim);
}

function error(body: unknown): string {
  const result = read(body);
  if (result.kind !== 'refused') throw new Error('it was taken');
  return `${result.status} ${result.error}`;
}

describe('readPurge', () => {
  it('reads every kind of selector, each once', () => {
    expect(
      read({
        urls: ['http://a.test/x', 'https://a.test/x'],
        prefixes: ['a.test/img/*'],
        hosts: ['b.test'],
        tags: ['t'],
        mode: 'invalidate',
        dryRun: true,
      }),
    ).toEqual({
      kind: 'purge',
      request: {
        selectors: [
          { kind: 'url', url: '//a.test/x' },
          { kind: 'prefix', prefix: '//a.test/img/' },
          { kind: 'host', host: 'b.test' },
          { kind: 'tag', tag: 't' },
        ],
        mode: 'invalidate',
        dryRun: true,
        refresh: false,
      },
    });
  });

  it('deletes unless it is told otherwise', () => {
    expect(read({ tags: ['t'] })).toMatchObject({ request: { mode: 'delete', dryRun: false } });
  });

  it('takes everything for everything', () => {
    expect(read({ everything: true, tags: ['t'] })).toMatchObject({
      request: { selectors: [{ kind: 'all' }] },
    });
  });

  it('knows the words of Cloudflare', () => {
    expect(read({ purge_everything: true })).toMatchObject({ request: { selectors: [{ kind: 'all' }] } });
    const files = ['http://a.test/x', { url: 'http://a.test/y', headers: { 'CF-Device-Type': 'mobile' } }];
    expect(read({ files })).toMatchObject({
      request: {
        selectors: [
          { kind: 'url', url: '//a.test/x' },
          { kind: 'url', url: '//a.test/y' },
        ],
      },
    });
  });

  it.each<[unknown, RegExp]>([
    [[], /^400 body: expected a JSON object$/],
    [{}, /^400 nothing is selected/],
    [{ everything: false }, /^400 nothing is selected/],
    [{ tags: [] }, /^400 nothing is selected/],
    [{ tag: ['t'] }, /^400 .*tag.*: nothing of that name; known: urls/],
    [{ tags: 't' }, /^400 tags: expected a list of strings$/],
    [{ tags: ['t', 5] }, /^400 tags\[1\]: expected a string$/],
    [
      { urls: ['/x'], tags: ['a', ''], mode: 'soft' },
      /^400 (?=.*tags\[1\]: )(?=.*mode: expected "invalidate" or "delete")/,
    ],
    [
      { urls: ['/x'], prefixes: ['*'] },
      /^400 urls\[0\]: expected an absolute .*; prefixes\[0\]: expected the beginning/,
    ],
    [{ urls: ['http://a.test/'], refresh: true, mode: 'delete' }, /^400 refresh: expected mode "invalidate"/],
    [{ urls: ['http://a.test/'], refresh: true, dryRun: true }, /^400 refresh: expected no dryRun/],
    [{ urls: ['http://a.test/'], refresh: 'yes' }, /^400 refresh: expected true or false/],
    [
      { tags: Array.from({ length: 1001 }, (_, i) => `t${i}`) },
      /^413 1001 purges in one request; at most 1000$/,
    ],
  ])('says what is wrong with %j', (body, message) => {
    expect(error(body)).toMatch(message);
  });

  it('says that a body is not JSON', () => {
    expect(readPurge('urls=x', verbatim)).toEqual({
      kind: 'refused',
      status: 400,
      error: 'the body is not JSON',
    });
  });
});

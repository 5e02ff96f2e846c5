// Requests of HTTP/2 as values (RFC 9113 §8.3): what is taken, what it is taken for, and what is refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/http/limits.ts';
import { Refusal } from '../../src/http/refusal.ts';
import { Blocks, LastBlock } from '../../src/http2/header-block.ts';
import { type Head, Requests } from '../../src/http2/request.ts';

const limits = { ...DEFAULT_LIMITS, maxTargetBytes: 64, maxFields: 8, maxHeadBytes: 1024 };
const requests = new Requests(new Blocks(limits), limits.maxTargetBytes);
const read = (raw: readonly string[]): Head | Refusal => requests.read(raw, new LastBlock());
const given = (pseudo: Readonly<Record<string, string>>, ...fields: string[]): string[] => [
  ...Object.entries({
    ':method': 'GET',
    ':scheme': 'https',
    ':authority': 'a.example',
    ':path': '/',
    ...pseudo,
  }).flat(),
  ...fields,
];
const statusOf = (head: Head | Refusal): number => (head instanceof Refusal ? head.status : 200);

describe('a request of HTTP/2', () => {
  it.each([
    ['https://A.Example:443', { ':authority': 'A.Example:443' }, 'a.example'],
    ['another port', { ':authority': 'a.example:8443' }, 'a.example:8443'],
    ['IPv6', { ':authority': '[::1]:443' }, '[::1]'],
  ])('has its authority reduced: %s', (_name, pseudo, authority) => {
    expect(read(given(pseudo))).toMatchObject({ authority });
  });

  it('takes Host where there is no authority, and where both say the same', () => {
    const bare = [':method', 'GET', ':scheme', 'https', ':path', '/', 'host', 'A.example:443'];
    expect(read(bare)).toMatchObject({ authority: 'a.example' });
    expect(read(given({}, 'host', 'a.example:443'))).toMatchObject({ authority: 'a.example' });
  });

  it.each([
    ['an asterisk', { ':path': '*' }, 400],
    ['an asterisk of OPTIONS', { ':path': '*', ':method': 'OPTIONS' }, 200],
    ['a query with a backslash, as browsers send', { ':path': '/a?b\\c' }, 200],
    ['a second question mark', { ':path': '/a?b?c' }, 200],
    ['a fragment in the query', { ':path': '/a?b#c' }, 400],
    ['a path beyond ASCII', { ':path': '/\xe4' }, 400],
    ['a long target', { ':path': `/${'a'.repeat(64)}` }, 414],
    ['a long method', { ':method': 'A'.repeat(65) }, 501],
    ['an empty method', { ':method': '' }, 400],
    ['CONNECT with a path', { ':method': 'CONNECT' }, 400],
    ['http', { ':scheme': 'http' }, 400],
    ['a port that is none', { ':authority': 'a.example:99999' }, 400],
    ['an empty authority', { ':authority': '' }, 400],
  ])('with %s', (_name, pseudo, status) => {
    expect(statusOf(read(given(pseudo)))).toBe(status);
  });

  it('with CONNECT has its authority for its target', () => {
    const raw = [':method', 'CONNECT', ':authority', 'a.example:443'];
    expect(read(raw)).toMatchObject({ method: 'CONNECT', target: 'a.example:443' });
  });

  it('has as many fields and bytes as are allowed', () => {
    const fields = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => [`x${i}`, 'y']).flat();
    expect(statusOf(read(given({}, ...fields(8))))).toBe(200);
    expect(statusOf(read(given({}, ...fields(9))))).toBe(431);
    expect(statusOf(read(given({}, 'x', 'y'.repeat(1024))))).toBe(431);
  });

  it('has the crumbs of its cookie in one', () => {
    const head = read(given({}, 'cookie', 'a=1', 'x', 'y', 'cookie', 'b=2', 'cookie', 'c=3'));
    expect(head instanceof Refusal ? [] : head.block.fields.lines).toEqual([
      'cookie',
      'a=1; b=2; c=3',
      'x',
      'y',
    ]);
  });

  it('is the same value for the same fields, and another for others, in whatever order pseudo-header fields come', () => {
    const last = new LastBlock();
    const one = requests.read(given({}, 'x', 'y'), last);
    const same = requests.read(
      [':path', '/b', ':method', 'GET', ':scheme', 'https', ':authority', 'b.example', 'x', 'y'],
      last,
    );
    const other = requests.read(given({}, 'x', 'z'), last);
    if (one instanceof Refusal || same instanceof Refusal || other instanceof Refusal)
      throw new Error('refused');
    expect(same.block).toBe(one.block);
    expect(other.block).not.toBe(one.block);
    expect(same).toMatchObject({ target: '/b', authority: 'b.example' });
  });

  it('of any names and values is refused, or comes out as it came in', () => {
    const text = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      maxLength: 12,
    });
    const token = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(token, text), text), { maxLength: 5 }), (fields) => {
        const head = read(given({}, ...fields.flat()));
        if (head instanceof Refusal) return;
        const { lines } = head.block.fields;
        expect(lines.every((one) => !/[\0\r\n]/.test(one))).toBe(true);
        if (fields.every(([name]) => name !== 'cookie')) expect(lines).toEqual(fields.flat());
      }),
    );
  });
});

// Which addresses the forward proxy dials: special ones, what is within others, its own; and that it dials what it checked.

import type { LookupAddress } from 'node:dns';
import { describe, expect, it } from 'vitest';
import { destinationOf } from '../../src/forward/destination.ts';
import { addressCheck, checkedLookup, DestinationDenied, literalFault } from '../../src/forward/dial.ts';
import { cachedResolver, type Resolve, type Resolved } from '../../src/forward/resolver.ts';
import { isSpecial } from '../../src/forward/special.ts';

describe('A special address', () => {
  it.each([
    ...['127.0.0.1', '127.255.0.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '168.63.129.16', '192.0.0.192', '198.18.0.1'],
    ...['192.0.2.1', '224.0.0.1', '239.1.2.3', '240.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::127.0.0.1',
      '::ffff:127.0.0.1',
      '::ffff:7f00:1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fec0::1',
    ],
    ...['fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1', '2001::1', '2002:7f00:1::', '2002:a00:1::1'],
    ...['64:ff9b::127.0.0.1', '64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1', '3fff::1', '4000::1'],
    ...['fe80::1%eth0', 'localhost', '', '127.1', '0x7f000001', '2130706433'],
  ])('is %s', (address) => {
    expect(isSpecial(address)).toBe(true);
  });

  it.each([
    ...['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.255.255', '100.128.0.1', '192.0.1.1'],
    ...['2606:4700:4700::1111', '2a00:1450::1', '64:ff9b::8.8.8.8', '::ffff:8.8.8.8'],
  ])('is not %s', (address) => {
    expect(isSpecial(address)).toBe(false);
  });
});

describe('The check of an address', () => {
  const own = () => [
    { host: undefined, port: 8080 },
    { host: '127.0.0.1', port: 8081 },
  ];
  const check = addressCheck({
    reach: ['10.1.0.0/16', '127.0.0.0/8', '::1/128'],
    block: ['10.1.9.0/24', '1.1.1.1/32'],
    own,
  });

  it('lets public addresses pass, and special ones that a rule reaches', () => {
    for (const address of ['8.8.8.8', '10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3']) {
      expect(check(address, 80)).toBeUndefined();
    }
  });

  it('denies other special ones, and blocked ones whatever a rule says', () => {
    for (const address of ['10.2.0.1', '10.1.9.1', '1.1.1.1', '169.254.169.254', '::ffff:10.2.0.1']) {
      expect(check(address, 80)).toBeTypeOf('string');
    }
  });

  it('denies the ports of this program on any of its addresses', () => {
    expect(check('127.0.0.1', 8080)).toContain('itself');
    expect(check('127.5.5.5', 8081)).toContain('itself');
    expect(check('::1', 8080)).toContain('itself');
    expect(check('10.1.2.3', 8080)).toBeUndefined();
  });

  it('is made of hosts that are addresses too, which nobody looks up', () => {
    expect(literalFault('10.2.0.1', check, 80)).toBeInstanceOf(DestinationDenied);
    expect(literalFault('10.1.0.1', check, 80)).toBeUndefined();
    expect(literalFault('name.example', check, 80)).toBeUndefined();
  });
});

describe('A name', () => {
  const addresses = (...all: string[]): Resolved[] =>
    all.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  const check = addressCheck({ reach: [], block: [], own: () => [] });
  const ask = (resolve: Resolve, options = { all: true }): Promise<LookupAddress[] | string> =>
    new Promise((done, fail) => {
      checkedLookup(resolve, check, 80)('name.example', options, (error, found) =>
        error ? fail(error) : done(found),
      );
    });

  it('is dialled at those of its addresses that may be', async () => {
    const resolve: Resolve = (_host, done) =>
      done(null, addresses('10.0.0.1', '8.8.8.8', '::1', '2606:4700::1'));
    expect(await ask(resolve)).toEqual(addresses('8.8.8.8', '2606:4700::1'));
    expect(await ask(resolve, { all: false })).toBe('8.8.8.8');
  });

  it('with none is denied, however it resolved a moment before', async () => {
    const answers = [addresses('8.8.8.8'), addresses('169.254.169.254')];
    const resolve: Resolve = (_host, done) => done(null, answers.shift() ?? []);
    expect(await ask(resolve)).toEqual(addresses('8.8.8.8'));
    await expect(ask(resolve)).rejects.toThrow('169.254.169.254');
  });

  it('is asked about once at a time, and remembered for a while; a failure for a shorter one', async () => {
    let now = 0;
    let asked = 0;
    const errors: (Error | null)[] = [null, new Error('down'), null];
    const resolve = cachedResolver(
      (_host, done) => {
        const error = errors[asked++] ?? null;
        setImmediate(() => done(error, error === null ? addresses('8.8.8.8') : []));
      },
      () => now,
    );
    await Promise.all([ask(resolve), ask(resolve)]);
    await ask(resolve);
    expect(asked).toBe(1);
    now += 30_000;
    await expect(ask(resolve)).rejects.toThrow('down');
    await expect(ask(resolve)).rejects.toThrow('down');
    expect(asked).toBe(2);
    now += 3000;
    await ask(resolve);
    expect(asked).toBe(3);
  });
});

describe('A destination', () => {
  it.each([
    ['Example.ORG', { host: 'example.org', port: 80, authority: 'example.org' }],
    ['example.org.:81', { host: 'example.org', port: 81, authority: 'example.org:81' }],
    ['[::1]:80', { host: '::1', port: 80, authority: '[::1]' }],
    ['10.0.0.1:8080', { host: '10.0.0.1', port: 8080, authority: '10.0.0.1:8080' }],
  ])('%s has one spelling', (authority, expected) => {
    expect(destinationOf('http', authority.toLowerCase())).toMatchObject(expected);
  });

  it.each(['', 'a%2eb', 'exa mple', '-a.example', 'a..b', 'a:0', '1.2.3', '1.2.3.4.5', 'a_b!c', 'a@b'])(
    '%s is none',
    (authority) => {
      expect(destinationOf('http', authority)).toBeUndefined();
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressSet, networkOf } from '../../src/gate/address-set.ts';
import { clientAddress } from '../../src/gate/client-address.ts';
import { Fields } from '../../src/http/fields.ts';
import { addressTest } from '../../src/origin/forwarded.ts';

const v4 = fc.ipV4();
const v6 = fc.ipV6();

describe('an address set', () => {
  it.each([
    ['10.0.0.1', true],
    ['10.255.255.255', true],
    ['11.0.0.0', false],
    ['9.255.255.255', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['::ffff:10.1.2.3', true],
    ['2001:db8::1', true],
    ['2001:db9::', false],
    ['not an address', false],
    ['10.1', false],
    ['', false],
  ])('%s: %s', (address, expected) => {
    const set = new AddressSet(['10.0.0.0/8', '10.2.0.0/16', '192.0.2.7/32', '2001:db8::/32']);
    expect(set.has(address)).toBe(expected);
  });

  it('says what a search through all ranges says', () => {
    const range = fc.oneof(
      fc.tuple(v4, fc.integer({ min: 0, max: 32 })),
      fc.tuple(v6, fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), fc.oneof(v4, v6), (ranges, address) => {
        const texts = ranges.map(([network, bits]) => `${network}/${bits}`);
        // Also near the edges of a range.
        for (const one of [address, ...ranges.map(([network]) => network)])
          expect(new AddressSet(texts).has(one)).toBe(addressTest(texts)(one));
      }),
    );
  });

  it('counts an IPv6 subscriber by the /64, whatever the spelling', () => {
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe(networkOf('2001:DB8:1:2::9'));
    expect(networkOf('2001:db8:1:3::9')).not.toBe(networkOf('2001:db8:1:2::9'));
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
  });
});

const trusted = addressTest(['10.0.0.0/8', '2001:db8::/32']);
const of = (source: 'x-forwarded-for' | 'forwarded', ...lines: readonly string[]) =>
  clientAddress('10.0.0.1', new Fields(lines.flatMap((line) => [source, line])), trusted, source);

describe('the client by X-Forwarded-For', () => {
  it.each([
    [['192.0.2.1'], '192.0.2.1'],
    [['1.1.1.1, 192.0.2.1'], '192.0.2.1'],
    [['1.1.1.1, 192.0.2.1, 10.0.0.2'], '192.0.2.1'],
    [['1.1.1.1', '192.0.2.1', '10.0.0.2, 10.0.0.3'], '192.0.2.1'],
    [['10.0.0.9, 10.0.0.2'], '10.0.0.9'],
    [['192.0.2.1:4711'], '192.0.2.1'],
    [['[2001:db9::1]:4711'], '2001:db9::1'],
    [['2001:DB9::1'], '2001:db9::1'],
    [['::ffff:192.0.2.1'], '192.0.2.1'],
    [['192.0.2.1, unknown'], '10.0.0.1'],
    [['192.0.2.1, junk, 10.0.0.2'], '10.0.0.2'],
    [['192.0.2.1, '], '10.0.0.1'],
    [['fe80::1%eth0'], '10.0.0.1'],
    [['127.1'], '10.0.0.1'],
    [['0x7f000001'], '10.0.0.1'],
    [[''], '10.0.0.1'],
  ])('%j is %s', (lines, expected) => {
    expect(of('x-forwarded-for', ...lines)).toBe(expected);
  });
});

describe('the client by Forwarded', () => {
  it.each([
    [['for=192.0.2.1'], '192.0.2.1'],
    [['For="192.0.2.1:80";proto=http;by=10.0.0.1'], '192.0.2.1'],
    [['for="[2001:db9::1]:80"'], '2001:db9::1'],
    [['for=1.1.1.1, for=192.0.2.1;host="a,b", for=10.0.0.2'], '192.0.2.1'],
    [['for=1.1.1.1;x="', 'for=192.0.2.1;host="a"'], '192.0.2.1'],
    [['for=1.1.1.1;x=", for=192.0.2.1'], '192.0.2.1'],
    [['for=_hidden, for=10.0.0.2'], '10.0.0.2'],
    [['for=unknown'], '10.0.0.1'],
    [['by=192.0.2.1'], '10.0.0.1'],
    [['for=1.1.1.1;for=192.0.2.1'], '10.0.0.1'],
    [['for=192.0.2.1"'], '10.0.0.1'],
  ])('%j is %s', (lines, expected) => {
    expect(of('forwarded', ...lines)).toBe(expected);
  });
});

describe('nobody is fooled', () => {
  it('a peer that is not trusted is the client', () => {
    const fields = Fields.from({ 'x-forwarded-for': '1.1.1.1' });
    expect(clientAddress('192.0.2.9', fields, trusted, 'x-forwarded-for')).toBe('192.0.2.9');
  });

  it('whatever a client writes, the address that the trusted proxy saw it come from stays the client', () => {
    const junk = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.constantFrom('"', '\\"', 'for="', ', for="10.0.0.1'),
    );
    for (const [source, own] of [
      ['x-forwarded-for', '192.0.2.77'],
      ['forwarded', 'for=192.0.2.77'],
    ] as const) {
      fc.assert(
        fc.property(fc.array(junk, { maxLength: 4 }), (lines) => {
          expect(of(source, [...lines, own].join(', '))).toBe('192.0.2.77');
        }),
      );
    }
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAddress,
  formatDuration,
  formatSize,
  parseAddress,
  parseDuration,
  parseRange,
  parseSize,
} from '../../src/config/units.ts';

describe('sizes', () => {
  it.each([
    ['256MB', 268_435_456],
    ['262144KB', 268_435_456],
    ['1.5GB', 1_610_612_736],
    ['2TB', 2_199_023_255_552],
    ['10B', 10],
    ['1024', 1024],
    ['0', 0],
    [1024, 1024],
    [0, 0],
  ])('%j is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each([
    'lots',
    '',
    '256mb',
    '256 MB',
    '-1',
    '1e6',
    'MB',
    '.5MB',
    '1.MB',
    '9999999999999999TB',
    '0x10',
    '١MB',
  ])('%j is none', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])('the number %d is none', (value) => {
    expect(parseSize(value)).toBeUndefined();
  });

  it('come back from their own text', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        expect(parseSize(formatSize(bytes))).toBe(bytes);
      }),
    );
  });
});

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['500ms', 500],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['1d', 86_400_000],
    ['0s', 0],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['30', '', 's', '30 s', '30S', '-1s', '1m30s', '1w', '1e3s', '9999999999999999d'])(
    '%j is none',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('come back from their own text', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['edge-1.example.org:65535', { host: 'edge-1.example.org', port: 65535 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    [':8080', { host: undefined, port: 8080 }],
    ['*:8080', { host: undefined, port: 8080 }],
  ])('%j is understood', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(parseAddress(formatAddress(address))).toEqual(address);
  });

  it.each([
    '8080',
    'localhost',
    'localhost:',
    '127.0.0.1:65536',
    '::1:8080',
    '[::1]',
    '[127.0.0.1]:80',
    '300.1.1.1:80',
    'a b:80',
    'http://a:80',
    '-a:80',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe('ranges', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['::1', '::1/128'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%j is %j', (text, range) => {
    expect(parseRange(text)).toBe(range);
  });

  it.each([
    '',
    'localhost',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10/8',
    '010.0.0.1',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ])('%j is none', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });
});

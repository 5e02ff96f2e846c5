// Which certificate covers which host.

import { describe, expect, it } from 'vitest';
import { countAuthorities, covers, readCertificate, wildcardOf } from '../../src/tls/certificate.ts';
import { certificate } from '../support/certificates.ts';

describe('a certificate', () => {
  it.each([
    ['a.example.org', true],
    ['b.example.org', true],
    ['x.b.example.org', false],
    ['example.org', false],
  ])('of a.example.org and *.example.org covers %s: %s', (host, expected) => {
    expect(covers(['a.example.org', '*.example.org'], host)).toBe(expected);
  });

  it('has a wildcard for one label', () => {
    expect(wildcardOf('www.example.org')).toBe('*.example.org');
    expect(wildcardOf('localhost')).toBe('*');
  });

  it('is for the hosts that it names, in lower case; for its common name only where it names none', async () => {
    const named = readCertificate(
      await certificate(['WWW.Example.org', '*.example.net'], { name: 'other.example' }),
    );
    expect(named).toMatchObject({ names: ['www.example.org', '*.example.net'] });
    const common = readCertificate(await certificate([], { name: 'old.example' }));
    expect(common).toMatchObject({ names: ['old.example'] });
  });

  it('does not go with the key of another', async () => {
    const [one, two] = [await certificate(['a.example']), await certificate(['a.example'])];
    expect(readCertificate({ cert: one.cert, key: two.key })).toMatchObject({ file: 'key' });
    expect(readCertificate({ cert: 'junk', key: two.key })).toMatchObject({ file: 'cert' });
  });

  it('is one of several in a file of authorities', async () => {
    const [one, two] = [await certificate(['a.example']), await certificate(['b.example'])];
    expect(countAuthorities(`${one.cert}\n${two.cert}`)).toBe(2);
    expect(countAuthorities('junk')).toBe(0);
    expect(
      countAuthorities(`${one.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`),
    ).toBe(0);
  });
});

// Faults of `tls`: each names the setting, the file and what is allowed.

import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig } from '../../src/config.ts';
import { certificate, certificateDir } from '../support/certificates.ts';

function faultsOf(tls: unknown): readonly string[] {
  try {
    parseConfig({ origin: 'demo', tls }, 'test');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, value, allowed }) => `${path}: ${value}; ${allowed}`);
  }
}

const listen = '127.0.0.1:0';

describe('settings of TLS', () => {
  it('are none by default', () => {
    expect(parseConfig({ origin: 'demo' }, 'test').tls).toBeUndefined();
  });

  it('that lack a certificate are a fault', () => {
    expect(faultsOf({ listen })).toEqual([
      expect.stringMatching(/^tls\.certificates: .*at least one certificate/),
    ]);
  });

  it('name every file that is missing, malformed or does not fit', async () => {
    const dir = await certificateDir();
    const [good, other] = [await certificate(['a.example.org']), await certificate(['b.example.org'])];
    const files = await dir.put('good', good);
    const junk = await dir.write('junk', 'junk');
    const certificates = [
      { cert: `${dir.path}/nowhere.pem`, key: files.key },
      { cert: files.cert, key: await dir.write('other.key', other.key) },
      { cert: junk, key: files.key },
      { cert: files.cert, key: junk },
      {
        cert: files.cert,
        key: await dir.write('encrypted.key', good.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')),
      },
      { cert: dir.path, key: files.key },
      files,
    ];
    const found = faultsOf({ listen, certificates });
    expect(found.map((fault) => fault.replaceAll(dir.path, '…'))).toEqual([
      'tls.certificates[0].cert: "…/nowhere.pem": no such file; a PEM file of a certificate and its intermediate ones',
      'tls.certificates[1].key: "…/other.key": not the private key of the certificate; a PEM file of the private key of the certificate',
      'tls.certificates[2].cert: "…/junk": no certificate in PEM; a PEM file of a certificate and its intermediate ones',
      'tls.certificates[3].key: "…/junk": no private key in PEM; a PEM file of the private key of the certificate',
      'tls.certificates[4].key: "…/encrypted.key": the private key is encrypted; a PEM file of the private key of the certificate',
      'tls.certificates[5].cert: "…": a directory; a PEM file of a certificate and its intermediate ones',
    ]);
  });

  it('take authorities for clients from a file, and need one', async () => {
    const dir = await certificateDir();
    const certificates = [await dir.put('good', await certificate(['a.example.org']))];
    const withAuth = (clientAuth: object): readonly string[] =>
      faultsOf({ listen, certificates, clientAuth });
    expect(withAuth({ mode: 'require' })).toEqual([
      'tls.clientAuth.ca: not given; a file name, unless mode is "none"',
    ]);
    expect(withAuth({ mode: 'require', ca: await dir.write('junk', 'x') })[0]).toMatch(
      /no certificates in PEM/,
    );
    expect(withAuth({ mode: 'request', ca: certificates[0]?.cert })).toEqual([]);
  });

  it('name ciphers that there are not, a key for tickets of another size, a port that is taken twice', async () => {
    const dir = await certificateDir();
    const certificates = [await dir.put('good', await certificate(['a.example.org']))];
    expect(faultsOf({ listen, certificates, ciphers: 'NOT-A-CIPHER' })[0]).toMatch(
      /^tls\.ciphers: "NOT-A-CIPHER": /,
    );
    const keyFile = await dir.write('ticket.key', new Uint8Array(47));
    expect(faultsOf({ listen, certificates, tickets: { keyFile } })[0]).toMatch(
      /keyFile: .*47 bytes; a file of 48 bytes/,
    );
    expect(faultsOf({ listen: '127.0.0.1:8080', certificates })[0]).toMatch(
      /^tls\.listen: .*another address/,
    );
    expect(faultsOf({ redirectHttp: { enabled: true } })[0]).toMatch(/^tls\.redirectHttp\.enabled: true; /);
  });

  it('take a certificate that has expired: the log warns, the site stays up', async () => {
    const dir = await certificateDir();
    const old = await certificate(['a.example.org'], { from: -1000, until: -10 });
    expect(faultsOf({ listen, certificates: [await dir.put('old', old)] })).toEqual([]);
  });
});

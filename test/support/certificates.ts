// Certificates made for a test: self-signed ones and small authorities, as PEM or as files in a directory of the test's own.

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { onTestFinished } from 'vitest';

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

export interface Wanted {
  /** Common name; the first host, where there is none. */
  readonly name?: string;
  /** Seconds from now. */
  readonly from?: number;
  readonly until?: number;
  /** Signs it; else it signs itself. */
  readonly by?: Pem;
  readonly isAuthority?: boolean;
  readonly keyType?: 'ec' | 'rsa';
}

const DAY = 86_400;

/** A certificate for hosts (names, wildcards). */
export async function certificate(hosts: readonly string[], wanted: Wanted = {}): Promise<Pem> {
  const { name = hosts[0] ?? 'nobody', from = -DAY, until = 300 * DAY, by, isAuthority = false } = wanted;
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: wanted.keyType ?? 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() + from * 1000),
    notAfterDate: new Date(Date.now() + until * 1000),
    ...(by !== undefined && { ca: { cert: by.cert, key: by.key } }),
    extensions: [
      { name: 'basicConstraints', cA: isAuthority, critical: true },
      ...(hosts.length === 0
        ? []
        : [
            {
              name: 'subjectAltName' as const,
              altNames: hosts.map((value) => ({ type: 2 as const, value })),
            },
          ]),
    ],
  });
  return { cert: made.cert, key: made.private };
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateDir {
  readonly path: string;
  /** Writes `name`.pem and `name`.key, each put in its place in one step. */
  put(name: string, pem: Pem): Promise<CertificateFiles>;
  /** Writes any file so. */
  write(name: string, content: string | Uint8Array): Promise<string>;
}

/** A directory for the files of a test; it goes with the test. */
export async function certificateDir(): Promise<CertificateDir> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-tls-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const file = join(path, name);
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
    return file;
  };
  return {
    path,
    write,
    put: async (name, { cert, key }) => ({
      cert: await write(`${name}.pem`, cert),
      key: await write(`${name}.key`, key),
    }),
  };
}

// The certificate that all subjects show: ECDSA on P-256, as sites have them today, made anew for each run.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** Files in PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Both in one file, as HAProxy wants them. */
  readonly both: string;
}

/** Cipher suites of TLS 1.3 in the order that all subjects are told, so that none is measured with a dearer one. */
export const SUITES = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

export async function certificateIn(dir: string): Promise<CertificateFiles> {
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
  });
  const files = { cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem'), both: join(dir, 'both.pem') };
  writeFileSync(files.cert, pem.cert, { mode: 0o644 });
  writeFileSync(files.key, pem.private, { mode: 0o644 });
  writeFileSync(files.both, `${pem.cert}\n${pem.private}`, { mode: 0o644 });
  return files;
}

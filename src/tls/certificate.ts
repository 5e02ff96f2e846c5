// One certificate chain and its private key: read strictly, so that a fault is found when it is loaded and not by the first
// client. Owns which hosts a certificate is for. Reads no files.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** A chain and its key as PEM; plain data. */
export interface CertificatePair {
  /** The server's certificate, then the intermediate ones. */
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** Lower-case DNS names, wildcards included, and IP addresses. */
  readonly names: readonly string[];
  readonly notBeforeAt: number;
  readonly notAfterAt: number;
  /** Kind of its key, such as "ec" or "rsa". */
  readonly keyType: string;
}

/** Which of the two files is at fault, and why. */
export interface CertificateFault {
  readonly file: 'cert' | 'key';
  readonly problem: string;
}

/** @returns what is wrong, if anything; dates are no fault. */
export function readCertificate({ cert, key }: CertificatePair): CertificateFacts | CertificateFault {
  const leaf = parseCertificate(cert);
  if (leaf === undefined) return { file: 'cert', problem: 'no certificate in PEM' };
  const secret = parseKey(key);
  if (typeof secret === 'string') return { file: 'key', problem: secret };
  if (!leaf.checkPrivateKey(secret))
    return { file: 'key', problem: 'not the private key of the certificate' };
  const names = namesOf(leaf);
  if (names.length === 0) return { file: 'cert', problem: 'the certificate is for no host' };
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    return { file: 'cert', problem: error instanceof Error ? error.message : String(error) };
  }
  return {
    names,
    notBeforeAt: leaf.validFromDate.getTime(),
    notAfterAt: leaf.validToDate.getTime(),
    keyType: secret.asymmetricKeyType ?? 'unknown',
  };
}

/** @returns how many certificates a file of authorities holds; 0 when one of them is malformed. */
export function countAuthorities(pem: string): number {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.every((block) => parseCertificate(block) !== undefined) ? blocks.length : 0;
}

/** Whether a certificate with these names is for a host (RFC 6125 §6.4.3: a wildcard is the whole first label). */
export function covers(names: readonly string[], host: string): boolean {
  return names.includes(host) || names.includes(wildcardOf(host));
}

/** "www.example.org" → "*.example.org". */
export function wildcardOf(host: string): string {
  const dot = host.indexOf('.');
  return dot === -1 ? '*' : `*${host.slice(dot)}`;
}

function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return pem.includes('-----BEGIN CERTIFICATE-----') ? new X509Certificate(pem) : undefined;
  } catch {
    return undefined;
  }
}

function parseKey(pem: string): KeyObject | string {
  if (!/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(pem)) return 'no private key in PEM';
  if (/ENCRYPTED/.test(pem)) return 'the private key is encrypted';
  try {
    return createPrivateKey(pem);
  } catch {
    return 'the private key is malformed';
  }
}

/** RFC 6125 §6.4.4: the subject's common name counts only where no name of a host stands beside it. */
function namesOf(leaf: X509Certificate): string[] {
  const alternative = (leaf.subjectAltName ?? '').split(', ').flatMap((entry) => {
    const dns = /^DNS:([A-Za-z0-9*._-]+)$/.exec(entry)?.[1];
    const address = /^IP Address:([0-9A-Fa-f.:]+)$/.exec(entry)?.[1];
    return dns?.toLowerCase() ?? address?.toLowerCase() ?? [];
  });
  if (alternative.length > 0) return alternative;
  const common = /^CN=([A-Za-z0-9*._-]+)$/m.exec(leaf.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}

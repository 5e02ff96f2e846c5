// Reads the files that `tls` names and checks that they fit together, at the start, by `holdfast validate`, and whenever they
// change: every fault at once, each with the setting that it is about. Owns no watching.

import { readFileSync } from 'node:fs';
import type { Fault } from '../config/faults.ts';
import type { TlsSettings } from '../config/tls-schema.ts';
import {
  type CertificateFacts,
  type CertificatePair,
  countAuthorities,
  readCertificate,
} from './certificate.ts';
import { Contexts } from './contexts.ts';
import type { TlsTerms } from './terms.ts';

export const TICKET_KEY_BYTES = 48;

export interface Loaded {
  /** Terms but for a key for tickets of our own making; undefined with faults. */
  readonly terms: TlsTerms | undefined;
  readonly faults: readonly Fault[];
}

/** @param ticketKey for where no file holds one */
export function loadTls(
  settings: TlsSettings,
  ticketKey: Uint8Array = new Uint8Array(TICKET_KEY_BYTES),
): Loaded {
  const faults: Fault[] = [];
  const read = (file: string, path: string, allowed: string): Buffer | undefined => {
    try {
      return readFileSync(file);
    } catch (error) {
      faults.push(faultOf(path, file, reason(error), allowed));
      return undefined;
    }
  };

  const certificates: (CertificatePair & CertificateFacts)[] = [];
  for (const [index, { cert, key }] of settings.certificates.entries()) {
    const path = `tls.certificates[${index}]`;
    const chain = read(cert, `${path}.cert`, CERTIFICATE);
    const secret = read(key, `${path}.key`, KEY);
    if (chain === undefined || secret === undefined) continue;
    const pair = { cert: chain.toString('latin1'), key: secret.toString('latin1') };
    const facts = readCertificate(pair);
    if (!('problem' in facts)) certificates.push({ ...pair, ...facts });
    else if (facts.file === 'cert') faults.push(faultOf(`${path}.cert`, cert, facts.problem, CERTIFICATE));
    else faults.push(faultOf(`${path}.key`, key, facts.problem, KEY));
  }

  const { mode, ca: caFile } = settings.clientAuth;
  const ca =
    mode === 'none' || caFile === undefined ? undefined : read(caFile, 'tls.clientAuth.ca', AUTHORITIES);
  if (ca !== undefined && caFile !== undefined && countAuthorities(ca.toString('latin1')) === 0)
    faults.push(faultOf('tls.clientAuth.ca', caFile, 'no certificates in PEM', AUTHORITIES));

  const { keyFile } = settings.tickets;
  const ownKey = keyFile === undefined ? undefined : read(keyFile, 'tls.tickets.keyFile', TICKET_KEY);
  if (ownKey !== undefined && keyFile !== undefined && ownKey.length !== TICKET_KEY_BYTES)
    faults.push(faultOf('tls.tickets.keyFile', keyFile, `${ownKey.length} bytes`, TICKET_KEY));

  if (faults.length > 0) return { terms: undefined, faults };
  const { http2, hsts } = settings;
  const terms: TlsTerms = {
    certificates,
    minVersion: settings.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ciphers: settings.ciphers,
    refuseUnknown: settings.unknownHost === 'refuse',
    http2: http2.enabled ? { maxStreams: http2.maxStreams, resetBurst: http2.resetBurst } : undefined,
    clientAuth:
      mode === 'none' || ca === undefined
        ? undefined
        : { mode, ca: ca.toString('latin1'), forward: settings.clientAuth.forward },
    ticketKey: ownKey ?? ticketKey,
    hsts,
  };
  const unusable = tryTerms(terms);
  if (unusable === undefined) return { terms, faults };
  const allowed = 'names of cipher suites that OpenSSL knows';
  return { terms: undefined, faults: [faultOf('tls.ciphers', settings.ciphers, unusable, allowed)] };
}

/** Every file that `tls` names, once. */
export function filesOf({ certificates, clientAuth, tickets }: TlsSettings): readonly string[] {
  const all = [...certificates.flatMap(({ cert, key }) => [cert, key]), clientAuth.ca, tickets.keyFile];
  return [...new Set(all.filter((file) => file !== undefined))];
}

const CERTIFICATE = 'a PEM file of a certificate and its intermediate ones';
const KEY = 'a PEM file of the private key of the certificate';
const AUTHORITIES = 'a PEM file of certificates';
const TICKET_KEY = `a file of ${TICKET_KEY_BYTES} bytes`;

/** What is wrong with the terms as a whole: each certificate was tried by itself, so it is the ciphers. */
function tryTerms(terms: TlsTerms): string | undefined {
  try {
    new Contexts(terms);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function faultOf(path: string, file: string, problem: string, allowed: string): Fault {
  return { path, value: `${JSON.stringify(file)}: ${problem}`, allowed };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'a directory',
  ENOTDIR: 'no such file',
};

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? REASONS[String(error.code)] : undefined;
  return code ?? (error instanceof Error ? error.message : String(error));
}

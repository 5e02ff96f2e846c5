// The settings of TLS with clients: `tls`. The files that they name are read by src/tls/load.ts.

import { z } from 'zod';
import { DEFAULT_CIPHERS } from '../tls/terms.ts';
import { type Pattern, parsePathPattern } from './patterns.ts';
import { duration, durationOr, flag, integer, list, oneOf, section, text } from './setting.ts';
import { type Address, parseAddress } from './units.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ADDRESS = '"none", or host:port such as "127.0.0.1:8443" or ":443" for all interfaces';

const file = (value: string): string | undefined =>
  value === '' || value.includes('\0') ? undefined : value;

const certificate = section('A certificate; the hosts that it is for are those that it names.', {
  cert: text("PEM file: the server's certificate, then the intermediate ones.", 'a file name', file),
  key: text('PEM file: its private key, unencrypted.', 'a file name', file),
});

const http2 = section('HTTP/2 (RFC 9113), beside HTTP/1.1.', {
  enabled: flag('Offer it.').prefault(true),
  maxStreams: integer('Most requests at a time on one connection.', { min: 1, max: 10_000 }).prefault(128),
  resetBurst: integer(
    'Requests that a client may take back in a burst before they are answered; a connection that goes on is closed (CVE-2023-44487).',
    { min: 10, max: 100_000 },
  ).prefault(200),
}).prefault({});

const clientAuth = section('Certificates of clients.', {
  mode: oneOf('Whether clients are asked for one, and turned away without a good one.', [
    'none',
    'request',
    'require',
  ]).prefault('none'),
  ca: text('PEM file: the authorities that vouch for clients.', 'a file name', file).optional(),
  forward: flag(
    'Tell the origin: Client-Cert (RFC 9440) and X-Client-Verify. What clients send under these names never passes.',
  ).prefault(false),
})
  .refine(({ mode, ca }) => mode === 'none' || ca !== undefined, {
    path: ['ca'],
    message: 'a file name, unless mode is "none"',
  })
  .prefault({});

const tickets = section('Session tickets, by which clients come back without a whole handshake.', {
  rotate: duration('How long a key for tickets is used. All workers change it together.', {
    min: 60_000,
    max: 7 * DAY,
  }).prefault('12h'),
  keyFile: text(
    'File of 48 random bytes that is the key, for several nodes behind one address; then whoever writes it rotates it.',
    'a file name',
    file,
  ).optional(),
}).prefault({});

const hsts = section('Strict-Transport-Security on every response over TLS (RFC 6797).', {
  maxAge: durationOr('none', 'How long browsers come over TLS only; "none" sends no such field.', {
    min: 0,
    max: 3650 * DAY,
  }).prefault('none'),
  includeSubDomains: flag('For all hosts below, too.').prefault(false),
  preload: flag("Consent to browsers' preload lists.").prefault(false),
}).prefault({});

const redirectHttp = section('Requests in the clear, sent on to https.', {
  enabled: flag('Answer them with a redirect.').prefault(false),
  permanent: flag(
    'Redirects with 301 (308 for methods other than GET and HEAD); otherwise with 302 and 307.',
  ).prefault(true),
  port: integer("The port that clients are sent to, where it is not tls.listen's.", {
    min: 1,
    max: 65_535,
  }).optional(),
  except: list(
    'Paths that are served in the clear all the same.',
    'a path such as "/.well-known/acme-challenge/*"',
    parsePathPattern,
  ).prefault(['/.well-known/acme-challenge/*']),
}).prefault({});

export const tls = section('TLS with clients.', {
  listen: text('Where clients connect over TLS.', ADDRESS, (value) =>
    value === 'none' ? value : parseAddress(value),
  ).prefault('none'),
  certificates: z
    .array(certificate, 'a list of certificates')
    .meta({
      description:
        'Certificates and keys. The first is for clients that name no host, or one that none is for.',
      allowed: 'a list of certificates',
    })
    .prefault([]),
  minVersion: oneOf('Oldest version of TLS.', ['1.2', '1.3']).prefault('1.2'),
  ciphers: text(
    "Cipher suites in OpenSSL's words, those of TLS 1.3 among them.",
    'names of cipher suites, separated by ":"',
    (value) => (/^[\w:+!@=.-]{1,2000}$/.test(value) ? value : undefined),
  ).prefault(DEFAULT_CIPHERS),
  http2,
  clientAuth,
  tickets,
  hsts,
  redirectHttp,
  unknownHost: oneOf('For a host that no certificate is for: the first certificate, or no handshake.', [
    'first',
    'refuse',
  ]).prefault('first'),
})
  .refine(({ listen, certificates }) => listen === 'none' || certificates.length > 0, {
    path: ['certificates'],
    message: 'a list of at least one certificate, unless tls.listen is "none"',
  })
  .refine(({ listen, redirectHttp: { enabled } }) => listen !== 'none' || !enabled, {
    path: ['redirectHttp', 'enabled'],
    message: 'false, unless tls.listen is set',
  })
  .prefault({});

/** TLS with clients; the files by name. */
export interface TlsSettings {
  readonly listen: Address;
  readonly certificates: readonly { readonly cert: string; readonly key: string }[];
  readonly minVersion: '1.2' | '1.3';
  readonly ciphers: string;
  readonly unknownHost: 'first' | 'refuse';
  readonly http2: { readonly enabled: boolean; readonly maxStreams: number; readonly resetBurst: number };
  readonly clientAuth: {
    readonly mode: 'none' | 'request' | 'require';
    readonly ca: string | undefined;
    readonly forward: boolean;
  };
  readonly tickets: { readonly rotateMs: number; readonly keyFile: string | undefined };
  /** The value of Strict-Transport-Security. */
  readonly hsts: string | undefined;
  readonly redirectHttp:
    | { readonly permanent: boolean; readonly port: number | undefined; readonly except: readonly Pattern[] }
    | undefined;
}

export function tlsSettings(set: z.output<typeof tls>): TlsSettings | undefined {
  const { listen } = set;
  if (listen === 'none') return undefined;
  const { enabled, permanent, port, except } = set.redirectHttp;
  return {
    listen,
    certificates: set.certificates,
    minVersion: set.minVersion,
    ciphers: set.ciphers,
    unknownHost: set.unknownHost,
    http2: set.http2,
    clientAuth: { mode: set.clientAuth.mode, ca: set.clientAuth.ca, forward: set.clientAuth.forward },
    tickets: { rotateMs: set.tickets.rotate, keyFile: set.tickets.keyFile },
    hsts: hstsValue(set.hsts),
    redirectHttp: enabled ? { permanent, port, except } : undefined,
  };
}

/** RFC 6797 §6.1. */
function hstsValue({ maxAge, includeSubDomains, preload }: z.output<typeof hsts>): string | undefined {
  if (maxAge === 'none') return undefined;
  const words = [`max-age=${Math.floor(maxAge / 1000)}`];
  if (includeSubDomains) words.push('includeSubDomains');
  if (preload) words.push('preload');
  return words.join('; ');
}

// The terms of TLS with clients: what a listener needs to make handshakes. Plain data, so that the main thread can read the
// files once and give the same to every worker.

import type { CertificateFacts, CertificatePair } from './certificate.ts';

export interface TlsTerms {
  /** In the operator's order; the first is for clients that name no host, or an unknown one. */
  readonly certificates: readonly (CertificatePair & CertificateFacts)[];
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's names, for TLS 1.2 and 1.3 together. */
  readonly ciphers: string;
  /** No handshake for a host that no certificate is for. */
  readonly refuseUnknown: boolean;
  readonly http2: Http2Terms | undefined;
  readonly clientAuth: ClientAuthTerms | undefined;
  /** 48 bytes that encrypt session tickets; the same in every worker. */
  readonly ticketKey: Uint8Array;
  /** The value of Strict-Transport-Security; undefined sends none. */
  readonly hsts: string | undefined;
}

export interface Http2Terms {
  readonly maxStreams: number;
  /** Streams that a client may reset in a burst, before they are answered. */
  readonly resetBurst: number;
}

export interface ClientAuthTerms {
  /** `request` lets clients in without a certificate, or with one that no authority vouches for. */
  readonly mode: 'request' | 'require';
  /** Authorities as PEM. */
  readonly ca: string;
  /** The origin is told. */
  readonly forward: boolean;
}

/** What Mozilla's "intermediate" names: forward secrecy and authenticated encryption only. */
export const DEFAULT_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

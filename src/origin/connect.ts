// How an origin is dialled: by name or address, or by a socket file; its certificate checked against the name the operator
// gave. A client's Host has no part in it: neither in the address, nor in whose certificate is asked for. Knows no HTTP.

import { isIP, type LookupFunction, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import type { Names } from './names.ts';

/** How TLS to an origin differs from the usual. Keys and certificates are PEM texts. */
export interface OriginTls {
  /** The name that is asked for and checked; undefined is the URL's. */
  readonly serverName: string | undefined;
  /** Instead of the authorities that the system trusts. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Takes any certificate. */
  readonly insecure: boolean;
}

/** What stands between a host and being dialled, where not every address may be. */
export interface Guard {
  /** Yields addresses that may. */
  readonly lookup: LookupFunction;
  /** Why a host that is an address itself may not. */
  readonly fault: () => Error | undefined;
}

/** Calls back with a connected socket, or with why there is none. */
export type Dial = (callback: (error: Error | null, socket: Socket | null | undefined) => void) => void;

export interface Dialling {
  readonly url: URL;
  readonly socketPath?: string | undefined;
  readonly timeoutMs: number;
  readonly tls?: OriginTls | undefined;
  readonly http2?: boolean | undefined;
  readonly names?: Names | undefined;
  readonly guard?: Guard | undefined;
  /** Our side stays open when the origin closes its own. */
  readonly halfOpen?: boolean | undefined;
}

/** Of several addresses each is given this long before the next is tried too, at least. */
const LEAST_ATTEMPT_MS = 250;
const ATTEMPTS = 4;

/** The certificate's name for an origin's URL; undefined for an address (RFC 6066 §3: no SNI). */
function certificateName(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? host : undefined;
}

/** Dials the origin. Sessions of TLS are kept for all connections made by the same connector. */
export function originConnector({
  url,
  socketPath,
  timeoutMs,
  tls,
  http2 = false,
  guard,
  names,
  halfOpen = false,
}: Dialling): buildConnector.connector {
  const dial = buildConnector({
    timeout: timeoutMs,
    allowH2: http2,
    allowHalfOpen: halfOpen,
    // The server's choice where it has both: prefer what was asked for.
    ...(http2 && { preferH2: true }),
    ...(socketPath !== undefined && { socketPath }),
    ...(guard !== undefined && { lookup: guard.lookup }),
    ...(names !== undefined && {
      lookup: names.lookup,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(LEAST_ATTEMPT_MS, Math.floor(timeoutMs / ATTEMPTS)),
    }),
    ...(tls !== undefined && {
      rejectUnauthorized: !tls.insecure,
      secureContext: createSecureContext({ ca: tls.ca, cert: tls.certificate, key: tls.key }),
    }),
  });
  const servername = tls?.serverName ?? certificateName(url);
  return ({ servername: _ofTheRequest, ...options }, callback) => {
    const fault = guard?.fault();
    if (fault !== undefined) {
      process.nextTick(() => callback(fault, null));
      return;
    }
    dial(servername === undefined ? options : { ...options, servername }, (...result) => {
      if (result[0] === null) callBreaksByTheirName(result[1]);
      callback(...result);
    });
  };
}

/** The client library takes ECONNRESET for the end of content that runs to the close; it is a break. */
function callBreaksByTheirName(socket: Socket): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') error.code = 'ECONNABORTED';
  });
}

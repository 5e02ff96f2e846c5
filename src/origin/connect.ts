// How an origin is dialled: by name or address, or by a socket file; its certificate checked against the name the operator
// gave. A client's Host has no part in it: neither in the address, nor in whose certificate is asked for. Knows no HTTP.

import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
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
/** A connection on which nothing comes or goes for so long is asked whether it is still there. */
const KEEP_ALIVE_MS = 60_000;

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
}: Dialling): Dial {
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const lookup = names?.lookup ?? guard?.lookup;
  const to = {
    ...(socketPath === undefined
      ? { host, port: Number(url.port) || (isTls ? 443 : 80) }
      : { path: socketPath }),
    allowHalfOpen: halfOpen,
    ...(lookup !== undefined && { lookup }),
    ...(names !== undefined && {
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(LEAST_ATTEMPT_MS, Math.floor(timeoutMs / ATTEMPTS)),
    }),
  };
  if (!isTls) return limited(() => connect(to), 'connect', timeoutMs, guard);
  // RFC 6066 §3: an address is no name for SNI.
  const servername = tls?.serverName ?? (isIP(host) === 0 ? host : undefined);
  const terms = {
    // The server's choice where it has both: prefer what was asked for.
    ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
    ...(servername !== undefined && { servername }),
    ...(tls !== undefined && {
      rejectUnauthorized: !tls.insecure,
      secureContext: createSecureContext({ ca: tls.ca, cert: tls.certificate, key: tls.key }),
    }),
  };
  let session: Buffer | undefined;
  const open = (): Socket => {
    const socket = connectTls({ ...to, ...terms, ...(session !== undefined && { session }) });
    socket.on('session', (made: Buffer) => {
      session = made;
    });
    if (http2) callBreaksByTheirName(socket);
    return socket;
  };
  return limited(open, 'secureConnect', timeoutMs, guard);
}

/** A dial that ends, one way or the other, within `timeoutMs`. */
function limited(
  open: () => Socket,
  opened: 'connect' | 'secureConnect',
  timeoutMs: number,
  guard: Guard | undefined,
): Dial {
  return (callback) => {
    const fault = guard?.fault();
    if (fault !== undefined) {
      process.nextTick(() => callback(fault, null));
      return;
    }
    const socket = open().setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    let isOver = false;
    const finish: typeof callback = (...result) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      callback(...result);
    };
    const timer = setTimeout(() => {
      const late = new Error(`no connection within ${timeoutMs} ms`);
      // What broke in this same moment is the better reason.
      setImmediate(() => {
        if (!isOver) socket.destroy(Object.assign(late, { code: 'ETIMEDOUT' }));
      });
    }, timeoutMs);
    socket.once(opened, () => finish(null, socket));
    socket.on('error', (error) => finish(error, null));
  };
}

/** The client library takes ECONNRESET for the end of content that runs to the close; it is a break. */
function callBreaksByTheirName(socket: Socket): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET') error.code = 'ECONNABORTED';
  });
}

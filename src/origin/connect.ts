// How the pool dials the origin. A client's Host has no part in it: neither in the address, nor in whose certificate
// is asked for and accepted. Knows no HTTP.

import { isIP, type Socket } from 'node:net';
import { buildConnector } from 'undici';

/** The certificate's name for an origin's URL; undefined for an address (RFC 6066 §3: no SNI). */
function certificateName(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? host : undefined;
}

/**
 * Dials the origin at `url`.
 * @param halfOpen our side stays open when the origin closes its own
 */
export function originConnector(url: URL, timeoutMs: number, halfOpen = false): buildConnector.connector {
  const dial = buildConnector({ timeout: timeoutMs, allowH2: false, allowHalfOpen: halfOpen });
  const servername = certificateName(url);
  return ({ servername: _ofTheRequest, ...options }, callback) => {
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

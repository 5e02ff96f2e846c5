// An origin that speaks TLS, with a certificate for `localhost` that this process is made to trust. The key is no secret:
// it is good for tests on loopback alone.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { ConnectionSet, listen } from './listen.ts';

const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgREBFDZ4H7yUsn8ms
V2CQ4g2joaOo4ocNMbPM4yptCuyhRANCAAROXJpzf6v4ctv3byKaQT0tJeDWL6PW
7s9X/UVjbgUBp/yYvEzBfXjnbNeZDWcf1RyAreSvBnfW8OiCOA+EfHVB
-----END PRIVATE KEY-----
`;

const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBlDCCATugAwIBAgIUJ/+B5PVt7qFkaowFZwvTytYZSR4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzIwMzg0MVoYDzIxMjYxMDMw
MjAzODQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAROXJpzf6v4ctv3byKaQT0tJeDWL6PW7s9X/UVjbgUBp/yYvEzBfXjn
bNeZDWcf1RyAreSvBnfW8OiCOA+EfHVBo2kwZzAdBgNVHQ4EFgQUOCurh4pSlvy6
kfrOEHmNpAeMS1YwHwYDVR0jBBgwFoAUOCurh4pSlvy6kfrOEHmNpAeMS1YwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
RwAwRAIgAj1pvQQipfd4bQzcbUQmrrLYiKNtjbl7SgbvIAWdBkoCIFU+XU5ynlOM
w6DCuaTRAN6Vyh4EMJJfKWDRLRSYj+3S
-----END CERTIFICATE-----
`;

export interface TlsOrigin {
  /** https://localhost:PORT */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** The server name that each connection asked for (RFC 6066 §3); undefined where it named none. */
  readonly serverNames: readonly (string | undefined)[];
  /** Host of each request. */
  readonly hosts: readonly string[];
  close(): Promise<void>;
}

/** Answers every request with 200, no-store, "over TLS". */
export async function tlsOrigin(): Promise<TlsOrigin> {
  setDefaultCACertificates([...getCACertificates('default'), CERTIFICATE]);
  const connections = new ConnectionSet();
  const serverNames: (string | undefined)[] = [];
  const hosts: string[] = [];
  const server = createServer(
    { key: KEY, cert: CERTIFICATE },
    (request: IncomingMessage, response: ServerResponse) => {
      hosts.push(request.headers.host ?? '');
      response.writeHead(200, { 'Cache-Control': 'no-store' }).end('over TLS');
    },
  );
  server.on('connection', (socket) => connections.add(socket));
  server.on('secureConnection', (socket: TLSSocket) => serverNames.push(socket.servername || undefined));
  const port = await listen(server);
  return {
    url: `https://localhost:${port}`,
    port,
    get connections() {
      return connections.accepted;
    },
    serverNames,
    hosts,
    close: () => connections.close(server),
  };
}

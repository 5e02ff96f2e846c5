// TLS between an accepted socket and the protocol that is spoken over it: handshakes under way, what became of them, and what
// a connection learnt of its client. Which certificate is for which host is src/tls's affair.

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { covers } from '../tls/certificate.ts';
import { Contexts, contextOptions } from '../tls/contexts.ts';
import type { TlsTerms } from '../tls/terms.ts';
import type { Peer, Secured } from './message.ts';
import { reset } from './reset.ts';
import type { Served } from './served.ts';

export type Protocol = 'http/1.1' | 'h2';

export interface HandshakeOwner {
  now(): number;
  /** What a handshake may take. */
  timeoutMs(): number;
  /** The handshake is done. */
  secured(raw: Socket, socket: TLSSocket, peer: Peer, protocol: Protocol): void;
  /** It failed; `reason` is OpenSSL's or the system's word. */
  failed(reason: string, peer: Peer): void;
}

/** A handshake under way. */
export class Handshake implements Served {
  readonly raw: Socket;
  readonly peer: Peer;
  readonly #endsAt: number;

  constructor(raw: Socket, peer: Peer, endsAt: number) {
    this.raw = raw;
    this.peer = peer;
    this.#endsAt = endsAt;
  }

  sweep(now: number): void {
    if (now >= this.#endsAt) this.raw.destroy();
  }

  drain(): void {
    this.raw.destroy();
  }

  breakOff(): void {
    reset(this.raw, this.raw);
  }
}

/** Makes handshakes by the same terms. New terms need a new one; handshakes under way end by theirs. */
export class Handshakes {
  readonly #owner: HandshakeOwner;
  readonly #contexts: Contexts;
  readonly #clientAuth: TlsTerms['clientAuth'];
  readonly #server: Server;
  /** By what a TLS socket and the one under it have in common. */
  readonly #underWay = new Map<string, Handshake>();

  /** @throws when the terms cannot be used. */
  constructor(terms: TlsTerms, owner: HandshakeOwner) {
    this.#owner = owner;
    this.#contexts = new Contexts(terms);
    this.#clientAuth = terms.clientAuth;
    const { cert, key } = this.#contexts.first;
    this.#server = createServer({
      ...contextOptions(terms),
      cert,
      key,
      SNICallback: (name, answer) => {
        const chosen = this.#contexts.choose(name);
        if (terms.refuseUnknown && !this.#contexts.knows(name))
          answer(new Error('no certificate is for that host'));
        else if (chosen === this.#contexts.first) answer(null);
        else answer(null, chosen.context);
      },
      ALPNProtocols: terms.http2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
      requestCert: terms.clientAuth !== undefined,
      rejectUnauthorized: terms.clientAuth?.mode === 'require',
      handshakeTimeout: 0,
    });
    this.#server.on('secureConnection', (socket) => this.#done(socket));
    this.#server.on('tlsClientError', (error: Error, socket) => this.#fail(error, socket));
  }

  begin(raw: Socket, peer: Peer): Handshake {
    const handshake = new Handshake(raw, peer, this.#owner.now() + this.#owner.timeoutMs());
    const key = keyOf(raw);
    this.#underWay.set(key, handshake);
    raw.on('error', () => {});
    // A client that closes its side is through with the handshake, and with HTTP/2; in HTTP/1.1 it still waits for answers.
    raw.allowHalfOpen = false;
    raw.once('close', () => this.#underWay.delete(key));
    this.#server.emit('connection', raw);
    return handshake;
  }

  #done(socket: TLSSocket): void {
    const handshake = this.#take(socket);
    if (handshake === undefined || handshake.raw.destroyed) {
      socket.destroy();
      return;
    }
    const { raw, peer } = handshake;
    const protocol = socket.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
    socket.allowHalfOpen = protocol === 'http/1.1';
    this.#owner.secured(raw, socket, { ...peer, tls: this.#learnt(socket) }, protocol);
  }

  #fail(error: Error, socket: TLSSocket): void {
    const handshake = this.#take(socket);
    if (handshake === undefined) return;
    handshake.raw.destroy();
    this.#owner.failed('code' in error ? String(error.code) : error.message, handshake.peer);
  }

  #take(socket: TLSSocket): Handshake | undefined {
    const key = keyOf(socket);
    const handshake = this.#underWay.get(key);
    this.#underWay.delete(key);
    return handshake;
  }

  #learnt(socket: TLSSocket): Secured {
    const serverName = typeof socket.servername === 'string' ? socket.servername.toLowerCase() : undefined;
    const { names } = serverName === undefined ? this.#contexts.first : this.#contexts.choose(serverName);
    return {
      version: socket.getProtocol() ?? 'TLS',
      cipher: socket.getCipher().name,
      serverName,
      covers: (host) => host === serverName || covers(names, host),
      asksClient: this.#clientAuth !== undefined,
      ...(this.#clientAuth?.forward === true ? told(socket) : NOTHING_TOLD),
    };
  }
}

const NOTHING_TOLD = { verified: undefined, certificate: undefined };

/** What a client's certificate is told as (RFC 9440 §2.1: a byte sequence of RFC 9651). */
function told(socket: TLSSocket): Pick<Secured, 'verified' | 'certificate'> {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return { verified: 'NONE', certificate: undefined };
  if (socket.authorized)
    return { verified: 'SUCCESS', certificate: `:${certificate.raw.toString('base64')}:` };
  const why = String(socket.authorizationError ?? 'unknown').replace(/[^\w-]/g, '_');
  return { verified: `FAILED:${why}`, certificate: undefined };
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

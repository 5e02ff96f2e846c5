// The first bytes of a connection that a proxy passes on: waits for its PROXY header, then hands the connection over with the
// client's addresses and whatever came behind the header. Nothing is answered to those who may not, or do not, say it right.

import type { Socket } from 'node:net';
import type { Peer } from './message.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import type { Served } from './served.ts';

export interface ProxyTerms {
  /** Who may speak for others, by the socket's address. */
  readonly trusted: (address: string) => boolean;
  /** From the connection to the whole header. */
  readonly timeoutMs: number;
}

export interface IntroductionOwner {
  /** `peer` has the client's addresses; `early` is what the client itself has sent already. */
  introduced(socket: Socket, peer: Peer, early: Buffer): void;
  /** The connection is being reset. `detail`: in words, for the log. */
  failed(fault: IntroductionFault, detail: string, peer: Peer): void;
}

export type IntroductionFault = 'proxy-untrusted' | 'proxy-header' | 'proxy-timeout';

/** A connection whose header has not come whole. */
export class Introduction implements Served {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #owner: IntroductionOwner;
  readonly #endsAt: number;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  #bytes: Buffer = Buffer.alloc(0);

  /** @param now epoch ms */
  constructor(socket: Socket, peer: Peer, terms: ProxyTerms, now: number, owner: IntroductionOwner) {
    this.#socket = socket;
    this.#peer = peer;
    this.#owner = owner;
    this.#endsAt = now + terms.timeoutMs;
    socket.on('error', () => {});
    if (!terms.trusted(peer.address)) {
      this.#fail('proxy-untrusted', 'not from a trusted proxy');
      return;
    }
    socket.on('data', this.#onData);
    socket.on('end', () => this.#socket.destroy());
  }

  sweep(now: number): void {
    if (now >= this.#endsAt) this.#fail('proxy-timeout', 'the header took too long');
  }

  drain(): void {
    this.#socket.destroy();
  }

  breakOff(): void {
    this.#socket.resetAndDestroy();
  }

  #take(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const header = parseProxyHeader(this.#bytes);
    if (header.kind === 'more') return;
    if (header.kind === 'bad') {
      this.#fail('proxy-header', header.reason);
      return;
    }
    this.#socket.off('data', this.#onData);
    this.#socket.removeAllListeners('end');
    const { address, port } = header.said ?? this.#peer;
    this.#owner.introduced(this.#socket, { address, port }, this.#bytes.subarray(header.end));
  }

  #fail(fault: IntroductionFault, detail: string): void {
    this.#owner.failed(fault, detail, this.#peer);
    this.#socket.resetAndDestroy();
  }
}

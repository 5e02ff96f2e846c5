// Where connections that have agreed on HTTP/2 begin: what the sessions of one listener share.

import type { Socket } from 'node:net';
import type { Limits } from '../http/limits.ts';
import type { Peer } from '../http/message.ts';
import type { Shared } from '../http/shared.ts';
import type { Http2Terms } from '../tls/terms.ts';
import { Composer } from './composer.ts';
import { Blocks } from './header-block.ts';
import { http2 } from './library.ts';
import { Requests } from './request.ts';
import { Http2Connection, type Http2Shared } from './session.ts';

export class Http2Door {
  readonly #shared: Http2Shared;

  /** @param hsts the value of Strict-Transport-Security */
  constructor(shared: Shared, terms: Http2Terms, hsts: string | undefined) {
    http2();
    const { limits, now } = shared;
    this.#shared = { shared, requests: requestsWithin(limits), composer: new Composer(now, hsts), terms };
  }

  /** From the next head on, these limits. */
  use(limits: Limits): void {
    this.#shared.requests = requestsWithin(limits);
  }

  /** @param tcp the socket under the one of TLS */
  open(socket: Socket, tcp: Socket, peer: Peer): Http2Connection {
    return new Http2Connection(socket, tcp, peer, this.#shared);
  }
}

function requestsWithin(limits: Limits): Requests {
  return new Requests(new Blocks(limits), limits.maxTargetBytes);
}

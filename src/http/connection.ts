// The state machine of one HTTP/1.1 client connection: heads are taken one at a time, answered in order, and the next
// is read when the response is complete (RFC 9112 §9.3). Owns persistence, deadlines, half-closes and the manner of
// closing. Parsing, framing of content and composing of responses live in head.ts, intake.ts and writer.ts.

import type { Socket } from 'node:net';
import { spend } from '../heap.ts';
import { decoderFor } from './body.ts';
import type { Head } from './head.ts';
import { Inbox } from './inbox.ts';
import { Intake, type IntakeOwner } from './intake.ts';
import type { Peer } from './message.ts';
import { ClientEnd } from './raw-end.ts';
import { readInto } from './read-buffer.ts';
import { badRequest, Refusal } from './refusal.ts';
import { toRequest } from './request.ts';
import { reset } from './reset.ts';
import type { Scratch } from './scratch.ts';
import type { Served } from './served.ts';
import type { Shared } from './shared.ts';
import { StallWatch } from './stall.ts';
import type { Composer } from './wire.ts';
import { Exchange, type Outlet } from './writer.ts';

/**
 * idle: between requests, no byte of a head · head: some of one is there · exchange: until the response is complete ·
 * discard: then, while the rest of the request's content comes · tunnel: HTTP is over here, bytes go both ways · linger: our side is closed, and what still comes is
 * thrown away, so that the client can read the answer (RFC 9112 §9.6).
 */
type State = 'idle' | 'head' | 'exchange' | 'discard' | 'tunnel' | 'linger';

/** Received bytes that are held while something else is going on; then the socket is paused. */
const HELD_BYTES = 64 * 1024;
const DISCARD_MS = 1000;
/** Where the listener closes: who came or asked within so long is likely asking again, and is answered once more. */
const ASKING_MS = 1000;
const LINGER_MS = 2000;
const LINGER_BYTES = 16 * 1024 * 1024;

/** Calls back when all that has come by now was read: the turn that is under way may not see it any more, the next does. */
function onceRead(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}

const SLOW_HEAD = new Refusal(408, 'The request head took too long.');
const SLOW_BODY = new Refusal(408, 'The content took too long.');
const CUT_BODY = badRequest('The content ended early.');
const CLIENT_GONE = new Refusal(499, 'The client has gone.');

export class Connection implements Outlet, IntakeOwner, Served {
  readonly socket: Socket;
  readonly composer: Composer;
  readonly scratch: Scratch;
  readonly inbox = new Inbox();
  readonly #shared: Shared;
  readonly #peer: Peer;
  readonly #tcp: Socket;
  #state: State = 'idle';
  #exchange: Exchange | undefined;
  #intake: Intake | undefined;
  #raw: ClientEnd | undefined;
  /** What version and Connection allow. */
  #persistent = false;
  /** The client has said that it sends nothing after this request (RFC 9112 §9.6). */
  #lastOne = false;
  /** The request asks for another protocol: what came after it may be meant in that. */
  #upgrading = false;
  /** Bytes of the head begun that were found too few. */
  #seen = 0;
  #advancing = false;
  /** No request has come yet: the first may be on its way. */
  #fresh = true;
  #halfClosed = false;
  #lingered = 0;
  #deadline: number;
  readonly #stall: StallWatch;

  /** @param tcp the socket under one of TLS, else the same */
  constructor(socket: Socket, peer: Peer, shared: Shared, tcp: Socket = socket) {
    this.socket = socket;
    this.#tcp = tcp;
    this.composer = shared.composer;
    this.scratch = shared.scratch;
    this.#shared = shared;
    this.#peer = peer;
    this.#stall = new StallWatch(socket);
    this.#deadline = shared.now() + shared.limits.keepAliveTimeoutMs;
    const { readBuffer } = shared;
    if (
      readBuffer === undefined ||
      !readInto(socket, readBuffer, (length) => this.#receiveLent(readBuffer, length))
    )
      socket.on('data', (chunk: Buffer) => this.#receiveOwn(chunk));
    socket.on('end', () => this.#receiveEnd());
    socket.on('drain', () => this.#drained());
    // A reset is followed by 'close', which says all that matters.
    socket.on('error', () => {});
    socket.on('close', () => this.#closed());
  }

  /** Bytes that were read before it was known what the connection is. */
  begin(early: Buffer): void {
    this.#receive(early);
  }

  drain(): void {
    if (!this.idle) return;
    const { now, limits } = this.#shared;
    const idleSince = this.#fresh ? now() : this.#deadline - limits.keepAliveTimeoutMs;
    this.#deadline = Math.min(this.#deadline, idleSince + ASKING_MS);
    if (now() >= this.#deadline) onceRead(() => this.idle && this.#finish());
  }

  /** Between requests and with nothing left to send. */
  get idle(): boolean {
    return this.#state === 'idle' && this.#isQuiet();
  }

  /** Applies the deadlines. Called a few times a second at most. */
  sweep(now: number): void {
    // What stands still in a tunnel is its owner's to end.
    if (this.#state === 'tunnel') return;
    const { limits, draining } = this.#shared;
    const waitedMs = this.#stall.waitedMs(now);
    if (waitedMs === undefined) {
      if (draining && this.idle && this.#deadline > now + ASKING_MS) this.#deadline = now;
    } else if (waitedMs >= limits.writeIdleTimeoutMs) {
      this.breakOff();
      return;
    } else if (this.#state === 'idle') this.#deadline = now + limits.keepAliveTimeoutMs;
    else if (this.#state === 'linger') this.#deadline = now + LINGER_MS;
    if (now >= this.#deadline) this.#expire();
  }

  persists(): boolean {
    if (this.#upgrading && this.inbox.length > 0) return false;
    return this.#persistent && !this.#shared.draining && (this.#intake?.discardable ?? true);
  }

  informed(status: number): void {
    if (status === 100) this.#intake?.settleContinue();
  }

  completed(persist: boolean): void {
    this.#exchange = undefined;
    if (this.#lastOne && this.#isQuiet()) {
      this.#leaveAtOnce();
      return;
    }
    if (!persist || (this.#shared.draining && this.inbox.length === 0)) {
      this.#finish();
      return;
    }
    const now = this.#shared.now();
    if (this.#intake !== undefined && !this.#intake.done) {
      this.#state = 'discard';
      this.#deadline = now + DISCARD_MS;
      this.#read(true);
      this.#discard();
      return;
    }
    this.#rest(now);
  }

  misused(reason: string): void {
    const withBody = this.#exchange?.isHead !== true;
    this.#exchange = undefined;
    this.#refuse(new Refusal(500, reason), withBody);
  }

  leave(): void {
    this.#exchange = undefined;
    this.#intake?.fail(CLIENT_GONE);
    this.#intake = undefined;
    this.#state = 'linger';
    this.socket.destroySoon();
  }

  breakOff(): void {
    if (this.idle) this.socket.destroy();
    // A reset, because a FIN would end close-delimited content as if it were whole.
    else reset(this.socket, this.#tcp);
  }

  tunnel(text: string): ClientEnd | undefined {
    if (this.#intake !== undefined && !this.#intake.done) return undefined;
    const { socket, inbox } = this;
    const early = inbox.length === 0 ? undefined : Buffer.from(inbox.bytes.subarray(inbox.start, inbox.end));
    inbox.clear();
    socket.write(text, 'latin1');
    this.#exchange = undefined;
    this.#intake = undefined;
    this.#state = 'tunnel';
    this.#raw = new ClientEnd(socket, early, this.#halfClosed, () => this.breakOff());
    return this.#raw;
  }

  wants(more: boolean): void {
    if (this.#state !== 'exchange') return;
    this.#deadline = more
      ? this.#shared.now() + this.#shared.limits.bodyIdleTimeoutMs
      : Number.POSITIVE_INFINITY;
    this.#read(more || (this.#intake?.done ?? true));
    if (more && this.#halfClosed && this.inbox.length === 0) this.#fail(CUT_BODY);
  }

  sendContinue(): void {
    if (this.#exchange?.started === false) this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  bodyFailed(refusal: Refusal): void {
    this.#fail(refusal);
  }

  /** Bytes in the buffer that all connections share. */
  #receiveLent(buffer: Buffer, length: number): void {
    const { inbox } = this;
    const between = this.#state === 'idle' || this.#state === 'head';
    if (!between || inbox.length > 0) return this.#receiveOwn(Buffer.from(buffer.subarray(0, length)));
    inbox.lend(buffer, length);
    this.#advance();
    inbox.keep();
  }

  /** Bytes in a buffer that was made for them. */
  #receiveOwn(chunk: Buffer): void {
    spend(chunk.length);
    this.#receive(chunk);
  }

  #receive(chunk: Buffer): void {
    const state = this.#state;
    if (state === 'tunnel') {
      this.#raw?.receive(chunk);
      return;
    }
    if (state === 'linger') {
      this.#lingered += chunk.length;
      if (this.#lingered > LINGER_BYTES) this.socket.destroy();
      return;
    }
    this.inbox.add(chunk);
    if (state === 'idle' || state === 'head') this.#advance();
    else if (state === 'discard') this.#discard();
    else if (this.#intake?.wanting) this.#intake.feed();
    else if (this.inbox.length >= HELD_BYTES) this.#read(false);
  }

  /** The client has closed its side. What it asked before is answered (RFC 9112 §9.6). */
  #receiveEnd(): void {
    const state = this.#state;
    this.#halfClosed = true;
    if (state === 'idle' || state === 'head') this.#advance();
    else if (state === 'discard') this.#finish();
    else if (state === 'tunnel') this.#raw?.receiveEnd();
    else if (state === 'exchange' && this.#intake?.wanting) this.#fail(CUT_BODY);
  }

  /** Takes heads from the inbox for as long as each is answered at once. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    const { socket, inbox } = this;
    const now = this.#shared.now();
    let corked = false;
    while (
      (this.#state === 'idle' || this.#state === 'head') &&
      inbox.length > 0 &&
      !socket.writableNeedDrain
    ) {
      const head = this.#shared.parser.parse(inbox.bytes, inbox.start, inbox.end, this.#seen);
      if (head === undefined) {
        this.#awaitHead(now);
        break;
      }
      this.#seen = 0;
      if (head instanceof Refusal) {
        this.#refuse(head, true);
        break;
      }
      inbox.consume(head.end);
      if (inbox.length > 0 && !corked) {
        corked = true;
        socket.cork();
      }
      this.#begin(head, now);
    }
    this.#advancing = false;
    if (corked) socket.uncork();
    if (this.#state === 'idle' || this.#state === 'head') this.#pace();
  }

  #awaitHead(now: number): void {
    this.#seen = this.inbox.length;
    if (this.#state === 'head') return;
    this.#state = 'head';
    this.#deadline = now + this.#shared.limits.headTimeoutMs;
  }

  /** Between requests: reads on, unless responses wait for the client; ends what a half-closed client cannot go on with. */
  #pace(): void {
    const stuck = this.socket.writableNeedDrain;
    this.#read(!(stuck && this.inbox.length >= HELD_BYTES));
    if (this.#halfClosed && !(stuck && this.inbox.length > 0)) this.#finish();
  }

  #begin(head: Head, now: number): void {
    this.#fresh = false;
    const { block, method, version } = head;
    const decoder = decoderFor(block, this.#shared.limits);
    if (decoder instanceof Refusal) {
      this.#refuse(decoder, method !== 'HEAD');
      return;
    }
    // RFC 9112 §9.3. After CONNECT the client may send what is no HTTP.
    const ends = block.close || (version === '1.0' && !block.keepAlive);
    this.#persistent = !ends && method !== 'CONNECT';
    this.#lastOne = ends && method !== 'CONNECT' && decoder === undefined && !block.upgrade;
    this.#upgrading = block.upgrade;
    // RFC 9110 §10.1.1: an HTTP/1.0 client's expectation is ignored.
    const expects = block.expectsContinue && version === '1.1';
    if (decoder !== undefined) this.inbox.keep();
    const intake = decoder === undefined ? undefined : new Intake(this, decoder, expects);
    const request = toRequest(head, intake?.stream, this.#shared.scheme, this.#peer, now);
    const exchange = new Exchange(this, method === 'HEAD', version);
    this.#state = 'exchange';
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#intake = intake;
    this.#exchange = exchange;
    try {
      this.#shared.handler(request, exchange);
    } catch {
      if (this.#exchange === exchange) this.#fail(new Refusal(500, 'The request could not be handled.'));
    }
  }

  /** The exchange is over and the connection stays. */
  #rest(now: number): void {
    this.#intake = undefined;
    this.#state = 'idle';
    this.#deadline = now + this.#shared.limits.keepAliveTimeoutMs;
    if (this.#advancing) return;
    if (this.inbox.length > 0) this.#advance();
    else this.#pace();
  }

  #discard(): void {
    const intake = this.#intake;
    if (intake === undefined || !intake.discard()) {
      this.#finish();
      return;
    }
    if (intake.done) this.#rest(this.#shared.now());
    else if (this.#halfClosed) this.#finish();
  }

  #drained(): void {
    this.#exchange?.drained();
    this.#raw?.drained();
    if (this.#state === 'idle' || this.#state === 'head') this.#advance();
  }

  /** Ends the exchange for a fault of the client's; the handler hears of it as of a client that has gone. */
  #fail(refusal: Refusal): void {
    const exchange = this.#exchange;
    if (exchange === undefined) {
      this.#finish();
      return;
    }
    const started = exchange.started;
    this.#exchange = undefined;
    this.#intake?.fail(refusal);
    exchange.lose();
    if (started) this.breakOff();
    else this.#refuse(refusal, !exchange.isHead);
  }

  #refuse(refusal: Refusal, withBody: boolean): void {
    const text = this.composer.refusal(refusal, this.#shared.refusalLines, withBody);
    this.socket.write(text, 'latin1');
    this.#finish();
    this.#shared.refused(refusal.status, refusal.reason, this.#peer);
  }

  /** Closes our side when all is sent; nothing that the client still sends is looked at. */
  #finish(): void {
    if (this.#state === 'linger') return;
    this.#state = 'linger';
    this.#deadline = this.#shared.now() + LINGER_MS;
    this.#intake?.abandon();
    this.#intake = undefined;
    this.inbox.clear();
    this.socket.end();
    this.#read(true);
  }

  /** Nothing has come that was not used, and nothing waits to be sent. */
  #isQuiet(): boolean {
    return this.inbox.length === 0 && this.socket.writableLength === 0;
  }

  /** All is with the system, and nothing more will come that could make it forget that: no staged close is needed. */
  #leaveAtOnce(): void {
    this.#state = 'linger';
    this.#deadline = this.#shared.now() + LINGER_MS;
    if (this.socket === this.#tcp) this.socket.destroy();
    else this.socket.destroySoon();
  }

  #expire(): void {
    const state = this.#state;
    if (state === 'head') this.#refuse(SLOW_HEAD, true);
    else if (state === 'exchange') this.#fail(SLOW_BODY);
    else if (state === 'linger') this.socket.destroy();
    else this.#finish();
  }

  #read(on: boolean): void {
    if (on === !this.socket.isPaused()) return;
    if (on) this.socket.resume();
    else this.socket.pause();
  }

  #closed(): void {
    this.#state = 'linger';
    this.#deadline = Number.POSITIVE_INFINITY;
    this.inbox.clear();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#intake?.fail(CLIENT_GONE);
    this.#intake = undefined;
    exchange?.lose();
    this.#raw?.closed();
  }
}

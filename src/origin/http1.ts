// One HTTP/1.1 connection to an origin: made when it is needed, one exchange at a time, kept open between them (RFC 9112 §9).
// Owns the connection, its time limits and what of it can be used again. What a response is, is response-reader.ts; how a
// request's content goes out, request-body.ts. As strict with the origin as the listener is with clients.

import type { Socket } from 'node:net';
import { spend } from '../heap.ts';
import type { Fields } from '../http/fields.ts';
import { Inbox } from '../http/inbox.ts';
import { readInto } from '../http/read-buffer.ts';
import type { CarriedRequest, Carrier, CarrierEvents, Control } from './carrier.ts';
import type { Dial } from './connect.ts';
import { OriginFailure } from './failure.ts';
import { RequestBodyWriter } from './request-body.ts';
import { composeRequestHead } from './response-head.ts';
import { type ReaderOwner, ResponseReader } from './response-reader.ts';

export interface Http1Options {
  readonly dial: Dial;
  /** From the request sent to the response head. */
  readonly firstByteTimeoutMs: number;
  /** Between two pieces of a response's content. */
  readonly idleTimeoutMs: number;
  /** Between two exchanges. */
  readonly keepAliveMs: number;
  /** What all connections read into, one after the other. */
  readonly readBuffer: Buffer;
}

/** A server that says for how long it keeps a connection is believed, less this. */
const KEEP_ALIVE_MARGIN_MS = 1000;

export class Http1 implements Carrier, ReaderOwner {
  readonly #options: Http1Options;
  readonly #inbox = new Inbox();
  readonly #reader = new ResponseReader(this);
  #socket: Socket | undefined;
  #running: Running | undefined;
  /** performance.now() at which the present wait is over. */
  #deadline = Number.POSITIVE_INFINITY;
  /** The deadline that the last sweep found passed. */
  #overdue: number | undefined;
  #closing: PromiseWithResolvers<void> | undefined;
  #keepAliveMs: number;

  constructor(options: Http1Options) {
    this.#options = options;
    this.#keepAliveMs = options.keepAliveMs;
  }

  dispatch(request: CarriedRequest, events: CarrierEvents): Control {
    const running = new Running(this, request, events);
    this.#running = running;
    const socket = this.#socket;
    if (socket !== undefined && this.#isOpen(socket)) this.#begin(running, socket);
    else this.#connect(running);
    return running;
  }

  sweep(now: number): void {
    if (now < this.#deadline) return;
    // On a busy machine what has come in time may lie unread: one more look, after the sockets were read.
    if (this.#overdue !== this.#deadline) {
      this.#overdue = this.#deadline;
      return;
    }
    const running = this.#running;
    if (running === undefined) return this.#drop();
    this.#fail(running, new OriginFailure(running.headSeen ? 'idle-timeout' : 'first-byte-timeout'));
  }

  async close(): Promise<void> {
    if (this.#running === undefined) return this.#drop();
    this.#closing ??= Promise.withResolvers<void>();
    await this.#closing.promise;
  }

  async destroy(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) this.#fail(running, new OriginFailure('closing'));
    this.#drop();
  }

  pause(running: Running): void {
    if (running !== this.#running) return;
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#socket?.pause();
  }

  resume(running: Running): void {
    if (running !== this.#running) return;
    this.#waitForContent();
    this.#socket?.resume();
  }

  abort(running: Running): void {
    if (running !== this.#running) return;
    this.#end();
    this.#drop();
  }

  onInterim(status: number, fields: Fields): void {
    this.#running?.events.onInterim(status, fields);
  }

  onHead(status: number, fields: Fields): void {
    const running = this.#running;
    if (running === undefined) return;
    running.headSeen = true;
    this.#waitForContent();
    running.events.onHead(status, fields);
  }

  onContent(chunk: Buffer): void {
    this.#running?.events.onData(chunk);
  }

  onGarbled(reason: string): void {
    const running = this.#running;
    if (running === undefined) return this.#drop();
    const failure = new OriginFailure('malformed', new Error(reason));
    if (!running.headSeen) return this.#fail(running, failure);
    // What came before is on its way first.
    setImmediate(() => {
      if (running === this.#running) this.#fail(running, failure);
    });
  }

  /** The response is whole. */
  onComplete(persists: boolean, keepAliveSeconds: number | undefined): void {
    const running = this.#running;
    if (running === undefined) return;
    const sent = running.writer?.sent ?? true;
    this.#end();
    if (!persists || !sent || this.#inbox.length > 0 || this.#closing !== undefined) this.#drop();
    else {
      const said = (keepAliveSeconds ?? Number.POSITIVE_INFINITY) * 1000 - KEEP_ALIVE_MARGIN_MS;
      this.#keepAliveMs = Math.min(said, this.#options.keepAliveMs);
      this.#deadline = performance.now() + this.#keepAliveMs;
      if (this.#keepAliveMs <= 0) this.#drop();
    }
    running.events.onEnd();
  }

  #isOpen(socket: Socket): boolean {
    return !socket.destroyed && socket.writable && !socket.readableEnded;
  }

  #connect(running: Running): void {
    this.#drop();
    this.#options.dial((error, socket) => {
      if (socket === null || socket === undefined) {
        if (running === this.#running) this.#fail(running, error ?? new Error('no connection'));
        return;
      }
      if (running !== this.#running || this.#socket !== undefined) {
        socket.on('error', () => {});
        socket.destroy();
        return;
      }
      this.#socket = socket;
      this.#listen(socket);
      this.#begin(running, socket);
    });
  }

  #listen(socket: Socket): void {
    const { readBuffer } = this.#options;
    const isPlain = !('encrypted' in socket);
    const receive = (length: number): void => {
      if (socket === this.#socket) this.#receive(readBuffer, length);
    };
    if (!isPlain || !readInto(socket, readBuffer, receive)) {
      socket.on('data', (chunk: Buffer) => {
        spend(chunk.length);
        if (socket === this.#socket) this.#receive(chunk, chunk.length);
      });
    }
    socket.on('end', () => this.#ended(socket, undefined));
    socket.on('error', (error) => this.#ended(socket, error));
    socket.on('close', () => this.#ended(socket, new OriginFailure('reset')));
    socket.resume();
  }

  #begin(running: Running, socket: Socket): void {
    const { method, target, lines, body } = running.request;
    let head: string;
    try {
      head = composeRequestHead(
        method,
        target,
        lines,
        body === null ? undefined : (body.length ?? 'chunked'),
      );
    } catch (error) {
      queueMicrotask(() => {
        if (running === this.#running) this.#fail(running, error);
      });
      return;
    }
    this.#reader.begin(method);
    this.#waitForHead();
    if (body !== null) {
      running.writer = new RequestBodyWriter(body, socket, {
        onTurn: (of) => {
          if (running !== this.#running || running.headSeen) return;
          if (of === 'origin') this.#waitForHead();
          else this.#deadline = Number.POSITIVE_INFINITY;
        },
        onError: (error) => {
          if (running === this.#running) this.#fail(running, error);
        },
      });
    }
    socket.write(head, 'latin1');
    running.writer?.start();
  }

  #receive(buffer: Buffer, length: number): void {
    const inbox = this.#inbox;
    if (this.#running === undefined) return this.#drop();
    if (inbox.length > 0) inbox.add(Buffer.from(buffer.subarray(0, length)));
    else inbox.lend(buffer, length);
    if (this.#running.headSeen && !this.#running.paused) this.#waitForContent();
    this.#reader.read(inbox);
    inbox.keep();
  }

  /** The origin has closed its side, or the connection is broken. */
  #ended(socket: Socket, error: Error | undefined): void {
    if (socket !== this.#socket) return;
    const running = this.#running;
    if (running === undefined) return this.#drop();
    // Only a FIN ends content that runs to the close.
    if (error === undefined && this.#reader.finish()) return;
    this.#fail(running, error ?? new OriginFailure('reset', new Error('other side closed')));
  }

  #fail(running: Running, error: unknown): void {
    this.#end();
    this.#drop();
    running.events.onError(error);
  }

  /** The exchange is over: nothing of it is heard any more. */
  #end(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.writer?.stop();
    this.#deadline = Number.POSITIVE_INFINITY;
    if (running?.paused === true) this.#socket?.resume();
  }

  /** Lets go of the connection. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#reader.cancel();
    this.#inbox.clear();
    this.#deadline = Number.POSITIVE_INFINITY;
    socket?.destroy();
    this.#closing?.resolve();
  }

  #waitForHead(): void {
    this.#deadline = performance.now() + this.#options.firstByteTimeoutMs;
  }

  #waitForContent(): void {
    this.#deadline = performance.now() + this.#options.idleTimeoutMs;
  }
}

/** One exchange on the connection. */
class Running implements Control {
  readonly request: CarriedRequest;
  readonly events: CarrierEvents;
  writer: RequestBodyWriter | undefined;
  headSeen = false;
  paused = false;
  readonly #owner: Http1;

  constructor(owner: Http1, request: CarriedRequest, events: CarrierEvents) {
    this.#owner = owner;
    this.request = request;
    this.events = events;
  }

  pause(): void {
    this.paused = true;
    this.#owner.pause(this);
  }

  resume(): void {
    this.paused = false;
    this.#owner.resume(this);
  }

  abort(): void {
    this.#owner.abort(this);
  }
}

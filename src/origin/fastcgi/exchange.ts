// One exchange with a responder over one connection: the request out, at the pace of the responder; its output in, at the
// pace of the reader; timeouts, faults, and whether the connection may serve another. Knows no scripts and no retries.

import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { nameFailure, OriginFailure } from '../failure.ts';
import type { Content } from './content.ts';
import type { Lease } from './pool.ts';
import {
  abortRecord,
  beginRecord,
  PROTOCOL_STATUS,
  paramsRecords,
  RecordDecoder,
  type RecordSink,
  stdinEnd,
  stdinRecords,
} from './records.ts';
import { type CgiHead, CgiHeadReader } from './response.ts';

export interface Talk {
  onHead(head: CgiHead): void;
  onData(chunk: Buffer): void;
  onStderr(piece: Buffer): void;
  onEnd(): void;
  /** `untouched`: the responder has not said a byte. */
  onFailure(failure: OriginFailure, untouched: boolean): void;
}

export interface TalkOptions {
  readonly lease: Lease;
  readonly params: ReadonlyMap<string, string>;
  readonly content: Content;
  readonly keepConnection: boolean;
  /** The content of the answer to a HEAD, a 204 or a 304 is none. */
  readonly isHead: boolean;
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

export class Exchanging implements RecordSink {
  readonly #options: TalkOptions;
  readonly #talk: Talk;
  readonly #socket: Socket;
  readonly #decoder: RecordDecoder;
  readonly #headReader = new CgiHeadReader();
  #head: CgiHead | undefined;
  #withoutContent = false;
  #received = 0;
  #untouched = true;
  #sent = false;
  #ended = false;
  #paused = false;
  #timer: NodeJS.Timeout;

  constructor(options: TalkOptions, talk: Talk) {
    this.#options = options;
    this.#talk = talk;
    this.#socket = options.lease.socket;
    this.#decoder = new RecordDecoder(this);
    this.#timer = setTimeout(() => this.#onTimeout(), options.firstByteTimeoutMs);
    this.#socket.on('data', this.#onBytes).on('close', this.#onClose);
    this.#socket.resume();
    this.#send();
  }

  /** A response that is held back cannot be late. */
  pause(): void {
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    clearTimeout(this.#timer);
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#await();
    this.#socket.resume();
  }

  /** Gives the request up. Most responders feel the close only; those that listen are told first (FastCGI 1.0 §5.4). */
  abort(): void {
    if (this.#ended) return;
    if (this.#socket.writableLength === 0) this.#socket.write(abortRecord());
    this.#finish(false);
  }

  onStdout(piece: Buffer): void {
    if (this.#head !== undefined) return this.#onContent(piece);
    const read = this.#headReader.push(piece);
    if (read === undefined) return;
    if (typeof read === 'string') return this.#fail(malformed(read));
    const { head, rest } = read;
    this.#head = head;
    this.#withoutContent = this.#options.isHead || head.status === 204 || head.status === 304;
    this.#talk.onHead(head);
    if (rest.length > 0 && !this.#ended) this.#onContent(rest);
  }

  onStderr(piece: Buffer): void {
    this.#talk.onStderr(piece);
  }

  onEndRequest(appStatus: number, protocolStatus: number): void {
    if (protocolStatus === PROTOCOL_STATUS.overloaded) return this.#fail(new OriginFailure('overloaded'));
    if (protocolStatus !== PROTOCOL_STATUS.complete)
      return this.#fail(malformed(`the responder refuses the request (${protocolStatus})`));
    if (this.#head === undefined) return this.#fail(malformed('an end without a head'));
    const { contentLength } = this.#head;
    const isShort = contentLength !== undefined && !this.#withoutContent && this.#received < contentLength;
    // A script that says that it has failed may have stopped in the middle; nothing announces how long its output is.
    const isBroken = appStatus !== 0 && contentLength === undefined && !this.#withoutContent;
    if (isShort || isBroken)
      return this.#fail(new OriginFailure('reset', new Error(`the script ended with status ${appStatus}`)));
    this.#finish(this.#sent && this.#options.keepConnection);
    this.#talk.onEnd();
  }

  #onContent(piece: Buffer): void {
    if (this.#withoutContent) return;
    this.#received += piece.length;
    if (this.#received > (this.#head?.contentLength ?? Number.POSITIVE_INFINITY))
      return this.#fail(malformed('more content than announced'));
    this.#talk.onData(piece);
  }

  readonly #onBytes = (bytes: Buffer): void => {
    this.#untouched = false;
    this.#decoder.push(bytes);
    if (this.#ended) return;
    if (this.#decoder.fault !== undefined) return this.#fail(malformed(this.#decoder.fault));
    // Words on the error stream are no answer: they do not push the time for the head away.
    if (this.#head !== undefined && !this.#paused) this.#await();
  };

  readonly #onClose = (): void => {
    const error = this.#socket.errored ?? new OriginFailure('reset');
    this.#fail(nameFailure(error, this.#head !== undefined));
  };

  #await(): void {
    const { firstByteTimeoutMs, idleTimeoutMs } = this.#options;
    clearTimeout(this.#timer);
    const ms = this.#head === undefined ? firstByteTimeoutMs : idleTimeoutMs;
    this.#timer = setTimeout(() => this.#onTimeout(), ms);
  }

  #onTimeout(): void {
    this.#fail(new OriginFailure(this.#head === undefined ? 'first-byte-timeout' : 'idle-timeout'));
  }

  #send(): void {
    const { params, content, keepConnection } = this.#options;
    const socket = this.#socket;
    socket.cork();
    socket.write(beginRecord(keepConnection));
    socket.write(paramsRecords(params));
    const { source } = content;
    if (isPieces(source)) {
      for (const piece of source) this.#write(piece);
      this.#endContent();
    }
    socket.uncork();
    if (!isPieces(source)) this.#stream(source, content.length);
  }

  /** The client's content as fast as the responder takes it. A responder that has answered already needs no more of it. */
  #stream(source: Readable, length: number): void {
    let left = length;
    const socket = this.#socket;
    const stop = (): void => {
      source.off('data', onData).off('error', onBroken).off('close', onBroken);
      socket.off('drain', onDrain).off('close', stop);
      source.pause();
    };
    const onBroken = (): void => {
      stop();
      this.#fail(new OriginFailure('request-body', source.errored));
    };
    const onDrain = (): void => {
      source.resume();
    };
    const onData = (piece: Buffer): void => {
      if (this.#ended) return stop();
      left -= piece.length;
      if (left < 0) return onBroken();
      if (this.#head === undefined) this.#await();
      if (!this.#write(piece)) source.pause();
      if (left > 0) return;
      stop();
      this.#endContent();
    };
    source.on('error', onBroken).on('close', onBroken).on('data', onData);
    socket.on('drain', onDrain).on('close', stop);
    if (source.destroyed) onBroken();
  }

  #write(piece: Buffer): boolean {
    let flowing = true;
    this.#socket.cork();
    for (const record of stdinRecords(piece)) flowing = this.#socket.write(record);
    this.#socket.uncork();
    return flowing;
  }

  #endContent(): void {
    this.#sent = true;
    this.#socket.write(stdinEnd());
  }

  #fail(failure: OriginFailure): void {
    if (this.#ended) return;
    this.#finish(false);
    this.#talk.onFailure(failure, this.#untouched);
  }

  #finish(reusable: boolean): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#decoder.stop();
    this.#socket.off('data', this.#onBytes).off('close', this.#onClose);
    this.#options.lease.release(reusable);
  }
}

function isPieces(source: readonly Buffer[] | Readable): source is readonly Buffer[] {
  return Array.isArray(source);
}

function malformed(what: string): OriginFailure {
  return new OriginFailure('malformed', new Error(what));
}

// The intake of one request's content: moves received bytes through the decoder into the stream, only while the
// handler reads (backpressure), and discards what is left once nobody will. The connection owns socket and clock.

import type { BodyDecoder } from './body.ts';
import { BodyError, BodyStream } from './body.ts';
import type { Inbox } from './inbox.ts';
import type { Refusal } from './refusal.ts';

/** The rest of a body that nobody read is discarded up to this; beyond it the connection is closed. */
export const DISCARD_BYTES = 64 * 1024;

/** What an intake needs of its connection. */
export interface IntakeOwner {
  readonly inbox: Inbox;
  /** The handler reads and nothing is there: bytes are wanted from the socket, or (false) no longer. */
  wants(more: boolean): void;
  /** The first read of a body whose client waits for 100 (RFC 9110 §10.1.1). */
  sendContinue(): void;
  /** The body is malformed or too large. */
  bodyFailed(refusal: Refusal): void;
}

export class Intake {
  readonly stream: BodyStream;
  readonly #owner: IntakeOwner;
  readonly #decoder: BodyDecoder;
  /** The client waits for 100 before it sends. */
  #owesContinue: boolean;
  #wanting = false;
  #ended = false;
  #discarded = 0;

  constructor(owner: IntakeOwner, decoder: BodyDecoder, expectsContinue: boolean) {
    this.#owner = owner;
    this.#decoder = decoder;
    this.#owesContinue = expectsContinue;
    this.stream = new BodyStream(() => this.#pull());
  }

  get done(): boolean {
    return this.#decoder.done;
  }

  get wanting(): boolean {
    return this.#wanting;
  }

  /** Whether what is left may be discarded, so that the connection can be kept. */
  get discardable(): boolean {
    if (this.#decoder.done) return true;
    if (this.#owesContinue && this.#owner.inbox.length === 0) return false;
    return (this.#decoder.remaining ?? Number.POSITIVE_INFINITY) <= DISCARD_BYTES;
  }

  /** 100 was sent, or never will be. */
  settleContinue(): void {
    this.#owesContinue = false;
  }

  /** New bytes are in the inbox. */
  feed(): void {
    const { inbox } = this.#owner;
    const decoder = this.#decoder;
    if (this.#ended || !this.#wanting) return;
    if (inbox.length > 0) {
      inbox.consume(decoder.decode(inbox.bytes, inbox.start, inbox.end));
      const { content, fault } = decoder;
      if (fault !== undefined) {
        this.#owner.bodyFailed(fault);
        return;
      }
      const ended = decoder.done;
      if (ended) {
        this.#ended = true;
        this.#wanting = false;
      }
      if (content !== undefined && !this.stream.push(content)) this.#wanting = false;
      if (ended) this.stream.push(null);
    }
    this.#owner.wants(this.#wanting);
  }

  /** The response is complete: what the handler did not read, it will not. @returns false beyond the bound or at a fault. */
  discard(): boolean {
    const { inbox } = this.#owner;
    this.abandon();
    const before = inbox.start;
    const after = this.#decoder.decode(inbox.bytes, inbox.start, inbox.end);
    inbox.consume(after);
    this.#discarded += after - before;
    return this.#decoder.fault === undefined && this.#discarded <= DISCARD_BYTES;
  }

  /** No more will come for the handler. */
  abandon(): void {
    this.#wanting = false;
    if (!this.#ended) {
      this.#ended = true;
      this.stream.destroy();
    }
  }

  fail(refusal: Refusal): void {
    this.#wanting = false;
    if (this.#ended) return;
    this.#ended = true;
    this.stream.destroy(new BodyError(refusal));
  }

  #pull(): void {
    if (this.#ended) return;
    this.#wanting = true;
    if (this.#owesContinue) {
      this.#owesContinue = false;
      if (this.#owner.inbox.length === 0) this.#owner.sendContinue();
    }
    this.feed();
  }
}

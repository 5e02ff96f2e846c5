// What stands behind the edge, as the edge sees it: takes requests, answers by events. An origin is one, and so is whatever
// is put before origins or in their place. Types only.

import type { FieldLines, Fields } from '../http/fields.ts';
import type { RequestBody } from '../http/message.ts';
import type { RawEnd } from '../tunnel/raw.ts';
import type { OriginFailure } from './failure.ts';
import type { StickyCookie } from './sticky.ts';

/** Who waits for a request: somebody, nobody now (stale was served), nobody at all. */
export type Urgency = 'user' | 'revalidation' | 'warming';

export interface Upstream {
  /** host:port, for a Host field where the client's is not kept. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** Requests sent, retries included. */
  readonly requests: number;
  /** Exchanges that are under way. */
  readonly active: number;
  /** Set by who wants to hear of the end of a connection that had gone over to another protocol. */
  onTunnelGone?: (() => void) | undefined;
  /** Sends a request; events follow asynchronously. */
  send(request: OriginRequest, events: ExchangeEvents): Exchange;
  /** Takes no new requests, lets the exchanges under way end, and closes. */
  close(): Promise<void>;
  /** Breaks off everything. */
  destroy(): Promise<void>;
}

export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  /** End-to-end field lines and Host; neither Content-Length nor Transfer-Encoding. */
  readonly lines: FieldLines;
  readonly body: RequestBody | null;
  /** The cache key: requests for the same go to the same origin where an operator asks for that. */
  readonly key: string;
  /** The client's address. */
  readonly client: string;
  readonly urgency: Urgency;
  /**
   * Protocols to go over to by Upgrade (RFC 9110 §7.8), which is no part of `lines`. An upstream that knows none answers as
   * if it had not been asked.
   */
  readonly upgrade?: readonly string[] | undefined;
}

export interface OriginResponse {
  readonly status: number;
  readonly fields: Fields;
  /** The exchange took place on a first connection or was retried; for the log. */
  readonly attempts: number;
  /** Who answered, where that was one of several. */
  readonly from?: Place | undefined;
  /** For the client who asked alone: a cookie that brings it to the same server again. No field of the response. */
  readonly sticky?: StickyCookie | undefined;
}

/** A server of a group. */
export interface Place {
  readonly group: string;
  readonly server: string;
}

/** What an exchange tells its owner, in order: onInterim*, then onHead, onData*, onEnd, or onSwitch; or onFailure at any point, last. */
export interface ExchangeEvents {
  /** End-to-end field lines only. */
  onInterim(status: number, lines: FieldLines): void;
  onHead(response: OriginResponse): void;
  /** The chunk is a view on a read buffer that is not reused: it may be kept, but may pin up to 64 KB. */
  onData(chunk: Buffer): void;
  onEnd(): void;
  /** The origin has gone over to one of the protocols asked for: no more HTTP, the connection is the owner's. */
  onSwitch(response: OriginResponse, end: RawEnd): void;
  onFailure(failure: OriginFailure): void;
}

/** A running exchange. */
export interface Exchange {
  /** Stops reading the response body; the origin feels it through its socket. */
  pause(): void;
  resume(): void;
  /** Gives the exchange up; no event follows. */
  abort(): void;
}

// The door between the client side and the edge: plain data in, a Responder out.
// Every listener (HTTP/1.1, later TLS, HTTP/2, forward proxy) makes these values; the edge sees no socket.

import type { Readable } from 'node:stream';
import type { RawEnd } from '../tunnel/raw.ts';
import type { FieldLines, Fields } from './fields.ts';

/** Who is at the other end of a client connection; one object per connection. */
export interface Peer {
  /** The socket's address, IPv4-mapped IPv6 already reduced to IPv4. Never taken from a field. */
  readonly address: string;
  readonly port: number;
  /** undefined in the clear. */
  readonly tls?: Secured;
}

/** What the TLS handshake of a connection said. */
export interface Secured {
  /** "TLSv1.2" or "TLSv1.3". */
  readonly version: string;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** The host that the client named (RFC 6066 §3), lower-case. */
  readonly serverName: string | undefined;
  /** Whether the connection was made for a host: it was named, or the certificate shown is for it (RFC 9110 §7.4). */
  covers(host: string): boolean;
  /** Clients are asked for a certificate: a connection says who its client is for the hosts that it was made for alone. */
  readonly asksClient: boolean;
  /** What became of the client's certificate, where the origin is to be told: "SUCCESS", "NONE", or "FAILED:" and why. */
  readonly verified: string | undefined;
  /** The certificate itself as RFC 9440 §2.1 has it, once it is verified. */
  readonly certificate: string | undefined;
}

export interface RequestBody {
  /** Bytes declared by Content-Length; undefined for a chunked body. */
  readonly length: number | undefined;
  /** Pull-driven. The first read sends `100 Continue` where the client expects one. Destroyed with an error when the body breaks. */
  readonly stream: Readable;
}

/** A request whose head has passed RFC 9112's grammar and RFC 9110's rules on Host. */
export interface Request {
  readonly method: string;
  /** `/path?query` byte for byte as sent (absolute-form reduced to it), `*` for OPTIONS, `host:port` for CONNECT. */
  readonly target: string;
  readonly scheme: 'http' | 'https';
  /** Lower-case host, with the port unless it is the scheme's default. Empty only for HTTP/1.0 without Host. */
  readonly authority: string;
  readonly version: '1.0' | '1.1' | '2';
  /** All field lines as received, hop-by-hop ones included. The object is shared between requests with the same header bytes. */
  readonly fields: Fields;
  readonly body: RequestBody | null;
  readonly peer: Peer;
  /** Epoch milliseconds at which the head was complete. */
  readonly receivedAt: number;
  /** The operator's rule that let it in, where one did; for the log. */
  readonly rule?: string;
  /** Who asks, where the gate knows; `isTold`: the origin is told, so its response may be for this user alone. */
  readonly user?: { readonly name: string; readonly isTold: boolean };
}

/** A final response's head. Connection, Keep-Alive, Transfer-Encoding and Content-Length belong to the writer, never in `lines`. */
export interface ResponseHead {
  readonly status: number;
  readonly lines: FieldLines;
  /**
   * Bytes of content, announced as Content-Length; undefined when unknown (chunked, or close-delimited for HTTP/1.0).
   * For HEAD it is announced without being sent; for 204 and 304 it is never announced.
   */
  readonly length: number | undefined;
  /** The head will not be sent again: its bytes are not kept. */
  readonly once?: boolean;
}

/** Where a streamed body goes. Exceeding or missing the announced length breaks the transfer visibly. */
export interface BodySink {
  /** @returns false when the client is slower than the writes: the bytes are taken, but wait for the drain callback before the next. */
  write(chunk: Buffer): boolean;
  /** Calls back once when the client has caught up. Not called after the client has gone (see Responder.onAbort). */
  onDrain(callback: () => void): void;
  end(): void;
  /** Breaks the transfer so that no client takes it for complete. */
  abort(): void;
}

/** Answers one request. Exactly one of `send`, `start`, `takeOver` or `drop` is called, once; calls after the client has gone do nothing. */
export interface Responder {
  /** True once the client has gone. */
  readonly gone: boolean;
  /** Bytes of content handed to the client so far. */
  readonly bytesSent: number;
  /** Calls back once if the client goes before the response is complete. */
  onAbort(callback: () => void): void;
  /** An interim response (1xx, RFC 9110 §15.2); left out for HTTP/1.0 clients. */
  inform(status: number, lines: FieldLines): void;
  /**
   * The whole response in one write. `head` may be the same object for many responses: a writer keeps the
   * bytes it composed for a head object, so a repeated head costs nothing.
   */
  send(head: ResponseHead, body: Buffer | null): void;
  /** The head now, the body through the sink. For HEAD, 204 and 304 the sink swallows what is written. */
  start(head: ResponseHead): BodySink;
  /** Closes the connection without an answer. */
  drop(): void;
  /**
   * Ends HTTP on the connection: the head (101 with `Upgrade` among `lines`, or 2xx to CONNECT), then raw bytes both ways, those
   * first that came after the request. Not there where the connection carries other requests too (HTTP/2).
   * @returns undefined when the client has gone, or the head must not be sent
   */
  takeOver?(status: number, lines: FieldLines): RawEnd | undefined;
}

/** Takes one request; must not throw. */
export type Handler = (request: Request, responder: Responder) => void;

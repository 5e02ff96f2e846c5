// What carries exchanges to an origin: one connection at a time, made when it is needed and again when it was closed. Types only.

import type { FieldLines, Fields } from '../http/fields.ts';
import type { RequestBody } from '../http/message.ts';

export interface CarriedRequest {
  readonly method: string;
  readonly target: string;
  /** End-to-end lines and Host; the framing is the carrier's. */
  readonly lines: FieldLines;
  readonly body: RequestBody | null;
}

/** In order: onInterim*, onHead, onData*, onEnd; or onError at any point, last. None before `dispatch` has returned. */
export interface CarrierEvents {
  onInterim(status: number, fields: Fields): void;
  onHead(status: number, fields: Fields): void;
  /** The chunk is nobody else's. */
  onData(chunk: Buffer): void;
  /** The carrier is free for another exchange. */
  onEnd(): void;
  /** The connection's error, or an OriginFailure. The carrier is free for another exchange. */
  onError(error: unknown): void;
}

/** Over one exchange. */
export interface Control {
  pause(): void;
  resume(): void;
  /** Gives it up; no event follows, and the carrier is free for another. */
  abort(): void;
}

export interface Carrier {
  dispatch(request: CarriedRequest, events: CarrierEvents): Control;
  /** Applies the time limits. @param now performance.now() */
  sweep(now: number): void;
  /** Closes when nothing is under way any more. */
  close(): Promise<void>;
  /** Breaks off what is under way. */
  destroy(): Promise<void>;
}

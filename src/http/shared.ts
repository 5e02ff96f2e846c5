// What the connections of one listener share.

import type { FieldLines } from './fields.ts';
import type { HeadParser } from './head.ts';
import type { Limits } from './limits.ts';
import type { Handler, Peer } from './message.ts';
import type { Scratch } from './scratch.ts';
import type { Composer } from './wire.ts';

export interface Shared {
  readonly scheme: 'http' | 'https';
  limits: Limits;
  readonly handler: Handler;
  parser: HeadParser;
  composer: Composer;
  /** What all connections read into, where that is possible (read-buffer.ts); undefined gives each chunk a buffer of its own. */
  readonly readBuffer: Buffer | undefined;
  readonly scratch: Scratch;
  readonly refusalLines: FieldLines;
  /** Every response now ends its connection. */
  draining: boolean;
  now(): number;
  refused(status: number, reason: string, peer: Peer): void;
}

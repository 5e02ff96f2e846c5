// The leader's side of a fetch that another worker follows: its outcome, then the bytes as they come, at the pace of that
// worker's fastest client. To the fill it is one more reader. Knows flights and notices, not how these travel.

import { shared } from '../../storage/shared-bytes.ts';
import type { Flight } from '../cache/collapse.ts';
import type { Source } from '../cache/source.ts';
import type { FetchOutcome } from '../fetch.ts';
import type { FlightNotice, Relayed } from './flight-messages.ts';

/** Bytes that the follower has not taken yet. */
const WINDOW_BYTES = 1024 * 1024;

export class Relay {
  readonly #as: number;
  readonly #tell: (notice: FlightNotice) => void;
  readonly #leave: () => void;
  readonly #onEnd: () => void;
  #outcome: FetchOutcome | undefined;
  #source: Source | undefined;
  #untaken = 0;
  #wasKept = false;

  /** @param unshared whether an outcome for the leader alone is likely to be so for others as well */
  constructor(
    flight: Flight<FetchOutcome>,
    as: number,
    tell: (notice: FlightNotice) => void,
    unshared: () => boolean,
    onEnd: () => void,
  ) {
    this.#as = as;
    this.#tell = tell;
    this.#onEnd = onEnd;
    this.#leave = flight.wait((outcome) => this.#begin(outcome, unshared()));
  }

  /** The follower has handed so many bytes to its clients, or wants no more held back for them. */
  taken(bytes: number): void {
    this.#untaken -= bytes;
    this.#pump();
  }

  /** Nobody follows any more. */
  leave(): void {
    this.#leave();
    this.#source?.close();
    this.#source = undefined;
    this.#onEnd();
  }

  #begin(outcome: FetchOutcome, unshared: boolean): void {
    const relayed = relayedOf(outcome, unshared);
    if (relayed === undefined) {
      this.#tell({ kind: 'refused', as: this.#as });
      return this.#onEnd();
    }
    this.#outcome = outcome;
    this.#tell({ kind: 'head', as: this.#as, outcome: relayed });
    if (outcome.kind !== 'shared') return this.#onEnd();
    this.#wasKept = outcome.fill.kept;
    this.#source = outcome.fill.reader();
    this.#pump();
  }

  #pump(): void {
    const chunks: Buffer[] = [];
    while (this.#source !== undefined && this.#untaken < WINDOW_BYTES) {
      const chunk = this.#source.next();
      if (chunk === undefined) break;
      this.#untaken += chunk.length;
      chunks.push(shared(chunk));
    }
    if (chunks.length > 0) this.#tell({ kind: 'data', as: this.#as, chunks });
    this.#watch();
  }

  #watch(): void {
    const source = this.#source;
    if (source === undefined) return;
    if (this.#wasKept && this.#outcome?.kind === 'shared' && !this.#outcome.fill.kept) {
      this.#wasKept = false;
      this.#tell({ kind: 'passing', as: this.#as });
    }
    if (source.state !== 'open') {
      this.#tell({ kind: 'end', as: this.#as, complete: source.state === 'complete' });
      source.close();
      this.#source = undefined;
      this.#onEnd();
    } else if (this.#untaken < WINDOW_BYTES) source.onReadable(() => this.#pump());
  }
}

/** undefined for what concerns its leader alone. */
function relayedOf(outcome: FetchOutcome, unshared: boolean): Relayed | undefined {
  switch (outcome.kind) {
    case 'shared': {
      const { response, meta, fill, body } = outcome;
      const { status, fields } = response;
      const { kept, stored } = fill;
      return { kind: 'shared', status, lines: fields.lines, meta, length: body.length, kept, stored };
    }
    case 'validated': {
      const { record, shared } = outcome;
      return { kind: 'validated', variant: record.variant, meta: record.meta, shared };
    }
    case 'own':
      return { kind: 'own', status: outcome.response.status, unshared };
    case 'failed':
      return { kind: 'failed', failure: outcome.failure.kind };
    case 'switched':
    case 'again':
      return undefined;
    default:
      return outcome satisfies never;
  }
}

// Bytes both ways between two raw ends until both have closed: half-closes are passed on, a slow side stops the other's
// reading, so no more than one chunk and a socket's buffer waits in each direction. Knows no protocol, keeps no clock.

import type { RawEnd } from './raw.ts';

/** Who or what ended a tunnel: both sides in order, one of them, silence, or this program. */
export type TunnelEnd = 'complete' | 'client' | 'origin' | 'idle' | 'stopped';

/** What hears of a tunnel's bytes. */
export interface TunnelOwner {
  /** Bytes have come from a side. */
  moved(from: 'client' | 'origin', bytes: number): void;
  /** Both ends are gone. */
  closed(tunnel: Tunnel): void;
}

interface Side {
  readonly name: 'client' | 'origin';
  readonly end: RawEnd;
  /** It will send no more. */
  ended: boolean;
  closed: boolean;
  /** It is not read while the other side does not take what it sent. */
  paused: boolean;
  /** Bytes that have come from it. */
  bytes: number;
}

export class Tunnel {
  /** Epoch ms; when bytes last came from either side. Its owner's to set. */
  movedAt: number;
  #end: TunnelEnd | undefined;
  readonly #owner: TunnelOwner;
  readonly #client: Side;
  readonly #origin: Side;

  constructor(owner: TunnelOwner, client: RawEnd, origin: RawEnd, now: number) {
    this.#owner = owner;
    this.movedAt = now;
    this.#client = sideOf('client', client);
    this.#origin = sideOf('origin', origin);
  }

  /** Bytes that the client has sent. */
  get received(): number {
    return this.#client.bytes;
  }

  /** Bytes that the client has been sent. */
  get sent(): number {
    return this.#origin.bytes;
  }

  /** Known once the tunnel is over. */
  get end(): TunnelEnd {
    return this.#end ?? 'stopped';
  }

  begin(): void {
    this.#join(this.#client, this.#origin);
    this.#join(this.#origin, this.#client);
  }

  /** Breaks off both sides. */
  stop(reason: 'idle' | 'stopped'): void {
    this.#end ??= reason;
    this.#client.end.destroy();
    this.#origin.end.destroy();
  }

  #join(from: Side, to: Side): void {
    from.end.begin({
      onData: (chunk) => {
        from.bytes += chunk.length;
        this.#owner.moved(from.name, chunk.length);
        if (to.closed || to.end.write(chunk)) return;
        from.paused = true;
        from.end.pause();
      },
      onEnd: () => {
        from.ended = true;
        if (!to.closed) to.end.end();
      },
      onDrain: () => {
        if (!to.paused) return;
        to.paused = false;
        to.end.resume();
      },
      onClose: () => this.#gone(from, to),
    });
  }

  #gone(side: Side, other: Side): void {
    if (side.closed) return;
    side.closed = true;
    this.#end ??= side.ended && other.ended ? 'complete' : side.name;
    if (other.closed) this.#owner.closed(this);
    else if (side.ended) other.end.finish();
    else other.end.destroy();
  }
}

function sideOf(name: Side['name'], end: RawEnd): Side {
  return { name, end, ended: false, closed: false, paused: false, bytes: 0 };
}

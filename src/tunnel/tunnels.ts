// The tunnels of a worker: counted, bounded in number, ended when both sides are silent for too long. One coarse timer for
// all. What a tunnel carries, and who may have one, is decided elsewhere.

import { sweepPace } from '../pace.ts';
import type { RawEnd } from './raw.ts';
import { Tunnel, type TunnelOwner } from './tunnel.ts';

export interface TunnelLimits {
  /** Without a byte either way. */
  readonly idleMs: number;
  /** At a time. */
  readonly max: number;
}

/** Called once when a tunnel is over. */
export type OnTunnelEnd = (tunnel: Tunnel) => void;

const SLOWEST_SWEEP_MS = 5000;

export class Tunnels {
  /** Tunnels opened. */
  opened = 0;
  /** Bytes from clients, and to them. */
  received = 0;
  sent = 0;
  /** Tunnels that ended for silence. */
  idled = 0;
  #limits: TunnelLimits;
  readonly #now: () => number;
  readonly #open = new Set<Tunnel>();
  /** Hears of the last one's end, once this is to close. */
  #emptied: (() => void) | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  /** @param now epoch ms */
  constructor(limits: TunnelLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  get active(): number {
    return this.#open.size;
  }

  /** No more may be opened now. */
  get full(): boolean {
    return this.#open.size >= this.#limits.max;
  }

  /** From now on these limits hold, for open tunnels too. */
  use(limits: TunnelLimits): void {
    this.#limits = limits;
    this.#restart();
  }

  /** Joins two ends. */
  open(client: RawEnd, origin: RawEnd, onEnd: OnTunnelEnd): Tunnel {
    const owner: TunnelOwner = {
      moved: (from, bytes) => {
        tunnel.movedAt = this.#now();
        if (from === 'client') this.received += bytes;
        else this.sent += bytes;
      },
      closed: () => {
        this.#open.delete(tunnel);
        if (this.#open.size === 0) this.#restart();
        if (tunnel.end === 'idle') this.idled++;
        onEnd(tunnel);
        if (this.#open.size === 0) this.#emptied?.();
      },
    };
    const tunnel = new Tunnel(owner, client, origin, this.#now());
    this.opened++;
    this.#open.add(tunnel);
    if (this.#sweeper === undefined) this.#restart();
    tunnel.begin();
    return tunnel;
  }

  /** Breaks off all. */
  stop(): void {
    for (const tunnel of this.#open) tunnel.stop('stopped');
  }

  /** Breaks off all; resolves when the last has ended. */
  close(): Promise<void> {
    this.stop();
    return new Promise((resolve) => {
      if (this.#open.size === 0) resolve();
      else this.#emptied = resolve;
    });
  }

  #restart(): void {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    if (this.#open.size === 0) return;
    const every = sweepPace([this.#limits.idleMs], SLOWEST_SWEEP_MS);
    this.#sweeper = setInterval(() => this.#sweep(), every).unref();
  }

  #sweep(): void {
    const silentSince = this.#now() - this.#limits.idleMs;
    for (const tunnel of this.#open) if (tunnel.movedAt <= silentSince) tunnel.stop('idle');
  }
}

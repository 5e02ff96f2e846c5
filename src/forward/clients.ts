// The clients of the forward proxy, each with what it has of connections, bandwidth and wrong passwords; an IPv6 /64 is one
// client. Forgets a client that has no connection and owes nothing.

import { networkOf } from '../gate/address-set.ts';
import { Pace } from './pace.ts';

export interface ClientLimits {
  readonly connectionsPerClient: number;
  readonly bytesPerSecond: number | undefined;
}

export interface Client {
  connections: number;
  /** To it, and from it; undefined without a limit. */
  readonly down: Pace | undefined;
  readonly up: Pace | undefined;
  /** Wrong passwords: while any are owed, no other is looked at. */
  readonly failures: Pace;
}

const FAILURES_AT_ONCE = 10;
const FAILURES_PER_SECOND = 0.2;
/** Clients without a connection are looked through when there are so many. */
const SWEEP_AT = 10_000;

export class Clients {
  readonly #limits: ClientLimits;
  readonly #now: () => number;
  readonly #clients = new Map<string, Client>();
  #sweepAt = SWEEP_AT;

  /** @param now ms */
  constructor(limits: ClientLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A connection of a client begins. @returns what ends it; undefined when the client has as many as it may. */
  enter(address: string): (() => void) | undefined {
    const name = networkOf(address);
    const client = this.of(address);
    if (client.connections >= this.#limits.connectionsPerClient) return undefined;
    client.connections++;
    return () => {
      client.connections--;
      if (client.connections === 0 && isAtRest(client)) this.#clients.delete(name);
    };
  }

  of(address: string): Client {
    const name = networkOf(address);
    let client = this.#clients.get(name);
    if (client === undefined) {
      if (this.#clients.size >= this.#sweepAt) this.#sweep();
      const { bytesPerSecond } = this.#limits;
      const pace = (): Pace | undefined =>
        bytesPerSecond === undefined ? undefined : new Pace(bytesPerSecond, bytesPerSecond, this.#now);
      client = {
        connections: 0,
        down: pace(),
        up: pace(),
        failures: new Pace(FAILURES_PER_SECOND, FAILURES_AT_ONCE, this.#now),
      };
      this.#clients.set(name, client);
    }
    return client;
  }

  #sweep(): void {
    for (const [name, client] of this.#clients)
      if (client.connections === 0 && isAtRest(client)) this.#clients.delete(name);
    this.#sweepAt = Math.max(SWEEP_AT, 2 * this.#clients.size);
  }
}

function isAtRest({ down, up, failures }: Client): boolean {
  return failures.full && (down?.full ?? true) && (up?.full ?? true);
}

// The connections to one origin: the one used last first, a line of those who wait when all are taken, and connections that
// have grown old, or whose address the origin's name has left, replaced between two exchanges. Does what the library's pool
// does, for less per request, and knows at each moment how many there are. Knows no HTTP but that h2 carries many at once.

import type { Carrier } from './carrier.ts';
import { type Waiter, WaitingLine, type WaitingRules } from './waiting.ts';

/** Who needs a connection. */
export interface Tenant extends Waiter {
  /** Its turn has come: the connection is its own until it is given back. */
  take(connection: Connection): void;
}

export interface ClientsOptions {
  /** A carrier whose one connection is at most `capacity` exchanges wide. */
  readonly open: (connection: Connection) => Carrier;
  /** Connections at a time. */
  readonly max: number;
  readonly waiting?: WaitingRules | undefined;
  /** Whether a connection that was made then, to this address, is to be used no more. */
  readonly isOld?: ((madeAt: number, address: string | undefined) => boolean) | undefined;
  /** Epoch ms. */
  readonly now: () => number;
}

/** A place for one connection at a time; its carrier connects again when it was closed. */
export class Connection {
  readonly carrier: Carrier;
  /** Exchanges on it, and how many there may be. */
  busy = 0;
  capacity = 1;
  /** Exchanges that have ended well since it was made. */
  served = 0;
  madeAt: number | undefined;
  address: string | undefined;
  /** It is among those that can be lent. */
  ready = false;
  retired = false;
  readonly #owner: Clients;

  constructor(owner: Clients, open: ClientsOptions['open']) {
    this.#owner = owner;
    this.carrier = open(this);
  }

  /** A socket was connected. */
  made(address: string | undefined, capacity: number): void {
    this.served = 0;
    this.address = address;
    this.#owner.made(this, capacity);
  }

  giveBack(): void {
    this.#owner.giveBack(this);
  }
}

export class Clients {
  readonly #options: ClientsOptions;
  readonly #all = new Set<Connection>();
  /** The one used last at the end. */
  readonly #ready: Connection[] = [];
  readonly #line: WaitingLine<Tenant>;
  #closing = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#line = new WaitingLine(options.waiting);
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** Gives the tenant a connection, at once or when one is free. */
  lend(tenant: Tenant): void {
    if (this.#closing) return tenant.onRefused('closing');
    const connection = this.#free() ?? this.#another();
    if (connection === undefined) this.#line.join(tenant);
    else tenant.take(connection);
  }

  /** It waits no longer. */
  leave(tenant: Tenant): void {
    this.#line.leave(tenant);
  }

  giveBack(connection: Connection): void {
    connection.busy -= 1;
    if (connection.retired) {
      if (connection.busy === 0) void connection.carrier.close();
    } else if (!connection.ready) {
      connection.ready = true;
      this.#ready.push(connection);
    }
    if (this.#line.length > 0) this.#serve();
  }

  made(connection: Connection, capacity: number): void {
    connection.madeAt = this.#options.now();
    connection.capacity = capacity;
    if (capacity === 1 || connection.ready || connection.retired) return;
    connection.ready = true;
    this.#ready.push(connection);
    this.#serve();
  }

  /** Applies the time limits of the connections. @param now performance.now() */
  sweep(now: number): void {
    for (const { carrier } of this.#all) carrier.sweep(now);
  }

  /** Lets what is under way end. Who waits for a connection still gets one. */
  async close(): Promise<void> {
    await this.#line.emptied();
    this.#closing = true;
    await Promise.all([...this.#all].map(({ carrier }) => carrier.close()));
  }

  /** Breaks off everything. */
  async destroy(): Promise<void> {
    this.#closing = true;
    this.#line.close();
    await Promise.all([...this.#all].map(({ carrier }) => carrier.destroy()));
  }

  #serve(): void {
    while (this.#line.length > 0) {
      const connection = this.#free() ?? this.#another();
      if (connection === undefined) return;
      const tenant = this.#line.next();
      if (tenant === undefined) return;
      tenant.take(connection);
    }
  }

  #free(): Connection | undefined {
    for (let last = this.#ready.at(-1); last !== undefined; last = this.#ready.at(-1)) {
      const isOld = last.madeAt !== undefined && this.#options.isOld?.(last.madeAt, last.address) === true;
      if (isOld) this.#retire(last);
      const hasRoom = !isOld && last.busy < last.capacity;
      if (hasRoom) last.busy += 1;
      if (!hasRoom || last.busy >= last.capacity) {
        last.ready = false;
        this.#ready.pop();
      }
      if (hasRoom) return last;
    }
    return undefined;
  }

  #retire(connection: Connection): void {
    connection.retired = true;
    this.#all.delete(connection);
    if (connection.busy === 0) void connection.carrier.close();
  }

  #another(): Connection | undefined {
    if (this.#all.size >= this.#options.max) return undefined;
    const connection = new Connection(this, this.#options.open);
    this.#all.add(connection);
    connection.busy = 1;
    return connection;
  }
}

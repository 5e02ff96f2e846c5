// Which bodies are being read: in memory that the database's threads and all their clients share, so that it costs no message.
// A lease is for a minute and is taken anew as long as the reader reads: one that dies leaves nothing behind.
//
// INVARIANT: who takes a lease and finds the body's record after that, as it is committed, may read the body to its end. For
// the writing thread looks for leases only after it has committed that the record is gone, and before it frees a byte.
// Several bodies may share a slot: that holds one too long, never too short.

const SLOTS = 8192;
const LEASE_SECONDS = 60;
/** How often those who read take their leases anew, ms. */
const RENEW_MS = 15_000;
/** Who reads parts and does not say when it is done may take so long from one to the next, ms. */
const LASTING_MS = 600_000;

export function leaseMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * SLOTS * Int32Array.BYTES_PER_ELEMENT);
}

export class Leases {
  /** When each slot's lease ends. */
  readonly #ends: Int32Array;
  /** The body that took each slot last. */
  readonly #bodies: Int32Array;
  readonly #seconds: () => number;

  /** @param seconds a clock that all threads share */
  constructor(memory: SharedArrayBuffer, seconds: () => number = () => process.hrtime()[0]) {
    this.#ends = new Int32Array(memory, 0, SLOTS);
    this.#bodies = new Int32Array(memory, SLOTS * Int32Array.BYTES_PER_ELEMENT, SLOTS);
    this.#seconds = seconds;
  }

  take(bodyId: number): void {
    const slot = bodyId % SLOTS;
    Atomics.store(this.#bodies, slot, bodyId | 0);
    Atomics.store(this.#ends, slot, this.#seconds() + LEASE_SECONDS);
  }

  holds(bodyId: number): boolean {
    return Atomics.load(this.#ends, bodyId % SLOTS) > this.#seconds();
  }

  /** Bodies with a lease; of those that share a slot the last one. */
  held(): readonly number[] {
    const now = this.#seconds();
    const held: number[] = [];
    for (let slot = 0; slot < SLOTS; slot += 1)
      if (Atomics.load(this.#ends, slot) > now) held.push(Atomics.load(this.#bodies, slot));
    return held;
  }
}

/** The leases of one client: taken anew while it reads. */
export class Holds {
  #leases: Leases | undefined;
  readonly #reading = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;

  /** The database's thread is another one. */
  use(memory: SharedArrayBuffer): void {
    this.#leases = new Leases(memory);
    this.#renew();
  }

  /** @returns to be called when the reading has ended */
  hold(bodyId: number): () => void {
    this.#reading.set(bodyId, (this.#reading.get(bodyId) ?? 0) + 1);
    this.#leases?.take(bodyId);
    this.#timer ??= setInterval(() => this.#renew(), RENEW_MS).unref();
    let isHeld = true;
    return () => {
      if (isHeld) this.#release(bodyId);
      isHeld = false;
    };
  }

  /** For those who do not say when they have done: held for a while after each reading. */
  lasting(): { read(bodyId: number): void } {
    let timer: NodeJS.Timeout | undefined;
    return {
      read: (bodyId) => {
        if (timer !== undefined) return void timer.refresh();
        const release = this.hold(bodyId);
        timer = setTimeout(() => {
          timer = undefined;
          release();
        }, LASTING_MS).unref();
      },
    };
  }

  close(): void {
    this.#reading.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #release(bodyId: number): void {
    const left = (this.#reading.get(bodyId) ?? 1) - 1;
    if (left > 0) this.#reading.set(bodyId, left);
    else this.#reading.delete(bodyId);
    if (this.#reading.size === 0) this.close();
  }

  #renew(): void {
    for (const bodyId of this.#reading.keys()) this.#leases?.take(bodyId);
  }
}

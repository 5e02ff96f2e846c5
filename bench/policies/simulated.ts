// What the hit ratio bench asks of a cache, and the queue that the simulated policies are made of.

/** A cache of bounded bytes, asked for one object after another. Sizes are what an object takes, overhead counted. */
export interface Simulated {
  /** Asks for an object, and takes it in after a miss if the policy wants it. @returns whether it was there. */
  request(object: number, sizeBytes: number): boolean;
  readonly heldBytes: number;
}

export interface Node {
  readonly object: number;
  readonly sizeBytes: number;
  /** Uses since it came in, or one bit of that: the policy's. */
  uses: number;
  queue: Queue | undefined;
  older: Node | undefined;
  newer: Node | undefined;
}

export function node(object: number, sizeBytes: number): Node {
  return { object, sizeBytes, uses: 0, queue: undefined, older: undefined, newer: undefined };
}

/** First in, first out, with its bytes counted; anything may be taken out of the middle. */
export class Queue {
  bytes = 0;
  newest: Node | undefined;
  oldest: Node | undefined;

  push(one: Node): void {
    one.queue = this;
    one.older = this.newest;
    one.newer = undefined;
    if (this.newest === undefined) this.oldest = one;
    else this.newest.newer = one;
    this.newest = one;
    this.bytes += one.sizeBytes;
  }

  remove(one: Node): void {
    if (one.newer === undefined) this.newest = one.older;
    else one.newer.older = one.older;
    if (one.older === undefined) this.oldest = one.newer;
    else one.older.newer = one.newer;
    one.queue = undefined;
    this.bytes -= one.sizeBytes;
  }

  shift(): Node | undefined {
    const { oldest } = this;
    if (oldest !== undefined) this.remove(oldest);
    return oldest;
  }
}

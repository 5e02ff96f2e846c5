// SIEVE (Zhang et al., NSDI 2024): a FIFO queue with a visited bit; a hand goes from oldest to newest, spares what was
// visited once, evicts the rest where it stands.

import { type Node, node, Queue, type Simulated } from './simulated.ts';

export class Sieve implements Simulated {
  readonly #maxBytes: number;
  readonly #nodes = new Map<number, Node>();
  readonly #queue = new Queue();
  #hand: Node | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#queue.bytes;
  }

  request(object: number, sizeBytes: number): boolean {
    const held = this.#nodes.get(object);
    if (held !== undefined) {
      held.uses = 1;
      return true;
    }
    if (sizeBytes > this.#maxBytes) return false;
    while (this.#queue.bytes + sizeBytes > this.#maxBytes) this.#evict();
    const one = node(object, sizeBytes);
    this.#nodes.set(object, one);
    this.#queue.push(one);
    return false;
  }

  #evict(): void {
    let at = this.#hand ?? this.#queue.oldest;
    while (at !== undefined && at.uses > 0) {
      at.uses = 0;
      at = at.newer ?? this.#queue.oldest;
    }
    if (at === undefined) return;
    this.#hand = at.newer;
    this.#queue.remove(at);
    this.#nodes.delete(at.object);
  }
}

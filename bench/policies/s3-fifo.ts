// S3-FIFO (Yang et al., SOSP 2023): newcomers pass a small queue (a tenth of the bytes); those used more than once there
// move to the main one, the others are remembered by name in a ghost queue, and what a ghost asks for again goes straight to main.

import { type Node, node, Queue, type Simulated } from './simulated.ts';

const SMALL_SHARE = 0.1;
const MAX_USES = 3;

export class S3Fifo implements Simulated {
  readonly #maxBytes: number;
  readonly #nodes = new Map<number, Node>();
  readonly #ghosts = new Map<number, Node>();
  readonly #small = new Queue();
  readonly #main = new Queue();
  readonly #ghost = new Queue();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  request(object: number, sizeBytes: number): boolean {
    const held = this.#nodes.get(object);
    if (held !== undefined) {
      held.uses = Math.min(MAX_USES, held.uses + 1);
      return true;
    }
    if (sizeBytes > this.#maxBytes) return false;
    while (this.heldBytes + sizeBytes > this.#maxBytes) this.#evict();
    const one = node(object, sizeBytes);
    this.#nodes.set(object, one);
    const ghost = this.#ghosts.get(object);
    if (ghost !== undefined) this.#forget(ghost);
    (ghost === undefined ? this.#small : this.#main).push(one);
    return false;
  }

  #evict(): void {
    const fromSmall = this.#small.bytes >= this.#maxBytes * SMALL_SHARE || this.#main.oldest === undefined;
    const one = (fromSmall ? this.#small : this.#main).shift();
    if (one === undefined) return;
    if (fromSmall ? one.uses > 1 : one.uses > 0) {
      one.uses = fromSmall ? 0 : one.uses - 1;
      this.#main.push(one);
      return;
    }
    this.#nodes.delete(one.object);
    if (fromSmall) this.#remember(one);
  }

  #remember(one: Node): void {
    this.#ghosts.set(one.object, one);
    this.#ghost.push(one);
    while (this.#ghost.bytes > this.#maxBytes * (1 - SMALL_SHARE)) {
      const forgotten = this.#ghost.shift();
      if (forgotten !== undefined) this.#ghosts.delete(forgotten.object);
    }
  }

  #forget(one: Node): void {
    this.#ghost.remove(one);
    this.#ghosts.delete(one.object);
  }
}

// W-TinyLFU (Einziger et al., 2017) with sizes counted as by Einziger, Himelbrand and Waisbard (2022): an LRU window of 1 % of the
// bytes, then a segmented LRU that takes what leaves the window only if it was asked for more often than its victims together.

import { FrequencySketch, hashName } from '../../storage/eviction/sketch.ts';
import { type Node, node, Queue, type Simulated } from './simulated.ts';

const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;

export class WTinyLfu implements Simulated {
  readonly #maxBytes: number;
  readonly #windowBytes: number;
  readonly #nodes = new Map<number, Node>();
  readonly #window = new Queue();
  readonly #probation = new Queue();
  readonly #protected = new Queue();
  readonly #sketch = new FrequencySketch();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#windowBytes = maxBytes * WINDOW_SHARE;
  }

  get heldBytes(): number {
    return this.#window.bytes + this.#probation.bytes + this.#protected.bytes;
  }

  request(object: number, sizeBytes: number): boolean {
    this.#sketch.count(hash(object));
    const held = this.#nodes.get(object);
    if (held !== undefined) {
      this.#use(held);
      return true;
    }
    if (sizeBytes > this.#maxBytes) return false;
    const one = node(object, sizeBytes);
    this.#nodes.set(object, one);
    this.#sketch.track(this.#nodes.size);
    this.#window.push(one);
    while (this.#window.bytes > this.#windowBytes) {
      const candidate = this.#window.shift();
      if (candidate !== undefined) this.#admit(candidate);
    }
    return false;
  }

  #use(held: Node): void {
    const { queue } = held;
    queue?.remove(held);
    if (queue === this.#window) return queue.push(held);
    this.#protected.push(held);
    const most = (this.#maxBytes - this.#windowBytes) * PROTECTED_SHARE;
    while (this.#protected.bytes > most) {
      const demoted = this.#protected.shift();
      if (demoted !== undefined) this.#probation.push(demoted);
    }
  }

  #admit(candidate: Node): void {
    const room = this.#maxBytes - this.#windowBytes - this.#probation.bytes - this.#protected.bytes;
    let freed = 0;
    let worth = 0;
    const victims: Node[] = [];
    let victim = this.#probation.oldest ?? this.#protected.oldest;
    while (victim !== undefined && room + freed < candidate.sizeBytes) {
      victims.push(victim);
      freed += victim.sizeBytes;
      worth += this.#sketch.estimate(hash(victim.object));
      victim = victim.newer ?? (victim.queue === this.#probation ? this.#protected.oldest : undefined);
    }
    const admitted = room + freed >= candidate.sizeBytes && this.#outdoes(candidate, victims, worth);
    if (!admitted) {
      this.#nodes.delete(candidate.object);
      return;
    }
    for (const one of victims) {
      one.queue?.remove(one);
      this.#nodes.delete(one.object);
    }
    this.#probation.push(candidate);
  }

  #outdoes(candidate: Node, victims: readonly Node[], worth: number): boolean {
    return victims.length === 0 || this.#sketch.estimate(hash(candidate.object)) > worth;
  }
}

function hash(object: number): number {
  return hashName(object, '', '');
}

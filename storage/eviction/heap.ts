// A binary min-heap of a fixed set of slots, each with a key that may change: O(log n). Knows no tenant.

/** Slots are 0 … size-1; a slot without a key is not in the heap. */
export class SlotHeap {
  /** Slots in heap order. */
  readonly #order: Int32Array;
  /** Where a slot is in the order; -1 when it is not there. */
  readonly #at: Int32Array;
  readonly #keys: Float64Array;
  #count = 0;

  constructor(size: number) {
    this.#order = new Int32Array(size);
    this.#at = new Int32Array(size).fill(-1);
    this.#keys = new Float64Array(size);
  }

  clone(): SlotHeap {
    const copy = new SlotHeap(this.#keys.length);
    copy.#order.set(this.#order);
    copy.#at.set(this.#at);
    copy.#keys.set(this.#keys);
    copy.#count = this.#count;
    return copy;
  }

  get count(): number {
    return this.#count;
  }

  /** The slot with the least key; -1 when there is none. */
  get least(): number {
    return this.#count === 0 ? -1 : (this.#order[0] ?? -1);
  }

  /** The key of a slot that is in the heap. */
  keyOf(slot: number): number {
    return this.#keys[slot] ?? Number.NaN;
  }

  has(slot: number): boolean {
    return (this.#at[slot] ?? -1) >= 0;
  }

  /** Gives a slot its key, taking it in if need be. */
  set(slot: number, key: number): void {
    let at = this.#at[slot] ?? -1;
    if (at < 0) {
      at = this.#count;
      this.#count += 1;
      this.#order[at] = slot;
      this.#at[slot] = at;
    }
    this.#keys[slot] = key;
    this.#down(this.#up(at));
  }

  delete(slot: number): void {
    const at = this.#at[slot] ?? -1;
    if (at < 0) return;
    this.#at[slot] = -1;
    this.#count -= 1;
    if (at === this.#count) return;
    const moved = this.#order[this.#count] ?? 0;
    this.#order[at] = moved;
    this.#at[moved] = at;
    this.#down(this.#up(at));
  }

  #up(from: number): number {
    let at = from;
    const slot = this.#order[at] ?? 0;
    const key = this.keyOf(slot);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#order[parentAt] ?? 0;
      if (this.keyOf(parent) <= key) break;
      this.#place(parent, at);
      at = parentAt;
    }
    this.#place(slot, at);
    return at;
  }

  #down(from: number): void {
    let at = from;
    const slot = this.#order[at] ?? 0;
    const key = this.keyOf(slot);
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= this.#count) break;
      let child = this.#order[childAt] ?? 0;
      const other = this.#order[childAt + 1] ?? 0;
      if (childAt + 1 < this.#count && this.keyOf(other) < this.keyOf(child)) {
        childAt += 1;
        child = other;
      }
      if (this.keyOf(child) >= key) break;
      this.#place(child, at);
      at = childAt;
    }
    this.#place(slot, at);
  }

  #place(slot: number, at: number): void {
    this.#order[at] = slot;
    this.#at[slot] = at;
  }
}

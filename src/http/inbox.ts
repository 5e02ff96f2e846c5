// The bytes a connection has received and not yet used. While it is empty a chunk is taken as it is, without a copy;
// chunks that come on top are gathered in a buffer that doubles. Bytes handed out as slices are never overwritten, unless
// they were lent.

const EMPTY = Buffer.alloc(0);
const SMALLEST = 1024;

export class Inbox {
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;
  #gathered = false;
  #lent = false;

  get length(): number {
    return this.end - this.start;
  }

  add(chunk: Buffer): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      this.#gathered = false;
      return;
    }
    if (!this.#gathered || this.bytes.length - this.end < chunk.length) this.#grow(chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /** For an empty inbox: bytes of a buffer that will be overwritten. What is wanted longer has to be kept before. */
  lend(bytes: Buffer, end: number): void {
    this.bytes = bytes;
    this.start = 0;
    this.end = end;
    this.#gathered = false;
    this.#lent = true;
  }

  /** Copies what is left of lent bytes. */
  keep(): void {
    if (!this.#lent) return;
    this.#lent = false;
    if (this.length === 0) return;
    const left = Buffer.from(this.bytes.subarray(this.start, this.end));
    this.clear();
    this.add(left);
  }

  /** Everything before `offset` (into `bytes`) has been used. */
  consume(offset: number): void {
    this.start = offset;
    if (offset === this.end) this.clear();
  }

  clear(): void {
    this.bytes = EMPTY;
    this.#lent = false;
    this.start = 0;
    this.end = 0;
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(SMALLEST, 2 * (this.length + more)));
    this.bytes.copy(grown, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.bytes = grown;
    this.#gathered = true;
  }
}

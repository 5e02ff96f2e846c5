// Where responses that are sent once are put together, head and content, and written from: one buffer for all connections of a
// listener, used again as soon as the system has taken the bytes, so that nothing is left for the collector. What a client
// is too slow for keeps its place until the buffer is full and given up for another.

import type { Writable } from 'node:stream';

const BUFFER_BYTES = 64 * 1024;
/** Larger content is not worth the copy. */
export const COPIED_BYTES = 16 * 1024;

export class Scratch {
  #bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #at = 0;

  /**
   * Writes both as one.
   * @param head latin1
   * @param content at most COPIED_BYTES
   */
  write(socket: Writable, head: string, content: Buffer): void {
    const length = head.length + content.length;
    if (length > BUFFER_BYTES) {
      socket.write(Buffer.concat([Buffer.from(head, 'latin1'), content]));
      return;
    }
    if (this.#at + length > BUFFER_BYTES) {
      this.#bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
      this.#at = 0;
    }
    const bytes = this.#bytes;
    const from = this.#at;
    bytes.write(head, from, 'latin1');
    bytes.set(content, from + head.length);
    this.#at = from + length;
    socket.write(bytes.subarray(from, from + length));
    // INVARIANT: bytes that the socket still has to write count in its writableLength.
    if (socket.writableLength === 0) this.#at = from;
  }
}

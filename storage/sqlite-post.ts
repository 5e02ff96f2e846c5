// Messages to another thread, those of one turn of the event loop in one: to wake a thread costs several times what it takes to
// tell it something. Owns their order, which is that of sending. Knows no message.

import type { MessagePort } from 'node:worker_threads';

type Moved = ArrayBuffer | MessagePort;

interface Letter<T> {
  readonly message: T;
  readonly moved: readonly Moved[];
  readonly onUnsent: ((error: unknown) => void) | undefined;
}

/** Sends arrays of messages over a port. */
export class Post<T> {
  readonly #port: MessagePort;
  #letters: Letter<T>[] = [];

  constructor(port: MessagePort) {
    this.#port = port;
  }

  /**
   * @param moved is the receiver's afterwards
   * @param onUnsent told when the message cannot be sent; other messages are
   */
  send(message: T, moved: readonly Moved[] = [], onUnsent?: (error: unknown) => void): void {
    if (this.#letters.length === 0) setImmediate(() => this.flush());
    this.#letters.push({ message, moved, onUnsent });
  }

  /** Sends what waits for the end of the turn. */
  flush(): void {
    const letters = this.#letters;
    if (letters.length === 0) return;
    this.#letters = [];
    if (letters.length > 1 && this.#sent(letters) === undefined) return;
    // One at a time: whichever it is, it costs the others nothing.
    for (const letter of letters) {
      const failure = this.#sent([letter]);
      if (failure !== undefined) letter.onUnsent?.(failure.error);
    }
  }

  #sent(letters: readonly Letter<T>[]): { readonly error: unknown } | undefined {
    try {
      this.#port.postMessage(
        letters.map(({ message }) => message),
        letters.flatMap(({ moved }) => moved),
      );
      return undefined;
    } catch (error) {
      return { error };
    }
  }
}

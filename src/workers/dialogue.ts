// Questions and answers over a message port: each side may ask, each question is answered once. Knows no subject.

import type { Transferable } from 'node:worker_threads';
import type { Message } from './messages.ts';

/** A MessagePort or a Worker. */
interface Port {
  postMessage: (message: unknown, transfer: Transferable[]) => void;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** @template Asked what the other side asks; @template Asking what this side asks. */
export class Dialogue<Asking, Asked> {
  readonly #port: Port;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #next = 1;
  #ended: Error | undefined;

  constructor(port: Port, answer: (question: Asked) => Promise<unknown>) {
    this.#port = port;
    port.on('message', (received) => {
      // Both ends are this program's.
      const message = received as Message<Asked>;
      if (typeof received !== 'object') return;
      if ('ask' in message) {
        const give = (reply: Message<Asking>): void => port.postMessage(reply, []);
        const fail = (error: unknown): void =>
          give({ answer: message.ask, value: undefined, error: String(error) });
        // An answer that cannot be sent fails like one that cannot be given.
        answer(message.question)
          .then((value) => give({ answer: message.ask, value }))
          .catch(fail);
        return;
      }
      const waiting = this.#waiting.get(message.answer);
      this.#waiting.delete(message.answer);
      if (message.error === undefined) waiting?.resolve(message.value);
      else waiting?.reject(new Error(message.error));
    });
  }

  /** Asks; rejects when the other side fails or ends. The answer is what the other side is written to give. */
  ask<Answer>(question: Asking, transfer: Transferable[] = []): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, { resolve: (value) => resolve(value as Answer), reject });
    this.#port.postMessage({ ask: id, question } satisfies Message<Asking>, transfer);
    return promise;
  }

  /** The other side has gone: every open question fails. */
  end(reason: Error): void {
    this.#ended = reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

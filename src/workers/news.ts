// What every worker must know before it serves its next request: purges and invalidations. The main thread tells, through a
// port for each worker and an epoch in shared memory; a worker compares the epoch and reads its port at once, without waiting
// for its event loop. So what is told holds for all workers when `tell` returns. Knows ports and numbers, not what the news are.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** What a worker is given to hear with. */
export interface Ear {
  readonly port: MessagePort;
  readonly epoch: Int32Array<SharedArrayBuffer>;
  /** The epoch at which it began: what was told before it knows already. */
  readonly heard: number;
}

export class Announcer<News> {
  readonly #epoch = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  readonly #ports = new Set<MessagePort>();

  /** For a worker that knows all that has been told until now. */
  ear(): { ear: Ear; close: () => void } {
    const { port1, port2 } = new MessageChannel();
    this.#ports.add(port1);
    const close = (): void => {
      this.#ports.delete(port1);
      port1.close();
    };
    return { ear: { port: port2, epoch: this.#epoch, heard: Atomics.load(this.#epoch, 0) }, close };
  }

  /** INVARIANT: every port has it before the epoch moves, so a worker that sees the epoch finds it. */
  tell(news: News): void {
    for (const port of this.#ports) port.postMessage(news);
    Atomics.add(this.#epoch, 0, 1);
  }
}

export class Hearing<News> {
  readonly #port: MessagePort;
  readonly #epoch: Int32Array;
  readonly #apply: (news: News) => void;
  #heard: number;

  /** `apply` must not throw, and is called in the order of telling. */
  constructor({ port, epoch, heard }: Ear, apply: (news: News) => void) {
    this.#port = port;
    this.#epoch = epoch;
    this.#heard = heard;
    this.#apply = apply;
  }

  /** How much of what was told this worker has heard. */
  get heard(): number {
    return this.#heard;
  }

  /** Applies what has been told since. Costs one load when there is nothing. */
  readonly hear = (): void => {
    if (Atomics.load(this.#epoch, 0) !== this.#heard) this.#read();
  };

  /** No further than the epoch: what is beyond it not every worker can hear yet. */
  #read(): void {
    while (this.#heard !== Atomics.load(this.#epoch, 0)) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#heard = (this.#heard + 1) | 0;
      this.#apply(received.message);
    }
  }
}

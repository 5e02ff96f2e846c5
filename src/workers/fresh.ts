// A worker's thread from its first moment: it loads the program while the main thread still opens what it is to work with, and
// waits to be told who it is. Imports next to nothing, so that a start can make threads before it loads all else.

import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort, type Transferable, Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { countWorkers } from './count.ts';
import type { WorkerData } from './messages.ts';

export class FreshThread {
  readonly worker: Worker;
  readonly #begin: MessagePort;
  #error: Error | undefined;
  #gone = false;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#begin = port1;
    this.worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: port2,
      transferList: [port2],
    });
    this.worker.on('error', (error: Error) => {
      this.#error = error;
    });
    this.worker.once('exit', () => {
      this.#gone = true;
    });
    // A start that fails does not wait for those it has no use for.
    this.worker.unref();
  }

  /** It has ended. */
  get gone(): boolean {
    return this.#gone;
  }

  /** What it has failed with. */
  get error(): Error | undefined {
    return this.#error;
  }

  begin(data: WorkerData, transfer: readonly Transferable[]): void {
    this.worker.ref();
    this.#begin.postMessage(data, [...transfer]);
    this.#begin.unref();
  }
}

/** How many workers these settings mean here. */
export function workersFor({ workers, memoryBytes }: Pick<Config, 'workers' | 'memoryBytes'>): number {
  return countWorkers(workers, memoryBytes, { cores: availableParallelism(), platform: process.platform });
}

/** Threads for all workers that the settings mean; none where one worker runs in the main thread. */
export function freshThreads(config: Pick<Config, 'workers' | 'memoryBytes'>): FreshThread[] {
  const count = workersFor(config);
  return count === 1 ? [] : Array.from({ length: count }, () => new FreshThread());
}

// The thread that only reads, as the writing thread sees it: started, told when it may have the database open, and started
// again when it dies. Each client gets a port to it; without one the writing thread answers lookups, too.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { ReaderOptions, ReaderOrder, ReaderReport } from './sqlite-protocol.ts';
import type { Pausable } from './sqlite-session.ts';

export interface ReadersOptions {
  readonly dir: string;
  readonly leases: SharedArrayBuffer;
  /** A thread that died is started again after so long, ms. */
  readonly retryMs: number;
  /** Gives a client its port. */
  readonly offer: (client: MessagePort, port: MessagePort) => void;
  readonly used: (uses: readonly (readonly [bodyId: number, head: string])[]) => void;
}

export class Readers implements Pausable {
  readonly #options: ReadersOptions;
  readonly #clients = new Set<MessagePort>();
  #thread: { readonly worker: Worker; readonly port: MessagePort } | undefined;
  #isReady = false;
  #isOpen = false;
  #pausing: (() => void)[] = [];
  #isClosed = false;

  constructor(options: ReadersOptions) {
    this.#options = options;
    this.#start();
  }

  attach(client: MessagePort): void {
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    if (this.#isReady) this.#offer(client);
  }

  pause(): Promise<void> {
    this.#isOpen = false;
    if (!this.#isReady) return Promise.resolve();
    return new Promise((resolve) => {
      this.#pausing.push(resolve);
      this.#order({ kind: 'close' });
    });
  }

  resume(): void {
    this.#isOpen = true;
    if (this.#isReady) this.#order({ kind: 'open' });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.worker.terminate();
  }

  #start(): void {
    if (this.#isClosed) return;
    const { port1, port2 } = new MessageChannel();
    const { dir, leases } = this.#options;
    const workerData: ReaderOptions = { dir, leases, port: port2 };
    const worker = new Worker(new URL('./sqlite-reader-thread.ts', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    worker.unref();
    this.#thread = { worker, port: port1 };
    port1.on('message', (report: ReaderReport) => this.#receive(report));
    port1.unref();
    // Whatever it is: lookups go on here, and the thread is started again.
    worker.on('error', () => undefined);
    worker.on('exit', () => this.#ended());
  }

  #ended(): void {
    this.#isReady = false;
    this.#thread?.port.close();
    this.#thread = undefined;
    for (const resolve of this.#pausing.splice(0)) resolve();
    setTimeout(() => this.#start(), this.#options.retryMs).unref();
  }

  #receive(report: ReaderReport): void {
    switch (report.kind) {
      case 'ready':
        this.#isReady = true;
        if (this.#isOpen) this.#order({ kind: 'open' });
        for (const client of this.#clients) this.#offer(client);
        return;
      case 'closed':
        this.#pausing.shift()?.();
        return;
      case 'uses':
        this.#options.used(report.uses);
        return;
      default:
        report satisfies never;
    }
  }

  #offer(client: MessagePort): void {
    const { port1, port2 } = new MessageChannel();
    this.#order({ kind: 'attach', port: port2 }, [port2]);
    this.#options.offer(client, port1);
  }

  #order(order: ReaderOrder, moved: readonly MessagePort[] = []): void {
    this.#thread?.port.postMessage(order, [...moved]);
  }
}

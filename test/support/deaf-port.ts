// A port that never completes a connection: its listener's queue is full and nobody accepts. For connect timeouts.

import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

const LISTENER = `
  const { workerData, parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer();
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(workerData, 0, 0); // from here on nothing is accepted
  });
`;

export interface DeafPort {
  readonly port: number;
  close(): Promise<void>;
}

export async function deafPort(): Promise<DeafPort> {
  const asleep = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(LISTENER, { eval: true, workerData: asleep });
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const queued: Socket[] = [];
  let connected = 0;
  // Until a connection is kept waiting, the queue has room.
  for (let pending = false; !pending; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    queued.push(socket);
    pending = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false));
      setTimeout(() => resolve(true), 100);
    });
    if (!pending && ++connected > 100) throw new Error('the listen queue does not fill up');
  }
  return {
    port,
    close: async () => {
      for (const socket of queued) socket.destroy();
      await worker.terminate();
    },
  };
}

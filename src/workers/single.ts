// One worker in the main thread: no thread, no messages.

import type { Workers } from './pool.ts';
import { EdgeWorker, type WorkerOptions } from './worker.ts';

export function startSingle(options: WorkerOptions): Workers {
  const worker = new EdgeWorker(options);
  return {
    targets: () => [worker],
    tell: () => undefined,
    listen: (door, address, [fd] = []) => worker.listen(door, address, fd),
    secure: async (terms) => worker.secure(terms),
    advise: async (word) => worker.heed(word),
    metrics: async () => (await worker.metrics()).metrics(),
    reconfigure: async (config) => worker.reconfigure(config),
    close: (graceMs) => worker.close(graceMs),
  };
}

// One contract, every store.

import { Gdsf } from '../../storage/eviction/gdsf.ts';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import type { Store } from '../../storage/store.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { contract } from './contract.ts';
import { openDisk, scratch } from './support.ts';
import { type Workers, workers } from './workers.ts';

const memory = (maxBytes: number): MemoryStore<string> =>
  new MemoryStore({ maxBytes, sizeOf: (meta) => meta.length });

contract('memory', async () => memory(64 * 1024 * 1024));
contract(
  'memory with gdsf',
  async () =>
    new MemoryStore({
      maxBytes: 64 * 1024 * 1024,
      sizeOf: (meta) => meta.length,
      policy: new Gdsf<MemoryRecord<string>>({ alpha: 0.6 }),
    }),
);
contract('sqlite', async () => openDisk({ dir: await scratch() }));
contract(
  'memory over sqlite',
  async () => new TieredStore(memory(64 * 1024 * 1024), await openDisk({ dir: await scratch() })),
);
contract(
  'a small memory over sqlite',
  async () => new TieredStore(memory(256 * 1024), await openDisk({ dir: await scratch() })),
);
contract('memory alone, as tiers', async () => new TieredStore(memory(64 * 1024 * 1024), undefined));
contract('the memories of three workers', async () => partOf(workers({ count: 3 })));
contract('small memories of two workers over sqlite', async () =>
  partOf(workers({ count: 2, maxBytes: 256 * 1024, lower: await openDisk({ dir: await scratch() }) })),
);

function partOf({ parts: [first] }: Workers): Store<string> {
  if (first === undefined) throw new Error('no worker');
  return first.store;
}

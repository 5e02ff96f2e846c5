// One contract, every store.

import { Gdsf } from '../../storage/eviction/gdsf.ts';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { contract } from './contract.ts';
import { openDisk, scratch } from './support.ts';

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

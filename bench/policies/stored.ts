// The real thing: MemoryStore as the edge runs it, with one of its own policies. Bodies of one size share their bytes.

import type { EvictionPolicy } from '../../storage/eviction/policy.ts';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import type { Simulated } from './simulated.ts';

/** Bytes of a stored response's meta, as sizeOfMeta has it for a dozen fields. */
export const META_BYTES = 900;
const bodies = new Map<number, Buffer>();

export class StoreUnderTest implements Simulated {
  readonly #store: MemoryStore<undefined>;
  #heldBytes = 0;

  constructor(maxBytes: number, policy: EvictionPolicy<MemoryRecord<undefined>>) {
    this.#store = new MemoryStore<undefined>({
      maxBytes,
      policy,
      sizeOf: () => META_BYTES,
      onEvict: ({ sizeBytes }) => {
        this.#heldBytes -= sizeBytes;
      },
    });
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  request(object: number, sizeBytes: number): boolean {
    const key = nameOf(object);
    const [held] = this.#store.getNow(key) ?? [];
    if (held !== undefined) {
      this.#store.touch(held);
      return true;
    }
    const record = this.#store.putNow(key, '', undefined, [bodyOf(sizeBytes)]);
    this.#heldBytes += record?.sizeBytes ?? 0;
    return false;
  }
}

/** What MemoryStore counts for a body of so many bytes. */
export function chargedBytes(sizeBytes: number): number {
  const store = new MemoryStore<undefined>({ maxBytes: 2 ** 40, sizeOf: () => META_BYTES });
  return store.putNow(nameOf(0), '', undefined, [bodyOf(sizeBytes)])?.sizeBytes ?? 0;
}

export function nameOf(object: number): string {
  return `https://www.example.org/assets/${object.toString(36).padStart(12, '0')}`;
}

export function bodyOf(sizeBytes: number): Buffer {
  const known = bodies.get(sizeBytes);
  if (known !== undefined) return known;
  const body = Buffer.alloc(sizeBytes);
  bodies.set(sizeBytes, body);
  return body;
}

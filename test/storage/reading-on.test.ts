// A body that is being read can be read to its end, however its record goes meanwhile; its bytes are given back after that,
// and never more than the bound is held.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../storage/memory.ts';
import { attachSqliteStore, type SqliteStore } from '../../storage/sqlite.ts';
import { Engine } from '../../storage/sqlite-engine.ts';
import { Leases, leaseMemory } from '../../storage/sqlite-leases.ts';
import { Presence, presenceMemory } from '../../storage/sqlite-presence.ts';
import type { FoundVariant } from '../../storage/sqlite-protocol.ts';
import type { Store } from '../../storage/store.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { bytesOf, openDisk, scratch, textCodec } from './support.ts';

const MB = 1024 * 1024;
const LARGE = 1.5 * MB;

function contentOf(seed: number): Buffer {
  return bytesOf(LARGE, seed);
}

/** A reader that has read the beginning of a body. @returns whether the rest comes, and is right */
async function begin(store: Store<string>, key: string, content: Buffer): Promise<() => Promise<boolean>> {
  const [found] = await store.get(key);
  if (found === undefined) throw new Error(`${key} is not there`);
  const reading = found.body.read(0, found.body.length)[Symbol.asyncIterator]();
  const first = await reading.next();
  if (first.done === true) throw new Error(`${key} is empty`);
  return async () => {
    const parts = [first.value];
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      parts.push(next.value);
    return Buffer.concat(parts).equals(content);
  };
}

const WAYS: readonly [string, (store: SqliteStore<string>) => Promise<unknown>][] = [
  ['deleted', (store) => store.delete('k')],
  ['replaced', (store) => store.put('k', '', 'new', [contentOf(9)])],
  [
    'dropped by a purge',
    (store) =>
      store.dropSelected({ selector: { kind: 'prefix', prefix: 'k' }, before: 1 }, async () => undefined),
  ],
  ['cleared with all others', (store) => store.clear()],
  [
    'cleared twice',
    async (store) => {
      await store.clear();
      await store.put('other', '', 'm', [contentOf(5)]);
      await store.clear();
    },
  ],
  [
    'in the way of others that need room',
    async (store) => {
      const contents = Array.from({ length: 12 }, (_, i) => Buffer.alloc(2 * MB, i));
      for (const [i, content] of contents.entries()) {
        await store.put(`more ${i}`, '', 'm', [content]);
        await store.flush();
      }
    },
  ],
];

describe.each(WAYS)('a large body that is %s while it is read', (_, way) => {
  it('is read to its end, by another thread’s client, too', async () => {
    const store = await openDisk({ dir: await scratch(), maxBytes: 16 * MB });
    const other = await attachSqliteStore<string>(store.port(), textCodec);
    const content = contentOf(1);
    await store.put('k', '', 'm', [content]);
    await store.flush();
    const readers = [await begin(store, 'k', content), await begin(other, 'k', content)];
    await way(store);
    await store.flush();
    for (const rest of readers) expect(await rest()).toBe(true);
    await other.close();
  });
});

it('one found before it goes, and read only after that, is there too', async () => {
  const store = await openDisk({ dir: await scratch() });
  const content = contentOf(1);
  await store.put('k', '', 'm', [content]);
  await store.flush();
  const [found] = await store.get('k');
  await store.clear();
  await store.put('more', '', 'm', [bytesOf(10)]);
  await store.flush();
  const parts: Buffer[] = [];
  for await (const part of found?.body.read(0, LARGE) ?? []) parts.push(part);
  expect(Buffer.concat(parts).equals(content)).toBe(true);
});

it('a body read while it comes is read to its end, though all is cleared', async () => {
  const store = await openDisk({ dir: await scratch() });
  const content = contentOf(1);
  const inflow = store.inflow();
  if (inflow === undefined) throw new Error('no inflow');
  await inflow.write(content);
  expect(await inflow.end()).toBe(true);
  expect(await inflow.finish('k', '', 'm')).toBe(true);
  const parts = [await inflow.read(0)];
  await store.clear();
  for (let at = parts[0]?.length ?? 0; at < LARGE; at += parts.at(-1)?.length ?? LARGE)
    parts.push(await inflow.read(at));
  expect(Buffer.concat(parts).equals(content)).toBe(true);
});

it('a body on its way in when all is cleared takes no more, and does not come back', async () => {
  const store = await openDisk({ dir: await scratch() });
  const inflow = store.inflow();
  if (inflow === undefined) throw new Error('no inflow');
  await inflow.write(bytesOf(MB));
  await store.clear();
  await inflow.write(bytesOf(MB));
  expect(await inflow.end()).toBe(false);
  inflow.abandon();
  expect((await store.total()).records).toBe(0);
});

it('a memory before the disk makes no difference', async () => {
  const memory = new MemoryStore<string>({ maxBytes: 4 * MB, sizeOf: (meta) => meta.length });
  const store = new TieredStore(memory, await openDisk({ dir: await scratch() }));
  const content = contentOf(1);
  await store.put('k', '', 'm', [content]);
  const rest = await begin(store, 'k', content);
  await store.clear();
  expect(await rest()).toBe(true);
});

describe('what is held for readers', () => {
  interface Held {
    readonly engine: Engine;
    readonly dir: string;
    pass(seconds: number): void;
    put(key: string, bytes: number): Promise<void>;
    find(key: string): Promise<FoundVariant>;
    /** Whether all of a body can be read. */
    reads(key: string, found: FoundVariant): Promise<boolean>;
    settle(): Promise<void>;
  }

  async function held(maxBytes: number): Promise<Held> {
    const dir = await scratch();
    let seconds = 1000;
    const engine = new Engine({
      dir,
      maxBytes,
      journalId: undefined,
      eviction: 'lru',
      dequeued: () => {},
      written: () => {},
      readers: { pause: async () => {}, resume: () => {} },
      leases: new Leases(leaseMemory(), () => seconds),
      presence: new Presence(presenceMemory(MB)),
      healthChanged: () => {},
      now: () => 0,
    });
    await engine.start();
    const settle = async (): Promise<void> => {
      while (await engine.step());
    };
    return {
      engine,
      dir,
      settle,
      pass: (more) => {
        seconds += more;
      },
      put: async (key, bytes) => {
        const chunks = [];
        for (let at = 0; at < bytes; at += 256 * 1024) chunks.push(new Uint8Array(256 * 1024));
        const entry = { url: '', tags: [], seq: 0 };
        const meta = bytesOf(1);
        engine.put({
          kind: 'put',
          id: 1,
          entry,
          key,
          variant: '',
          meta,
          length: bytes,
          chunks,
          queuedBytes: 0,
        });
        await settle();
      },
      find: async (key) => {
        const [found] = await engine.get(key);
        if (found === undefined) throw new Error(`${key} is not there`);
        return found;
      },
      reads: async (key, { bodyId, checksums }) => {
        try {
          for (const [chunk, checksum] of checksums.entries())
            await engine.read(key, bodyId, chunk, checksum);
          return true;
        } catch {
          return false;
        }
      },
    };
  }

  it('is freed when nobody has read of it for a minute', async () => {
    const { engine, put, find, reads, settle, pass } = await held(64 * MB);
    await put('k', 4 * MB);
    const found = await find('k');
    await engine.remove('k', undefined);
    await settle();
    expect(engine.isReadFrom).toBe(true);
    pass(50);
    expect(await reads('k', found)).toBe(true);
    pass(50);
    await settle();
    expect(engine.isReadFrom).toBe(true);
    pass(11);
    await settle();
    expect(engine.isReadFrom).toBe(false);
    expect(await reads('k', found)).toBe(false);
    await engine.close();
  });

  it('is freed at once when nobody has looked it up', async () => {
    const { engine, put, settle } = await held(64 * MB);
    await put('k', 4 * MB);
    await engine.remove('k', undefined);
    await settle();
    expect(engine.isReadFrom).toBe(false);
    await engine.close();
  });

  it('stays within a quarter of the bound, and all within the bound: then the oldest reading breaks', async () => {
    const maxBytes = 16 * MB;
    const { engine, dir, put, find, reads } = await held(maxBytes);
    const found: FoundVariant[] = [];
    for (let i = 0; i < 16; i += 1) {
      await put('k', 2 * MB);
      found.push(await find('k'));
      const files = (await readdir(dir)).map(async (name) => (await stat(join(dir, name))).size);
      const bytes = (await Promise.all(files)).reduce((sum, size) => sum + size, 0);
      expect(bytes).toBeLessThanOrEqual(maxBytes * 1.05);
    }
    const whole: boolean[] = [];
    for (const one of found) whole.push(await reads('k', one));
    expect(whole[0]).toBe(false);
    expect(whole.slice(-2)).toEqual([true, true]);
    await engine.close();
  });
});

// What the disk tier promises beyond the contract: restarts, bounds, and keeping its head when the disk does not.

import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { attachSqliteStore, type Health, openSqliteStore } from '../../storage/sqlite.ts';
import { Engine } from '../../storage/sqlite-engine.ts';
import { Leases, leaseMemory } from '../../storage/sqlite-leases.ts';
import { Presence, presenceMemory } from '../../storage/sqlite-presence.ts';
import { StoreError } from '../../storage/store.ts';
import { bytesOf, collect, openDisk, scratch, textCodec } from './support.ts';

const MB = 1024 * 1024;
/** Processes killed, each with three databases; HOLDFAST_KILLS=17 makes it 51 databases. */
const KILLS = Number(process.env.HOLDFAST_KILLS ?? 4);

describe('records survive', () => {
  it('a restart', async () => {
    const dir = await scratch();
    const before = await openDisk({ dir });
    await before.put('k', 'v', 'meta', [bytesOf(600_000)]);
    await before.close();
    const after = await openDisk({ dir });
    const [found] = await after.get('k');
    expect(found?.meta).toBe('meta');
    expect(found && (await collect(found.body)).equals(bytesOf(600_000))).toBe(true);
    expect(await after.stats()).toMatchObject({ records: 1 });
  });

  it(
    'kill -9 in the middle of writes: every body found afterwards is whole',
    async () => {
      const dirs = await Promise.all(Array.from({ length: 3 }, scratch));
      let checked = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        await writeAndKill(dirs, kill);
        await Promise.all(
          dirs.map(async (dir) => {
            const store = await openDisk({ dir });
            for (let i = 0; i < 97; i += 1) {
              for (const { meta, body } of await store.get(`k${i}`)) {
                expect(hash('sha256', await collect(body))).toBe(meta);
                checked += 1;
              }
            }
            expect(await store.stats()).toMatchObject({ damaged: 0, rebuilt: 0 });
            await store.close();
          }),
        );
      }
      expect(checked).toBeGreaterThan(100);
    },
    20_000 * KILLS,
  );

  it('no change of the purge journal: what another journal knew of is dropped', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir, journalId: 'one' });
    await first.put('k', '', 'm', [bytesOf(10)]);
    await first.close();
    const same = await openDisk({ dir, journalId: 'one' });
    expect(await same.get('k')).toHaveLength(1);
    await same.close();
    const other = await openDisk({ dir, journalId: 'two' });
    expect(await other.get('k')).toEqual([]);
    await other.put('k', '', 'm', [bytesOf(10)]);
    await other.close();
    const again = await openDisk({ dir, journalId: 'two' });
    expect(await again.get('k')).toHaveLength(1);
  });
});

describe('bounds', () => {
  it.each([0.5, 'lru'] as const)(
    'keeps database and log within the bound (eviction %s)',
    async (eviction) => {
      const dir = await scratch();
      const maxBytes = 8 * MB;
      const store = await openDisk({ dir, maxBytes, eviction });
      await store.put('hot', '', 'm', [bytesOf(2000)]);
      let largest = 0;
      for (let i = 0; i < 400; i += 1) {
        await store.put(`k${i}`, '', 'm', [bytesOf((i % 20) * 10_000, i)]);
        if (i % 20 === 0) {
          expect(await store.get('hot')).toHaveLength(1);
          await store.flush();
          largest = Math.max(largest, await diskBytes(dir));
        }
      }
      await store.flush();
      const stats = await store.stats();
      expect(Math.max(largest, await diskBytes(dir))).toBeLessThanOrEqual(maxBytes);
      expect(stats.bytes).toBeGreaterThan(maxBytes / 2);
      expect(stats.evictions).toBeGreaterThan(200);
      expect(await store.get('k18')).toEqual([]);
      const [latest] = await store.get('k399');
      expect(latest && (await collect(latest.body)).equals(bytesOf(190_000, 399))).toBe(true);
    },
  );

  it.each([
    [0.5, 1],
    ['lru', 0],
  ] as const)(
    'what is small and was asked for often outlives a flood and a restart (eviction %s: %i)',
    async (eviction, kept) => {
      const options = { dir: await scratch(), maxBytes: 8 * MB, eviction };
      const before = await openDisk(options);
      await before.put('hot', '', 'm', [bytesOf(2000)]);
      await before.flush();
      for (let i = 0; i < 8; i += 1) expect(await before.get('hot')).toHaveLength(1);
      for (let i = 0; i < 30; i += 1) await before.put(`a${i}`, '', 'm', [bytesOf(190_000, i)]);
      await before.close();
      const after = await openDisk(options);
      for (let i = 0; i < 60; i += 1) await after.put(`b${i}`, '', 'm', [bytesOf(190_000, i)]);
      await after.flush();
      expect(await after.get('hot')).toHaveLength(kept);
      expect(await after.get('b59')).toHaveLength(1);
    },
  );

  it('shrinks to a smaller bound after a restart', async () => {
    const dir = await scratch();
    const before = await openDisk({ dir, maxBytes: 32 * MB });
    for (let i = 0; i < 100; i += 1) await before.put(`k${i}`, '', 'm', [bytesOf(200_000, i)]);
    await before.close();
    const after = await openDisk({ dir, maxBytes: 8 * MB });
    await expect.poll(() => diskBytes(dir), { interval: 5, timeout: 10_000 }).toBeLessThanOrEqual(8 * MB);
    expect((await after.stats()).records).toBeGreaterThan(10);
  });

  it('declines a body over an eighth of the disk, and forgets what it would have replaced', async () => {
    const store = await openDisk({ dir: await scratch(), maxBytes: 8 * MB });
    await store.put('k', '', 'small', [bytesOf(10)]);
    expect(await store.put('k', '', 'large', [Buffer.alloc(2 * MB)])).toBe(false);
    expect(await store.get('k')).toEqual([]);
    expect(await store.stats()).toMatchObject({ dropped: 1 });
  });

  it('declines puts beyond the queue, counts them, and forgets what they would have replaced', async () => {
    const store = await openDisk({ dir: await scratch(), maxQueueBytes: 100_000 });
    await store.put('k19', '', 'old', [bytesOf(10)]);
    await store.flush();
    const accepted = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.put(`k${i}`, '', 'new', [bytesOf(20_000, i)])),
    );
    const declined = accepted.filter((one) => !one).length;
    expect(declined).toBeGreaterThan(10);
    expect(accepted.at(-1)).toBe(false);
    expect(await store.get('k19')).toEqual([]);
    await store.flush();
    expect(await store.stats()).toMatchObject({ dropped: declined, records: 20 - declined, queuedBytes: 0 });
  });

  it('sweeps the chunks of large bodies that were replaced', async () => {
    const store = await openDisk({ dir: await scratch() });
    for (let i = 0; i < 4; i += 1) {
      await store.put('k', '', 'm', [bytesOf(5_000_000, i)]);
      await store.flush();
    }
    await idle(store, (stats) => stats.bytes < 18_000_000);
    const [found] = await store.get('k');
    expect(found && (await collect(found.body)).equals(bytesOf(5_000_000, 3))).toBe(true);
  });
});

describe('a damaged or unreachable disk', () => {
  it('rejects at the start only when the directory cannot be made', async () => {
    const file = join(await scratch(), 'file');
    await writeFile(file, '');
    await expect(
      openSqliteStore({ dir: join(file, 'sub'), maxBytes: 8 * MB, codec: textCodec }),
    ).rejects.toThrow(StoreError);
  });

  it('sets a file that is no database aside, and begins a new one', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'responses.db'), Buffer.alloc(100_000, 'not a database '));
    const store = await openDisk({ dir });
    expect(store.health()).toMatchObject({ ok: true, detail: expect.stringContaining('.broken-') });
    await store.put('k', '', 'm', [bytesOf(10)]);
    expect(await store.get('k')).toHaveLength(1);
    expect((await readdir(dir)).filter((name) => name.includes('.broken-'))).toHaveLength(1);
    expect(await store.stats()).toMatchObject({ rebuilt: 1 });
  });

  it('never returns wrong bytes from a database whose pages were overwritten, and works again afterwards', async () => {
    const dir = await scratch();
    const before = await openDisk({ dir });
    for (let i = 0; i < 200; i += 1) await before.put(`k${i}`, '', `${i}`, [bytesOf(3000, i)]);
    await before.close();
    await overwrite(join(dir, 'responses.db'), 300 * 1024, 320 * 1024);
    const store = await openDisk({ dir });
    let failures = 0;
    for (let i = 0; i < 200; i += 1) {
      const found = await store.get(`k${i}`).catch((error: unknown) => {
        expect(error).toBeInstanceOf(StoreError);
        failures += 1;
        return [];
      });
      for (const { meta, body } of found) {
        expect(meta).toBe(`${i}`);
        expect((await collect(body)).equals(bytesOf(3000, i))).toBe(true);
      }
    }
    expect(failures).toBe(1);
    expect(await store.stats()).toMatchObject({ rebuilt: 1 });
    await store.put('k', '', 'm', [bytesOf(10)]);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('drops and counts a record that fails its checksum or lost a chunk', async () => {
    const dir = await scratch();
    const before = await openDisk({ dir });
    for (const name of ['flipped', 'lost', 'large', 'fine']) {
      await before.put(name, '', name, [bytesOf(name === 'large' ? 700_000 : 5000)]);
      await before.flush();
    }
    await before.close();
    edit(
      dir,
      'UPDATE chunks SET value = zeroblob(5000) WHERE key = (SELECT key FROM chunks ORDER BY rowid LIMIT 1)',
    );
    edit(dir, 'DELETE FROM chunks WHERE key = (SELECT key FROM chunks ORDER BY rowid LIMIT 1 OFFSET 1)');
    edit(dir, "UPDATE chunks SET value = zeroblob(262144) WHERE key LIKE '%.1'");
    const store = await openDisk({ dir });
    expect(await store.get('flipped')).toEqual([]);
    expect(await store.get('lost')).toEqual([]);
    const [large] = await store.get('large');
    await expect(large && collect(large.body)).rejects.toThrow(StoreError);
    expect(await store.get('large')).toEqual([]);
    expect(await store.get('fine')).toHaveLength(1);
    expect(await store.stats()).toMatchObject({ damaged: 3, records: 1 });
  });

  it('drops and counts a record whose meta the codec does not know', async () => {
    const store = await openDisk({ dir: await scratch() });
    await store.put('k', 'a', 'undecodable', [bytesOf(10)]);
    await store.put('k', 'b', 'm', [bytesOf(10)]);
    expect((await store.get('k')).map(({ variant }) => variant)).toEqual(['b']);
    expect(await store.stats()).toMatchObject({ damaged: 1, records: 1 });
  });

  it('rejects while the database cannot be opened, says so, and recovers by itself', async () => {
    const dir = await scratch();
    await mkdir(join(dir, 'responses.db'));
    const heard = listener();
    const store = await openDisk({ dir, log: heard.log });
    expect(store.health()).toMatchObject({ ok: false, detail: expect.any(String) });
    await expect(store.get('k')).rejects.toThrow(StoreError);
    await expect(store.put('k', '', 'm', [bytesOf(10)])).rejects.toThrow(StoreError);
    await expect(store.delete('k')).rejects.toThrow(StoreError);
    await expect(store.stats()).rejects.toThrow(StoreError);
    await rm(join(dir, 'responses.db'), { recursive: true });
    await heard.until(({ ok }) => ok);
    await store.put('k', '', 'm', [bytesOf(10)]);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('leaves a database alone that another process has open, and takes over when it is free', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir });
    await first.put('k', '', 'm', [bytesOf(10)]);
    const heard = listener();
    const second = await openDisk({ dir, log: heard.log });
    await expect(second.get('k')).rejects.toThrow(StoreError);
    expect(await first.get('k')).toHaveLength(1);
    await first.close();
    await heard.until(({ ok }) => ok);
    expect(await second.get('k')).toHaveLength(1);
  });

  it('does not find what was deleted while the disk could not be written', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir });
    for (const key of ['deleted', 'replaced', 'kept']) await first.put(key, '', 'm', [bytesOf(10)]);
    await first.flush();
    const heard = listener();
    const second = await openDisk({ dir, log: heard.log });
    await expect(second.delete('deleted')).rejects.toThrow(StoreError);
    await expect(second.put('replaced', '', 'new', [bytesOf(10)])).rejects.toThrow(StoreError);
    await first.close();
    await heard.until(({ ok }) => ok);
    expect(await second.get('deleted')).toEqual([]);
    expect(await second.get('replaced')).toEqual([]);
    expect(await second.get('kept')).toHaveLength(1);
  });
});

it('finds after a restart all that is there, while it learns what there is and after', async () => {
  const dir = await scratch();
  const first = await openDisk({ dir });
  const keys = Array.from({ length: 2500 }, (_, i) => `k${i}`);
  for (const key of keys) await first.put(key, '', 'm', [bytesOf(10)]);
  await first.close();
  const store = await openDisk({ dir });
  const other = await attachSqliteStore<string>(store.port(), textCodec);
  for (let round = 0; round < 2; round += 1) {
    for (const key of keys.slice(0, 50)) await store.delete(key);
    for (const key of keys.slice(0, 50)) await store.put(key, '', 'm', [bytesOf(10)]);
    await store.flush();
    for (const one of [store, other]) {
      const found = await Promise.all(keys.map((key) => one.get(key)));
      expect(found.filter((records) => records.length === 1)).toHaveLength(keys.length);
    }
  }
  await other.close();
});

describe('a meta that comes late', () => {
  /** Metas are 'name of the bytes:anything'. */
  const codec = {
    ...textCodec,
    sameBytes: (a: string, b: string) => a.split(':')[0] === b.split(':')[0],
  };

  it('is for the bytes that it speaks of, whatever has taken their place', async () => {
    const store = await openDisk({ dir: await scratch(), codec });
    for (const length of [10, 3 * MB]) {
      await store.put('k', '', 'a:1', [bytesOf(length)]);
      expect(await store.updateMeta('k', '', 'a:2')).toBe(true);
      await store.flush();
      expect(await store.updateMeta('k', '', 'a:3')).toBe(true);
      void store.put('k', '', 'b:1', [bytesOf(length, 2)]);
      expect(await store.updateMeta('k', '', 'a:4')).toBe(false);
      await store.flush();
      expect(await store.updateMeta('k', '', 'a:4')).toBe(false);
      const [found] = await store.get('k');
      expect(found?.meta).toBe('b:1');
      expect(found && (await collect(found.body)).equals(bytesOf(length, 2))).toBe(true);
    }
  });

  it('is not mixed with bytes that come while it is on its way', async () => {
    const store = await openDisk({ dir: await scratch(), codec });
    await store.put('k', '', 'a:1', [bytesOf(10)]);
    await store.flush();
    const updated = store.updateMeta('k', '', 'a:2');
    await store.put('k', '', 'b:1', [bytesOf(10, 2)]);
    await updated;
    const [found] = await store.get('k');
    expect(found?.meta).toBe('b:1');
    expect(await store.updateMeta('gone', '', 'a:2')).toBe(false);
  });
});

describe('the engine', () => {
  it('owes the removal of what a failed put was to replace', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir });
    for (const key of ['replaced', 'kept']) await first.put(key, '', 'old', [bytesOf(10)]);
    let given = 0;
    const engine = new Engine({
      dir,
      maxBytes: 8 * MB,
      journalId: undefined,
      eviction: 0.5,
      dequeued: (bytes) => {
        given += bytes;
      },
      written: () => {},
      readers: { pause: async () => {}, resume: () => {} },
      leases: new Leases(leaseMemory()),
      presence: new Presence(presenceMemory(MB)),
      healthChanged: () => {},
      now: () => 0,
    });
    await engine.start();
    expect(engine.health.ok).toBe(false);
    engine.put({
      kind: 'put',
      id: 1,
      entry: { url: '', tags: [], seq: 0 },
      key: 'replaced',
      variant: '',
      meta: bytesOf(1),
      length: 0,
      chunks: [],
      queuedBytes: 7,
    });
    expect(given).toBe(7);
    expect(await engine.retry()).toBe(false);
    await first.close();
    expect(await engine.retry()).toBe(true);
    expect(await engine.get('replaced')).toEqual([]);
    expect(await engine.get('kept')).toHaveLength(1);
    await engine.close();
  });
});

describe('several clients', () => {
  it('share one database by ports', async () => {
    const store = await openDisk({ dir: await scratch() });
    const other = await attachSqliteStore(store.port(), textCodec);
    await other.put('k', '', 'm', [bytesOf(300_000)]);
    await other.flush();
    expect(await store.get('k')).toHaveLength(1);
    await store.delete('k');
    expect(await other.get('k')).toEqual([]);
    await other.close();
    await expect(other.get('k')).rejects.toThrow(StoreError);
    expect(await store.get('k')).toEqual([]);
  });

  it('reject when the store they are attached to is closed', async () => {
    const store = await openDisk({ dir: await scratch() });
    const other = await attachSqliteStore(store.port(), textCodec);
    await store.close();
    await expect(other.get('k')).rejects.toThrow(StoreError);
    await expect(store.put('k', '', 'm', [])).rejects.toThrow(StoreError);
    expect(store.health().ok).toBe(false);
  });
});

it('copies what it is given: the buffers stay usable', async () => {
  const store = await openDisk({ dir: await scratch() });
  const small = Buffer.from('small body from a pool');
  const large = bytesOf(400_000);
  await store.put('k', '', 'm', [small, large]);
  await store.flush();
  expect(small.toString()).toBe('small body from a pool');
  expect(large.equals(bytesOf(400_000))).toBe(true);
});

it('keeps a meta updated while its body is still being copied', async () => {
  const store = await openDisk({ dir: await scratch() });
  const put = store.put('k', '', 'before', [bytesOf(6_000_000)]);
  expect(await store.updateMeta('k', '', 'after')).toBe(true);
  expect(await put).toBe(true);
  expect((await store.get('k'))[0]?.meta).toBe('after');
});

async function writeAndKill(dirs: readonly string[], kill: number): Promise<void> {
  const script = join(import.meta.dirname, 'writer.ts');
  const child = spawn(process.execPath, [script, `${kill * 1000}`, ...dirs], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let lines = 0;
  for await (const _ of createInterface({ input: child.stdout })) {
    lines += 1;
    if (lines === 1 + (kill % 4)) break;
  }
  child.kill('SIGKILL');
  await exited;
}

async function diskBytes(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) bytes += (await stat(join(dir, name))).size;
  return bytes;
}

/** Waits until the background has done its work. */
async function idle(
  store: Awaited<ReturnType<typeof openDisk>>,
  done: (stats: Awaited<ReturnType<typeof store.stats>>) => boolean,
) {
  await expect.poll(async () => done(await store.stats()), { interval: 5, timeout: 10_000 }).toBe(true);
}

async function overwrite(path: string, from: number, to: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.write(Buffer.alloc(to - from, 0xa5), 0, to - from, from);
  await file.close();
}

function edit(dir: string, sql: string): void {
  const database = new DatabaseSync(join(dir, 'responses.db'));
  database.exec(sql);
  database.close();
}

function listener(): {
  log: (health: Health) => void;
  until: (wanted: (health: Health) => boolean) => Promise<void>;
} {
  const heard: Health[] = [];
  const waiting = new Set<() => void>();
  return {
    log: (health) => {
      heard.push(health);
      for (const one of waiting) one();
    },
    until: (wanted) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (heard.some(wanted)) resolve();
        };
        waiting.add(check);
        check();
      }),
  };
}

// The disk tier while its disk or its threads fail: what it says, what it costs, and that it comes back by itself.

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MessagePort } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { attachSqliteStore, type Health, type SqliteStore } from '../../storage/sqlite.ts';
import { StoreError } from '../../storage/store.ts';
import { bytesOf, collect, openDisk, scratch, textCodec } from './support.ts';

const MB = 1024 * 1024;

/** Health as it was told, and waiting for it. */
function listener(): {
  log: (health: Health) => void;
  until: (ok: boolean, detail?: string) => Promise<void>;
} {
  const heard: Health[] = [];
  return {
    log: (health) => heard.push(health),
    until: (ok, detail = '') =>
      expect
        .poll(() => heard.some((one) => one.ok === ok && (one.detail ?? '').includes(detail)), {
          interval: 5,
          timeout: 15_000,
        })
        .toBe(true),
  };
}

/** A file system of its own of so many bytes; undefined where that may not be made. */
async function smallFileSystem(bytes: number): Promise<string | undefined> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dir], { stdio: 'ignore' });
  } catch {
    await rm(dir, { recursive: true });
    return undefined;
  }
  onTestFinished(async () => {
    execFileSync('umount', ['-l', dir]);
    await rm(dir, { recursive: true });
  });
  return dir;
}

/** Has the writing thread die of a message that nobody would send. */
function kill(store: SqliteStore<string>): void {
  const front = store.port();
  front.on('message', (line: unknown) => {
    if (line instanceof MessagePort) line.postMessage(null);
    front.close();
  });
}

describe('a database thread that dies', () => {
  it('is started again; what was written is there, what was not rejects meanwhile', async () => {
    const heard = listener();
    const store = await openDisk({ dir: await scratch(), log: heard.log });
    const other = await attachSqliteStore(store.port(), textCodec);
    onTestFinished(() => other.close());
    await store.put('k', '', 'm', [bytesOf(300_000)]);
    await store.flush();
    kill(store);
    await heard.until(false, 'started again');
    expect(store.health().ok).toBe(false);
    await heard.until(true);
    for (const one of [store, other]) {
      await expect.poll(() => one.health().ok, { interval: 5, timeout: 10_000 }).toBe(true);
      const [found] = await one.get('k');
      expect(found && (await collect(found.body)).equals(bytesOf(300_000))).toBe(true);
      expect(await one.put('again', '', 'm', [bytesOf(10)])).toBe(true);
      expect(await one.get('again')).toHaveLength(1);
    }
  });

  it('brings nothing back that was deleted, replaced or cleared while it was gone', async () => {
    const heard = listener();
    const store = await openDisk({ dir: await scratch(), retryMs: 200, log: heard.log });
    for (const key of ['deleted', 'replaced', 'updated', 'kept'])
      await store.put(key, '', 'old', [bytesOf(10)]);
    await store.flush();
    kill(store);
    await heard.until(false);
    await expect(store.delete('deleted')).rejects.toThrow(StoreError);
    await expect(store.put('replaced', '', 'new', [bytesOf(10)])).rejects.toThrow(StoreError);
    await expect(store.updateMeta('updated', '', 'new')).rejects.toThrow(StoreError);
    await expect(store.get('kept')).rejects.toThrow(StoreError);
    await heard.until(true);
    for (const key of ['deleted', 'replaced', 'updated']) expect(await store.get(key)).toEqual([]);
    expect(await store.get('kept')).toHaveLength(1);
    kill(store);
    await expect.poll(() => store.health().ok, { interval: 1, timeout: 10_000 }).toBe(false);
    await expect(store.clear()).rejects.toThrow(StoreError);
    await expect.poll(() => store.health().ok, { interval: 5, timeout: 10_000 }).toBe(true);
    expect(await store.get('kept')).toEqual([]);
  });
});

describe('a disk without room', () => {
  it('fails writes and says so, goes on with what it has, and recovers when there is room again', async () => {
    const dir = await smallFileSystem(6 * MB);
    if (dir === undefined) return console.warn('NOT TESTED: no file system may be mounted here');
    const heard = listener();
    const store = await openDisk({ dir, maxBytes: 64 * MB, log: heard.log });
    await store.put('small', '', 'm', [bytesOf(1000)]);
    await store.flush();
    for (let i = 0; i < 20 && store.health().ok; i += 1) {
      await store.put(`k${i}`, '', 'm', [bytesOf(700_000, i)]).catch(() => undefined);
      await store.flush().catch(() => undefined);
    }
    await heard.until(false, 'full');
    for (let i = 0; i < 20; i += 1) {
      for (const { body } of await store.get(`k${i}`).catch(() => []))
        expect((await collect(body)).equals(bytesOf(700_000, i))).toBe(true);
    }
    execFileSync('mount', ['-o', 'remount,size=100m', dir]);
    await expect.poll(() => store.health().ok, { interval: 20, timeout: 15_000 }).toBe(true);
    await store.put('later', '', 'm', [bytesOf(2 * MB)]);
    await store.flush();
    expect(await store.get('later')).toHaveLength(1);
    expect(await store.get('small')).toHaveLength(1);
    expect((await store.stats()).failedWrites).toBeGreaterThan(0);
    expect((await statfs(dir)).bavail).toBeGreaterThan(0);
  });

  it('gives up a body that is put in parts', async () => {
    const dir = await smallFileSystem(6 * MB);
    if (dir === undefined) return console.warn('NOT TESTED: no file system may be mounted here');
    const store = await openDisk({ dir, maxBytes: 64 * MB });
    const inflow = store.inflow();
    let taken = true;
    for (let i = 0; i < 12 && taken; i += 1) taken = (await inflow?.write(bytesOf(MB, i))) ?? false;
    expect(taken).toBe(false);
    expect(await inflow?.finish('k', '', 'm').catch(() => false)).toBe(false);
    expect(await store.get('k').catch(() => [])).toEqual([]);
  });
});

describe('a disk that may not be written', () => {
  it('read-only from the start: nothing works, it is said, and all is well once it may be', async () => {
    const dir = await smallFileSystem(20 * MB);
    if (dir === undefined) return console.warn('NOT TESTED: no file system may be mounted here');
    const before = await openDisk({ dir });
    await before.put('k', '', 'm', [bytesOf(10)]);
    await before.close();
    execFileSync('mount', ['-o', 'remount,ro', dir]);
    const heard = listener();
    const store = await openDisk({ dir, log: heard.log });
    expect(store.health().ok).toBe(false);
    await expect(store.get('k')).rejects.toThrow(StoreError);
    await expect(store.put('k', '', 'm', [bytesOf(10)])).rejects.toThrow(StoreError);
    execFileSync('mount', ['-o', 'remount,rw', dir]);
    await heard.until(true);
    // The put that failed was to replace it.
    expect(await store.get('k')).toEqual([]);
    await store.put('k', '', 'm', [bytesOf(10)]);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('a database that another program has locked: as soon as it is let go', async () => {
    const dir = await scratch();
    const first = await openDisk({ dir });
    await first.put('k', '', 'm', [bytesOf(10)]);
    await first.close();
    const other = new DatabaseSync(join(dir, 'responses.db'));
    other.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
    const heard = listener();
    const store = await openDisk({ dir, log: heard.log });
    expect(store.health()).toMatchObject({ ok: false, detail: expect.stringContaining('locked') });
    await expect(store.get('k')).rejects.toThrow(StoreError);
    other.close();
    await heard.until(true);
    expect(await store.get('k')).toHaveLength(1);
  });

  it('a lock file with something else in it: it is made anew, and the database stays', async () => {
    const dir = await scratch();
    const before = await openDisk({ dir });
    await before.put('k', '', 'm', [bytesOf(10)]);
    await before.close();
    await writeFile(
      join(dir, 'responses.lock'),
      'not a database at all, but long enough to be taken for one'.repeat(20),
    );
    const store = await openDisk({ dir });
    expect(store.health()).toEqual({ ok: true });
    expect(await store.get('k')).toHaveLength(1);
  });
});

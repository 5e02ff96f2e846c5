// Passes over a tier: what they count, what they free, and that they keep the counts of several purges apart.

import { describe, expect, it } from 'vitest';
import { type CountOrder, type Met, type Passable, Sweep } from '../../src/admin/sweep.ts';
import { memorySource } from '../../src/admin/sweep-sources.ts';
import { sizeOfMeta } from '../../src/cache/codec.ts';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Journal, type PurgeMode, type Selector } from '../../storage/journal.ts';
import { MemoryStore } from '../../storage/memory.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { storedMeta } from '../support/stored-meta.ts';

const BODY = [Buffer.from('hello')];

interface Stage {
  readonly journal: Journal;
  readonly store: TieredStore<StoredMeta>;
  readonly sweep: Sweep<Met>;
  put(key: string, xkey: string, seq?: number): Promise<void>;
  /** The record is in the journal, as when a purge is counted. */
  purge(selector: Selector, mode?: PurgeMode): CountOrder;
}

async function stage(pages?: (source: Passable<Met>) => Passable<Met>): Promise<Stage> {
  const journal = await Journal.open();
  const memory = new MemoryStore<StoredMeta>({ maxBytes: 64 * 1024 * 1024, sizeOf: sizeOfMeta });
  const store = new TieredStore(memory, undefined);
  const source = memorySource(store) as Passable<Met>;
  return {
    journal,
    store,
    sweep: new Sweep(pages?.(source) ?? source, journal),
    put: async (key, xkey, seq = journal.seq) => {
      await store.put(key, '', storedMeta({ seq, lines: ['xkey', xkey] }), BODY);
    },
    purge: (selector, mode = 'delete') => {
      void journal.append(selector, mode, 'test', 0);
      return { selector, mode, before: journal.seq };
    },
  };
}

const tag = (name: string): Selector => ({ kind: 'tag', tag: name });

describe('a pass', () => {
  it('counts what a purge matches and frees what it deleted, nothing else', async () => {
    const { put, purge, sweep, store } = await stage();
    for (let i = 0; i < 2000; i += 1) await put(`http://a.test/${i}`, i % 2 === 0 ? 'a/1' : 'a/10');
    const counted = await sweep.count(purge(tag('a/1')));
    expect(counted.records).toBe(1000);
    expect(counted.bytes).toBeGreaterThan(5000);
    expect((await store.stats()).records).toBe(1000);
    expect(store.getNow('http://a.test/1')).toHaveLength(1);
  });

  it('leaves what is only made stale', async () => {
    const { put, purge, sweep, store } = await stage();
    await put('http://a.test/x', 'a');
    expect((await sweep.count(purge(tag('a'), 'invalidate'))).records).toBe(1);
    expect((await store.stats()).records).toBe(1);
  });

  it('does not count what was fetched after the purge', async () => {
    const { put, purge, sweep } = await stage();
    await put('http://a.test/old', 'a');
    const order = purge({ kind: 'host', host: 'a.test' });
    await put('http://a.test/new', 'a');
    expect((await sweep.count(order)).records).toBe(1);
  });

  it('only counts for a dry run, and not what is deleted already', async () => {
    const { put, purge, sweep, store, journal } = await stage();
    for (const name of ['a', 'b']) await put(`http://a.test/${name}`, name);
    purge(tag('a'));
    const order: CountOrder = { selector: { kind: 'all' }, before: journal.seq + 1, mode: 'dry-run' };
    expect((await sweep.count(order)).records).toBe(1);
    expect(store.getNow('http://a.test/b')).toHaveLength(1);
  });

  it('gives each of several purges its own count, and what two delete to the first', async () => {
    const { put, purge, sweep, store } = await stage();
    for (let i = 0; i < 30; i += 1)
      await put(`http://a.test/${i < 10 ? 'img' : 'css'}/${i}`, i % 3 === 0 ? 't' : 'u');
    const orders = [
      purge(tag('t'), 'invalidate'),
      purge({ kind: 'prefix', prefix: '//a.test/img/' }),
      purge({ kind: 'host', host: 'a.test' }),
      purge({ kind: 'all' }),
      purge(tag('t')),
    ];
    const counts = await Promise.all(orders.map((order) => sweep.count(order)));
    expect(counts.map(({ records }) => records)).toEqual([10, 10, 20, 0, 0]);
    expect((await store.stats()).records).toBe(0);
  });

  it('finds a URL without passing over anything', async () => {
    const { put, purge, sweep } = await stage((source) => ({
      ...source,
      pages: () => {
        throw new Error('passed over');
      },
    }));
    await put('http://a.test/x', 'a');
    await put('https://a.test/x', 'a');
    const order = purge({ kind: 'url', url: '//a.test/x' }, 'invalidate');
    expect((await sweep.count(order)).records).toBe(2);
  });

  it('that fails fails those who waited for it, and not the next', async () => {
    let failing = true;
    const { put, purge, sweep } = await stage((source) => ({
      ...source,
      pages: () => {
        if (failing) throw new Error('no disk');
        return source.pages();
      },
    }));
    await put('http://a.test/x', 'a');
    await expect(sweep.count(purge(tag('a')))).rejects.toThrow('no disk');
    failing = false;
    expect((await sweep.count(purge({ kind: 'all' }))).records).toBe(1);
  });
});

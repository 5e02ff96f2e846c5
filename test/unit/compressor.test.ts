// Forms made behind: how many at a time, how many wait, and what overtakes them.

import { describe, expect, it } from 'vitest';
import type { StoredMeta } from '../../src/cache/stored.ts';
import { Compressor } from '../../src/compress/compressor.ts';
import { formOf } from '../../src/compress/forms.ts';
import { DEFAULT_COMPRESS } from '../../src/compress/rules.ts';
import { Fields } from '../../src/http/fields.ts';
import { Counters } from '../../src/observe/counters.ts';
import { createLog } from '../../src/observe/log.ts';
import { Journal } from '../../storage/journal.ts';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import { TieredStore } from '../../storage/tiered.ts';
import { storedMeta } from '../support/stored-meta.ts';

const KEY = 'http://www.test/a';
const RULES = { ...DEFAULT_COMPRESS, encodings: ['gzip', 'br'] as const };
const BODY = Buffer.from('a page of text\n'.repeat(300));

interface Stage {
  readonly compressor: Compressor;
  readonly counters: Counters;
  readonly journal: Journal;
  readonly store: TieredStore<StoredMeta>;
  /** Stores a response with these bytes. */
  put(content: string, key?: string): MemoryRecord<StoredMeta>;
  idle(): Promise<void>;
}

async function stage(concurrency = 1): Promise<Stage> {
  const memory = new MemoryStore<StoredMeta>({ maxBytes: 64_000_000, sizeOf: () => 500 });
  const store = new TieredStore(memory, undefined);
  const counters = new Counters();
  const journal = await Journal.open();
  const { log } = createLog({ level: 'silent', to: { write: () => undefined } });
  const compressor = new Compressor({ store, journal, concurrency, counters, log });
  return {
    compressor,
    counters,
    journal,
    store,
    put: (content, key = KEY) => {
      const lines = ['Content-Type', 'text/plain', 'xkey', 'tag'];
      const record = memory.putNow(key, '', storedMeta({ content, lines, etag: '"1"' }), [BODY]);
      if (record === undefined) throw new Error('declined');
      return record;
    },
    idle: async () => {
      while (compressor.queued > 0) await new Promise(setImmediate);
    },
  };
}

const formThere = ({ store }: Stage, content: string, key = KEY): boolean =>
  formOf(store.getNow(key) ?? [], content, 'gzip') !== undefined;

describe('forms of a stored response', () => {
  it('are made once, however often they are asked for', async () => {
    const given = await stage();
    const record = given.put('one');
    for (let i = 0; i < 5; i += 1) given.compressor.make(record, 'gzip', RULES);
    await given.idle();
    given.compressor.make(record, 'gzip', RULES);
    await given.idle();
    expect(formThere(given, 'one')).toBe(true);
    expect(given.counters.formsMade.get('gzip')).toBe(1);
    expect(given.counters.formsBytesIn).toBe(BODY.length);
  });

  it('keep the tags of the response, for purges, and nothing else', async () => {
    const given = await stage();
    given.compressor.make(given.put('one'), 'gzip', RULES);
    await given.idle();
    expect(formOf(given.store.getNow(KEY) ?? [], 'one', 'gzip')?.meta).toMatchObject({
      content: 'one',
      lines: ['xkey', 'tag'],
      coded: { coding: 'gzip' },
    });
  });

  it('wait for one another, and beyond 1024 that wait are left for later', async () => {
    const given = await stage(2);
    const record = given.put('one');
    for (let i = 0; i < 1100; i += 1) {
      const meta = { ...record.meta, content: `gone ${i}` };
      given.compressor.make({ key: KEY, variant: '', meta }, 'gzip', RULES);
    }
    expect(given.compressor.queued).toBe(2 + 1024);
    expect(given.counters.formsDropped).toBe(1100 - 2 - 1024);
    await given.idle();
    given.compressor.make(record, 'gzip', RULES);
    await given.idle();
    expect(formThere(given, 'one')).toBe(true);
  });

  it.each<[string, (given: Stage) => unknown]>([
    ['removed', ({ store }) => store.delete(KEY)],
    ['purged by its tag', ({ journal }) => journal.append({ kind: 'tag', tag: 'tag' }, 'delete', 'test', 0)],
    ['replaced', ({ put }) => put('two')],
  ])('are dropped when the response is %s meanwhile', async (_, overtake) => {
    const given = await stage();
    given.compressor.make(given.put('one'), 'gzip', RULES);
    overtake(given);
    await given.idle();
    expect(given.store.getNow(KEY)?.some(({ meta }) => meta.coded !== undefined) ?? false).toBe(false);
  });

  it('are not begun once the edge stops', async () => {
    const given = await stage();
    given.compressor.make(given.put('one'), 'gzip', RULES);
    given.compressor.stop();
    given.compressor.make(given.put('two', `${KEY}/b`), 'gzip', RULES);
    await given.idle();
    expect(formThere(given, 'one')).toBe(false);
    expect(formThere(given, 'two', `${KEY}/b`)).toBe(false);
  });

  it('that fail are counted and not tried again', async () => {
    const given = await stage();
    const record = given.put('one');
    given.compressor.make(record, 'gzip', { ...RULES, levels: { ...RULES.levels, gzip: 99 } });
    await given.idle();
    given.compressor.make(record, 'gzip', RULES);
    await given.idle();
    expect(given.counters.formsFailed).toBe(1);
    expect(formThere(given, 'one')).toBe(false);
  });

  it.each([
    [undefined, 'gzip'],
    ['br', 'br'],
    ['br, gzip', 'gzip'],
    ['identity', undefined],
    ['', undefined],
  ])('begin with what Accept-Encoding %j would have liked: %s', async (accept, coding) => {
    const given = await stage();
    const record = given.put('one');
    const request = Fields.from(accept === undefined ? {} : { 'Accept-Encoding': accept });
    given.compressor.first(record, record.meta, RULES, request);
    await given.idle();
    expect([...given.counters.formsMade.keys()]).toEqual(coding === undefined ? [] : [coding]);
  });
});

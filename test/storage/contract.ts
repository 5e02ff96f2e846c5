// The promises of storage/store.ts as one suite that runs over every store.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Store, type Stored, StoreError } from '../../storage/store.ts';
import { bytesOf, collect } from './support.ts';

export function contract(name: string, open: () => Promise<Store<string>>): void {
  describe(`the storage contract: ${name}`, () => {
    it('finds nothing in an empty store', async () => {
      const store = await open();
      expect(await store.get('http://a/')).toEqual([]);
      expect(await store.stats()).toMatchObject({ records: 0 });
    });

    it.each([
      ['empty', 0],
      ['one byte', 1],
      ['1 KB', 1024],
      ['a chunk exactly', 262_144],
      ['a chunk and a byte', 262_145],
      ['several chunks', 900_001],
      ['a body copied in turns', 3_000_000],
    ])('gives back key, variant, meta and bytes: %s', async (_, length) => {
      const store = await open();
      const body = bytesOf(length);
      expect(await store.put('k', 'v', 'meta', [body])).toBe(true);
      const [found, ...others] = await store.get('k');
      expect(others).toEqual([]);
      expect(found).toMatchObject({ key: 'k', variant: 'v', meta: 'meta', body: { length } });
      expect(found && (await collect(found.body)).equals(body)).toBe(true);
    });

    it('reads any range of a large body', async () => {
      const store = await open();
      const body = bytesOf(700_000);
      await store.put('k', '', 'm', [body.subarray(0, 300_000), body.subarray(300_000)]);
      const found = await only(store, 'k');
      for (const [start, end] of [
        [0, 0],
        [0, 1],
        [262_143, 262_145],
        [262_144, 524_288],
        [699_999, 700_000],
        [5, 699_000],
      ] as const) {
        expect((await collect(found.body, start, end)).equals(body.subarray(start, end))).toBe(true);
      }
      for (const [start, end] of [
        [-1, 5],
        [5, 4],
        [0, 700_001],
        [0.5, 2],
      ] as const) {
        await expect(collect(found.body, start, end)).rejects.toThrow(StoreError);
      }
    });

    it('lists the variants of a key, most recently put first', async () => {
      const store = await open();
      for (const variant of ['a', 'b', 'c', 'a'])
        await store.put('k', variant, `of ${variant}`, [bytesOf(10)]);
      expect((await store.get('k')).map(({ variant }) => variant)).toEqual(['a', 'c', 'b']);
    });

    it('replaces a record whole, and a reader keeps the old body or fails, never mixing the two', async () => {
      const store = await open();
      const old = bytesOf(1_000_000, 1);
      await store.put('k', '', 'old', [old]);
      const reading = (await only(store, 'k')).body.read(0, old.length)[Symbol.asyncIterator]();
      const parts = [(await reading.next()).value];
      await store.put('k', '', 'new', [bytesOf(1_000_000, 2)]);
      const result = await finish(reading, parts);
      if (result !== 'failed') expect(result.equals(old)).toBe(true);
      const found = await only(store, 'k');
      expect(found.meta).toBe('new');
      expect((await collect(found.body)).equals(bytesOf(1_000_000, 2))).toBe(true);
    });

    it('updates the meta of a record that is there, and of no other', async () => {
      const store = await open();
      await store.put('k', 'v', 'before', [bytesOf(500)]);
      expect(await store.updateMeta('k', 'v', 'after')).toBe(true);
      expect(await store.updateMeta('k', 'other', 'after')).toBe(false);
      expect(await store.updateMeta('other', 'v', 'after')).toBe(false);
      const found = await only(store, 'k');
      expect(found.meta).toBe('after');
      expect((await collect(found.body)).equals(bytesOf(500))).toBe(true);
    });

    it('updates the meta of what was put before the update was called, though more is put behind it', async () => {
      const store = await open();
      const calls = [
        store.put('k', 'v', 'first', [bytesOf(500, 1)]),
        store.updateMeta('k', 'v', 'of the first'),
      ];
      calls.push(store.put('k', 'v', 'second', [bytesOf(500, 2)]));
      expect(await Promise.all(calls)).toEqual([true, true, true]);
      expect((await only(store, 'k')).meta).toBe('second');
    });

    it('deletes one variant, or all of a key, and says how many', async () => {
      const store = await open();
      for (const variant of ['a', 'b', 'c']) await store.put('k', variant, 'm', [bytesOf(100)]);
      await store.put('other', '', 'm', [bytesOf(100)]);
      expect(await store.delete('k', 'b')).toMatchObject({ records: 1 });
      expect(await store.delete('k', 'b')).toEqual({ records: 0, bytes: 0 });
      expect((await store.get('k')).map(({ variant }) => variant)).toEqual(['c', 'a']);
      expect(await store.delete('k')).toMatchObject({ records: 2 });
      expect(await store.get('k')).toEqual([]);
      expect(await store.get('other')).toHaveLength(1);
    });

    it('clears everything, and says how many', async () => {
      const store = await open();
      for (let i = 0; i < 50; i += 1) void store.put(`k${i}`, '', 'm', [bytesOf(100)]);
      expect(await store.clear()).toMatchObject({ records: 50 });
      expect(await store.get('k7')).toEqual([]);
      expect(await store.stats()).toMatchObject({ records: 0 });
    });

    it('finds nothing of what was put before a delete was called, whatever was still queued', async () => {
      const store = await open();
      const puts = [50, 5_000_000].map((length) => store.put('k', `${length}`, 'm', [bytesOf(length)]));
      const deleted = store.delete('k');
      expect(await store.get('k')).toEqual([]);
      await Promise.all([...puts, deleted]);
      expect(await store.get('k')).toEqual([]);
    });

    it('finds nothing of what was put before a clear was called, whatever was still queued', async () => {
      const store = await open();
      const puts = [50, 5_000_000].map((length) => store.put('k', `${length}`, 'm', [bytesOf(length)]));
      const cleared = store.clear();
      expect(await store.get('k')).toEqual([]);
      await Promise.all([...puts, cleared]);
      expect(await store.get('k')).toEqual([]);
    });

    it('takes any string for a key and a variant', async () => {
      const store = await open();
      const names = [
        '',
        ' ',
        '\0',
        'a\0b',
        'é',
        '日本',
        '\ud800',
        '\udfff',
        '\ufffd',
        `http://a/${'x'.repeat(5000)}`,
        'constructor',
      ];
      for (const [i, one] of names.entries()) await store.put(one, one, `${i}`, [Buffer.from(`${i}`)]);
      for (const [i, one] of names.entries()) {
        expect(await only(store, one)).toMatchObject({ key: one, variant: one, meta: `${i}` });
      }
    });

    it('behaves as a map of lists, whatever the order of calls', async () => {
      const store = await open();
      await fc.assert(
        fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
          const model = new Map<string, Kept[]>();
          const pending: Promise<unknown>[] = [store.clear()];
          for (const one of commands) await run(store, model, one, pending);
          await Promise.all(pending);
          for (const key of KEYS) await compare(store, model, key);
          const records = [...model.values()].reduce((sum, kept) => sum + kept.length, 0);
          expect(await store.stats()).toMatchObject({ records });
        }),
        { numRuns: 40 },
      );
    });

    it('closes twice, its puts done', async () => {
      const store = await open();
      void store.put('k', '', 'm', [bytesOf(10)]);
      await store.close();
      await store.close();
    });
  });
}

interface Kept {
  readonly variant: string;
  readonly meta: string;
  readonly bytes: Buffer;
}

const KEYS = ['a', 'b', 'c'];
const key = fc.constantFrom(...KEYS);
const variant = fc.constantFrom('', 'x', 'y');
const meta = fc.string({ maxLength: 20 }).filter((text) => text !== 'undecodable');
const length = fc.oneof(fc.nat({ max: 2000 }), fc.nat({ max: 600_000 }));
const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      key,
      variant,
      meta,
      length,
      seed: fc.nat({ max: 99 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      key,
      variant: fc.option(variant, { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('updateMeta' as const), key, variant, meta }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

/** Applies a command to both; only lookups are awaited, other calls pile up in `pending`. */
async function run(
  store: Store<string>,
  model: Map<string, Kept[]>,
  one: Command,
  pending: Promise<unknown>[],
): Promise<void> {
  if (one.do === 'clear') {
    model.clear();
    pending.push(store.clear());
    return;
  }
  const kept = model.get(one.key) ?? [];
  switch (one.do) {
    case 'put': {
      const bytes = bytesOf(one.length, one.seed);
      const others = kept.filter((each) => each.variant !== one.variant);
      model.set(one.key, [{ variant: one.variant, meta: one.meta, bytes }, ...others]);
      pending.push(
        store.put(one.key, one.variant, one.meta, [bytes.subarray(0, 1000), bytes.subarray(1000)]),
      );
      return;
    }
    case 'get':
      return compare(store, model, one.key);
    case 'delete': {
      const left = one.variant === undefined ? [] : kept.filter((each) => each.variant !== one.variant);
      model.set(one.key, left);
      const records = kept.length - left.length;
      pending.push(
        store.delete(one.key, one.variant).then((removed) => expect(removed).toMatchObject({ records })),
      );
      return;
    }
    case 'updateMeta': {
      const there = kept.some((each) => each.variant === one.variant);
      model.set(
        one.key,
        kept.map((each) => (each.variant === one.variant ? { ...each, meta: one.meta } : each)),
      );
      pending.push(
        store.updateMeta(one.key, one.variant, one.meta).then((updated) => expect(updated).toBe(there)),
      );
      return;
    }
    default:
      one satisfies never;
  }
}

async function compare(store: Store<string>, model: Map<string, Kept[]>, of: string): Promise<void> {
  const expected = (model.get(of) ?? []).map(({ variant: v, meta: m, bytes }) => ({
    variant: v,
    meta: m,
    bytes,
  }));
  const found: Kept[] = [];
  for (const one of await store.get(of))
    found.push({ variant: one.variant, meta: one.meta, bytes: await collect(one.body) });
  expect(found.map(({ variant: v, meta: m }) => [v, m])).toEqual(
    expected.map(({ variant: v, meta: m }) => [v, m]),
  );
  for (const [i, { bytes }] of found.entries()) expect(expected[i]?.bytes.equals(bytes)).toBe(true);
}

async function only(store: Store<string>, of: string): Promise<Stored<string>> {
  const [found, ...others] = await store.get(of);
  if (found === undefined || others.length > 0)
    throw new Error(`${found === undefined ? 'no' : 'more than one'} record`);
  return found;
}

async function finish(reading: AsyncIterator<Buffer>, parts: Buffer[]): Promise<Buffer | 'failed'> {
  try {
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      parts.push(next.value);
    return Buffer.concat(parts);
  } catch (error) {
    expect(error).toBeInstanceOf(StoreError);
    return 'failed';
  }
}

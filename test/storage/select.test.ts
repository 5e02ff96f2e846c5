// What a purge selects, found on the disk by index: the same as passing over everything, whatever is put, replaced, described
// anew and removed before.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Selector } from '../../storage/journal.ts';
import { SelectorMap } from '../../storage/selector-map.ts';
import type { SqliteStore } from '../../storage/sqlite.ts';
import type { Codec, Entry, Removed, Selection } from '../../storage/store.ts';
import { bytesOf, openDisk, scratch, textCodec } from './support.ts';

/** A meta is "seq tag tag …". */
const codec: Codec<string> = { ...textCodec, entry: entryOf };

function entryOf(key: string, meta: string): Entry {
  const [seq = '0', ...tags] = meta.split(' ');
  return { url: key.slice(key.indexOf('//')), tags, seq: Number(seq) };
}

async function stored(records: Readonly<Record<string, string>>): Promise<SqliteStore<string>> {
  const disk = await openDisk({ dir: await scratch(), codec });
  for (const [key, meta] of Object.entries(records)) await disk.put(key, '', meta, [bytesOf(10)]);
  return disk;
}

const tag = (name: string): Selector => ({ kind: 'tag', tag: name });
const noRest = async (): Promise<void> => undefined;

async function count(
  disk: SqliteStore<string>,
  selector: Selector,
  before = 100,
  without: Selection[] = [],
): Promise<number> {
  return (await disk.countSelected({ selector, before }, without)).records;
}

describe('counting on the disk', () => {
  it.each<[string, Selector, number]>([
    ['a url', { kind: 'url', url: '//a/x' }, 2],
    ['a path', { kind: 'path', path: '//a/x' }, 4],
    ['a prefix', { kind: 'prefix', prefix: '//a/x' }, 5],
    ['a host', { kind: 'host', host: 'a' }, 6],
    ['a tag', tag('t/1'), 2],
    ['everything', { kind: 'all' }, 8],
  ])('finds %s and nothing beside it', async (_, selector, records) => {
    const disk = await stored({
      'http://a/x': '1 t/1',
      'https://a/x': '1 t/10',
      'http://a/x?': '1',
      'http://a/x?y=1': '1 t/1 t/2',
      'http://a/xy': '1',
      'http://a/': '1',
      'http://aa/x': '1 t/10',
      'http://a:8080/x': '1 t',
    });
    expect(await count(disk, selector)).toBe(records);
  });

  it('counts what was fetched before a sequence, and not what other selections have', async () => {
    const disk = await stored({
      'http://a/1': '1 t',
      'http://a/2': '2 t u',
      'http://b/3': '3 t',
      'http://b/4': '9 t',
    });
    expect(await count(disk, tag('t'), 4)).toBe(3);
    expect(await count(disk, tag('t'), 4, [{ selector: tag('u'), before: 4 }])).toBe(2);
    expect(await count(disk, tag('t'), 4, [{ selector: tag('u'), before: 2 }])).toBe(3);
    expect(
      await count(disk, { kind: 'all' }, 4, [{ selector: { kind: 'host', host: 'a' }, before: 4 }]),
    ).toBe(1);
  });

  it('counts more than one step of rows, bytes and all', async () => {
    const disk = await openDisk({ dir: await scratch(), codec });
    for (let i = 0; i < 9000; i += 1) await disk.put(`http://a/${i}`, '', '1 t', [bytesOf(10)]);
    for (const selector of [tag('t'), { kind: 'host', host: 'a' }] as const)
      expect(await disk.countSelected({ selector, before: 2 }, [])).toEqual({
        records: 9000,
        bytes: 9000 * 13,
      });
    expect(
      (await disk.dropSelected({ selector: { kind: 'prefix', prefix: '//a/1' }, before: 2 }, noRest)).records,
    ).toBe(1111);
    expect(await count(disk, tag('t'))).toBe(9000 - 1111);
  });

  it('knows of tags and sequences as they were last described', async () => {
    const disk = await stored({ 'http://a/': '1 old' });
    await disk.updateMeta('http://a/', '', '7 new');
    expect(await count(disk, tag('old'))).toBe(0);
    expect(await count(disk, tag('new'), 7)).toBe(0);
    expect(await count(disk, tag('new'), 8)).toBe(1);
  });

  it('keeps what was put after the purge', async () => {
    const disk = await stored({ 'http://a/old': '1 t', 'http://a/new': '5 t' });
    expect(await disk.dropSelected({ selector: tag('t'), before: 5 }, noRest)).toEqual({
      records: 1,
      bytes: 13,
    });
    expect(await disk.get('http://a/old')).toEqual([]);
    expect(await disk.get('http://a/new')).toHaveLength(1);
  });
});

const HOSTS = ['//a', '//ab'];
const url = fc
  .tuple(
    fc.constantFrom(...HOSTS),
    fc.constantFrom('/', '/x', '/x/y', '/xy'),
    fc.constantFrom('', '?', '?q', '?q=1'),
  )
  .map((parts) => parts.join(''));
const name = fc.constantFrom('t', 't1', 'u');
const selector = fc.oneof(
  url.map((one): Selector => ({ kind: 'url', url: one })),
  url.map((one): Selector => ({ kind: 'prefix', prefix: one })),
  fc.constantFrom('//a/x', '//ab/').map((path): Selector => ({ kind: 'path', path })),
  fc.constantFrom('a', 'ab').map((host): Selector => ({ kind: 'host', host })),
  name.map(tag),
  fc.constant<Selector>({ kind: 'all' }),
);
const selection = fc.record({ selector, before: fc.nat({ max: 6 }) });
const meta = fc
  .tuple(fc.nat({ max: 5 }), fc.uniqueArray(name))
  .map(([seq, tags]) => [seq, ...tags].join(' '));
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), url, meta }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update' as const), url, meta }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), url }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop' as const), selection }) },
);

function selects({ selector: by, before }: Selection, key: string, described: string): boolean {
  const { url: of, tags, seq } = entryOf(key, described);
  const map = new SelectorMap<true>();
  map.set(by, true);
  const slash = of.indexOf('/', 2);
  return seq < before && map.matching({ url: of, host: of.slice(2, slash), tags }).length > 0;
}

it('selects as the journal does', async () => {
  const disk = await openDisk({ dir: await scratch(), codec });
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 25 }),
      selection,
      fc.array(selection, { maxLength: 2 }),
      async (commands, wanted, without) => {
        await disk.clear();
        const model = new Map<string, string>();
        for (const one of commands) {
          if (one.do === 'drop') {
            await disk.flush();
            await disk.dropSelected(one.selection, noRest);
            for (const [key, of] of model) if (selects(one.selection, key, of)) model.delete(key);
            continue;
          }
          const key = `http:${one.url}`;
          if (one.do === 'delete') model.delete(key);
          else if (one.do === 'put' || model.has(key)) model.set(key, one.meta);
          if (one.do === 'put') await disk.put(key, '', one.meta, [bytesOf(5)]);
          else if (one.do === 'update') await disk.updateMeta(key, '', one.meta);
          else await disk.delete(key);
        }
        const expected: Removed = [...model]
          .filter(
            ([key, of]) => selects(wanted, key, of) && !without.some((other) => selects(other, key, of)),
          )
          .reduce(({ records, bytes }, [, of]) => ({ records: records + 1, bytes: bytes + 5 + of.length }), {
            records: 0,
            bytes: 0,
          });
        expect(await disk.countSelected(wanted, without)).toEqual(expected);
      },
    ),
    { numRuns: 60 },
  );
});

it('knows at once what there is, queued puts among it', async () => {
  const disk = await openDisk({ dir: await scratch() });
  for (const key of ['a', 'b']) await disk.put(key, '', 'meta', [bytesOf(10)]);
  expect((await disk.total()).records).toBe(2);
  await disk.flush();
  expect(await disk.total()).toEqual({ records: 2, bytes: 28 });
  await disk.clear();
  expect(await disk.total()).toEqual({ records: 0, bytes: 0 });
});

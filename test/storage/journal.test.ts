// The purge journal: verdicts against a naive list, durability, and what is done about a journal that was lost.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Journal,
  type PurgeMode,
  type PurgeRecord,
  parseRecord,
  type Selector,
  type Subject,
  type Verdict,
} from '../../storage/journal.ts';
import { StoreError } from '../../storage/store.ts';
import { bytesOf, openDisk, scratch } from './support.ts';

const subject: Subject = { url: '//a.test/one/two?q=1', host: 'a.test', tags: ['x', 'y/1'] };

async function open(dir?: string, maxRecords?: number): Promise<Journal> {
  const journal = await Journal.open({
    ...(dir !== undefined && { dir }),
    ...(maxRecords !== undefined && { maxRecords }),
  });
  onTestFinished(() => journal.close());
  return journal;
}

describe('a verdict', () => {
  const matching: readonly Selector[] = [
    { kind: 'url', url: '//a.test/one/two?q=1' },
    { kind: 'path', path: '//a.test/one/two' },
    { kind: 'prefix', prefix: '//a.test/one/' },
    { kind: 'prefix', prefix: '//a.test/one/two?q=1' },
    { kind: 'prefix', prefix: '' },
    { kind: 'host', host: 'a.test' },
    { kind: 'tag', tag: 'x' },
    { kind: 'tag', tag: 'y/1' },
    { kind: 'all' },
  ];
  it.each(matching)('fences what began before: $kind', async (selector) => {
    const journal = await open();
    const before = journal.seq;
    void journal.append(selector, 'invalidate', 'test', 0);
    expect(journal.verdict(subject, before)).toBe('invalidated');
    expect(journal.verdict(subject, journal.seq)).toBe('valid');
    void journal.append(selector, 'delete', 'test', 0);
    expect(journal.verdict(subject, before)).toBe('deleted');
    expect(journal.verdict(subject, journal.seq)).toBe('valid');
  });

  const others: readonly Selector[] = [
    { kind: 'url', url: '//a.test/one/two' },
    { kind: 'path', path: '//a.test/one/two?q=1' },
    { kind: 'path', path: '//a.test/one' },
    { kind: 'prefix', prefix: '//a.test/one/two?q=12' },
    { kind: 'prefix', prefix: '//b.test/' },
    { kind: 'host', host: 'test' },
    { kind: 'tag', tag: 'y' },
    { kind: 'tag', tag: 'y/10' },
    { kind: 'tag', tag: '' },
  ];
  it.each(others)('leaves alone what is not selected: $kind', async (selector) => {
    const journal = await open();
    await journal.append(selector, 'delete', 'test', 0);
    expect(journal.verdict(subject, 0)).toBe('valid');
  });

  it('is deleted when one purge deletes and a later one invalidates', async () => {
    const journal = await open();
    await journal.append({ kind: 'host', host: 'a.test' }, 'delete', 'test', 0);
    await journal.append({ kind: 'all' }, 'invalidate', 'test', 0);
    expect(journal.verdict(subject, 0)).toBe('deleted');
    expect(journal.verdict(subject, 1)).toBe('invalidated');
  });

  it('moves the epoch with every record, never below the sequence', async () => {
    const journal = await open();
    for (let i = 0; i < 3; i += 1) {
      const epoch = journal.epoch;
      void journal.append({ kind: 'all' }, 'invalidate', 'test', i);
      expect(journal.epoch).toBeGreaterThan(epoch);
      expect(journal.epoch).toBe(journal.seq);
    }
  });
});

const selector: fc.Arbitrary<Selector> = fc.oneof(
  fc.record({ kind: fc.constant('url' as const), url: fc.constantFrom('//a/', '//a/b', '//b/') }),
  fc.record({
    kind: fc.constant('prefix' as const),
    prefix: fc.constantFrom('', '//a', '//a/', '//b/', '//a/bc'),
  }),
  fc.record({ kind: fc.constant('host' as const), host: fc.constantFrom('a', 'b') }),
  fc.record({ kind: fc.constant('tag' as const), tag: fc.constantFrom('t', 'u') }),
  fc.record({ kind: fc.constant('all' as const) }),
);
const purge = fc.record({ selector, mode: fc.constantFrom<PurgeMode>('invalidate', 'delete') });
const SUBJECTS: readonly Subject[] = [
  { url: '//a/', host: 'a', tags: [] },
  { url: '//a/b', host: 'a', tags: ['t'] },
  { url: '//a/bc', host: 'a', tags: ['u', 't'] },
  { url: '//b/', host: 'b', tags: ['u'] },
];

describe('against a naive list of all purges', () => {
  it('gives the same verdicts, also as a replica fed in any order, and from a snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(purge, { maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        async (purges, dice) => {
          const journal = await Journal.open();
          const replica = Journal.replica(journal.snapshot());
          const records = await Promise.all(
            purges.map((one) => journal.append(one.selector, one.mode, 'test', 0)),
          );
          const shuffled = records
            .map((record) => [dice.next().value, record] as const)
            .sort(([a], [b]) => a - b);
          for (const [, record] of shuffled) {
            const { epoch } = replica;
            replica.apply(record);
            if (record.seq > epoch) expect(replica.epoch).toBeGreaterThan(epoch);
          }
          const copy = Journal.replica(journal.snapshot());
          for (const one of [journal, replica, copy]) {
            expect(one.seq).toBe(records.length);
            agree(one, records);
          }
        },
      ),
    );
  });

  it('gives the same verdicts after it was closed and opened again', async () => {
    const parent = await scratch();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(purge, { maxLength: 20 }),
        fc.array(purge, { maxLength: 5 }),
        async (first, second) => {
          run += 1;
          const dir = join(parent, `${run}`);
          const before = await Journal.open({ dir });
          const records = await Promise.all(
            first.map((one) => before.append(one.selector, one.mode, 'test', 0)),
          );
          await before.close();
          const after = await Journal.open({ dir });
          expect(after.id).toBe(before.id);
          expect(after.seq).toBe(first.length);
          for (const one of second) records.push(await after.append(one.selector, one.mode, 'test', 0));
          agree(after, records);
          await after.close();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('errs on the safe side when it may keep few records, and is exact above its floor', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(purge, { maxLength: 40 }),
        fc.integer({ min: 1, max: 6 }),
        async (purges, maxRecords) => {
          const journal = await Journal.open({ maxRecords });
          const records = await Promise.all(
            purges.map((one) => journal.append(one.selector, one.mode, 'test', 0)),
          );
          for (const one of SUBJECTS) {
            for (let seq = 0; seq <= records.length; seq += 1) {
              const expected = seq < journal.floor ? 'deleted' : naive(records, one, seq);
              expect(journal.verdict(one, seq)).toBe(expected);
            }
          }
        },
      ),
    );
  });
});

describe('on the disk', () => {
  it('a purge is there once append resolves, though the process ended without closing', async () => {
    const dir = await scratch();
    const before = await open(dir);
    const record = await before.append({ kind: 'url', url: subject.url }, 'delete', 'test', 5);
    const after = await open(dir);
    expect(after.verdict(subject, 0)).toBe('deleted');
    expect(after.recent(10)).toEqual([record]);
    expect(after.id).toBe(before.id);
  });

  it('numbers of purges that may be lost are not given out again', async () => {
    const dir = await scratch();
    const before = await open(dir);
    await before.append({ kind: 'host', host: 'b' }, 'delete', 'test', 0);
    const lost = before.seq + 1;
    const after = await open(dir);
    const next = await after.append({ kind: 'all' }, 'delete', 'test', 0);
    expect(next.seq).toBeGreaterThan(lost);
    expect(after.verdict(subject, lost)).toBe('deleted');
  });

  it('many appends at once are all kept, in order', async () => {
    const dir = await scratch();
    const journal = await open(dir);
    await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        journal.append({ kind: 'tag', tag: `${i}` }, 'delete', 'test', i),
      ),
    );
    const lines = (await readFile(join(dir, 'purges.ndjson'), 'utf8')).trimEnd().split('\n').slice(1);
    expect(lines.map((line) => parseRecord(JSON.parse(line))?.seq)).toEqual(lines.map((_, i) => i + 1));
    expect(lines).toHaveLength(200);
  });

  it('a torn last line is left out', async () => {
    const dir = await scratch();
    const before = await open(dir);
    await before.append({ kind: 'host', host: 'a.test' }, 'invalidate', 'test', 0);
    await before.append({ kind: 'all' }, 'delete', 'test', 0);
    const path = join(dir, 'purges.ndjson');
    await writeFile(path, (await readFile(path)).subarray(0, -20));
    const after = await open(dir);
    expect(after.id).toBe(before.id);
    expect(after.verdict(subject, 0)).toBe('invalidated');
    expect(after.seq).toBeGreaterThan(before.seq);
  });

  it.each([
    ['a line in the middle', (text: string) => text.replace('"invalidate"', '"invalid')],
    ['the header', (text: string) => text.slice(5)],
    ['everything', () => ''],
  ])('damage to %s: the file is set aside and a new journal begun', async (_, damage) => {
    const dir = await scratch();
    const before = await open(dir);
    for (const mode of ['invalidate', 'delete'] as const)
      await before.append({ kind: 'all' }, mode, 'test', 0);
    const path = join(dir, 'purges.ndjson');
    await writeFile(path, damage(await readFile(path, 'utf8')));
    const after = await open(dir);
    expect(after.id).not.toBe(before.id);
    expect((await readdir(dir)).some((name) => name.startsWith('purges.ndjson.broken-'))).toBe(true);
  });

  it('a journal that is missing beside a database empties the database', async () => {
    const dir = await scratch();
    const journal = await open(dir);
    const store = await openDisk({ dir, journalId: journal.id });
    await store.put('k', '', 'm', [bytesOf(10)]);
    await store.close();
    await journal.close();
    await rm(join(dir, 'purges.ndjson'));
    const other = await open(dir);
    const reopened = await openDisk({ dir, journalId: other.id });
    expect(await reopened.get('k')).toEqual([]);
  });

  it('a purge that cannot be written rejects, is in effect all the same, and is written with a later one', async () => {
    const dir = join(await scratch(), 'dir');
    await writeFile(dir, 'not a directory');
    const journal = await open(dir);
    const failed = journal.append({ kind: 'host', host: 'a.test' }, 'delete', 'test', 0);
    expect(journal.verdict(subject, 0)).toBe('deleted');
    await expect(failed).rejects.toThrow(StoreError);
    await rm(dir);
    await mkdir(dir);
    await journal.append({ kind: 'tag', tag: 'z' }, 'delete', 'test', 0);
    const after = await open(dir);
    expect(after.id).toBe(journal.id);
    expect(after.verdict(subject, 0)).toBe('deleted');
  });

  it('stays small: superseded purges leave the file', async () => {
    const dir = await scratch();
    const journal = await open(dir, 10);
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 5000; i += 1)
      all.push(journal.append({ kind: 'tag', tag: `${i % 3}` }, 'delete', 'test', i));
    await Promise.all(all);
    await journal.close();
    const after = await open(dir, 10);
    const lines = (await readFile(join(dir, 'purges.ndjson'), 'utf8')).trimEnd().split('\n');
    expect(lines.length).toBeLessThan(1100);
    expect(after.seq).toBe(5000);
    expect(after.floor).toBe(0);
    expect(after.verdict({ ...subject, tags: ['2'] }, 4990)).toBe('deleted');
  });
});

it('lists the latest purges, newest first', async () => {
  const journal = await open();
  for (let i = 0; i < 5; i += 1) await journal.append({ kind: 'all' }, 'invalidate', `who ${i}`, i);
  expect(journal.recent(2).map(({ by, seq }) => [by, seq])).toEqual([
    ['who 4', 5],
    ['who 3', 4],
  ]);
  expect(journal.recent(0)).toEqual([]);
  expect(journal.recent(100)).toHaveLength(5);
});

it.each([
  null,
  'text',
  {},
  { seq: 1, at: 1, mode: 'delete', by: 'x' },
  { seq: -1, at: 1, mode: 'delete', by: 'x', selector: { kind: 'all' } },
  { seq: 1.5, at: 1, mode: 'delete', by: 'x', selector: { kind: 'all' } },
  { seq: 1, at: 1, mode: 'ban', by: 'x', selector: { kind: 'all' } },
  { seq: 1, at: 1, mode: 'delete', by: 'x', selector: { kind: 'url', host: 'a' } },
  { seq: 1, at: 1, mode: 'delete', by: 'x', selector: { kind: 'regex', regex: '.*' } },
])('takes no record that is not one: %j', (value) => {
  expect(parseRecord(value)).toBeUndefined();
});

function agree(journal: Journal, records: readonly PurgeRecord[]): void {
  for (const one of SUBJECTS) {
    for (let seq = 0; seq <= records.length; seq += 1)
      expect(journal.verdict(one, seq)).toBe(naive(records, one, seq));
  }
}

function naive(records: readonly PurgeRecord[], { url, host, tags }: Subject, since: number): Verdict {
  const hits = records.filter(({ seq, selector: one }) => {
    if (seq <= since) return false;
    if (one.kind === 'url') return one.url === url;
    if (one.kind === 'path') return one.path === url.split('?')[0];
    if (one.kind === 'prefix') return url.startsWith(one.prefix);
    if (one.kind === 'host') return one.host === host;
    return one.kind === 'all' || tags.includes(one.tag);
  });
  if (hits.some(({ mode }) => mode === 'delete')) return 'deleted';
  return hits.length > 0 ? 'invalidated' : 'valid';
}

// The eviction policies and what they are made of: order, counts that outlive eviction, and the bounds of a store that uses them.

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gdsf } from '../../storage/eviction/gdsf.ts';
import { SlotHeap } from '../../storage/eviction/heap.ts';
import { Lru } from '../../storage/eviction/lru.ts';
import type { EvictionPolicy, Tenant } from '../../storage/eviction/policy.ts';
import { FrequencySketch, hashName, MAX_COUNT } from '../../storage/eviction/sketch.ts';
import { type MemoryRecord, MemoryStore } from '../../storage/memory.ts';
import { bytesOf } from './support.ts';

const KB = 1024;

interface Guest extends Tenant<Guest> {
  readonly name: string;
}

function guest(policy: EvictionPolicy<Guest>, name: string, sizeBytes = 1000): Guest {
  const mark = policy.mark(name, '');
  return { name, mark, sizeBytes, older: undefined, newer: undefined, shelf: 0, standing: 0 };
}

/** Asks for a guest that is not present, and takes it in. */
function enter(policy: EvictionPolicy<Guest>, name: string, sizeBytes?: number): Guest {
  const one = guest(policy, name, sizeBytes);
  policy.missed(one.mark);
  policy.added(one);
  return one;
}

function leaveAll(policy: EvictionPolicy<Guest>): string[] {
  const names: string[] = [];
  for (let one = policy.evict(); one !== undefined; one = policy.evict()) names.push(one.name);
  return names;
}

describe('the heap', () => {
  const command = fc.record({ slot: fc.nat(15), key: fc.option(fc.integer({ min: -50, max: 50 })) });

  it('has the least key on top, whatever is set, changed and deleted', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
        const heap = new SlotHeap(16);
        const model = new Map<number, number>();
        for (const { slot, key } of commands) {
          if (key === null) {
            heap.delete(slot);
            model.delete(slot);
          } else {
            heap.set(slot, key);
            model.set(slot, key);
          }
          expect(heap.count).toBe(model.size);
          if (model.size === 0) expect(heap.least).toBe(-1);
          else expect(model.get(heap.least)).toBe(Math.min(...model.values()));
        }
        const sorted = heap.clone();
        const keys: number[] = [];
        while (sorted.count > 0) {
          keys.push(sorted.keyOf(sorted.least));
          sorted.delete(sorted.least);
        }
        expect(keys).toEqual([...model.values()].sort((a, b) => a - b));
        expect(heap.count).toBe(model.size);
      }),
    );
  });
});

describe('the sketch', () => {
  it('never counts too little before it ages, nor beyond 15', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat(20), { maxLength: 79 }), (seed, names) => {
        const sketch = new FrequencySketch();
        const model = new Map<number, number>();
        for (const name of names) {
          const counted = sketch.count(hashName(seed, `n${name}`, ''));
          const truth = (model.get(name) ?? 0) + 1;
          model.set(name, truth);
          expect(counted).toBeGreaterThanOrEqual(Math.min(MAX_COUNT, truth));
          expect(counted).toBeLessThanOrEqual(MAX_COUNT);
        }
        for (const [name, truth] of model) {
          const estimate = sketch.estimate(hashName(seed, `n${name}`, ''));
          expect(estimate).toBeGreaterThanOrEqual(Math.min(MAX_COUNT, truth));
        }
      }),
    );
  });

  it('seldom counts too much while it tracks no more names than it was told of', () => {
    const sketch = new FrequencySketch();
    sketch.track(5000);
    for (let i = 0; i < 5000; i += 1) sketch.count(hashName(7, `n${i}`, ''));
    let over = 0;
    for (let i = 0; i < 5000; i += 1) if (sketch.estimate(hashName(7, `n${i}`, '')) > 1) over += 1;
    expect(over).toBeLessThan(250);
  });

  it('keeps its counts when it grows, at 8 to 16 bytes a name', () => {
    const sketch = new FrequencySketch();
    const hash = hashName(1, 'often', '');
    for (let i = 0; i < 9; i += 1) sketch.count(hash);
    sketch.track(100_000);
    expect(sketch.estimate(hash)).toBe(9);
    expect(sketch.bytes / 100_000).toBeGreaterThanOrEqual(8);
    expect(sketch.bytes / 100_000).toBeLessThan(16);
  });

  it('forgets what is not asked for any more', () => {
    const sketch = new FrequencySketch();
    const hash = hashName(1, 'once loved', '');
    for (let i = 0; i < 15; i += 1) sketch.count(hash);
    // Four halvings of every counter.
    for (let i = 0; i < 64 * 80 * 4; i += 1) sketch.count(hashName(2, `n${i % 500}`, ''));
    expect(sketch.estimate(hash)).toBeLessThan(15);
  });

  it('tells names and variants apart', () => {
    const hashes = ['a', 'b', 'ab', ''].flatMap((key) =>
      ['', 'a', 'b'].map((variant) => hashName(3, key, variant)),
    );
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashName(1, 'a', '')).not.toBe(hashName(2, 'a', ''));
  });
});

describe('least recently used', () => {
  it('orders tenants by their last use', () => {
    const lru = new Lru<Guest>();
    const [a, b, c] = ['a', 'b', 'c'].map((name) => enter(lru, name));
    if (a === undefined || b === undefined || c === undefined) throw new Error('no guests');
    lru.used(a);
    lru.used(c);
    const next = guest(lru, 'b, described anew');
    lru.replaced(b, next);
    expect(lru.evict()).toBe(next);
    lru.removed(a);
    expect(lru.evict()).toBe(c);
    expect(lru.evict()).toBeUndefined();
    lru.added(b);
    expect(lru.evict()).toBe(b);
  });
});

describe('greedy dual size frequency', () => {
  const open = (alpha = 0.75): Gdsf<Guest> => new Gdsf({ alpha, seed: 1 });

  it.each([
    [0.75, ['large', 'middling', 'small']],
    [0, ['small', 'middling', 'large']],
  ])('gives up large before small as far as alpha %d says', (alpha, order) => {
    const policy = open(alpha);
    const large = enter(policy, 'large', 100_000);
    const middling = enter(policy, 'middling', 5000);
    enter(policy, 'small', 500);
    policy.used(large);
    policy.used(large);
    policy.used(middling);
    expect(leaveAll(policy)).toEqual(order);
  });

  it('gives up what was asked for seldom before what was asked for often', () => {
    const policy = open();
    const often = enter(policy, 'often');
    enter(policy, 'once');
    const twice = enter(policy, 'twice');
    for (let i = 0; i < 5; i += 1) policy.used(often);
    policy.used(twice);
    expect(leaveAll(policy)).toEqual(['once', 'twice', 'often']);
  });

  it('remembers how often something was asked for after it has gone', () => {
    const policy = open();
    const often = enter(policy, 'often');
    for (let i = 0; i < 5; i += 1) policy.used(often);
    expect(policy.evict()).toBe(often);
    enter(policy, 'new');
    enter(policy, 'often');
    enter(policy, 'newer');
    expect(leaveAll(policy)).toEqual(['new', 'newer', 'often']);
  });

  it('lets what was once asked for often sink below newcomers', () => {
    const policy = open();
    const former = enter(policy, 'former');
    for (let i = 0; i < 4; i += 1) policy.used(former);
    const gone: string[] = [];
    for (let i = 0; i < 40 && !gone.includes('former'); i += 1) {
      enter(policy, `n${i}`);
      const victim = policy.evict();
      if (victim !== undefined) gone.push(victim.name);
    }
    expect(gone).toContain('former');
  });

  it('keeps the count of what is described anew, and takes its new size', () => {
    const policy = open();
    const old = enter(policy, 'a', 1000);
    for (let i = 0; i < 5; i += 1) policy.used(old);
    enter(policy, 'b', 1000);
    const next = guest(policy, 'a', 2000);
    policy.replaced(old, next);
    expect(leaveAll(policy)).toEqual(['b', 'a']);
  });

  it('admits something large only if it is worth all that would go', () => {
    const policy = open();
    for (let i = 0; i < 50; i += 1) enter(policy, `n${i}`, 1000);
    const large = policy.mark('large', '');
    policy.missed(large);
    expect(policy.admits(large, 40_000, 0)).toBe(true);
    expect(policy.admits(large, 40_000, 1000)).toBe(true);
    expect(policy.admits(large, 40_000, 20_000)).toBe(false);
    for (let i = 0; i < 12; i += 1) policy.missed(large);
    expect(policy.admits(large, 40_000, 20_000)).toBe(true);
    expect(policy.admits(large, 60_000, 60_000)).toBe(false);
    expect(leaveAll(policy)).toHaveLength(50);
  });

  it('evicts the tenant of the least standing, whatever came and went before', () => {
    const command = fc.record({
      kind: fc.constantFrom('enter', 'enter', 'use', 'remove', 'evict'),
      name: fc.nat(9),
      sizeBytes: fc.constantFrom(300, 1000, 20_000, 1_000_000),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 70 }), (commands) => {
        const policy = open(0.75);
        const model = new Map<string, { one: Guest; standing: number }>();
        const counts = new Map<string, number>();
        let floor = 0;
        const standing = (name: string, sizeBytes: number): number => {
          const classBytes = 2 ** ((Math.floor(Math.log2(sizeBytes) * 4) + 0.5) / 4);
          return floor + Math.min(MAX_COUNT, counts.get(name) ?? 0) / classBytes ** 0.75;
        };
        for (const { kind, name: index, sizeBytes } of commands) {
          const name = `n${index}`;
          const held = model.get(name);
          if (kind === 'enter' && held === undefined) {
            counts.set(name, (counts.get(name) ?? 0) + 1);
            model.set(name, { one: enter(policy, name, sizeBytes), standing: standing(name, sizeBytes) });
          } else if (kind === 'use' && held !== undefined) {
            counts.set(name, (counts.get(name) ?? 0) + 1);
            policy.used(held.one);
            held.standing = standing(name, held.one.sizeBytes);
          } else if (kind === 'remove' && held !== undefined) {
            policy.removed(held.one);
            model.delete(name);
          } else if (kind === 'evict') {
            const victim = policy.evict();
            expect(victim === undefined).toBe(model.size === 0);
            if (victim === undefined) continue;
            const least = Math.min(...[...model.values()].map((each) => each.standing));
            expect(model.get(victim.name)?.one).toBe(victim);
            expect(model.get(victim.name)?.standing).toBeCloseTo(least, 9);
            floor = least;
            model.delete(victim.name);
          }
        }
        expect(leaveAll(policy).sort()).toEqual([...model.keys()].sort());
      }),
    );
  });
});

describe.each([
  ['lru', () => new Lru<MemoryRecord<string>>()],
  ['gdsf', () => new Gdsf<MemoryRecord<string>>({ alpha: 0.6, seed: 1 })],
])('a store with %s', (name, policy) => {
  const command = fc.record({
    kind: fc.constantFrom('put', 'put', 'put', 'hit', 'update', 'delete', 'reserve', 'release', 'wants'),
    key: fc.nat(12),
    length: fc.nat(9 * KB),
  });

  it('stays within its budget, counts right, and evicts only what it has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 80 }), async (commands) => {
        const present = new Set<MemoryRecord<string>>();
        const store = new MemoryStore<string>({
          maxBytes: 40 * KB,
          sizeOf: (meta) => meta.length,
          policy: policy(),
          onEvict: (record) => {
            expect(present.delete(record)).toBe(true);
            expect(store.getNow(record.key) ?? []).not.toContain(record);
          },
        });
        let reserved = 0;
        for (const { kind, key: index, length } of commands) {
          const key = `k${index}`;
          if (kind === 'put') store.putNow(key, '', 'm', [bytesOf(length)]);
          else if (kind === 'update') store.updateMetaNow(key, '', 'm'.repeat(length % 2000));
          else if (kind === 'delete') store.deleteNow(key);
          else if (kind === 'wants') store.wants(key, '', length);
          else if (kind === 'reserve' && store.reserve(length)) reserved += length;
          else if (kind === 'release') {
            store.release(reserved);
            reserved = 0;
          } else if (kind === 'hit') for (const record of store.getNow(key) ?? []) store.touch(record);
          present.clear();
          for (let i = 0; i <= 12; i += 1)
            for (const record of store.getNow(`k${i}`) ?? []) present.add(record);
          const { bytes, records } = await store.stats();
          expect(bytes + reserved).toBeLessThanOrEqual(40 * KB);
          expect(records).toBe(present.size);
          expect(bytes).toBe([...present].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
        }
      }),
    );
  });

  it('is not emptied by one large record, unless it takes whatever comes', async () => {
    const store = new MemoryStore<string>({ maxBytes: 400 * KB, sizeOf: () => 0, policy: policy() });
    for (let i = 0; i < 1000; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(KB)]);
    const before = (await store.stats()).records;
    const taken = store.putNow('large', '', 'm', [bytesOf(90 * KB)]) !== undefined;
    expect(taken).toBe(name === 'lru');
    if (!taken) expect((await store.stats()).records).toBe(before);
  });

  it('wants a large record in the end when it is asked for again and again', () => {
    const store = new MemoryStore<string>({ maxBytes: 400 * KB, sizeOf: () => 0, policy: policy() });
    for (let i = 0; i < 30; i += 1) store.putNow(`k${i}`, '', 'm', [bytesOf(13 * KB)]);
    let refusals = 0;
    while (refusals < 20 && !store.wants('large', '', 40 * KB)) refusals += 1;
    expect(refusals).toBeLessThan(20);
    expect(refusals > 0).toBe(name === 'gdsf');
    expect(store.putNow('large', '', 'm', [bytesOf(40 * KB)])).toBeDefined();
  });
});

// The filter that answers most misses on the disk: it may err in one direction only.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headName } from '../../storage/sqlite-head.ts';
import { Presence, presenceMemory } from '../../storage/sqlite-presence.ts';

const MB = 1024 * 1024;

function known(): Presence {
  const presence = new Presence(presenceMemory(MB));
  presence.know();
  return presence;
}

describe('the presence of keys', () => {
  it('has everything while nothing is known', () => {
    const presence = new Presence(presenceMemory(MB));
    expect(presence.mayHave(headName('k'))).toBe(true);
    presence.know();
    expect(presence.mayHave(headName('k'))).toBe(false);
    presence.forget();
    expect(presence.mayHave(headName('k'))).toBe(true);
  });

  it('never lacks what was added and not removed', () => {
    const step = fc.tuple(fc.boolean(), fc.nat(40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const presence = known();
        const there = new Set<number>();
        for (const [isAdding, key] of steps) {
          if (isAdding === there.has(key)) continue;
          if (isAdding) presence.add(headName(`${key}`));
          else presence.remove(headName(`${key}`));
          if (isAdding) there.add(key);
          else there.delete(key);
          for (const one of there) if (!presence.mayHave(headName(`${one}`))) return false;
        }
        return true;
      }),
      { numRuns: 50 },
    );
  });

  it('does not lack what was removed and added while it was being learned', () => {
    const presence = new Presence(presenceMemory(MB));
    const name = headName('k');
    presence.remove(name);
    presence.add(name);
    presence.add(name);
    presence.know();
    presence.remove(name);
    expect(presence.mayHave(name)).toBe(true);
  });

  it('lacks nearly all that was never added, and again what is removed', () => {
    const presence = known();
    for (let i = 0; i < 5000; i += 1) presence.add(headName(`there ${i}`));
    const wrong = (): number =>
      Array.from({ length: 5000 }, (_, i) => presence.mayHave(headName(`not there ${i}`))).filter(Boolean)
        .length;
    expect(wrong()).toBeLessThan(250);
    for (let i = 0; i < 5000; i += 1) presence.remove(headName(`there ${i}`));
    expect(wrong()).toBe(0);
  });

  it('is the same in every thread that has the memory', () => {
    const memory = presenceMemory(MB);
    const [writer, reader] = [new Presence(memory), new Presence(memory)];
    writer.know();
    writer.add(headName('k'));
    expect([reader.mayHave(headName('k')), reader.mayHave(headName('other'))]).toEqual([true, false]);
  });
});

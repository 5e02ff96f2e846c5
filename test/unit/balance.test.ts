// Who is chosen: shares by weight, turns, load, and keys that stay where they are.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BalanceName, type Candidate, createBalance } from '../../src/origin/balance.ts';

const NAMES: readonly BalanceName[] = ['roundRobin', 'leastConnections', 'consistentHash', 'random2'];

const server = (id: string, weight = 1, active = 0): Candidate => ({ id, weight, active });

/** A seeded chance, so that a failure repeats. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shares(name: BalanceName, servers: readonly Candidate[], requests: number): readonly number[] {
  const balance = createBalance(name, { random: chance(7) });
  const counts = new Map<string, number>();
  for (let i = 0; i < requests; i += 1) {
    const { id = '' } = balance(servers, `//host/${i}`) ?? {};
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return servers.map(({ id }) => (counts.get(id) ?? 0) / requests);
}

const arbitraryServers = fc.uniqueArray(
  fc.record({ id: fc.webAuthority(), weight: fc.integer({ min: 1, max: 20 }), active: fc.nat(50) }),
  {
    selector: ({ id }) => id,
    minLength: 1,
    maxLength: 12,
  },
);

describe.each(NAMES)('%s', (name) => {
  it('chooses one of those there are, and none where there are none', () => {
    fc.assert(
      fc.property(arbitraryServers, fc.string(), (servers, key) => {
        expect(servers).toContain(createBalance(name)(servers, key));
      }),
    );
    expect(createBalance(name)([], 'key')).toBeUndefined();
  });

  it('gives idle servers of one weight about the same', () => {
    for (const share of shares(
      name,
      ['a', 'b', 'c', 'd'].map((id) => server(id)),
      4000,
    )) {
      expect(share).toBeCloseTo(0.25, 1);
    }
  });
});

describe('round robin', () => {
  it('gives each exactly its weight in every round, spread out', () => {
    fc.assert(
      fc.property(arbitraryServers, fc.integer({ min: 1, max: 3 }), (servers, rounds) => {
        const balance = createBalance('roundRobin');
        const total = servers.reduce((sum, { weight }) => sum + weight, 0);
        const counts = new Map<Candidate, number>();
        for (let i = 0; i < total * rounds; i += 1) {
          const one = balance(servers, '');
          if (one !== undefined) counts.set(one, (counts.get(one) ?? 0) + 1);
        }
        for (const one of servers) expect(counts.get(one)).toBe(one.weight * rounds);
      }),
    );
    const balance = createBalance('roundRobin');
    const servers = [server('a', 3), server('b')];
    expect(Array.from({ length: 8 }, () => balance(servers, '')?.id).join('')).toBe('aabaaaba');
  });
});

describe('least connections', () => {
  it('takes the least loaded for its weight', () => {
    const balance = createBalance('leastConnections');
    expect(balance([server('a', 1, 3), server('b', 1, 2), server('c', 1, 4)], '')?.id).toBe('b');
    expect(balance([server('a', 1, 3), server('b', 4, 9), server('c', 1, 4)], '')?.id).toBe('b');
  });
});

describe('two by chance', () => {
  it('never takes the busier of two, and the busiest of many seldom', () => {
    const balance = createBalance('random2', { random: chance(3) });
    const two = [server('idle', 1, 0), server('busy', 1, 5)];
    for (let i = 0; i < 100; i += 1) expect(balance(two, '')?.id).toBe('idle');
  });

  it('draws by weight', () => {
    const [heavy = 0] = shares('random2', [server('a', 8, 7), server('b', 1, 0), server('c', 1, 0)], 4000);
    expect(heavy).toBeGreaterThan(0.6);
  });
});

describe('consistent hashing', () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `//www.example.org/page/${i}`);
  const homes = (servers: readonly Candidate[], loadFactor?: number): readonly (string | undefined)[] => {
    const balance = createBalance('consistentHash', { loadFactor });
    return keys.map((key) => balance(servers, key)?.id);
  };
  const five = [1, 2, 3, 4, 5].map((n) => server(`http://10.0.0.${n}:80`));

  it('is by key alone: the same in every process, whatever the load', () => {
    expect(homes(five)).toEqual(homes(five.map(({ id }) => server(id, 1, 40)).reverse()));
  });

  it('moves the keys of a server that goes, and no others', () => {
    const before = homes(five);
    const after = homes(five.slice(1));
    const moved = keys.filter((_, i) => before[i] !== after[i]);
    expect(moved).toHaveLength(before.filter((id) => id === five[0]?.id).length);
  });

  it('moves only to a server that comes or grows, its share and no more', () => {
    const before = homes(five);
    for (const grown of [
      [...five, server('http://10.0.0.6:80')],
      five.map((one, i) => (i === 2 ? server(one.id, 2) : one)),
    ]) {
      const after = homes(grown);
      const winners = new Set(after.filter((id, i) => id !== before[i]));
      expect(winners.size).toBe(1);
      expect(after.filter((id, i) => id !== before[i]).length / keys.length).toBeLessThan(0.22);
    }
  });

  it('gives each about its weight of the keys', () => {
    const at = homes([server('a', 1), server('b', 2), server('c', 5)]);
    expect(at.filter((id) => id === 'c').length / keys.length).toBeCloseTo(5 / 8, 1);
    expect(at.filter((id) => id === 'a').length / keys.length).toBeCloseTo(1 / 8, 1);
  });

  it('passes the keys of a server on that has more than its bound', () => {
    const before = homes(five);
    const busy = five.map((one, i) => server(one.id, 1, i === 0 ? 20 : 1));
    const after = homes(busy, 1.5);
    expect(after).not.toContain(busy[0]?.id);
    expect(after.filter((id, i) => before[i] !== five[0]?.id && id !== before[i])).toEqual([]);
    expect(homes(busy)).toEqual(before);
  });
});

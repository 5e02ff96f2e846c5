import { describe, expect, it } from 'vitest';
import { Crowd, crowdMemory } from '../../src/gate/crowd.ts';

const limits = (total: number | undefined, perAddress: number | undefined) => ({
  total,
  perAddress,
  exempt: (address: string) => address === '10.0.0.1',
});

describe('connections', () => {
  it('are counted by network and in all, and those that leave make room', () => {
    const crowd = new Crowd({ memory: crowdMemory(1), row: 0 }, limits(3, 2));
    expect(['a', 'a', 'a'].map((one) => crowd.enter(one))).toEqual([undefined, undefined, 'address']);
    expect(['b', 'c'].map((one) => crowd.enter(one))).toEqual([undefined, 'total']);
    crowd.leave('a');
    expect(['c', 'b'].map((one) => crowd.enter(one))).toEqual([undefined, 'total']);
  });

  it('of an IPv6 subscriber are counted together', () => {
    const crowd = new Crowd({ memory: crowdMemory(1), row: 0 }, limits(undefined, 1));
    expect(['2001:db8::1', '2001:db8::2', '2001:db8:1::1'].map((one) => crowd.enter(one))).toEqual([
      undefined,
      'address',
      undefined,
    ]);
  });

  it('of an address that stands for many have the total alone', () => {
    const crowd = new Crowd({ memory: crowdMemory(1), row: 0 }, limits(2, 1));
    expect(['10.0.0.1', '10.0.0.1', '10.0.0.1'].map((one) => crowd.enter(one))).toEqual([
      undefined,
      undefined,
      'total',
    ]);
  });

  it('are counted over all workers; one that ended takes its own with it', () => {
    const memory = crowdMemory(2);
    const [one, other] = [0, 1].map((row) => new Crowd({ memory, row }, limits(undefined, 2)));
    expect([one?.enter('a'), other?.enter('a'), one?.enter('a')]).toEqual([undefined, undefined, 'address']);
    const another = new Crowd({ memory, row: 0 }, limits(undefined, 2));
    expect([another.enter('a'), other?.enter('a')]).toEqual([undefined, 'address']);
  });

  it('of many addresses are hardly ever taken for one another', () => {
    const crowd = new Crowd({ memory: crowdMemory(1), row: 0 }, limits(undefined, 5));
    let refused = 0;
    for (let i = 0; i < 3000; i++)
      for (let n = 0; n < 3; n++) if (crowd.enter(`10.${i >> 8}.${i & 255}.1`) !== undefined) refused++;
    expect(refused).toBeLessThan(10);
  });
});

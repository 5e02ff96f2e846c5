// The count of good and bad checks.

import { describe, expect, it } from 'vitest';
import { RiseAndFall } from '../../src/origin/probe.ts';

const states = (results: string, rules = { rise: 2, fall: 3 }): string => {
  const state = new RiseAndFall(rules);
  return [...results]
    .map((result) => {
      state.result(result === '+');
      return state.up ? 'U' : 'd';
    })
    .join('');
};

describe('a checked server', () => {
  it('is up at first, down after so many bad checks in a row, up after so many good ones', () => {
    expect(states('---++')).toBe('UUddU');
    expect(states('--+--+--+')).toBe('UUUUUUUUU');
    expect(states('---+-+-++')).toBe('UUddddddU');
  });

  it('changes at once where one check suffices', () => {
    expect(states('-+-+', { rise: 1, fall: 1 })).toBe('dUdU');
  });

  it('says when it changes, and only then', () => {
    const state = new RiseAndFall({ rise: 1, fall: 2 });
    expect([false, false, false, true, true].map((good) => state.result(good))).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
  });
});

// A server's health: what ejects it, for how long, how it comes back, and who has the last word.

import { describe, expect, it } from 'vitest';
import { Health, type HealthRules } from '../../src/origin/health.ts';

const RULES: HealthRules = {
  failures: 3,
  failureRate: 0,
  minRequests: 10,
  ejectMs: 1000,
  ejectMaxMs: 6000,
  slowStartMs: 0,
};

const health = (rules: Partial<HealthRules> = {}): Health => new Health({ ...RULES, ...rules });

function fail(of: Health, times: number, now = 0): void {
  for (let i = 0; i < times; i += 1) of.failed(now);
}

describe('failures in a row', () => {
  it('eject, and a success between them starts the count anew', () => {
    const one = health();
    fail(one, 2);
    one.succeeded(0);
    fail(one, 2);
    expect(one.state(0)).toBe('up');
    one.failed(0);
    expect(one.state(0)).toBe('ejected');
    expect(one.admits(0)).toBe('no');
  });

  it('never eject where the setting is 0', () => {
    const one = health({ failures: 0 });
    fail(one, 1000);
    expect(one.admits(0)).toBe('yes');
  });

  it('eject for twice as long each time, up to the most', () => {
    const one = health();
    fail(one, 3);
    const lengths: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const until = one.ejectedUntil ?? Number.NaN;
      expect(one.state(until - 1)).toBe('ejected');
      expect(one.admits(until)).toBe('trial');
      one.begin();
      one.failed(until);
      lengths.push((one.ejectedUntil ?? 0) - until);
    }
    expect(lengths).toEqual([2000, 4000, 6000, 6000, 6000]);
    expect(one.ejected).toBe(6);
  });

  it('are forgiven after a long time up', () => {
    const one = health();
    fail(one, 3, 0);
    one.begin();
    one.succeeded(1000);
    fail(one, 3, 1500);
    expect(one.ejectedUntil).toBe(3500);
    one.begin();
    one.succeeded(3500);
    fail(one, 3, 3500 + 6001);
    expect(one.ejectedUntil).toBe(3500 + 6001 + 1000);
  });
});

describe('a share of failures', () => {
  it('ejects once enough requests have ended within ten seconds', () => {
    const one = health({ failures: 0, failureRate: 0.5 });
    for (let i = 0; i < 9; i += 1) i % 2 === 0 ? one.failed(0) : one.succeeded(0);
    expect(one.state(0)).toBe('up');
    one.failed(1);
    expect(one.state(1)).toBe('ejected');
    const slow = health({ failures: 0, failureRate: 0.5 });
    for (let i = 0; i < 50; i += 1) slow.failed(i * 2000);
    expect(slow.state(100_000)).toBe('up');
  });
});

describe('a trial', () => {
  it('is one request at a time', () => {
    const one = health();
    fail(one, 3);
    expect(one.admits(1000)).toBe('trial');
    expect(one.begin()).toBe(true);
    expect(one.admits(1000)).toBe('no');
    one.gaveUp();
    expect(one.admits(1000)).toBe('trial');
  });

  it('brings the server back with its first success', () => {
    const one = health();
    fail(one, 3);
    one.begin();
    one.succeeded(1000);
    expect(one.admits(1000)).toBe('yes');
    expect(one.begin()).toBe(false);
  });

  it('may come before its time as the last resort, but not where checks or the operator say no', () => {
    const one = health();
    expect(one.lastResort).toBe(false);
    fail(one, 3);
    expect(one.lastResort).toBe(true);
    one.begin();
    expect(one.lastResort).toBe(false);
    one.gaveUp();
    one.checked(false, 0);
    expect(one.lastResort).toBe(false);
    one.checked(true, 0);
    fail(one, 3);
    one.set('drain', 0);
    expect(one.lastResort).toBe(false);
  });

  it('says nothing by what was under way before it', () => {
    const one = health();
    fail(one, 3);
    fail(one, 5, 500);
    expect(one.ejectedUntil).toBe(1000);
    one.succeeded(500);
    expect(one.state(500)).toBe('ejected');
  });
});

describe('slow start', () => {
  it('lets the weight grow after a return, and not at the beginning', () => {
    const one = health({ slowStartMs: 10_000 });
    expect(one.share(0)).toBe(1);
    fail(one, 3);
    one.begin();
    one.succeeded(1000);
    expect([1000, 1500, 6000, 11_000, 50_000].map((now) => one.share(now))).toEqual([0.1, 0.1, 0.5, 1, 1]);
  });
});

describe('checks and the operator', () => {
  it('have their own word, and the operator the last', () => {
    const one = health();
    one.checked(false, 0);
    expect(one.state(0)).toBe('down');
    one.set('drain', 0);
    expect(one.state(0)).toBe('drain');
    one.set('down', 0);
    expect(one.state(0)).toBe('off');
    one.set('up', 0);
    expect(one.state(0)).toBe('down');
    one.checked(true, 0);
    expect(one.admits(0)).toBe('yes');
  });

  it('end an ejection when they say up', () => {
    for (const say of [
      (one: Health) => {
        one.checked(false, 1);
        one.checked(true, 2);
      },
      (one: Health) => one.set('up', 2),
    ]) {
      const one = health();
      fail(one, 3);
      say(one);
      expect(one.state(2)).toBe('up');
    }
  });
});

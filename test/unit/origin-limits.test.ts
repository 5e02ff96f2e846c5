// What bounds the origin side: the allowance of retries, the line of those who wait, recent times, resolved names.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowance } from '../../src/origin/allowance.ts';
import { RecentTimes } from '../../src/origin/latency.ts';
import { Names } from '../../src/origin/names.ts';
import type { Urgency } from '../../src/origin/upstream.ts';
import { type Waiter, WaitingLine } from '../../src/origin/waiting.ts';

describe('an allowance', () => {
  it('is a share of the requests of the last ten seconds, and a few a second', () => {
    const one = new Allowance({ share: 0.2, perSecond: 0 });
    for (let i = 0; i < 50; i += 1) one.earn(1000);
    expect(Array.from({ length: 12 }, () => one.spend(1500)).filter(Boolean)).toHaveLength(10);
    expect(one.spend(10_900)).toBe(false);
    expect(one.spend(11_000)).toBe(false);
    const few = new Allowance({ share: 0, perSecond: 2 });
    expect(Array.from({ length: 30 }, () => few.spend(0)).filter(Boolean)).toHaveLength(20);
    expect(few.spend(10_000)).toBe(true);
  });

  it('is never overdrawn, whatever the clock does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ at: fc.nat(60_000), earns: fc.boolean() }), { maxLength: 300 }),
        (events) => {
          const one = new Allowance({ share: 0.5, perSecond: 1 });
          let earned = 0;
          let spent = 0;
          for (const { at, earns } of events) {
            if (earns) {
              one.earn(at);
              earned += 1;
            } else if (one.spend(at)) spent += 1;
          }
          expect(spent).toBeLessThanOrEqual(earned * 0.5 + 70);
        },
      ),
    );
  });
});

class Waiting implements Waiter {
  readonly urgency: Urgency;
  refused: string | undefined;

  constructor(urgency: Urgency) {
    this.urgency = urgency;
  }

  onRefused(reason: string): void {
    this.refused = reason;
  }
}

describe('a waiting line', () => {
  it('serves the more urgent first, and each lane in its order', () => {
    const line = new WaitingLine<Waiting>();
    const [w, r, u1, u2] = (['warming', 'revalidation', 'user', 'user'] as const).map(
      (one) => new Waiting(one),
    );
    for (const one of [w, r, u1, u2]) if (one !== undefined) line.join(one);
    expect([line.next(), line.next(), line.next(), line.next(), line.next()]).toEqual([
      u1,
      u2,
      r,
      w,
      undefined,
    ]);
    expect(line.length).toBe(0);
  });

  it('refuses when it is full, but the more urgent take the place of the less urgent', () => {
    const line = new WaitingLine<Waiting>({ length: 2, timeoutMs: Number.POSITIVE_INFINITY });
    const [w, r, u1, u2, u3] = (['warming', 'revalidation', 'user', 'user', 'user'] as const).map((one) => {
      const waiting = new Waiting(one);
      line.join(waiting);
      return waiting;
    });
    expect([w, r, u1, u2, u3].map((one) => one?.refused)).toEqual([
      'full',
      'full',
      undefined,
      undefined,
      'full',
    ]);
    expect(line.refused).toBe(3);
  });

  it('refuses who has waited too long, and all who wait when it closes', async () => {
    const line = new WaitingLine<Waiting>({ length: 5, timeoutMs: 5 });
    const late = new Waiting('user');
    line.join(late);
    await line.emptied();
    expect(late.refused).toBe('timeout');
    const open = new WaitingLine<Waiting>();
    const waiting = new Waiting('user');
    open.join(waiting);
    open.close();
    expect(waiting.refused).toBe('closing');
    expect(open.leave(waiting)).toBe(false);
  });
});

describe('recent times', () => {
  it('give a percentile of the last 256, and none of a few', () => {
    const times = new RecentTimes();
    for (let i = 0; i < 19; i += 1) times.add(5);
    expect(times.percentile(95)).toBeUndefined();
    for (let i = 1; i <= 256; i += 1) times.add(i);
    expect(times.percentile(50)).toBe(129);
    expect(times.percentile(99)).toBe(254);
  });
});

describe('names', () => {
  interface Answer {
    readonly error?: string;
    readonly addresses?: readonly string[];
  }

  function given(answers: readonly Answer[]) {
    let nowMs = 0;
    let asked = 0;
    const names = new Names({
      host: 'app.example',
      refreshMs: 1000,
      now: () => nowMs,
      resolve: (_host, _options, callback) => {
        const { error, addresses = [] } = answers[Math.min(asked++, answers.length - 1)] ?? {};
        const failure = error === undefined ? null : Object.assign(new Error(error), { code: error });
        setImmediate(() =>
          callback(
            failure,
            addresses.map((address) => ({ address, family: 4 })),
          ),
        );
      },
    });
    const lookup = (): Promise<unknown> =>
      new Promise((give) =>
        names.lookup('app.example', { all: true }, (error, found) =>
          give(error === null && Array.isArray(found) ? found.map(({ address }) => address) : error?.code),
        ),
      );
    const at = (ms: number): void => {
      nowMs = ms;
    };
    return { names, lookup, at, asked: () => asked };
  }

  it('are resolved again when their time is over, once for all who ask', async () => {
    const { lookup, at, asked } = given([{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'] }]);
    expect(await Promise.all([lookup(), lookup()])).toEqual([['10.0.0.1'], ['10.0.0.1']]);
    at(1000);
    await lookup();
    expect(asked()).toBe(1);
    at(1001);
    expect(await lookup()).toEqual(['10.0.0.2']);
  });

  it('give their addresses in turn', async () => {
    const { lookup } = given([{ addresses: ['a', 'b', 'c'] }]);
    const firsts = [await lookup(), await lookup(), await lookup()].map((one) => (one as string[])[0]);
    expect(new Set(firsts).size).toBe(3);
  });

  it('keep what they knew while the resolver fails, and fail where they knew nothing', async () => {
    const { lookup, at } = given([
      { error: 'EAI_AGAIN' },
      { addresses: ['10.0.0.1'] },
      { error: 'EAI_AGAIN' },
    ]);
    expect(await lookup()).toBe('EAI_AGAIN');
    expect(await lookup()).toEqual(['10.0.0.1']);
    at(5000);
    expect(await lookup()).toEqual(['10.0.0.1']);
  });

  it('know that a connection goes to an address that the name has left', async () => {
    const { names, lookup, at } = given([{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2'] }]);
    expect(names.hasLeft('10.0.0.1')).toBe(false);
    await lookup();
    expect(names.hasLeft('10.0.0.1')).toBe(false);
    at(2000);
    expect(names.hasLeft('10.0.0.1')).toBe(false);
    await lookup();
    expect(names.hasLeft('10.0.0.1')).toBe(true);
  });
});

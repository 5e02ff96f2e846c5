// The budget of an origin: how much goes through, who goes first, who is refused.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budgeted, type BudgetRules, shareOf } from '../../src/origin/budget.ts';
import type { OriginFailure } from '../../src/origin/failure.ts';
import type { ExchangeEvents, OriginRequest, Upstream, Urgency } from '../../src/origin/upstream.ts';

const RULES: BudgetRules = {
  concurrency: undefined,
  perSecond: undefined,
  reserved: 0,
  queue: { length: 100, timeoutMs: 60_000 },
};

/** An upstream that ends its requests when it is told to. */
class Held implements Upstream {
  readonly authority = 'app';
  readonly scheme = 'http';
  requests = 0;
  readonly asked: { readonly key: string; readonly events: ExchangeEvents }[] = [];

  get active(): number {
    return this.asked.length;
  }

  send({ key }: OriginRequest, events: ExchangeEvents) {
    this.requests += 1;
    const one = { key, events };
    this.asked.push(one);
    return { pause: () => undefined, resume: () => undefined, abort: () => this.#remove(one) };
  }

  /** Ends the oldest. */
  end(): void {
    const one = this.asked.shift();
    one?.events.onEnd();
  }

  async close(): Promise<void> {}
  async destroy(): Promise<void> {}

  #remove(one: { readonly key: string }): void {
    const at = this.asked.findIndex((other) => other === one);
    if (at >= 0) this.asked.splice(at, 1);
  }
}

function given(rules: Partial<BudgetRules>) {
  const held = new Held();
  let nowMs = 0;
  const budget = new Budgeted(held, { ...RULES, ...rules }, () => nowMs);
  const failures: string[] = [];
  const send = (key: string, urgency: Urgency = 'user') =>
    budget.send(
      { method: 'GET', target: '/', lines: [], body: null, key, client: '', urgency },
      {
        onInterim: () => undefined,
        onHead: () => undefined,
        onData: () => undefined,
        onEnd: () => undefined,
        onSwitch: () => undefined,
        onFailure: (failure: OriginFailure) => failures.push(`${key} ${failure.kind}`),
      },
    );
  const at = (ms: number): void => {
    nowMs = ms;
  };
  return { held, budget, send, failures, at, keys: () => held.asked.map(({ key }) => key).join(' ') };
}

describe('a budget', () => {
  it('lets so many through at a time, the more urgent first', () => {
    const { held, send, keys } = given({ concurrency: 2 });
    send('u1');
    send('u2');
    send('w', 'warming');
    send('r', 'revalidation');
    send('u3');
    expect(keys()).toBe('u1 u2');
    held.end();
    expect(keys()).toBe('u2 u3');
    held.end();
    expect(keys()).toBe('u3 r');
    held.end();
    expect(keys()).toBe('r w');
  });

  it('keeps a part free of what nobody waits for', () => {
    const { send, keys } = given({ concurrency: 4, reserved: 0.5 });
    for (const key of ['w1', 'w2', 'w3']) send(key, 'warming');
    send('r', 'revalidation');
    send('u1');
    send('u2');
    send('u3');
    expect(keys()).toBe('w1 w2 u1 u2');
  });

  it('lets so many through in a second', async () => {
    const { send, keys, at } = given({ perSecond: 2 });
    for (const key of ['a', 'b', 'c']) send(key);
    expect(keys()).toBe('a b');
    at(500);
    send('d');
    while (keys() === 'a b') await new Promise(setImmediate);
    expect(keys()).toBe('a b c');
  });

  it('wakes up for who waits for the rate', async () => {
    const { send, keys, at } = given({ perSecond: 500 });
    for (let i = 0; i < 501; i += 1) send(String(i));
    expect(keys().split(' ')).toHaveLength(500);
    at(1000);
    while (keys().split(' ').length < 501) await new Promise(setImmediate);
  });

  it('refuses what finds no place in the line, and forgets who has left it', async () => {
    const { held, send, failures, keys, budget } = given({
      concurrency: 1,
      queue: { length: 1, timeoutMs: 60_000 },
    });
    send('a');
    send('w', 'warming');
    send('b');
    send('c');
    await Promise.resolve();
    expect(failures).toEqual(['w overloaded', 'c overloaded']);
    expect(budget.report()).toEqual({
      running: 1,
      waiting: { user: 1, revalidation: 0, warming: 0 },
      refused: 2,
    });
    held.end();
    expect(keys()).toBe('b');
    const waiting = send('d');
    waiting.abort();
    held.end();
    expect(keys()).toBe('');
  });

  it('is given back by who is given up', () => {
    const { send, keys } = given({ concurrency: 1 });
    const one = send('a');
    send('b');
    one.abort();
    one.abort();
    expect(keys()).toBe('b');
  });

  it('is never overdrawn, and leaves nobody waiting while there is room', () => {
    const step = fc.oneof(
      fc.record({ send: fc.constantFrom<Urgency>('user', 'revalidation', 'warming') }),
      fc.constant('end' as const),
      fc.record({ abort: fc.nat(30) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80 }), (concurrency, steps) => {
        const { held, send, budget } = given({ concurrency });
        const sent: ReturnType<typeof send>[] = [];
        for (const one of steps) {
          if (one === 'end') held.end();
          else if ('send' in one) sent.push(send(String(sent.length), one.send));
          else sent[one.abort]?.abort();
          const { running, waiting } = budget.report();
          expect(running).toBe(held.active);
          expect(running).toBeLessThanOrEqual(concurrency);
          const waits = waiting.user + waiting.revalidation + waiting.warming;
          if (waits > 0) expect(running).toBe(concurrency);
        }
      }),
    );
  });

  it('is shared out among workers', () => {
    expect(shareOf({ ...RULES, concurrency: 10, perSecond: 9 }, 4)).toMatchObject({
      concurrency: 2,
      perSecond: 2.25,
    });
    expect(shareOf({ ...RULES, concurrency: 2 }, 4)).toMatchObject({ concurrency: 1, perSecond: undefined });
  });
});

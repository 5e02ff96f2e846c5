// Names to addresses by the system's resolver, whose few threads are spared: one question at a time for a name, answers kept
// for a short time, failures for a shorter one, the number of both bounded. Decides nothing about addresses.

import { lookup } from 'node:dns';
import { Generations } from '../generations.ts';

export interface Resolved {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (
  host: string,
  callback: (error: Error | null, addresses: readonly Resolved[]) => void,
) => void;

const KEPT_MS = 30_000;
const FAILED_MS = 3_000;
const ENTRIES = 4096;

interface Answer {
  readonly error: Error | null;
  readonly addresses: readonly Resolved[];
  readonly untilAt: number;
}

type Callback = Parameters<Resolve>[1];

/** @param ask the system's, unless a test has its own. @param now epoch ms */
export function cachedResolver(ask: Resolve, now: () => number): Resolve {
  const known = new Generations<string, Answer>(ENTRIES, Number.POSITIVE_INFINITY);
  const waiting = new Map<string, Callback[]>();
  return (host, callback) => {
    const answer = known.get(host, 0);
    if (answer !== undefined && now() < answer.untilAt) {
      process.nextTick(() => callback(answer.error, answer.addresses));
      return;
    }
    const others = waiting.get(host);
    if (others !== undefined) {
      others.push(callback);
      return;
    }
    const all = [callback];
    waiting.set(host, all);
    ask(host, (error, addresses) => {
      waiting.delete(host);
      known.set(host, { error, addresses, untilAt: now() + (error === null ? KEPT_MS : FAILED_MS) }, 0);
      for (const one of all) one(error, addresses);
    });
  };
}

/** Addresses in the order that the system gives them. */
export const systemResolve: Resolve = (host, callback) => {
  lookup(host, { all: true, order: 'verbatim' }, (error, addresses) => callback(error, addresses ?? []));
};

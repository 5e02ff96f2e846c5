// The settings of an origin's budget: once for `origin`, once for each group.

import { z } from 'zod';
import type { BudgetRules } from '../origin/budget.ts';
import { duration, integer, section } from './setting.ts';

const numberOr = (sentence: string, min: number, max: number) => {
  const allowed = `"none", or a whole number from ${min} to ${max}`;
  return z
    .union([z.literal('none'), z.int().min(min).max(max)], allowed)
    .meta({ description: sentence, allowed });
};

export const budget = section(
  'How much is asked of the origin at most. Requests that users wait for go before revalidation behind stale responses, and that before warming.',
  {
    concurrency: numberOr('Requests under way at a time.', 1, 1_000_000).prefault('none'),
    perSecond: numberOr(
      'Requests a second, on average; a second without any may be made up for.',
      1,
      1_000_000,
    ).prefault('none'),
    reserved: integer('Percentage of both that only requests which users wait for may use.', {
      min: 0,
      max: 99,
    }).prefault(25),
    queue: section('Requests that wait for the budget.', {
      length: integer('How many; beyond it the least urgent give way, or 503 with Retry-After.', {
        min: 0,
        max: 1_000_000,
      }).prefault(1024),
      timeout: duration('How long; after it 503 with Retry-After.', { min: 1, max: 86_400_000 }).prefault(
        '10s',
      ),
    }).prefault({}),
  },
).prefault({});

/** undefined sets no budget. */
export function budgetRules(set: z.output<typeof budget>): BudgetRules | undefined {
  if (set.concurrency === 'none' && set.perSecond === 'none') return undefined;
  return {
    concurrency: set.concurrency === 'none' ? undefined : set.concurrency,
    perSecond: set.perSecond === 'none' ? undefined : set.perSecond,
    reserved: set.reserved / 100,
    queue: { length: set.queue.length, timeoutMs: set.queue.timeout },
  };
}

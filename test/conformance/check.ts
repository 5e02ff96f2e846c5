// What a row expects of a step, held against what came: each difference is one sentence.

import { type CacheStatus, cacheStatus, type Response } from '../support/client.ts';
import type { RecordedRequest } from '../support/origin.ts';
import type { Expect, Step, Wanted } from './row.ts';
import { fill, type Places } from './texts.ts';

/** What an origin answer looks like at the client. */
export interface Delivery {
  readonly status: number;
  /** latin1 */
  readonly body: string;
}

export function* check(
  wanted: Expect,
  response: Response,
  requests: readonly RecordedRequest[],
  delivery: Delivery | undefined,
  step: Step,
  places: Places,
): Iterable<string> {
  if (response.complete !== (wanted.complete ?? true))
    yield `the transfer is ${response.complete ? 'complete' : `broken: ${response.error?.message}`}`;
  yield* checkOutcome(wanted, response, requests, step);
  const isHead = step.request?.method === 'HEAD';
  const status =
    wanted.status ??
    (wanted.outcome === undefined || wanted.outcome === 'failed' ? undefined : delivery?.status);
  if (status !== undefined && response.status !== status) yield `status ${response.status}, not ${status}`;
  const ownBody =
    wanted.outcome === undefined ||
    wanted.outcome === 'failed' ||
    wanted.complete === false ||
    wanted.status !== undefined;
  const body =
    wanted.body ?? (ownBody ? undefined : isHead || !hasContent(response.status) ? '' : delivery?.body);
  yield* checkText(
    'body',
    response.body.toString('latin1'),
    typeof body === 'string' ? fill(body, places) : body,
  );
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    yield* checkText(
      name,
      response.headers[name.toLowerCase()],
      typeof value === 'string' ? fill(value, places) : value,
    );
  }
  for (const [name, value] of Object.entries(wanted.trailers ?? {}))
    yield* checkText(`trailer ${name}`, response.trailers[name.toLowerCase()], value);
  if (wanted.asked !== undefined && requests.length !== wanted.asked)
    yield `the origin was asked ${requests.length} times, not ${wanted.asked}`;
  const last = requests.at(-1);
  for (const [name, value] of Object.entries(wanted.forwarded ?? {})) {
    if (last === undefined) yield 'the origin was not asked';
    else
      yield* checkText(
        `forwarded ${name}`,
        last.headers[name.toLowerCase()],
        typeof value === 'string' ? fill(value, places) : value,
      );
  }
  if (wanted.forwardedTarget !== undefined)
    yield* checkText('forwarded target', last?.url, fill(wanted.forwardedTarget, places));
  const interim = response.informational.map((one) => one.status);
  if (wanted.interim !== undefined && interim.join() !== wanted.interim.join())
    yield `interim responses [${interim}], not [${wanted.interim}]`;
  if (wanted.cacheStatus !== undefined || wanted.cacheStatusLacks !== undefined)
    yield* checkCacheStatus(wanted, cacheStatus(response));
}

function* checkOutcome(
  { outcome }: Expect,
  response: Response,
  requests: readonly RecordedRequest[],
  step: Step,
): Iterable<string> {
  const asked = requests.length;
  const conditional = requests.some(
    ({ headers }) => headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined,
  );
  const one = step.together ?? 1;
  switch (outcome) {
    case undefined:
      return;
    case 'fetched':
      if (asked < 1 || asked > one) yield `the origin was asked ${asked} times for the first fetch`;
      return;
    case 'asked':
      if (asked === 0) yield 'answered without asking the origin';
      return;
    case 'hit':
      if (asked > 0)
        yield `the origin was asked (${conditional ? 'with a condition' : 'without a condition'})`;
      if (!cacheStatus(response).hit) yield 'not a hit by Cache-Status';
      return;
    case 'validated':
      if (!conditional)
        yield asked === 0 ? 'the origin was not asked' : 'the origin was asked without a condition';
      return;
    case 'stale':
      if (cacheStatus(response).detail === undefined) yield 'no ground for serving stale by Cache-Status';
      return;
    case 'failed':
      if (response.status !== 502 && response.status !== 504)
        yield `status ${response.status}, not 502 or 504`;
      return;
    default:
      return outcome satisfies never;
  }
}

function* checkCacheStatus(
  { cacheStatus: wanted = {}, cacheStatusLacks = [] }: Expect,
  status: CacheStatus,
): Iterable<string> {
  const found = new Map<string, unknown>(Object.entries(status));
  for (const [name, value] of Object.entries(wanted)) {
    if (found.get(name) !== value) yield `Cache-Status ${name} is ${found.get(name)}, not ${value}`;
  }
  for (const name of cacheStatusLacks)
    if (found.get(name) !== undefined && found.get(name) !== false) yield `Cache-Status has ${name}`;
}

/** Whether a response's Cache-Status lacks something of what is wanted. */
export function hasFault(wanted: Partial<CacheStatus>, response: Response): boolean {
  return [...checkCacheStatus({ cacheStatus: wanted }, cacheStatus(response))].length > 0;
}

function* checkText(name: string, found: string | undefined, wanted: Wanted | undefined): Iterable<string> {
  if (wanted === undefined) return;
  const fits =
    wanted === null
      ? found === undefined
      : wanted instanceof RegExp
        ? found !== undefined && wanted.test(found)
        : found === wanted;
  if (!fits)
    yield `${name} is ${JSON.stringify(found)}, not ${wanted instanceof RegExp ? wanted : JSON.stringify(wanted)}`;
}

export function hasContent(status: number): boolean {
  return status >= 200 && status !== 204 && status !== 205 && status !== 304;
}

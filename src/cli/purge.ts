// `holdfast purge`: URLs by PURGE to the edge, everything else by POST /purge to its admin listener; receipts for a person or a
// program to read, an exit code. Owns the client side only; what a purge does is src/admin's.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Address, ConfigError, type Fault, formatAddress } from '../config.ts';
import { type Answer, addressOf, ask, messageOf, parseUrl } from './ask.ts';
import { Progress } from './progress.ts';
import { describeMany, describeOne, endedOf, type Receipt, receiptsOf } from './receipts.ts';
import {
  askAdmin,
  authorization,
  fail,
  notAnswered,
  parseJson,
  type Where,
  type WhereOptions,
  whereIs,
} from './where.ts';

export interface PurgeOptions extends WhereOptions {
  readonly prefix?: readonly string[];
  readonly host?: readonly string[];
  readonly tag?: readonly string[];
  readonly everything?: boolean;
  readonly soft?: boolean;
  readonly ignoreQuery?: boolean;
  readonly dryRun?: boolean;
  /** Soft, and fetched again behind. */
  readonly refresh?: boolean;
  /** Until the counts are exact. */
  readonly wait?: boolean;
  readonly json?: boolean;
}

interface Outcome {
  /** The edge found nothing. */
  readonly inVain: boolean;
  readonly receipts: readonly Receipt[];
  readonly failure?: string;
}

const MAX_TRIES = 5;
const POLL_MS = 250;
const MAX_WAIT_MS = 10 * 60_000;

/**
 * @returns the exit code: 0 when the purge was taken, also where nothing was stored.
 * @throws ConfigError for malformed URLs, addresses or a settings file.
 */
export async function purgeCommand(given: readonly string[], options: PurgeOptions): Promise<number> {
  const { prefix = [], host = [], tag = [], everything = false } = options;
  const faults: Fault[] = given
    .filter((text) => parseUrl(text) === undefined)
    .map((text) => ({ path: 'URL', value: JSON.stringify(text), allowed: 'an http or https URL' }));
  const selects = given.length + prefix.length + host.length + tag.length > 0 || everything;
  if (!selects) {
    const allowed = 'URLs, --prefix, --host, --tag or --everything';
    faults.push({ path: 'purge', value: 'nothing selected', allowed });
  }
  const where = whereIs(options, faults);
  const byAdmin =
    options.dryRun === true ||
    options.refresh === true ||
    prefix.length + host.length + tag.length > 0 ||
    everything;
  try {
    const outcome = byAdmin ? await post(where, given, options) : await purgeEach(where, given, options);
    const receipts = options.wait === true ? await exact(where, outcome.receipts) : outcome.receipts;
    report(receipts, given, outcome.inVain, options.json === true);
    return outcome.failure === undefined ? 0 : fail(outcome.failure);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(messageOf(error));
  }
}

async function purgeEach(where: Where, given: readonly string[], options: PurgeOptions): Promise<Outcome> {
  const receipts: Receipt[] = [];
  const headers = {
    ...authorization(where.token),
    ...(options.soft === true ? { 'x-purge-mode': 'invalidate' } : {}),
    ...(options.ignoreQuery === true ? { 'x-purge-query': 'ignore' } : {}),
  };
  let inVain = true;
  for (const text of given) {
    const url = parseUrl(text);
    if (url === undefined) continue;
    const answer = await patiently(() => ask({ method: 'PURGE', url, to: where.edge, headers }));
    const failure = take(answer, where.edge ?? addressOf(url), receipts);
    inVain &&= answer.status === 404;
    if (failure !== undefined) return { receipts, inVain, failure };
  }
  return { receipts, inVain };
}

async function post(where: Where, urls: readonly string[], options: PurgeOptions): Promise<Outcome> {
  const { prefix = [], host = [], tag = [], everything, soft, ignoreQuery, dryRun, refresh } = options;
  const body = {
    ...(urls.length === 0 ? {} : { urls }),
    ...(prefix.length === 0 ? {} : { prefixes: prefix }),
    ...(host.length === 0 ? {} : { hosts: host }),
    ...(tag.length === 0 ? {} : { tags: tag }),
    ...(everything === true ? { everything } : {}),
    ...(soft === true ? { mode: 'invalidate' } : {}),
    ...(ignoreQuery === true ? { ignoreQuery } : {}),
    ...(dryRun === true ? { dryRun } : {}),
    ...(refresh === true ? { refresh } : {}),
  };
  const receipts: Receipt[] = [];
  const answer = await patiently(() => askAdmin(where, 'POST', '/purge', body));
  const failure = take(answer, where.admin, receipts);
  const inVain = answer.status === 404;
  return failure === undefined ? { receipts, inVain } : { receipts, inVain, failure };
}

/** Waits as the rate limit says, a few times. */
async function patiently(asking: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await asking();
    if (answer.status !== 429 || tries === MAX_TRIES) return answer;
    await sleep(1000 * Math.min(30, Number(answer.headers['retry-after'] ?? 1) || 1));
  }
}

/** @returns what is wrong with the answer */
function take(answer: Answer, from: Address, into: Receipt[]): string | undefined {
  const receipts = [200, 404, 500, 502].includes(answer.status)
    ? receiptsOf(parseJson(answer.body))
    : undefined;
  if (receipts === undefined) return notAnswered(from, answer, 'a receipt');
  into.push(...receipts);
  if (answer.status === 502)
    return `${formatAddress(from)} has purged, but not every edge behind it: purge again when they answer`;
  return answer.status === 500
    ? `${formatAddress(from)} could not write the purge to its disk: it would not survive a restart`
    : undefined;
}

/** Asks the admin listener until nothing is being counted any more. */
async function exact(where: Where, receipts: readonly Receipt[]): Promise<readonly Receipt[]> {
  const progress = new Progress();
  const until = Date.now() + MAX_WAIT_MS;
  const found = [...receipts];
  for (const [i, first] of receipts.entries()) {
    let receipt = first;
    while (
      (receipt.counting === true || receipt.refresh?.done === false) &&
      receipt.poll !== undefined &&
      Date.now() < until
    ) {
      const { refresh } = receipt;
      if (refresh === undefined) progress.show(i, receipts.length, `counting what ${receipt.id} matched`);
      else progress.show(endedOf(refresh), refresh.wanted, `fetching again what ${receipt.id} made stale`);
      await sleep(POLL_MS);
      const answer = await askAdmin(where, 'GET', receipt.poll);
      const [next] = receiptsOf(parseJson(answer.body)) ?? [];
      if (next === undefined) throw new Error(notAnswered(where.admin, answer, 'a receipt'));
      receipt = next;
    }
    found[i] = receipt;
  }
  progress.clear();
  return found;
}

function report(
  receipts: readonly Receipt[],
  given: readonly string[],
  inVain: boolean,
  json: boolean,
): void {
  if (json) process.stdout.write(`${JSON.stringify(receipts, null, 2)}\n`);
  else if (receipts.length === 1 && given.length === 1) {
    for (const one of receipts) process.stdout.write(`${describeOne(one, hrefOf(given[0] ?? ''), inVain)}\n`);
  } else if (receipts.length > 0) process.stdout.write(`${describeMany(receipts)}\n`);
}

function hrefOf(text: string): string {
  return parseUrl(text)?.href ?? text;
}

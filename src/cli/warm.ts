// `holdfast warm FILE|SITEMAP`: gets every URL through the edge, so that the first visitor finds it stored. So many at a time
// and no more, because each miss is a request to the origin.

import { Agent } from 'node:http';
import { ConfigError } from '../config.ts';
import { type Answer, ask, messageOf } from './ask.ts';
import { Progress } from './progress.ts';
import { bytesText, table } from './table.ts';
import { listUrls } from './url-list.ts';
import { fail, type Where, type WhereOptions, whereIs } from './where.ts';

export interface WarmOptions extends WhereOptions {
  readonly concurrency?: string | undefined;
  readonly json?: boolean;
}

interface Failure {
  readonly url: string;
  readonly error: string;
}

interface Result {
  readonly urls: number;
  readonly skipped: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Responses by what became of them at the edge: HIT, MISS, … */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 256;
const MAX_FAILURES = 100;
/** As browsers ask, so that the variant stored is the one that they will find. */
const HEADERS = {
  accept: '*/*',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'user-agent': 'holdfast-warm',
};

/** @returns the exit code: 0 when every URL was answered below 500. @throws ConfigError for malformed flags. */
export async function warmCommand(from: string, options: WarmOptions): Promise<number> {
  const concurrency = Number(options.concurrency ?? DEFAULT_CONCURRENCY);
  const isBounded = Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= MAX_CONCURRENCY;
  const fault = {
    path: '--concurrency',
    value: JSON.stringify(options.concurrency),
    allowed: `a whole number from 1 to ${MAX_CONCURRENCY}`,
  };
  const where = whereIs(options, isBounded ? [] : [fault]);
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  try {
    const { urls, skipped } = await listUrls(from, (url) => fetchThrough(where, url, agent, false));
    if (urls.length === 0)
      return fail(`no URLs in ${from}${skipped > 0 ? ` (${skipped} lines are none)` : ''}`);
    const result = await warm(where, urls, skipped, concurrency, agent);
    process.stdout.write(`${options.json === true ? JSON.stringify(result, null, 2) : describe(result)}\n`);
    return result.failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    return fail(messageOf(error));
  } finally {
    agent.destroy();
  }
}

async function warm(
  where: Where,
  urls: readonly URL[],
  skipped: number,
  concurrency: number,
  agent: Agent,
): Promise<Result> {
  const progress = new Progress();
  const outcomes: Record<string, number> = {};
  const statuses: Record<string, number> = {};
  const failures: Failure[] = [];
  const startedAt = performance.now();
  let bytes = 0;
  let done = 0;
  let next = 0;
  const one = async (url: URL): Promise<void> => {
    try {
      const answer = await fetchThrough(where, url, agent, true);
      const outcome = String(answer.headers['x-cache'] ?? 'no X-Cache');
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      bytes += answer.bytes;
      if (answer.status >= 500) failures.push({ url: url.href, error: `status ${answer.status}` });
    } catch (error) {
      failures.push({ url: url.href, error: messageOf(error) });
    }
    done += 1;
    progress.show(done, urls.length, `${bytesText(bytes)}, ${failures.length} failed`);
  };
  const lane = async (): Promise<void> => {
    for (let url = urls[next]; url !== undefined; url = urls[next]) {
      next += 1;
      await one(url);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  progress.clear();
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  return { urls: urls.length, skipped, bytes, seconds, outcomes, statuses, failures };
}

function fetchThrough({ edge }: Where, url: URL, agent: Agent, skim: boolean): Promise<Answer> {
  // The edge that is named speaks http; its visitors of this URL speak https.
  const scheme = edge !== undefined && url.protocol === 'https:' ? { 'x-forwarded-proto': 'https' } : {};
  const headers = skim ? { ...HEADERS, ...scheme } : { ...scheme };
  return ask({ method: 'GET', url, to: edge, agent, skim, headers });
}

function describe({ urls, skipped, bytes, seconds, outcomes, statuses, failures }: Result): string {
  const counts = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const lines = [
    `warmed ${urls} URLs, ${bytesText(bytes)}, in ${seconds} s`,
    `  at the edge: ${counts(outcomes)}`,
    `  statuses: ${counts(statuses)}`,
    ...(skipped > 0 ? [`  lines that are no http or https URL: ${skipped}`] : []),
  ];
  if (failures.length === 0) return lines.join('\n');
  const shown = failures.slice(0, MAX_FAILURES).map(({ url, error }) => [url, error]);
  return `${lines.join('\n')}\n  failed: ${failures.length}\n${table(['url', 'error'], shown)}`;
}

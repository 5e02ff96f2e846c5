// Drives the load: autocannon over a zipf list of URLs, each response checked and counted as it comes.
// Keeps its own latency histogram, in microseconds: autocannon's counts whole milliseconds, too coarse for hits.

import { createHistogram } from 'node:perf_hooks';
import autocannon from 'autocannon';
import type { CatalogueItem } from './catalogue.ts';

export interface LoadOptions {
  readonly url: string;
  readonly items: readonly CatalogueItem[];
  /** Draws the rank of the next request. */
  readonly next: () => number;
  readonly connections: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Called about once a second. */
  readonly onProgress: (progress: Progress) => void;
}

export interface Progress {
  readonly elapsedSeconds: number;
  /** Responses, and hits among them, since the last call. */
  readonly responses: number;
  readonly hits: number;
}

export interface LoadResult {
  readonly seconds: number;
  readonly responses: number;
  /** Content bytes of good responses. */
  readonly bytes: number;
  /** Served from the cache, fresh or stale, by X-Cache or else Cache-Status. */
  readonly hits: number;
  readonly hitBytes: number;
  /** Responses by X-Cache; '-' without one. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Not 200, or not the content that was asked for. */
  readonly wrong: number;
  /** Connections broken, and requests not answered within 10 s. */
  readonly errors: number;
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

export async function drive(options: LoadOptions): Promise<LoadResult> {
  const latencies = createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
  const outcomes: Record<string, number> = {};
  let [responses, bytes, hits, hitBytes, wrong] = [0, 0, 0, 0, 0];

  const instance = autocannon({
    url: options.url,
    connections: options.connections,
    duration: options.seconds,
    requests: [
      {
        setupRequest: (request, context) => {
          const item = options.items[options.next()];
          context.item = item;
          request.path = item?.path;
          return request;
        },
        onResponse: (status, body, context, headers) => {
          const { item } = context;
          responses++;
          if (status !== 200 || !isItem(item) || !isContentOf(item, body, headers)) {
            wrong++;
            return;
          }
          const outcome = field(headers, 'x-cache') ?? '-';
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
          bytes += item.sizeBytes;
          if (isHit(outcome, headers)) {
            hits++;
            hitBytes += item.sizeBytes;
          }
        },
      },
    ],
  });
  instance.on('response', (_client: unknown, _status: unknown, _bytes: unknown, milliseconds: unknown) => {
    latencies.record(Math.max(1, Math.round(Number(milliseconds) * 1000)));
  });

  const startedAt = performance.now();
  const before = { responses: 0, hits: 0, at: startedAt };
  instance.on('tick', () => {
    const at = performance.now();
    if (at - before.at < 500) return; // autocannon ticks once more when it stops
    options.onProgress({
      elapsedSeconds: Math.round((at - startedAt) / 1000),
      responses: responses - before.responses,
      hits: hits - before.hits,
    });
    Object.assign(before, { responses, hits, at });
  });
  const stop = (): void => instance.stop();
  options.signal.addEventListener('abort', stop, { once: true });
  const { errors } = await instance;
  options.signal.removeEventListener('abort', stop);
  options.signal.throwIfAborted();

  const seconds = (performance.now() - startedAt) / 1000;
  const at = (percentile: number): number => latencies.percentile(percentile) / 1000;
  const latencyMs = {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    max: responses === 0 ? 0 : latencies.max / 1000,
  };
  return { seconds, responses, bytes, hits, hitBytes, outcomes, wrong, errors, latencyMs };
}

function isItem(value: unknown): value is CatalogueItem {
  return typeof value === 'object' && value !== null && 'sizeBytes' in value && 'etag' in value;
}

type HeaderObject = Readonly<Record<string, string | string[]>>;

function isContentOf(item: CatalogueItem, body: string, headers: HeaderObject): boolean {
  return body.length === item.sizeBytes && field(headers, 'etag') === item.etag;
}

function isHit(outcome: string, headers: HeaderObject): boolean {
  if (outcome !== '-') return outcome === 'HIT' || outcome === 'STALE';
  return /;\s*hit(?=\s*(;|,|$))/.test(field(headers, 'cache-status') ?? '');
}

function field(headers: HeaderObject, name: string): string | undefined {
  for (const key in headers) {
    if (key.length !== name.length || key.toLowerCase() !== name) continue;
    const value = headers[key];
    return Array.isArray(value) ? value.join(', ') : value;
  }
  return undefined;
}

// Metrics whose numbers are kept elsewhere and read when somebody asks. Owns what the library wants for that; which
// metrics there are, the files beside this one say.

import { Counter, Gauge, type MetricObject, type Registry } from 'prom-client';
import { LATENCY_BOUNDS } from './counters.ts';

export type Labels = Readonly<Record<string, string | number>>;

type Numbers = number | undefined | Iterable<readonly [labels: Labels, value: number]>;

/** One number, or one for each set of labels; undefined leaves the metric out. */
type Read = () => Numbers | Promise<Numbers>;

/** How long things took. `buckets`: how many came to no more than each of LATENCY_BOUNDS, and to more than the one before. */
export interface Distribution {
  readonly count: number;
  readonly totalMs: number;
  readonly buckets: ArrayLike<number>;
}

type Reads = () => Iterable<readonly [Labels, Distribution]>;

export class Meters {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** @param labelNames of the labels that `read` gives */
  counter(name: string, help: string, read: Read, labelNames: readonly string[] = []): void {
    new Counter({
      ...{ name, help, labelNames: [...labelNames], registers: [this.#registry], aggregator: 'sum' },
      collect() {
        return show(this, read);
      },
    });
  }

  /** @param aggregator of the numbers of several workers */
  gauge(
    name: string,
    help: string,
    read: Read,
    labelNames: readonly string[] = [],
    aggregator: 'sum' | 'min' | 'first' = 'sum',
  ): void {
    new Gauge({
      ...{ name, help, labelNames: [...labelNames], registers: [this.#registry], aggregator },
      collect() {
        return show(this, read);
      },
    });
  }

  /** Of seconds. */
  histogram(name: string, help: string, read: Reads): void {
    this.#registry.registerMetric(histogram(name, help, read) as never);
  }
}

/** Numbers are taken before the metric is emptied: it may be asked for twice at a time. */
async function show(metric: Counter | Gauge, read: Read): Promise<void> {
  const numbers = await read();
  metric.reset();
  if (numbers === undefined) metric.remove();
  else if (typeof numbers === 'number') metric.inc(numbers);
  else for (const [labels, value] of numbers) metric.inc(labels, value);
}

/** In the form the registry asks metrics for. */
function histogram(
  name: string,
  help: string,
  read: Reads,
): {
  name: string;
  get(): Promise<Omit<MetricObject, 'collect'> & { values: unknown[] }>;
} {
  return {
    name,
    async get() {
      const values: { labels: Labels; value: number; metricName: string }[] = [];
      for (const [labels, { count, totalMs, buckets }] of read()) {
        let sum = 0;
        LATENCY_BOUNDS.forEach((le, i) => {
          sum += buckets[i] ?? 0;
          values.push({ labels: { le, ...labels }, value: sum, metricName: `${name}_bucket` });
        });
        values.push({ labels: { le: '+Inf', ...labels }, value: count, metricName: `${name}_bucket` });
        values.push({ labels, value: totalMs / 1000, metricName: `${name}_sum` });
        values.push({ labels, value: count, metricName: `${name}_count` });
      }
      return { name, help, type: 'histogram' as never, aggregator: 'sum' as never, values };
    },
  };
}

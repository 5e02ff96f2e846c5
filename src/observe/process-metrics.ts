// What the process says of itself, once per process: the library's defaults, when it started, which version it is.

import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import packageJson from '../../package.json' with { type: 'json' };

export function ownMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  // The library's own is left out where the metrics of several workers are put together.
  registry.removeSingleMetric('process_start_time_seconds');
  const startedAt = Math.round(performance.timeOrigin / 1000);
  const aggregator = 'first';
  const registers = [registry];
  new Gauge({
    aggregator,
    registers,
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
    collect() {
      this.set(startedAt);
    },
  });
  new Gauge({
    aggregator,
    registers,
    name: 'holdfast_build_info',
    help: 'Always 1; its label is the version of the program.',
    labelNames: ['version'],
    collect() {
      this.set({ version: packageJson.version }, 1);
    },
  });
}

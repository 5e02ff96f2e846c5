// Prometheus metrics made from the plain counters when somebody asks. Nothing of a request (URL, host, client) is ever a label.
// This file, meters.ts and process-metrics.ts import prom-client.

import { AggregatorRegistry, Registry } from 'prom-client';
import type { NodesHealth } from '../nodes.ts';
import type { BudgetReport } from '../origin/budget.ts';
import type { GroupReport } from '../origin/group.ts';
import type { Counters } from './counters.ts';
import { Meters } from './meters.ts';
import { budgetMetrics, originMetrics } from './origin-metrics.ts';
import { OUTCOMES, type OutcomeName } from './outcome.ts';
import { ownMetrics } from './process-metrics.ts';
import { storeMetrics, type TierStats } from './store-metrics.ts';

type TunnelCount = 'active' | 'opened' | 'idled' | 'received' | 'sent';

/** What metrics are read from, beside the counters. */
export interface Gauges {
  readonly connections: () => number;
  readonly originRequests: () => number;
  readonly originActive: () => number;
  readonly flights: () => number;
  readonly compressing: () => number;
  /** Of origin groups. */
  readonly origins: () => readonly GroupReport[];
  readonly tunnels: () => readonly Readonly<Record<TunnelCount, number>>[];
  /** By group; '' is `origin`. */
  readonly budgets: () => ReadonlyMap<string, BudgetReport>;
  readonly stores: () => Promise<TierStats>;
  /** When the first certificate ends, epoch ms; undefined without TLS. */
  readonly certificatesEndAt: () => number | undefined;
  /** Where there are several nodes. */
  readonly nodes?: (() => NodesHealth) | undefined;
}

/** A registry for one worker. `process` adds the process's own metrics (once per process). */
export function createMetrics(counters: Counters, gauges: Gauges, process: boolean): Registry {
  const registry = new Registry();
  if (process) ownMetrics(registry);
  const meters = new Meters(registry);
  const labelled = labelledBy(meters);

  const outcomes = Object.entries(counters.outcomes) as [OutcomeName, Counters['outcomes'][OutcomeName]][];
  const sentences = Object.entries(OUTCOMES)
    .map(([name, sentence]) => `${name}: ${sentence}`)
    .join(' ');
  labelled('holdfast_requests_total', `Requests by outcome. ${sentences}`, 'outcome', () =>
    outcomes.map(([name, counts]) => [name, counts.requests] as const),
  );
  labelled('holdfast_response_bytes_total', 'Content bytes handed to clients, by outcome.', 'outcome', () =>
    outcomes.map(([name, counts]) => [name, counts.bytes] as const),
  );
  meters.histogram(
    'holdfast_request_duration_seconds',
    'From the request head to the last byte handed to the client, by outcome.',
    () =>
      outcomes.map(([outcome, { requests: count, totalMs, buckets }]) => [
        { outcome },
        { count, totalMs, buckets },
      ]),
  );
  meters.counter(
    'holdfast_collapsed_total',
    'Requests that shared the response of a fetch another request had begun.',
    () => counters.collapsed,
  );
  meters.counter(
    'holdfast_background_revalidations_total',
    'Revalidations begun behind a stale response.',
    () => counters.backgroundRevalidations,
  );
  meters.counter('holdfast_purges_total', 'Purge records applied.', () => counters.purges);
  meters.counter(
    'holdfast_fenced_total',
    'Fetches in flight kept out of the store by a purge or an unsafe method.',
    () => counters.fenced,
  );
  meters.counter(
    'holdfast_variants_evicted_total',
    'Stored responses evicted because their key had more than maxVariants.',
    () => counters.variantsEvicted,
  );
  meters.counter(
    'holdfast_store_errors_total',
    'Storage operations that failed and counted as a miss.',
    () => counters.storeErrors,
  );
  labelled(
    'holdfast_refused_heads_total',
    'Request heads refused by the parser, by status.',
    'status',
    () => counters.refusedHeads,
  );
  labelled(
    'holdfast_turned_away_total',
    'Connections that were reset at once: too many, or without the PROXY header that is needed; by reason.',
    'reason',
    () => counters.turnedAway,
  );
  meters.gauge(
    'holdfast_tls_certificates_end_timestamp_seconds',
    'When the first of the certificates ends, as seconds since 1970; absent without TLS.',
    () => {
      const endAt = gauges.certificatesEndAt();
      return endAt === undefined ? undefined : endAt / 1000;
    },
    [],
    'min',
  );
  labelled(
    'holdfast_tls_handshake_failures_total',
    "TLS handshakes that failed, by OpenSSL's or the system's word.",
    'reason',
    () => counters.handshakeFailures,
  );
  labelled(
    'holdfast_refusals_total',
    'Requests that the edge refused itself, by reason.',
    'reason',
    () => counters.refusals,
  );
  labelled(
    'holdfast_noted_total',
    'Requests that a rule in dry run or log-only mode would have refused, by reason.',
    'reason',
    () => counters.noted,
  );
  labelled(
    'holdfast_origin_failures_total',
    'Exchanges with the origin that failed, by kind.',
    'kind',
    () => counters.originFailures,
  );
  meters.counter(
    'holdfast_origin_requests_total',
    'Requests sent to the origin, retries included.',
    gauges.originRequests,
  );
  meters.gauge('holdfast_origin_active', 'Exchanges with the origin under way.', gauges.originActive);
  meters.gauge('holdfast_flights', 'Fetches under way.', gauges.flights);
  compressionMetrics(counters, meters, labelled);
  meters.gauge(
    'holdfast_compression_queue',
    'Stored responses that wait to be compressed, or are being.',
    gauges.compressing,
  );
  meters.gauge('holdfast_client_connections', 'Open client connections.', gauges.connections);
  const tunnels = (count: TunnelCount) => gauges.tunnels().reduce((sum, one) => sum + one[count], 0);
  meters.gauge('holdfast_tunnels_active', 'Open tunnels, by Upgrade or CONNECT.', () => tunnels('active'));
  meters.counter('holdfast_tunnels_total', 'Tunnels opened.', () => tunnels('opened'));
  meters.counter('holdfast_tunnels_idle_total', 'Tunnels ended for silence.', () => tunnels('idled'));
  labelled(
    'holdfast_tunnel_bytes_total',
    'Bytes through tunnels, from clients and to them.',
    'direction',
    () => [
      ['from-client', tunnels('received')],
      ['to-client', tunnels('sent')],
    ],
  );
  originMetrics(meters, gauges.origins);
  budgetMetrics(meters, gauges.budgets);
  storeMetrics(meters, gauges);
  nodesMetrics(meters, gauges);
  return registry;
}

type Labelled = (
  name: string,
  help: string,
  label: string,
  entries: () => Iterable<readonly [string | number, number]>,
) => void;

/** Counters with one label. */
function labelledBy(meters: Meters): Labelled {
  return (name, help, label, entries) =>
    meters.counter(name, help, () => Array.from(entries(), ([key, value]) => [{ [label]: key }, value]), [
      label,
    ]);
}

function compressionMetrics(counters: Counters, meters: Meters, labelled: Labelled): void {
  labelled(
    'holdfast_compressed_total',
    'Encoded forms made of stored responses, by coding.',
    'coding',
    () => counters.formsMade,
  );
  meters.counter(
    'holdfast_compression_in_bytes_total',
    'Bytes of content that was compressed.',
    () => counters.formsBytesIn,
  );
  meters.counter('holdfast_compression_out_bytes_total', 'Bytes it came to.', () => counters.formsBytesOut);
  meters.counter(
    'holdfast_compression_seconds_total',
    'Time that compressing took, in threads beside the workers.',
    () => counters.formsMs / 1000,
  );
  labelled(
    'holdfast_compression_given_up_total',
    'Forms that are not there. futile: too little was saved. queue-full: too many were waiting. failed: an error, see the log.',
    'reason',
    () => [
      ['futile', counters.formsFutile],
      ['queue-full', counters.formsDropped],
      ['failed', counters.formsFailed],
    ],
  );
  meters.counter(
    'holdfast_compressed_responses_total',
    'Responses served in a form that was compressed here.',
    () => counters.formsServed,
  );
  meters.counter(
    'holdfast_compression_saved_bytes_total',
    'By how much the content of these was smaller; those to HEAD, conditions and ranges do not count.',
    () => counters.formsSavedBytes,
  );
}

/** The main thread's part when the workers are threads: the process's own metrics, and the stores they share. */
export function processMetrics(gauges: Pick<Gauges, 'stores' | 'nodes'>): () => Promise<object[]> {
  const registry = new Registry();
  const meters = new Meters(registry);
  ownMetrics(registry);
  storeMetrics(meters, gauges);
  nodesMetrics(meters, gauges);
  return () => registry.getMetricsAsJSON();
}

function nodesMetrics(meters: Meters, { nodes }: Pick<Gauges, 'nodes'>): void {
  if (nodes === undefined) return;
  const of: readonly (readonly [string, string, (health: NodesHealth) => number])[] = [
    ['shared_up', '1 while the tier that the nodes share answers.', ({ shared }) => Number(shared.ok)],
    ['nodes_linked', '1 while the purges of other nodes are heard.', (health) => Number(health.nodes.ok)],
    ['nodes', 'Other nodes that were heard of within seconds.', (health) => health.nodes.nodes.length],
    ['purges_unsent', 'Purges that wait to be sent to the other nodes.', (health) => health.nodes.unsent],
  ];
  for (const [name, help, value] of of) meters.gauge(`holdfast_${name}`, help, () => value(nodes()));
}

/** The metrics of several workers as one page. Each part is what `getMetricsAsJSON` gave there. */
export async function joinMetrics(parts: readonly object[][]): Promise<string> {
  return AggregatorRegistry.aggregate(parts as never).metrics();
}

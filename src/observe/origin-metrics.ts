// Metrics of origin groups, read from the groups when somebody asks. Labels are the names and URLs of the settings.

import { Counter, Gauge, type MetricObject, type Registry } from 'prom-client';
import type { BudgetReport } from '../origin/budget.ts';
import type { GroupReport } from '../origin/group.ts';
import type { ServerReport } from '../origin/server.ts';
import { LATENCY_BOUNDS } from './counters.ts';

type Reports = () => readonly GroupReport[];

const STATES = ['up', 'ejected', 'trial', 'down', 'drain', 'off'] as const;

export function originMetrics(registry: Registry, reports: Reports): void {
  const registers = [registry];
  const ofServer = ['group', 'server'];
  const counters: readonly (readonly [string, string, (server: ServerReport) => number])[] = [
    [
      'requests',
      'Requests sent to a server of a group, retries and second requests included.',
      (of) => of.requests,
    ],
    ['failures', 'Requests to a server that failed, by its health settings.', (of) => of.failures],
    ['ejections', 'Times that a server was ejected, by each worker.', (of) => of.ejections],
  ];
  for (const [name, help, value] of counters) {
    new Counter({
      name: `holdfast_origin_server_${name}_total`,
      help,
      labelNames: ofServer,
      registers,
      collect() {
        this.reset();
        each(reports, (labels, server) => this.inc(labels, value(server)));
      },
    });
  }
  new Gauge({
    name: 'holdfast_origin_server_active',
    help: 'Requests under way with a server of a group.',
    labelNames: ofServer,
    registers,
    aggregator: 'sum',
    collect() {
      this.reset();
      each(reports, (labels, server) => this.set(labels, server.active));
    },
  });
  new Gauge({
    name: 'holdfast_origin_server_state',
    help: 'Workers that see a server in a state. up: gets requests. ejected: failed, gets none for a time. trial: is tried again. down: its checks are bad. drain, off: the operator says so.',
    labelNames: [...ofServer, 'state'],
    registers,
    aggregator: 'sum',
    collect() {
      this.reset();
      each(reports, (labels, server) => {
        for (const state of STATES) this.set({ ...labels, state }, Number(server.state === state));
      });
    },
  });
  const ofGroup: readonly (readonly [string, string, (group: GroupReport) => number])[] = [
    ['retries', 'Requests that were sent to another server after one had failed.', (group) => group.retries],
    ['hedges', 'Second requests where the first was slow.', (group) => group.hedges],
    [
      'refused',
      'Requests that found no room with any server, or waited for it too long.',
      (group) => group.refused,
    ],
  ];
  for (const [name, help, value] of ofGroup) {
    new Counter({
      name: `holdfast_origin_group_${name}_total`,
      help,
      labelNames: ['group'],
      registers,
      collect() {
        this.reset();
        for (const group of reports()) this.inc({ group: group.group }, value(group));
      },
    });
  }
  new Gauge({
    name: 'holdfast_origin_group_waiting',
    help: 'Requests that wait for room with a server.',
    labelNames: ['group'],
    registers,
    aggregator: 'sum',
    collect() {
      this.reset();
      for (const group of reports()) this.set({ group: group.group }, group.waiting);
    },
  });
  registry.registerMetric(firstByteHistogram(reports) as never);
}

/** Shown only where a budget is set. */
export function budgetMetrics(registry: Registry, reports: () => ReadonlyMap<string, BudgetReport>): void {
  const registers = [registry];
  new Gauge({
    name: 'holdfast_origin_budget_running',
    help: 'Requests under way that count against the budget of an origin.',
    labelNames: ['origin'],
    registers,
    aggregator: 'sum',
    collect() {
      this.reset();
      for (const [name, { running }] of reports()) this.set({ origin: labelOf(name) }, running);
    },
  });
  new Gauge({
    name: 'holdfast_origin_budget_waiting',
    help: 'Requests that wait for the budget of an origin, by who waits for them: a user, nobody now (revalidation), nobody (warming).',
    labelNames: ['origin', 'urgency'],
    registers,
    aggregator: 'sum',
    collect() {
      this.reset();
      for (const [name, { waiting }] of reports())
        for (const [urgency, count] of Object.entries(waiting))
          this.set({ origin: labelOf(name), urgency }, count);
    },
  });
  new Counter({
    name: 'holdfast_origin_budget_refused_total',
    help: 'Requests that found no place in the line before the budget of an origin, or waited too long.',
    labelNames: ['origin'],
    registers,
    collect() {
      this.reset();
      for (const [name, { refused }] of reports()) this.inc({ origin: labelOf(name) }, refused);
    },
  });
}

/** No group has the name of `origin`. */
function labelOf(name: string): string {
  return name === '' ? '(origin)' : name;
}

const FIRST_BYTE = 'holdfast_origin_first_byte_seconds';

/** A histogram over counts that are kept elsewhere, in the form the registry asks metrics for. */
function firstByteHistogram(reports: Reports): {
  name: string;
  get(): Promise<Omit<MetricObject, 'collect'> & { values: unknown[] }>;
} {
  return {
    name: FIRST_BYTE,
    async get() {
      const values: { labels: Record<string, string | number>; value: number; metricName: string }[] = [];
      each(reports, (labels, { firstByte: { count, totalMs, buckets } }) => {
        let sum = 0;
        LATENCY_BOUNDS.forEach((le, i) => {
          sum += buckets[i] ?? 0;
          values.push({ labels: { le, ...labels }, value: sum, metricName: `${FIRST_BYTE}_bucket` });
        });
        values.push({ labels: { le: '+Inf', ...labels }, value: count, metricName: `${FIRST_BYTE}_bucket` });
        values.push({ labels, value: totalMs / 1000, metricName: `${FIRST_BYTE}_sum` });
        values.push({ labels, value: count, metricName: `${FIRST_BYTE}_count` });
      });
      return {
        name: FIRST_BYTE,
        help: 'From a request sent to a server of a group to the head of its response.',
        type: 'histogram' as never,
        aggregator: 'sum' as never,
        values,
      };
    },
  };
}

function each(
  reports: Reports,
  take: (labels: { group: string; server: string }, server: ServerReport) => void,
): void {
  for (const { group, servers } of reports())
    for (const server of servers) take({ group, server: server.url }, server);
}

// Metrics of origin groups, read from the groups when somebody asks. Labels are the names and URLs of the settings.

import type { BudgetReport } from '../origin/budget.ts';
import type { GroupReport } from '../origin/group.ts';
import type { ServerReport } from '../origin/server.ts';
import type { Meters } from './meters.ts';

type Reports = () => readonly GroupReport[];

const STATES = ['up', 'ejected', 'trial', 'down', 'drain', 'off'] as const;

export function originMetrics(meters: Meters, reports: Reports): void {
  const ofServer = ['group', 'server'];
  const byServer = (value: (server: ServerReport) => number) => () =>
    serversOf(reports).map(([labels, server]) => [labels, value(server)] as const);
  const counters: readonly (readonly [string, string, (server: ServerReport) => number])[] = [
    [
      'requests',
      'Requests sent to a server of a group, retries and second requests included.',
      (of) => of.requests,
    ],
    ['failures', 'Requests to a server that failed, by its health settings.', (of) => of.failures],
    ['ejections', 'Times that a server was ejected, by each worker.', (of) => of.ejections],
  ];
  for (const [name, help, value] of counters)
    meters.counter(`holdfast_origin_server_${name}_total`, help, byServer(value), ofServer);
  meters.gauge(
    'holdfast_origin_server_active',
    'Requests under way with a server of a group.',
    byServer((of) => of.active),
    ofServer,
  );
  meters.gauge(
    'holdfast_origin_server_state',
    'Workers that see a server in a state. up: gets requests. ejected: failed, gets none for a time. trial: is tried again. down: its checks are bad. drain, off: the operator says so.',
    () =>
      serversOf(reports).flatMap(([labels, server]) =>
        STATES.map((state) => [{ ...labels, state }, Number(server.state === state)] as const),
      ),
    [...ofServer, 'state'],
  );
  const byGroup = (value: (group: GroupReport) => number) => () =>
    reports().map((report) => [{ group: report.group }, value(report)] as const);
  const ofGroup: readonly (readonly [string, string, (group: GroupReport) => number])[] = [
    ['retries', 'Requests that were sent to another server after one had failed.', (group) => group.retries],
    ['hedges', 'Second requests where the first was slow.', (group) => group.hedges],
    [
      'refused',
      'Requests that found no room with any server, or waited for it too long.',
      (group) => group.refused,
    ],
  ];
  for (const [name, help, value] of ofGroup)
    meters.counter(`holdfast_origin_group_${name}_total`, help, byGroup(value), ['group']);
  meters.gauge(
    'holdfast_origin_group_waiting',
    'Requests that wait for room with a server.',
    byGroup((group) => group.waiting),
    ['group'],
  );
  meters.histogram(
    'holdfast_origin_first_byte_seconds',
    'From a request sent to a server of a group to the head of its response.',
    () => serversOf(reports).map(([labels, { firstByte }]) => [labels, firstByte] as const),
  );
}

/** Shown only where a budget is set. */
export function budgetMetrics(meters: Meters, reports: () => ReadonlyMap<string, BudgetReport>): void {
  const byOrigin = (value: (report: BudgetReport) => number) => () =>
    [...reports()].map(([name, report]) => [{ origin: labelOf(name) }, value(report)] as const);
  meters.gauge(
    'holdfast_origin_budget_running',
    'Requests under way that count against the budget of an origin.',
    byOrigin(({ running }) => running),
    ['origin'],
  );
  meters.gauge(
    'holdfast_origin_budget_waiting',
    'Requests that wait for the budget of an origin, by who waits for them: a user, nobody now (revalidation), nobody (warming).',
    () =>
      [...reports()].flatMap(([name, { waiting }]) =>
        Object.entries(waiting).map(
          ([urgency, count]) => [{ origin: labelOf(name), urgency }, count] as const,
        ),
      ),
    ['origin', 'urgency'],
  );
  meters.counter(
    'holdfast_origin_budget_refused_total',
    'Requests that found no place in the line before the budget of an origin, or waited too long.',
    byOrigin(({ refused }) => refused),
    ['origin'],
  );
}

/** No group has the name of `origin`. */
function labelOf(name: string): string {
  return name === '' ? '(origin)' : name;
}

function serversOf(reports: Reports): (readonly [{ group: string; server: string }, ServerReport])[] {
  return reports().flatMap(({ group, servers }) =>
    servers.map((server) => [{ group, server: server.url }, server] as const),
  );
}

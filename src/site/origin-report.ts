// The groups as an operator sees them: what each worker knows of them, put together. Pure.

import type { GroupReport } from '../origin/group.ts';
import type { HealthState } from '../origin/health.ts';
import type { ServerReport } from '../origin/server.ts';

export interface MergedServer extends Omit<ServerReport, 'firstByte' | 'ejectedUntil'> {
  /** How many workers see it in which state, where they differ: each has its own experience. */
  readonly workers?: Readonly<Partial<Record<HealthState, number>>>;
  readonly ejectedUntil?: string;
  /** Mean time to the response head, ms. */
  readonly firstByteMs: number | undefined;
}

export interface MergedGroup extends Omit<GroupReport, 'servers'> {
  readonly servers: readonly MergedServer[];
}

/** @param reports one list for each worker */
export function mergedGroups(reports: readonly (readonly GroupReport[])[]): readonly MergedGroup[] {
  const [first = []] = reports;
  return first.map((group) => {
    const all = reports.flatMap((one) => one.filter((other) => other.group === group.group));
    return {
      group: group.group,
      balance: group.balance,
      waiting: sum(all, ({ waiting }) => waiting),
      refused: sum(all, ({ refused }) => refused),
      retries: sum(all, ({ retries }) => retries),
      hedges: sum(all, ({ hedges }) => hedges),
      servers: group.servers.map((server) =>
        mergedServer(
          server,
          all.flatMap(({ servers }) => servers.filter(({ url }) => url === server.url)),
        ),
      ),
    };
  });
}

function mergedServer(server: ServerReport, all: readonly ServerReport[]): MergedServer {
  const { url, backup, weight, maxConnections } = server;
  const states: Partial<Record<HealthState, number>> = {};
  for (const { state } of all) states[state] = (states[state] ?? 0) + 1;
  const [[state] = [server.state]] = (Object.entries(states) as [HealthState, number][]).sort(
    (a, b) => b[1] - a[1],
  );
  const untils = all.flatMap(({ ejectedUntil }) => ejectedUntil ?? []);
  const count = sum(all, ({ firstByte }) => firstByte.count);
  const totalMs = sum(all, ({ firstByte }) => firstByte.totalMs);
  return {
    url,
    state,
    ...(Object.keys(states).length > 1 && { workers: states }),
    backup,
    weight,
    active: sum(all, ({ active }) => active),
    maxConnections: maxConnections * all.length,
    requests: sum(all, ({ requests }) => requests),
    failures: sum(all, ({ failures }) => failures),
    ejections: sum(all, ({ ejections }) => ejections),
    ...(untils.length > 0 && { ejectedUntil: new Date(Math.max(...untils)).toISOString() }),
    firstByteMs: count === 0 ? undefined : Math.round((totalMs / count) * 100) / 100,
  };
}

function sum<T>(all: readonly T[], value: (one: T) => number): number {
  return all.reduce((total, one) => total + value(one), 0);
}

// The stage of the origin group scenarios: several scripted origins as one group, and an edge before them.

import { onTestFinished } from 'vitest';
import { get, type Response } from './client.ts';
import { type ManualClock, manualClock } from './clock.ts';
import { startEdge, type TestEdge } from './edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from './origin.ts';
import type { Settings } from './proxying.ts';

export interface GroupScene {
  readonly origins: readonly ScriptedOrigin[];
  readonly edge: TestEdge;
  readonly clock: ManualClock;
  /** Goes on with other settings of the group. */
  reload(group: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Requests that each origin has had. */
  readonly counts: () => readonly number[];
}

export interface GroupSceneOptions {
  /** One for each origin: what its server has beside its url. */
  readonly servers: readonly Readonly<Record<string, unknown>>[];
  /** The group's settings beside its servers. */
  readonly group?: Readonly<Record<string, unknown>>;
  readonly settings?: Settings;
}

/** Each origin answers everything with its number and no-store until it is scripted. */
export async function groupScene({
  servers,
  group = {},
  settings = {},
}: GroupSceneOptions): Promise<GroupScene> {
  const clock = manualClock();
  const origins = await Promise.all(servers.map(() => scriptedOrigin({ now: clock.now })));
  origins.forEach((origin, i) => {
    onTestFinished(() => origin.close());
    origin.on('*', { headers: { 'Cache-Control': 'no-store' }, body: String(i) });
  });
  const timeouts = { drain: '0ms', ...settings.timeouts };
  const settingsOf = (of: Readonly<Record<string, unknown>>): Settings => {
    const app = { ...of, servers: servers.map((server, i) => ({ url: origins[i]?.url, ...server })) };
    return { ...settings, timeouts, origins: { app } };
  };
  const edge = await startEdge({ origin: 'app', clock, settings: settingsOf(group) });
  onTestFinished(() => edge.close());
  return {
    origins,
    edge,
    clock,
    reload: (changed) => edge.reload(settingsOf(changed)),
    counts: () => origins.map((origin) => origin.requests().length),
  };
}

/** One GET after another; what answered each. */
export async function whoAnswers(
  edge: TestEdge,
  requests: number,
  target = (i: number): string => `/${i}`,
): Promise<string> {
  let answers = '';
  for (let i = 0; i < requests; i += 1) answers += textOf(await get(edge.url, target(i)));
  return answers;
}

/** The body where it is a 200, else the status. */
export function textOf({ status, body }: Response): string {
  return status === 200 ? body.toString() : String(status);
}

/** The transitions of servers in the log: `url: from to`. */
export function transitions(edge: TestEdge): readonly string[] {
  return edge.log
    .filter(({ msg }) => typeof msg === 'string' && /^origin \w+$/.test(msg))
    .map(({ server, from, to }) => `${server}: ${from} ${to}`);
}

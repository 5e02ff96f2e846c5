// The stage of the cache scenarios: a scripted origin and an edge before it that share one clock, gone when the test is
// over. What is in flight then is cut.

import { onTestFinished } from 'vitest';
import { type ManualClock, manualClock } from './clock.ts';
import { scratchDir, startEdge, type TestEdge } from './edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from './origin.ts';
import { type Settings, until } from './proxying.ts';

export type { Settings } from './proxying.ts';
export { sha256, until } from './proxying.ts';

export interface Scene {
  readonly origin: ScriptedOrigin;
  readonly edge: TestEdge;
  readonly clock: ManualClock;
  /** A free address for a second run of the same edge: the first is closed, the clock and the settings stay. */
  restart(changed?: Settings): Promise<TestEdge>;
}

/** An origin and an edge; memory only unless the settings name a disk. */
export async function scene(settings: Settings = {}): Promise<Scene> {
  const clock = manualClock();
  const origin = await scriptedOrigin({ now: clock.now });
  onTestFinished(() => origin.close());
  const run = async (set: Settings): Promise<TestEdge> => {
    const timeouts = { drain: '0ms', ...set.timeouts };
    const edge = await startEdge({ origin: origin.url, clock, settings: { ...set, timeouts } });
    onTestFinished(() => edge.close());
    return edge;
  };
  const edge = await run(settings);
  const restart = async (changed: Settings = {}): Promise<TestEdge> => {
    await edge.close();
    return run({ ...settings, ...changed });
  };
  return { origin, edge, clock, restart };
}

/** A directory for a disk tier, removed when the test is over. */
export async function diskDir(): Promise<string> {
  const { path, remove } = await scratchDir();
  onTestFinished(remove);
  return path;
}

/** The metrics page as numbers by series, such as `holdfast_requests_total{outcome="hit"}`. */
export async function metricsOf(edge: TestEdge): Promise<ReadonlyMap<string, number>> {
  const page = await (await fetch(`${edge.admin}/metrics`)).text();
  const series = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, name, value] = /^([^#\s]\S*) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) series.set(name, Number(value));
  }
  return series;
}

/** Resolves when no fetch is under way any more: what they brought is in memory. */
export async function settled(edge: TestEdge): Promise<void> {
  while ((await metricsOf(edge)).get('holdfast_flights') !== 0);
}

/** Resolves when so many requests have reached the edge's cache and wait there, or are on their way to the origin. */
export async function waiting(edge: TestEdge, requests: number): Promise<void> {
  void (await until(() => true));
  while (((await metricsOf(edge)).get('holdfast_client_connections') ?? 0) < requests);
}

// The stage of the cache scenarios: a scripted origin and an edge before it that share one clock, gone when the test is
// over. What is in flight then is cut.

import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { onTestFinished } from 'vitest';
import { type Connection, connect, type Response } from './client.ts';
import { type ManualClock, manualClock } from './clock.ts';
import { scratchDir, startEdge, type TestEdge } from './edge.ts';
import { type ScriptedOrigin, scriptedOrigin } from './origin.ts';
import type { Settings } from './proxying.ts';

export type { Settings } from './proxying.ts';
export { sha256, until } from './proxying.ts';

export interface Scene {
  readonly origin: ScriptedOrigin;
  readonly edge: TestEdge;
  readonly clock: ManualClock;
  /** Closes the edge and starts it again: clock and port stay, and the settings but for `changed`. */
  restart(changed?: Settings): Promise<TestEdge>;
}

/**
 * An origin and an edge; memory only unless the settings name a disk.
 * @param startMs where the clock begins, epoch ms; several workers run on the real clock whatever this one says
 */
export async function scene(settings: Settings = {}, startMs?: number): Promise<Scene> {
  const clock = manualClock(startMs);
  const origin = await scriptedOrigin({ now: clock.now });
  onTestFinished(() => origin.close());
  const run = async (set: Settings): Promise<TestEdge> => {
    const timeouts = { drain: '0ms', ...set.timeouts };
    const edge = await startEdge({ origin: origin.url, clock, settings: { ...set, timeouts } });
    onTestFinished(() => edge.close());
    return edge;
  };
  const edge = await run(settings);
  let current = edge;
  const restart = async (changed: Settings = {}): Promise<TestEdge> => {
    await current.close();
    current = await run({ ...settings, listen: `127.0.0.1:${edge.port}`, ...changed });
    return current;
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

/** The receipt that a purge was answered with, its counts complete: a large purge goes on counting behind. */
export async function exactReceipt(edge: TestEdge, { body }: Pick<Response, 'body'>): Promise<unknown> {
  let receipt = JSON.parse(body.toString());
  while (receipt.counting === true) receipt = await (await fetch(`${edge.admin}${receipt.poll}`)).json();
  return receipt;
}

/** Resolves when no fetch is under way any more: what they brought is in memory. */
export async function settled(edge: TestEdge): Promise<void> {
  while ((await metricsOf(edge)).get('holdfast_flights') !== 0);
}

/** Lets the edge (which runs in this process) read everything that is in its sockets now. */
export async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Connections that the edge has accepted. */
export async function crowd(edge: TestEdge, count: number): Promise<readonly Connection[]> {
  const connections = await Promise.all(Array.from({ length: count }, () => connect(edge.url)));
  onTestFinished(() => {
    for (const connection of connections) connection.close();
  });
  while (((await metricsOf(edge)).get('holdfast_client_connections') ?? 0) < count);
  return connections;
}

/** A client that sends a request and can go away before anything has come back. */
export async function fleeting(edge: TestEdge, target: string): Promise<{ reset(): void }> {
  const socket = connectSocket(edge.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${edge.port}\r\n\r\n`);
  return { reset: () => void socket.resetAndDestroy() };
}

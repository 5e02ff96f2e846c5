// The stage of the proxying scenarios: an origin and an edge before it, both gone when the test is over. In-flight
// exchanges are cut then, so that no test waits for another's.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { startEdge, type TestEdge } from './edge.ts';
import { type RawOrigin, type RawRequest, rawOrigin, type ScriptedOrigin, scriptedOrigin } from './origin.ts';

export type Settings = Readonly<Record<string, unknown>> & {
  readonly timeouts?: Readonly<Record<string, string>>;
};

/** Takes what is to be closed at the end of the test; tests that run side by side give their own. */
type Finished = (close: () => Promise<void>) => void;

/** An edge before whatever is at `origin`. */
export async function edgeBefore(
  origin: string,
  settings: Settings = {},
  finished: Finished = onTestFinished,
): Promise<TestEdge> {
  const timeouts = { drain: '0ms', ...settings.timeouts };
  const edge = await startEdge({ origin, settings: { ...settings, timeouts } });
  finished(() => edge.close());
  return edge;
}

/** A scripted origin and an edge before it. */
export async function proxied(
  settings: Settings = {},
  finished: Finished = onTestFinished,
): Promise<{ origin: ScriptedOrigin; edge: TestEdge }> {
  const origin = await scriptedOrigin();
  finished(() => origin.close());
  return { origin, edge: await edgeBefore(origin.url, settings, finished) };
}

/** An origin that writes its own bytes, and an edge before it. */
export async function proxiedRaw(
  answer: (request: RawRequest, socket: Socket) => unknown,
  settings: Settings = {},
): Promise<{ origin: RawOrigin; edge: TestEdge }> {
  const origin = await rawOrigin(answer);
  onTestFinished(() => origin.close());
  return { origin, edge: await edgeBefore(origin.url, settings) };
}

/** The fields of the first request for `path`; lower-case names. */
export function headersOf(origin: ScriptedOrigin, path: string): Readonly<Record<string, string>> {
  const [request] = origin.requests(path);
  if (request === undefined) throw new Error(`no request for ${path} has come`);
  return request.headers;
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Resolves when `holds` does, looked at after each turn of the event loop. The test's own time limit bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate);
}

// One measurement: a subject, a row, some seconds. Throws when the subject did not do what the row is about: a cache that
// asks its origin for hits, or that answers with errors, has no place in the table.

import { fetchAll, openIdle, originCount } from './client.ts';
import type { Daemon } from './daemon.ts';
import type { Row } from './rows.ts';
import { wrk } from './wrk.ts';

/** A subject that runs. */
export interface Contender {
  readonly name: string;
  readonly daemon: Daemon;
  readonly port: number;
  readonly originPort: number;
}

/** One cell's figures in one round. */
export interface Sample {
  readonly requestsPerSecond?: number;
  readonly cpuMicros?: number;
  readonly p50Micros?: number;
  readonly p99Micros?: number;
  /** Resident bytes that one idle connection costs. */
  readonly bytesPerConnection?: number;
  readonly connections?: number;
}

/** The core that load and origin share; subjects have core 0. */
export const LOAD_CORE = 1;

/** Part of the requests that may go the other way: at the seams of a measurement, and where a cache revalidates. */
const STRAY = 0.01;

/** Fills the store with what the row asks for, and runs its load for a moment. */
export async function warm(row: Row, { port }: Contender): Promise<void> {
  const numbered =
    row.urls === undefined ? [row.path] : Array.from({ length: row.urls }, (_, i) => row.path + i);
  if (row.origin === 'nothing') await fetchAll(port, numbered);
  if (row.idle === true) return;
  const first = row.mode === 'one' ? row.path : `${row.path}0`;
  await fetchAll(port, [first], row.status, row.headers);
  await wrk(row, { port, connections: row.connections, seconds: 1, core: LOAD_CORE, run: 'warm' });
}

export async function measure(row: Row, contender: Contender, seconds: number, run: string): Promise<Sample> {
  if (row.idle === true) return measureIdle(row, contender);
  const { daemon, port, originPort, name } = contender;
  const asked = await originCount(originPort);
  const cpu = daemon.cpuSeconds();
  const figures = await wrk(row, { port, connections: row.connections, seconds, core: LOAD_CORE, run });
  const used = daemon.cpuSeconds() - cpu;
  const { requests, errors, requestsPerSecond, p50Micros, p99Micros } = figures;
  const share = ((await originCount(originPort)) - asked) / requests;
  const strays = row.origin === 'nothing' ? share : 1 - share;
  if (strays > STRAY)
    throw new Error(`${name}: ${(100 * share).toFixed(1)} % of "${row.name}" reached the origin`);
  if (errors > requests * STRAY) throw new Error(`${name}: ${errors} errors in "${row.name}"`);
  return { requestsPerSecond, cpuMicros: (used * 1e6) / requests, p50Micros, p99Micros };
}

async function measureIdle({ path, connections }: Row, { daemon, port }: Contender): Promise<Sample> {
  const before = daemon.residentBytes();
  const sockets = await openIdle(port, path, connections);
  const after = daemon.residentBytes();
  for (const socket of sockets) socket.destroy();
  return { connections: sockets.length, bytesPerConnection: (after - before) / Math.max(1, sockets.length) };
}

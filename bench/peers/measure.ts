// One measurement: a subject, a row, some seconds. Throws when the subject did not do what the row is about: a cache that
// asks its origin for hits, or that answers with errors, has no place in the table.

import { closeAll, fetchAll, openIdle, originCount } from './client.ts';
import type { Daemon } from './daemon.ts';
import { h2load } from './h2load.ts';
import type { Row } from './rows.ts';
import { type Figures, wrk } from './wrk.ts';

/** A subject that runs. */
export interface Contender {
  readonly name: string;
  readonly daemon: Daemon;
  readonly port: number;
  readonly tlsPort: number;
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

/** Connections that are opened and closed before idle ones are counted. */
const FIRST = 200;

/** Fills the store with what the row asks for, and runs its load for a moment. */
export async function warm(row: Row, contender: Contender): Promise<void> {
  const server = serverOf(row, contender);
  const numbered =
    row.urls === undefined ? [row.path] : Array.from({ length: row.urls }, (_, i) => row.path + i);
  if (row.origin === 'nothing') await fetchAll(server, numbered);
  const first = row.mode === 'one' ? row.path : `${row.path}0`;
  await fetchAll(server, [first], row.status, row.headers);
  await drive(row, contender, 1, 'warm');
}

export async function measure(row: Row, contender: Contender, seconds: number, run: string): Promise<Sample> {
  const { daemon, originPort, name } = contender;
  const asked = await originCount(originPort);
  const cpu = daemon.cpuSeconds();
  const figures = await drive(row, contender, seconds, run);
  const used = daemon.cpuSeconds() - cpu;
  const { requests, errors, requestsPerSecond, p50Micros, p99Micros } = figures;
  const share = ((await originCount(originPort)) - asked) / requests;
  const strays = row.origin === 'nothing' ? share : 1 - share;
  if (strays > STRAY)
    throw new Error(`${name}: ${(100 * share).toFixed(1)} % of "${row.name}" reached the origin`);
  if (errors > requests * STRAY) throw new Error(`${name}: ${errors} errors in "${row.name}"`);
  return { requestsPerSecond, cpuMicros: (used * 1e6) / requests, p50Micros, p99Micros };
}

/** For a contender that has just been started: what earlier rows have left behind would be found again. */
export async function measureIdle(row: Row, contender: Contender): Promise<Sample> {
  const { path, connections } = row;
  const { daemon, port } = contender;
  await fetchAll({ port, secure: false }, [path]);
  // What the first connections bring along once (code, pools, a heap that grows) is not theirs.
  await closeAll(await openIdle(port, path, FIRST));
  const before = daemon.residentBytes();
  const sockets = await openIdle(port, path, connections);
  const after = daemon.residentBytes();
  await closeAll(sockets);
  if (sockets.length < connections * 0.99)
    throw new Error(`${contender.name}: only ${sockets.length} of ${connections} idle connections`);
  return { connections: sockets.length, bytesPerConnection: (after - before) / sockets.length };
}

function drive(row: Row, contender: Contender, seconds: number, run: string): Promise<Figures> {
  const { connections, protocol } = row;
  const how = { ...serverOf(row, contender), connections, seconds, core: LOAD_CORE, run };
  return protocol === 'h2' ? h2load(row, how) : wrk(row, how);
}

function serverOf({ protocol }: Row, { port, tlsPort }: Contender): { port: number; secure: boolean } {
  return protocol === 'clear' ? { port, secure: false } : { port: tlsPort, secure: true };
}

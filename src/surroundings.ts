// What the host gives the program, beside what the settings ask of it: user, open files, memory. Says at the start what will
// go wrong later, and the way out. Looks, changes nothing.

import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Config } from './config.ts';

export interface Surroundings {
  /** undefined where users have no numbers. */
  readonly userId: number | undefined;
  /** Files and sockets that the process may have open; undefined where that is not known, or without a bound. */
  readonly openFiles: number | undefined;
  /** The host's, or the container's bound. */
  readonly memoryBytes: number;
}

/** Stores, logs, listeners, what Node itself has open; for each worker. */
const OWN_FILES = 64;
/** Clients that a site of any size has connected at a time, most of them idle; where the settings set no bound. */
const CLIENTS = 4096;
/** Beside stored responses: the program, what is on its way. */
const OWN_MEMORY_BYTES = 128 * 1024 * 1024;
const MB = 1024 * 1024;

export function lookAround(): Surroundings {
  // 0 or a number beyond any memory: there is no bound.
  const bound = process.constrainedMemory();
  return {
    userId: process.getuid?.(),
    openFiles: openFilesOf(readLimits()),
    memoryBytes: bound > 0 ? Math.min(bound, totalmem()) : totalmem(),
  };
}

/** The soft limit of open files in the text of /proc/PID/limits. Node has raised it to the hard one at its start. */
export function openFilesOf(limits: string): number | undefined {
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? undefined : Number(soft);
}

/** Sentences for the log, each with the way out. @param workers that run */
export function warningsOf(
  { userId, openFiles, memoryBytes }: Surroundings,
  config: Pick<Config, 'originConnections' | 'origin' | 'origins' | 'memoryBytes' | 'connections'>,
  workers: number,
): readonly string[] {
  const warnings: string[] = [];
  if (userId === 0) {
    warnings.push(
      'running as root: a fault in this program would be one in the whole host. Run it as a user of its own; ports below 1024 take CAP_NET_BIND_SERVICE only (docs/running.md)',
    );
  }
  const toOrigins = workers * originConnections(config);
  // Who is forwarded takes two: a client's and an origin's.
  const wanted = (config.connections.total ?? CLIENTS) + 2 * toOrigins + workers * OWN_FILES;
  if (openFiles !== undefined && openFiles < wanted) {
    const left = Math.max(0, openFiles - workers * OWN_FILES - toOrigins);
    warnings.push(
      `only ${openFiles} open files are allowed: with ${toOrigins} connections to origins that leaves ${left} for clients, and more will be refused. Allow ${wanted} or more: LimitNOFILE= in the systemd unit, --ulimit nofile= for a container, ulimit -n in a shell; or set originConnections lower`,
    );
  }
  if (config.memoryBytes + OWN_MEMORY_BYTES > memoryBytes) {
    warnings.push(
      `memory is ${Math.round(config.memoryBytes / MB)} MB of ${Math.round(memoryBytes / MB)} MB that there are: with what the program itself needs (${OWN_MEMORY_BYTES / MB} MB and more) it may be killed. Set memory lower, or give the host or container more`,
    );
  }
  return warnings;
}

/** Of one worker. */
function originConnections({
  origin,
  origins,
  originConnections: ofOne,
}: Pick<Config, 'originConnections' | 'origin' | 'origins'>): number {
  const groups = Object.values(origins).flatMap(({ servers }) => servers);
  const sum = groups.reduce((total, { maxConnections }) => total + maxConnections, 0);
  return origin.kind === 'group' ? sum : sum + ofOne;
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

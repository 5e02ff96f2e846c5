// Drives h2load, of the nghttp2 project, on its own core and reads its figures. Latencies come from the log that it writes of
// each request.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Drive, Figures, Load } from './wrk.ts';

/** Requests under way at a time on one connection. */
export const STREAMS = 10;

export async function h2load({ path }: Load, { port, connections, seconds, core }: Drive): Promise<Figures> {
  const log = join(tmpdir(), `holdfast-h2load-${process.pid}.log`);
  const url = `https://127.0.0.1:${port}${path}`;
  const load = ['-t1', `-c${connections}`, `-m${STREAMS}`, `-D${seconds}`, `--log-file=${log}`, url];
  const child = spawn('taskset', ['-c', String(core), 'h2load', ...load], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    return read(output, readFileSync(log, 'latin1'), seconds);
  } finally {
    rmSync(log, { force: true });
  }
}

function read(output: string, log: string, seconds: number): Figures {
  const found = /^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored/m
    .exec(output)
    ?.slice(1)
    .map(Number);
  const [requests = 0, failed = 0, errored = 0] = found ?? [];
  if (requests === 0) throw new Error(`h2load has no figures:\n${output}`);
  const taken = log
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .filter((micros) => micros > 0)
    .sort((a, b) => a - b);
  const at = (share: number): number => taken[Math.floor(taken.length * share)] ?? 0;
  return {
    requests,
    requestsPerSecond: requests / seconds,
    errors: failed + errored,
    p50Micros: at(0.5),
    p99Micros: at(0.99),
  };
}

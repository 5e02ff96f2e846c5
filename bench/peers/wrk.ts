// Drives wrk on its own core and reads its figures. The requests come from load.lua, told by arguments what to ask for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const SCRIPT = resolve(import.meta.dirname, 'load.lua');

export interface Load {
  /** How URLs are made: one; each of `urls` in turn by zipf or at random with a user agent; a new one each time. */
  readonly mode: 'one' | 'zipf' | 'agents' | 'unique';
  /** First part of the path; numbered modes append to it. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly urls?: number;
}

export interface Figures {
  readonly requestsPerSecond: number;
  readonly requests: number;
  /** Connections that failed, requests that were not answered, statuses of 400 and more. */
  readonly errors: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

export interface Drive {
  readonly port: number;
  /** Over TLS. */
  readonly secure: boolean;
  readonly connections: number;
  readonly seconds: number;
  readonly core: number;
  /** Sets apart the URLs of one run in the mode `unique`; part of a path. */
  readonly run: string;
}

export async function wrk(
  load: Load,
  { port, secure, connections, seconds, core, run }: Drive,
): Promise<Figures> {
  const { mode, path, headers = {}, urls = 1 } = load;
  const command = ['-c', String(core), 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s'];
  const lines = Object.entries(headers).flat();
  const child = spawn(
    'taskset',
    [
      ...command,
      '-s',
      SCRIPT,
      `${secure ? 'https' : 'http'}://127.0.0.1:${port}${path}`,
      '--',
      mode,
      path,
      String(urls),
      run,
      ...lines,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const found = /^figures (\S+) (\S+) (\S+) (\S+) (\S+)$/m.exec(output)?.slice(1).map(Number);
  const [requests = 0, micros = 1, errors = 0, p50Micros = 0, p99Micros = 0] = found ?? [];
  if (found === undefined || requests === 0) throw new Error(`wrk has no figures:\n${output}`);
  return { requestsPerSecond: (requests * 1e6) / micros, requests, errors, p50Micros, p99Micros };
}

// The processes that the bench starts: the origin and the edge. None outlives the bench, unless it is
// killed with SIGKILL.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const running = new Set<Child>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A child running this Node on a TypeScript file. Its last lines of output are kept for the error message. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  readonly #exited: Promise<unknown>;

  constructor(name: string, args: readonly string[]) {
    this.name = name;
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#process, 'exit').catch(() => undefined);
    running.add(this);
    void this.#exited.then(() => running.delete(this));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => {
        if (this.#lines.push(line) > 20) this.#lines.shift();
        for (const watcher of this.#watchers) watcher(line);
      });
    }
  }

  get alive(): boolean {
    return (
      this.#process.exitCode === null && this.#process.signalCode === null && this.#process.pid !== undefined
    );
  }

  /** Resolves with the first match in a line of output. Throws when the child exits or `timeoutMs` pass before. */
  async output(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const found = Promise.withResolvers<RegExpExecArray>();
    const watcher = (line: string): void => {
      const match = pattern.exec(line);
      if (match !== null) found.resolve(match);
    };
    for (const line of this.#lines) watcher(line);
    this.#watchers.add(watcher);
    const over = new AbortController();
    const timeout = wait(timeoutMs, undefined, { signal: over.signal, ref: false }).catch(() => undefined);
    const match = await Promise.race([found.promise, this.#exited.then(() => undefined), timeout]);
    this.#watchers.delete(watcher);
    over.abort();
    if (match === undefined) throw this.failure('is not ready');
    return match;
  }

  /** Polls until `url` answers 200. Throws when the child exits or `timeoutMs` pass before. */
  async ready(url: string, timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.alive && performance.now() < until) {
      const answered = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
      await answered?.arrayBuffer();
      if (answered?.status === 200) return;
      await wait(50);
    }
    throw this.failure(`does not answer ${url}`);
  }

  failure(what: string): Error {
    const state = this.alive ? 'runs' : `has exited (${this.#process.exitCode ?? this.#process.signalCode})`;
    return new Error([`${this.name} ${what}; it ${state}. Its last words:`, ...this.#lines].join('\n  '));
  }

  /** CPU seconds used so far, resident bytes now and at most; undefined where there is no /proc. */
  usage():
    | { readonly cpuSeconds: number; readonly residentBytes: number; readonly peakRssBytes: number }
    | undefined {
    try {
      const stat = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8');
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const ticks = Number(fields[11]) + Number(fields[12]);
      const peakKib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
      const residentKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
      return {
        cpuSeconds: ticks / 100,
        residentBytes: residentKib * 1024,
        peakRssBytes: peakKib * 1024,
      };
    } catch {
      return undefined;
    }
  }

  kill(signal: NodeJS.Signals): void {
    if (this.alive) this.#process.kill(signal);
  }

  /** SIGTERM, and after five seconds SIGKILL. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.kill('SIGTERM');
    const over = new AbortController();
    const late = wait(5000, 'late', { signal: over.signal }).catch(() => undefined);
    const first = await Promise.race([this.#exited, late]);
    over.abort();
    if (first !== 'late') return;
    this.kill('SIGKILL');
    await this.#exited;
  }
}

/** A port on 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

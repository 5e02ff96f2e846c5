// A daemon pinned to one core: started in the foreground, waited for, stopped; its CPU time and memory from /proc over all
// its processes and threads. None outlives the bench, unless that is killed with SIGKILL.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const running = new Set<Daemon>();
process.once('exit', () => {
  for (const daemon of running) daemon.kill('SIGKILL');
});

const TICKS_PER_SECOND = 100;

export class Daemon {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  #words = '';

  constructor(name: string, core: number, [file, ...args]: readonly [string, ...string[]]) {
    this.name = name;
    this.#process = spawn('taskset', ['-c', String(core), file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production' },
    });
    this.#exited = once(this.#process, 'exit').catch(() => undefined);
    running.add(this);
    void this.#exited.then(() => running.delete(this));
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#words = (this.#words + bytes.toString('latin1')).slice(-2000);
      });
    }
  }

  get alive(): boolean {
    const { pid, exitCode, signalCode } = this.#process;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Resolves when the port takes connections. Throws when the daemon ends or `timeoutMs` pass before. */
  async ready(port: number, timeoutMs: number): Promise<void> {
    const until = performance.now() + timeoutMs;
    while (this.alive && performance.now() < until) {
      if (await takesConnections(port)) return;
      await wait(50);
    }
    throw new Error(`${this.name} does not listen. Its last words:\n${this.#words}`);
  }

  /** CPU seconds used so far, user and system, by the daemon and its children. */
  cpuSeconds(): number {
    let ticks = 0;
    for (const pid of this.#pids()) {
      const stat = read(`/proc/${pid}/stat`);
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    }
    return ticks / TICKS_PER_SECOND;
  }

  /** Resident bytes of the daemon and its children; what they share counts once. */
  residentBytes(): number {
    let kib = 0;
    for (const pid of this.#pids()) {
      const share = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
      kib += Number(share ?? /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
    }
    return kib * 1024;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.alive) this.#process.kill(signal);
  }

  /** SIGTERM, and after `graceMs` SIGKILL. */
  async stop(graceMs = 3000): Promise<void> {
    if (!this.alive) return;
    this.kill('SIGTERM');
    const late = wait(graceMs, 'late', { ref: false });
    if ((await Promise.race([this.#exited, late])) !== 'late') return;
    const children = this.#pids();
    this.kill('SIGKILL');
    for (const pid of children) killQuietly(pid);
    await this.#exited;
  }

  #pids(): readonly number[] {
    const root = this.#process.pid;
    if (root === undefined) return [];
    const children = Map.groupBy(processes(), ({ parent }) => parent);
    const found = [root];
    for (const pid of found) found.push(...(children.get(pid) ?? []).map((child) => child.pid));
    return found;
  }
}

function processes(): readonly { readonly pid: number; readonly parent: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const stat = read(`/proc/${name}/stat`);
      return { pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0) };
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone with its parent.
  }
}

function takesConnections(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => resolve(true));
  socket.once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}

// Starts the whole edge in this process, put together exactly as the program does it (src/start.ts), on free ports, with an
// injected clock and a log that tests can read.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, parseConfig } from '../../src/config.ts';
import { createLog } from '../../src/observe/log.ts';
import type { Reload } from '../../src/reload.ts';
import { start } from '../../src/start.ts';
import { type ManualClock, manualClock } from './clock.ts';

export interface TestEdge {
  /** http://127.0.0.1:port of the client listener. */
  readonly url: string;
  readonly port: number;
  /** https://127.0.0.1:port, where the settings have TLS. */
  readonly secureUrl: string;
  /** http://127.0.0.1:port of the forward proxy's listener. */
  readonly forward: string;
  /** http://127.0.0.1:port of the admin listener. */
  readonly admin: string;
  readonly clock: ManualClock;
  /** Every log line so far, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Has it read its settings anew, or others in their place. */
  reload(settings?: Readonly<Record<string, unknown>>): Promise<Reload>;
  /** The access records so far. */
  readonly requests: () => readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

export interface TestEdgeOptions {
  readonly origin: string;
  /** Settings as in config.json, over: memory only, access log on. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Shared between edges that are the same edge restarted. */
  readonly clock?: ManualClock;
}

/** Of every edge that is not told otherwise: HOLDFAST_TEST_WORKERS=2 plays the scenarios on several threads. */
const WORKERS = Number(process.env.HOLDFAST_TEST_WORKERS ?? '1');

/** An edge in front of an origin. */
export async function startEdge({
  origin,
  settings = {},
  clock = manualClock(),
}: TestEdgeOptions): Promise<TestEdge> {
  const lines: Record<string, unknown>[] = [];
  const { log } = createLog({ level: 'info', to: { write: (line) => void lines.push(JSON.parse(line)) } });
  const base = {
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    origin,
    workers: WORKERS,
    disk: { dir: 'none' },
  };
  let wanted = settings;
  const load = (): Config => parseConfig({ ...base, ...wanted }, 'test');
  const running = await start(load(), log, { clock: clock.memory, load });
  return {
    url: `http://127.0.0.1:${running.listening.port}`,
    port: running.listening.port,
    secureUrl: `https://127.0.0.1:${running.tls?.port ?? 0}`,
    forward: `http://127.0.0.1:${running.forward?.port ?? 0}`,
    admin: `http://127.0.0.1:${running.admin?.port ?? 0}`,
    clock,
    log: lines,
    reload: (other = wanted) => {
      wanted = other;
      return running.reload('test');
    },
    requests: () => lines.filter((line) => line.msg === 'request'),
    close: () => running.close(),
  };
}

/** A directory for a disk tier, removed by `remove`. */
export async function scratchDir(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

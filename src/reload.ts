// Settings that change while the edge runs: read and checked whole, then put in place of the old ones; on any fault the old
// ones stay. One at a time. What is fixed at the start is named and waits for the next.

import { isDeepStrictEqual } from 'node:util';
import { type Config, ConfigError, type Fault } from './config.ts';
import type { Log } from './observe/log.ts';

/** What a reload came to. */
export type Reload =
  | {
      readonly ok: true /** Settings that have changed and take effect at the next start. */;
      readonly atRestart: readonly string[];
    }
  | { readonly ok: false; readonly error: string; readonly faults: readonly Fault[] };

/** Settings that are fixed at the start, by their names in the file. */
const FIXED: Readonly<Record<string, (config: Config) => unknown>> = {
  listen: ({ listen }) => listen,
  'tls.listen': ({ tls }) => tls?.listen,
  'forwardProxy.listen': ({ forwardProxy }) => forwardProxy?.listen,
  admin: ({ admin }) => admin,
  workers: ({ workers }) => workers,
  memory: ({ memoryBytes }) => memoryBytes,
  eviction: ({ eviction }) => eviction,
  disk: ({ disk }) => disk,
  shared: ({ shared }) => shared,
  'forwarding.via': ({ forwarding }) => forwarding.via,
  'origin ("demo")': ({ origin }) => origin.kind === 'demo',
};

/** The new settings with what is fixed as it was, and the names of what therefore waits. */
export function reloadable(old: Config, wanted: Config): { config: Config; atRestart: readonly string[] } {
  const atRestart = Object.entries(FIXED)
    .filter(([, of]) => !isDeepStrictEqual(of(old), of(wanted)))
    .map(([name]) => name);
  const { listen, admin, workers, memoryBytes, eviction, disk, shared, forwarding } = old;
  const origin =
    (old.origin.kind === 'demo') === (wanted.origin.kind === 'demo') ? wanted.origin : old.origin;
  const tls = old.tls && wanted.tls && { ...wanted.tls, listen: old.tls.listen };
  const proxy = old.forwardProxy &&
    wanted.forwardProxy && { ...wanted.forwardProxy, listen: old.forwardProxy.listen };
  const fixed = {
    forwardProxy: proxy ?? old.forwardProxy,
    tls: tls ?? old.tls,
    listen,
    admin,
    workers,
    memoryBytes,
    eviction,
    disk,
    shared,
    forwarding,
    origin,
  };
  return { config: Object.freeze({ ...wanted, ...fixed }), atRestart };
}

export interface ReloaderOptions {
  readonly config: Config;
  /** Reads the settings anew. @throws ConfigError */
  readonly load: () => Config;
  /** Puts them in place everywhere. */
  readonly apply: (config: Config) => Promise<void>;
  readonly log: Log;
}

export class Reloader {
  readonly #options: ReloaderOptions;
  #current: Config;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReloaderOptions) {
    this.#options = options;
    this.#current = options.config;
  }

  /** The settings that hold now. */
  get config(): Config {
    return this.#current;
  }

  /** @param by who asked for it, for the log */
  reload(by: string): Promise<Reload> {
    const reload = this.#last.then(() => this.#reload(by));
    this.#last = reload;
    return reload;
  }

  async #reload(by: string): Promise<Reload> {
    const { load, apply, log } = this.#options;
    try {
      const { config, atRestart } = reloadable(this.#current, load());
      await apply(config);
      this.#current = config;
      log.info({ by, atRestart }, 'the settings were read anew');
      if (atRestart.length > 0) log.warn({ atRestart }, 'these settings have changed and wait for a restart');
      return { ok: true, atRestart };
    } catch (error) {
      const faults = error instanceof ConfigError ? error.faults : [];
      const message = error instanceof Error ? error.message : String(error);
      log.error({ by, faults, err: message }, 'the settings were not taken: the old ones stay');
      return { ok: false, error: message, faults };
    }
  }
}

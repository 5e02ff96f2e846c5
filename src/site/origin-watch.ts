// What is said of the servers of groups for all workers together: by their active checks, which are made here once for all,
// and by the operator. Who carries it to the workers is the caller's; what they make of it is origin/health.ts's.

import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config.ts';
import type { Word } from '../origin/group.ts';
import type { Mode } from '../origin/health.ts';
import { Probe } from '../origin/probe.ts';
import { openServer, type UpstreamsOptions } from './upstreams.ts';

/** A word on a server; the last of its kind counts. Data only. */
export type OriginWord = Word & { readonly group: string };

export interface OriginWatchOptions extends Pick<UpstreamsOptions, 'log' | 'now'> {
  readonly config: Config;
  /** Resolves when all workers have heard it. */
  readonly tell: (word: OriginWord) => Promise<void>;
}

interface Watched {
  readonly group: string;
  readonly server: string;
  /** What its checks are made of. */
  readonly plan: unknown;
  readonly probe: Probe | undefined;
}

export class OriginWatch {
  readonly #options: OriginWatchOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(options: OriginWatchOptions) {
    this.#options = options;
    this.apply(options.config);
  }

  /** Goes on by these settings: what is as it was keeps its checks and what was said of it. */
  apply({ origins }: Config): void {
    const gone = new Set(this.#watched.keys());
    for (const [group, set] of Object.entries(origins)) {
      for (const server of set.servers) {
        const key = keyOf(group, server.url);
        gone.delete(key);
        const { checks, timeouts, http2, fastcgi } = set;
        const plan = { checks, timeouts, http2, fastcgi, server };
        const known = this.#watched.get(key);
        if (known !== undefined && isDeepStrictEqual(known.plan, plan)) continue;
        if (known?.probe !== undefined) this.#unwatch(known);
        const named = { group, server: server.url };
        const probe =
          checks &&
          new Probe({
            ...checks,
            upstream: openServer({ ...server, maxConnections: 1 }, set, this.#options),
            onChange: (up, why) => void this.#options.tell({ ...named, kind: 'checked', up, why }),
          });
        this.#watched.set(key, { ...named, plan, probe });
        probe?.start();
      }
    }
    for (const key of gone) {
      const watched = this.#watched.get(key);
      this.#watched.delete(key);
      if (watched === undefined) continue;
      this.#unwatch(watched);
      // Should it come back, it begins anew.
      void this.#options.tell({ group: watched.group, server: watched.server, kind: 'set', mode: 'up' });
    }
  }

  /** The operator's word. Resolves when all workers have heard it; false when there is no such server. */
  async set(group: string, server: string, mode: Mode): Promise<boolean> {
    if (!this.#watched.has(keyOf(group, server))) return false;
    await this.#options.tell({ group, server, kind: 'set', mode });
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#watched.values()].map(({ probe }) => probe?.stop()));
  }

  #unwatch({ group, server, probe }: Watched): void {
    if (probe === undefined) return;
    void probe.stop();
    void this.#options.tell({ group, server, kind: 'checked', up: true, why: 'not checked any more' });
  }
}

function keyOf(group: string, server: string): string {
  return `${group} ${server}`;
}

// What makes stored responses go before their time: purges, and unsafe requests that succeed (RFC 9111 §4.4). Fences the
// fetches in flight, which must not bring back what went. The journal itself is the purger's.

import type { Journal, PurgeRecord } from '../storage/journal.ts';
import type { FrontStore } from '../storage/tiered.ts';
import { type Applied, removeSelected } from './admin/purger.ts';
import { groupInvalidations } from './cache/cache-groups.ts';
import type { Flight, Flights } from './cache/collapse.ts';
import { invalidatedKeys } from './cache/invalidate.ts';
import { purgeUrl } from './cache/key.ts';
import type { StoredMeta } from './cache/stored.ts';
import { groupTag, subjectOf } from './cache/subject.ts';
import type { FetchOutcome } from './fetch.ts';
import type { FieldLines, Fields } from './http/fields.ts';
import type { Counters } from './observe/counters.ts';
import type { Log } from './observe/log.ts';
import type { PurgeService } from './purge-door.ts';
import type { Visit } from './visit.ts';

export interface ForgetOptions {
  readonly store: FrontStore<StoredMeta>;
  readonly journal: Journal;
  readonly flights: Flights<FetchOutcome>;
  readonly purge: PurgeService['purge'];
  /** Tells other workers of keys that an unsafe request has invalidated; undefined when there are none. */
  readonly spreadInvalidation: ((keys: readonly string[], by: string) => Promise<void>) | undefined;
  /** Tells other nodes; undefined when there are none. */
  readonly announce: PurgeService['announce'] | undefined;
  readonly counters: Counters;
  readonly log: Log;
}

/** The answer to an unsafe request waits no longer than this for the tiers to say whether they had anything of it. */
const REMOVED_WITHIN_MS = 100;

export class Forget {
  readonly #options: ForgetOptions;
  /** Of keys, in all realms. */
  spaces: readonly string[];

  constructor(options: ForgetOptions & { readonly spaces: readonly string[] }) {
    this.#options = options;
    this.spaces = options.spaces;
  }

  /** What a successful unsafe request makes of stored responses (RFC 9111 §4.4, RFC 9875 §3), before its client hears of it. */
  async invalidate(visit: Visit, status: number, fields: Fields): Promise<void> {
    const { spreadInvalidation, purge } = this.#options;
    const keys = invalidatedKeys({ key: visit.key, status, fields, rules: visit.route.rules.key });
    if (keys.length === 0) return;
    const by = `${visit.request.method} ${visit.key}`;
    // Where there are several workers this one hears it, too: once, or the other nodes would be told twice.
    await (spreadInvalidation ?? this.applyInvalidation.bind(this))(keys, by);
    for (const group of groupInvalidations(fields)) {
      await purge({ kind: 'tag', tag: groupTag(visit.key, group) }, 'delete', by);
    }
  }

  /**
   * Forgets the stored responses of keys and keeps fetches in flight from being stored under them: when this returns. Resolves
   * when the other nodes are told, so that what is fetched after that is not taken for older; at once where there are none.
   */
  async applyInvalidation(keys: readonly string[], by: string): Promise<void> {
    const named = new Set(keys);
    const { counters, flights, announce } = this.#options;
    counters.fenced += flights.fence((flight) => named.has(keyOf(flight)));
    const removals = keys.map((key) => this.#remove(key, by));
    if (announce === undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, REMOVED_WITHIN_MS);
    await Promise.race([Promise.all(removals), late]);
    clearTimeout(timer);
  }

  /** Does not reject. Where another worker is home to the key, that one says what was there. */
  async #remove(key: string, by: string): Promise<void> {
    const { store, counters, log, announce } = this.#options;
    try {
      const removed = Object.values(await store.remove(key));
      if (removed.length === 0) return;
      await announce?.(
        purgeUrl(key),
        by,
        removed.some(({ records }) => records > 0),
      ).catch(() => undefined);
    } catch (error) {
      counters.storeErrors++;
      log.error({ err: error, key }, 'an invalidated response could not be removed');
      // Who knows what was there.
      await announce?.(purgeUrl(key), by, true).catch(() => undefined);
    }
  }

  /** Applies a purge record that the journal already holds. */
  async applyPurge(record: PurgeRecord): Promise<Applied> {
    const { journal, store, counters } = this.#options;
    counters.purges++;
    const fenced = this.#options.flights.fence((flight) => {
      const key = keyOf(flight);
      return key !== '' && journal.verdict(subjectOf(key, linesOf(flight.outcome)), flight.seq) !== 'valid';
    });
    counters.fenced += fenced;
    // What has no head yet may turn out to have the tag: it goes on for those who wait, and nobody joins it now.
    if (record.selector.kind === 'tag')
      this.#options.flights.closeAll((flight) => flight.outcome === undefined && flight.seq < record.seq);
    if (record.mode === 'invalidate') return { removed: {}, fenced };
    const spare = record.node === undefined ? undefined : 'shared';
    try {
      return { removed: await removeSelected(store, record.selector, this.spaces, spare), fenced };
    } catch (error) {
      counters.storeErrors++;
      return { removed: {}, fenced, failure: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** A line break is in no cache key (key.ts). Empty for what is not for the cache. */
function keyOf(flight: Flight<FetchOutcome>): string {
  const end = flight.key.indexOf('\n');
  return end === -1 ? flight.key : flight.key.slice(0, end);
}

/** The response's lines, as soon as the fetch has brought them for sharing. */
function linesOf(outcome: FetchOutcome | undefined): FieldLines | undefined {
  if (outcome?.kind === 'shared') return outcome.meta.lines;
  return outcome?.kind === 'validated' ? outcome.record.meta.lines : undefined;
}

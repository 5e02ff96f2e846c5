// What the main thread and a worker thread say to each other: questions with an id, answers with the same. Data only.

import type { MessagePort } from 'node:worker_threads';
import type { HomesPlan } from '../../storage/homes.ts';
import type { JournalSnapshot, PurgeMode, PurgeRecord, Selector, Standing } from '../../storage/journal.ts';
import type { TierReceipt } from '../admin/receipt.ts';
import type { Hot } from '../admin/refresher.ts';
import type { CountOrder } from '../admin/sweep.ts';
import type { SharedClock } from '../clock.ts';
import type { Address, Config } from '../config.ts';
import type { CrowdPlace } from '../gate/crowd.ts';
import type { Identity } from '../origin/forwarded.ts';
import type { OriginWord } from '../site/origin-watch.ts';
import type { TlsTerms } from '../tls/terms.ts';
import type { Peer } from './mesh.ts';
import type { Ear } from './news.ts';
import type { Door } from './worker.ts';

/** What a worker thread is started with. */
export interface WorkerData {
  readonly config: Config;
  readonly identity: Identity;
  readonly demoUrl: string | undefined;
  readonly workers: number;
  readonly clock: SharedClock | undefined;
  readonly memoryBytes: number;
  readonly buckets: SharedArrayBuffer;
  readonly crowd: CrowdPlace;
  readonly diskPort: MessagePort | undefined;
  readonly journal: JournalSnapshot;
  readonly ear: Ear;
  /** This worker's number, and the homes of keys. */
  readonly self: number;
  readonly homes: HomesPlan;
  readonly peers: readonly Peer[];
}

/** What a worker has all others hear. */
export type Spread = Extract<News, { readonly kind: 'invalidate' | 'alias' }>;

/** What every worker hears before its next request (news.ts). */
export type News =
  | { readonly kind: 'purge'; readonly record: PurgeRecord }
  | { readonly kind: 'stand'; readonly records: readonly PurgeRecord[]; readonly standing: Standing }
  | { readonly kind: 'invalidate'; readonly keys: readonly string[]; readonly by: string }
  | { readonly kind: 'alias'; readonly key: string; readonly field: string };

/** A question of the main thread to a worker. */
export type Order =
  | {
      readonly kind: 'listen';
      readonly door: Door;
      readonly address: Address;
      readonly fd: number | undefined;
    }
  | { readonly kind: 'secure'; readonly terms: TlsTerms }
  | { readonly kind: 'meet'; readonly peer: Peer }
  /** The news are not left until the next request. `seq` names a purge whose effect is asked for. */
  | { readonly kind: 'heed'; readonly seq: number | undefined }
  | { readonly kind: 'count'; readonly order: CountOrder }
  | { readonly kind: 'inspect'; readonly keys: readonly string[] }
  | { readonly kind: 'reconfigure'; readonly config: Config }
  | { readonly kind: 'advise'; readonly word: OriginWord }
  | { readonly kind: 'origins' }
  | { readonly kind: 'hottest'; readonly order: CountOrder; readonly limit: number }
  | { readonly kind: 'refresh'; readonly names: readonly Hot[] }
  | { readonly kind: 'metrics' }
  /** Ends what is in flight; what it brings is with the homes of its keys then. */
  | { readonly kind: 'drain'; readonly graceMs: number }
  /** After all have drained: no worker needs another any more. */
  | { readonly kind: 'close' };

/** A question of a worker to the main thread. */
export type Request =
  | {
      readonly kind: 'purge';
      readonly selector: Selector;
      readonly mode: PurgeMode;
      readonly by: string;
      readonly tiers: readonly TierReceipt[];
    }
  | {
      readonly kind: 'pass';
      readonly selectors: readonly Selector[];
      readonly mode: PurgeMode;
      readonly loop: string;
    }
  | { readonly kind: 'announce'; readonly url: string; readonly by: string; readonly found: boolean }
  | { readonly kind: 'admit'; readonly purges: number }
  | { readonly kind: 'spread'; readonly news: Spread };

/** A question, or the answer to one. */
export type Message<Question> =
  | { readonly ask: number; readonly question: Question }
  | { readonly answer: number; readonly value: unknown; readonly error?: string };

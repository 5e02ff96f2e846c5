// One worker's share in what all workers have in common: its memory holds the keys that are at home with it, in bytes that all
// can read, and it knows the way to the others. No logic of its own.

import { HomeDesk } from '../../storage/home-desk.ts';
import type { HomeQuestion, Touches } from '../../storage/home-messages.ts';
import { HomedStore } from '../../storage/homed.ts';
import { Homes, type HomesPlan } from '../../storage/homes.ts';
import type { MemoryOptions, MemoryStore } from '../../storage/memory.ts';
import { Replicas } from '../../storage/replicas.ts';
import { shareBytes } from '../../storage/shared-bytes.ts';
import type { Store } from '../../storage/store.ts';
import type { TieredStore } from '../../storage/tiered.ts';
import { sizeOfMeta } from '../cache/codec.ts';
import type { StoredMeta } from '../cache/stored.ts';
import type { Claim, FlightNotice } from './flight-messages.ts';
import { Mesh } from './mesh.ts';
import { Others, type OthersOptions } from './others.ts';

export interface ShareOptions {
  /** This worker's number. */
  readonly self: number;
  readonly plan: HomesPlan;
  /** Hears what has been told to all. */
  readonly hear: () => void;
  /** A stamp for what is sent to be stored, and whether an invalidation has overtaken it. */
  readonly stamp: () => number;
  readonly overtaken: (key: string, stamp: number) => boolean;
}

export interface ShareParts {
  readonly memory: MemoryStore<StoredMeta>;
  readonly tiers: TieredStore<StoredMeta>;
  readonly lower: Store<StoredMeta> | undefined;
  readonly pack: (meta: StoredMeta) => StoredMeta;
}

export type CollapseParts = Pick<OthersOptions, 'flights' | 'hitForMiss' | 'backoff' | 'store' | 'now'> &
  Pick<ShareParts, 'memory'>;

/** Of a worker's memory, for what it knows of keys at home elsewhere. */
const REPLICA_SHARE = 1 / 8;

export class Share {
  readonly #options: ShareOptions;
  readonly #homes: Homes;
  readonly mesh: Mesh<HomeQuestion<StoredMeta> | Claim, Touches | FlightNotice>;
  #store: HomedStore<StoredMeta> | undefined;
  #desk: HomeDesk<StoredMeta> | undefined;
  #others: Others | undefined;

  constructor(options: ShareOptions) {
    this.#options = options;
    this.#homes = new Homes(options.plan);
    this.mesh = new Mesh({
      before: options.hear,
      answer: async (question, from) => {
        if (question.kind !== 'claim') return this.#desk?.answer(question, from);
        await this.#catchUp(from);
        return this.#others?.claim(question);
      },
      mayWait: ({ kind }) => kind === 'put' || kind === 'update',
      notice: (notice, from) =>
        notice.kind === 'touched' ? this.#desk?.touched(notice) : this.#others?.notice(notice, from),
      lost: (worker) => {
        this.#store?.lost(worker);
        this.#others?.lost(worker);
      },
    });
  }

  /** What the memory of a worker among several does differently. */
  get memoryOptions(): Pick<MemoryOptions<StoredMeta>, 'compact' | 'onChange'> {
    const homes = this.#homes;
    return {
      compact: shareBytes,
      onChange: (key) => homes.changed(homes.hash(key)),
    };
  }

  /** The store of all workers, as this one uses it. */
  open({ memory, tiers, lower, pack }: ShareParts): HomedStore<StoredMeta> {
    const { self, stamp, overtaken } = this.#options;
    const replicas = new Replicas<StoredMeta>({
      homes: this.#homes,
      maxBytes: memory.maxBytes * REPLICA_SHARE,
      budget: memory,
      sizeOf: sizeOfMeta,
    });
    this.#store = new HomedStore({
      self,
      homes: this.#homes,
      tiers,
      memory,
      lower,
      replicas,
      wayTo: this.mesh.to,
      pack,
      stamp,
    });
    const store = this.#store;
    this.#desk = new HomeDesk({
      homes: this.#homes,
      tiers,
      memory,
      overtaken,
      catchUp: (except) => this.#catchUp(except),
      // What rides is what our own `book` has sent (others.ts).
      ride: (rider) => this.#others?.claim(rider as Claim),
      onClear: () => store.forget(),
    });
    return store;
  }

  /** Resolves when the other homes have taken what was sent to be stored. */
  async settled(): Promise<void> {
    await this.#store?.settled();
  }

  /** Fetches shared with the other workers. */
  collapse({ memory, ...parts }: CollapseParts): Others {
    this.#others = new Others({
      ...parts,
      self: this.#options.self,
      homes: this.#homes,
      held: (key) => memory.getNow(key),
      wayTo: this.mesh.to,
      mesh: this.mesh,
      catchUp: () => this.#catchUp(),
    });
    return this.#others;
  }

  /** Takes in what other workers have sent until now. A promise when it has to wait for what is being handled. */
  #catchUp(except?: number): Promise<void> | undefined {
    return this.mesh.catchUp(except) ? undefined : this.#catchUpLater(except);
  }

  async #catchUpLater(except: number | undefined): Promise<void> {
    do await new Promise(setImmediate);
    while (!this.mesh.catchUp(except));
  }
}

// A home answers the other workers about keys that are at home with it: shows what there is, and stores what they send. Knows
// nothing of what is at home elsewhere.

import { totalLength } from './chunks.ts';
import type { Found, HomeQuestion, Touches } from './home-messages.ts';
import type { Homes } from './homes.ts';
import type { MemoryStore } from './memory.ts';
import { bufferOn, noteShared } from './shared-bytes.ts';
import type { Stored } from './store.ts';
import type { TieredStore } from './tiered.ts';

/** More hits in one message say no more to the policy. */
const MAX_HITS = 15;
const NONE: readonly never[] = [];

type Find<M> = Extract<HomeQuestion<M>, { kind: 'find' }>;

export interface HomeDeskOptions<M> {
  readonly homes: Homes;
  /** This worker's tiers, for what is at home here. */
  readonly tiers: TieredStore<M>;
  readonly memory: MemoryStore<M>;
  /** Whether something has happened since the stamp that forbids storing what was sent under it. */
  readonly overtaken: (key: string, stamp: number) => boolean;
  /** Takes in what all workers but this one have sent until now. */
  readonly catchUp: (except: number) => Promise<void> | undefined;
  /** Answers what was asked together with a look-up that has found nothing. */
  readonly ride: (rider: unknown) => unknown;
  /** Everything goes: nothing that is known of other homes holds either. */
  readonly onClear: () => void;
}

export class HomeDesk<M> {
  readonly #options: HomeDeskOptions<M>;

  constructor(options: HomeDeskOptions<M>) {
    this.#options = options;
  }

  /** @param from the worker that asks */
  async answer(question: HomeQuestion<M>, from: number): Promise<unknown> {
    const { tiers, memory, homes, overtaken, onClear } = this.#options;
    switch (question.kind) {
      case 'find':
        return this.#show(question, from);
      case 'put': {
        const { key, variant, meta, chunks, stamp } = question;
        if (overtaken(key, stamp)) return false;
        noteShared(totalLength(chunks));
        return tiers.put(key, variant, meta, chunks.map(bufferOn));
      }
      case 'update': {
        const { key, variant, meta, stamp } = question;
        return overtaken(key, stamp) ? false : tiers.updateMeta(key, variant, meta);
      }
      case 'delete':
        return tiers.delete(question.key, question.variant);
      case 'finished':
        tiers.renewed(question.key, question.variant);
        homes.changed(homes.hash(question.key));
        return true;
      case 'clear':
        onClear();
        return memory.clearNow();
      case 'stats':
        return memory.stats();
      default:
        return question satisfies never;
    }
  }

  /** Another worker tells of hits. */
  touched({ hits }: Touches): void {
    const { tiers } = this.#options;
    for (const [key, variant, count] of hits) {
      const record = tiers.getNow(key)?.find((one) => one.variant === variant);
      if (record !== undefined) for (let i = 0; i < Math.min(count, MAX_HITS); i += 1) tiers.touch(record);
    }
  }

  /**
   * From memory; where that has nothing, or is not enough, from what is below.
   * INVARIANT: the version is read before the last look at what others have sent: what they count later makes it out of date.
   */
  async #show({ key, deep, rider }: Find<M>, from: number): Promise<Found<M>> {
    const { tiers, homes, catchUp, ride } = this.#options;
    const late = catchUp(from);
    if (late !== undefined) await late;
    const isWhole = tiers.isWhole(key);
    const asksBelow = !isWhole && (deep || tiers.getNow(key) === undefined);
    const all: readonly Stored<M>[] = asksBelow ? await tiers.get(key) : NONE;
    const version = homes.versionOf(homes.hash(key));
    const later = catchUp(from);
    if (later !== undefined) await later;
    const held = tiers.getNow(key) ?? NONE;
    const records = held.map(({ variant, meta, body }) => ({ variant, meta, chunks: body.chunks }));
    const isBeyond = ({ variant }: Stored<M>): boolean => !held.some((one) => one.variant === variant);
    const more = asksBelow ? all.some(isBeyond) : !isWhole;
    const hasNothing = records.length === 0 && !more;
    const ridden = rider !== undefined && hasNothing ? ride(rider) : undefined;
    return { version, records, more, deep: asksBelow || isWhole, ridden };
  }
}

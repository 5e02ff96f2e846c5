// From a lower tier into memory, when a lookup has found something there: small bodies at once, large ones as they are read.
// What has been overtaken meanwhile is forgotten, and keeps its hands off memory (the invariant is tiered.ts's).

import type { MemoryStore } from './memory.ts';
import type { Stored } from './store.ts';

/** Large bodies promoted at the same time. */
const MAX_PROMOTIONS = 2;

export class Promotions<M> {
  readonly #memory: MemoryStore<M>;
  /** Large bodies on their way up; the value is the token of the promotion. */
  readonly #underWay = new Map<string, symbol>();
  #count = 0;

  constructor(memory: MemoryStore<M>) {
    this.#memory = memory;
  }

  /** Something of the key is about to change. */
  forget(key: string): void {
    this.#underWay.delete(key);
  }

  forgetAll(): void {
    this.#underWay.clear();
  }

  /** @param held what memory has of the key: it stays */
  promote(key: string, stored: readonly Stored<M>[], held: readonly Stored<M>[]): void {
    const large: Stored<M>[] = [];
    for (const record of stored) {
      if (held.some(({ variant }) => variant === record.variant)) continue;
      const { chunks } = record.body;
      if (chunks !== undefined) this.#memory.putNow(key, record.variant, record.meta, chunks, true);
      else large.push(record);
    }
    if (large.length === 0 || this.#underWay.has(key)) return;
    const token = Symbol(key);
    this.#underWay.set(key, token);
    const isCurrent = (): boolean => this.#underWay.get(key) === token;
    void (async () => {
      for (const record of large) await this.#promoteLarge(record, isCurrent);
      if (isCurrent()) this.#underWay.delete(key);
    })();
  }

  async #promoteLarge({ key, variant, meta, body }: Stored<M>, isCurrent: () => boolean): Promise<void> {
    const { length } = body;
    if (this.#count >= MAX_PROMOTIONS) return;
    if (!this.#memory.wants(key, variant, length) || !this.#memory.reserve(length)) return;
    this.#count += 1;
    let reserved = length;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of body.read(0, length)) {
        if (!isCurrent()) return;
        chunks.push(chunk);
      }
      this.#memory.release(reserved);
      reserved = 0;
      if (isCurrent()) this.#memory.putNow(key, variant, meta, chunks, true);
    } catch {
      // The reader of the body hears of it; a promotion can do without.
    } finally {
      this.#count -= 1;
      this.#memory.release(reserved);
    }
  }
}

// Large bodies while they are copied for the database's thread, in turns of the event loop: what is deleted or replaced
// meanwhile is not sent, what is described anew is sent so.

import type { Copied } from './sqlite-copy.ts';
import type { Entry } from './store.ts';

/** What goes with a body. */
export interface Described {
  readonly meta: Uint8Array;
  readonly entry: Entry;
}

interface Copying {
  readonly variant: string;
  described: Described;
  isCancelled: boolean;
}

export class Copies {
  readonly #copying = new Map<string, Set<Copying>>();

  /** @returns what to send with the copy; undefined when the record was deleted or replaced. */
  async copy(
    key: string,
    variant: string,
    copy: Copied,
    described: Described,
  ): Promise<Described | undefined> {
    const copying: Copying = { variant, described, isCancelled: false };
    const others = this.#copying.get(key) ?? new Set();
    this.#copying.set(key, others.add(copying));
    while (!copying.isCancelled && copy.advance()) await new Promise((resolve) => setImmediate(resolve));
    others.delete(copying);
    if (others.size === 0 && this.#copying.get(key) === others) this.#copying.delete(key);
    return copying.isCancelled ? undefined : copying.described;
  }

  has(key: string): boolean {
    return this.#copying.has(key);
  }

  /** Resolves when no body of the key is being copied any more, and what was copied is sent. */
  async sent(key: string): Promise<void> {
    while (this.#copying.has(key)) await new Promise((resolve) => setImmediate(resolve));
  }

  /**
   * Describes a record that is being copied anew.
   * @param accepts whether the description is of what is being copied
   * @returns false when it is not; undefined when there is no such record
   */
  describe(
    key: string,
    variant: string,
    described: Described,
    accepts: (old: Described) => boolean,
  ): boolean | undefined {
    for (const copying of this.#copying.get(key) ?? []) {
      if (copying.variant !== variant || copying.isCancelled) continue;
      const isAccepted = accepts(copying.described);
      if (isAccepted) copying.described = described;
      return isAccepted;
    }
    return undefined;
  }

  cancel(key: string, variant: string | undefined): void {
    for (const copying of this.#copying.get(key) ?? [])
      if (variant === undefined || copying.variant === variant) copying.isCancelled = true;
  }

  cancelAll(): void {
    for (const key of this.#copying.keys()) this.cancel(key, undefined);
  }
}

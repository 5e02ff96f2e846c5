// A meta in the form that is worth keeping by the hundred thousand: what many have in common is one string for all, and no
// string keeps alive the larger one it was cut from. Owns the table of common texts, which is bounded.

import type { StoredMeta } from './stored.ts';

const MAX_TEXTS = 4096;
/** Longer ones are seldom common. */
const MAX_LENGTH = 128;

type Varying = Pick<StoredMeta, 'vary' | 'varyValues'>;

export class Packer {
  readonly #texts = new Map<string, string>();
  readonly #varyings = new Map<string, Varying>();

  /** The same meta. */
  pack(meta: StoredMeta): StoredMeta {
    const lines = meta.lines.map((text) => this.#text(text));
    const etag = lines.find((text) => text === meta.etag) ?? meta.etag;
    return { ...meta, lines, etag, ...this.#varying(meta) };
  }

  #varying({ vary, varyValues }: StoredMeta): Varying {
    const name = JSON.stringify([vary, varyValues.map((value) => value ?? null)]);
    const known = this.#varyings.get(name);
    if (known !== undefined) return known;
    const varying = { vary: [...vary], varyValues: [...varyValues] };
    if (name.length > MAX_LENGTH) return varying;
    if (this.#varyings.size >= MAX_TEXTS) this.#varyings.clear();
    this.#varyings.set(name, varying);
    return varying;
  }

  #text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = flat(text);
    if (text.length > MAX_LENGTH) return copy;
    // What is common comes back at once; what is not would fill the table for good.
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(copy, copy);
    return copy;
  }
}

/** A string of its own, not a slice of another. */
function flat(text: string): string {
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  return copy === text ? copy : text;
}

// The bodies that the paced origin serves and the benches expect: the same on both sides, so that every byte is checked.

import { seededFor } from './zipf.ts';

/** The body of a cold response: 1 MB (10^6 bytes). */
export const PACED = noise(1_000_000, 7);

/** Version `version` of item `nth`: 200 B to 1 MB, most of them around 20 KB. */
export function itemBody(nth: number, version: number): Buffer {
  const random = seededFor(nth + 1, version);
  const length = Math.min(1_000_000, Math.round(200 + 20_000 * random() * (random() < 0.1 ? 50 : 1)));
  return noise(length, nth * 1_000_003 + version);
}

/** The entity tag says which version it is. */
export function itemTag(nth: number, version: number): string {
  return `"${nth}-${version}"`;
}

/** The version that a tag names; undefined when it is not one of item `nth`. */
export function versionOf(nth: number, tag: string | undefined): number | undefined {
  const found = /^"(\d+)-(\d+)"$/.exec(tag ?? '');
  return found !== null && Number(found[1]) === nth ? Number(found[2]) : undefined;
}

function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

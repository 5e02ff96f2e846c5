// A fill with recorded surroundings, for the tables of fill.test.ts and fill-keeping.test.ts.

import { type Budget, Fill, type FillEnd } from '../../src/cache/fill.ts';
import type { Source } from '../../src/cache/source.ts';

export const MB = 1024 * 1024;

/** A fill with everything it told its surroundings. */
export function filling({
  keep = true,
  maxBytes = 100 * MB,
  budgetBytes = 100 * MB,
  overflow = (_: Fill): unknown => undefined,
} = {}) {
  const told: string[] = [];
  const ends: FillEnd[] = [];
  let reserved = 0;
  const budget: Budget = {
    maxBytes: budgetBytes,
    reserve: (bytes) => {
      if (reserved + bytes > budgetBytes) return false;
      reserved += bytes;
      return true;
    },
    release: (bytes) => {
      reserved -= bytes;
    },
  };
  const fill = new Fill({
    tap: {
      pause: () => told.push('pause'),
      resume: () => told.push('resume'),
      abort: () => told.push('abort'),
    },
    keep,
    maxBytes,
    budget,
    overflow,
    onEnd: (end) => {
      told.push('end');
      ends.push(end);
    },
  });
  return { fill, told, ends, reserved: () => reserved };
}

export function text(source: Source): string {
  const parts: Buffer[] = [];
  for (let piece = source.next(); piece !== undefined; piece = source.next()) parts.push(piece);
  return Buffer.concat(parts).toString();
}

/** Takes pieces until so many bytes are read. */
export function take(source: Source, bytes: number): void {
  for (let taken = 0; taken < bytes; ) {
    const piece = source.next();
    if (piece === undefined) throw new Error(`only ${taken} of ${bytes} bytes are there`);
    taken += piece.length;
  }
}

export function pushed(fill: Fill, bytes: number, chunk = 64 * 1024): void {
  for (let left = bytes; left > 0; left -= chunk) fill.push(Buffer.alloc(Math.min(chunk, left)));
}

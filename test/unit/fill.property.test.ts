// Whatever happens in whatever order, every reader gets the bytes it asked for, or breaks; none waits for ever.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Fill, type FillEnd } from '../../src/cache/fill.ts';
import type { Source } from '../../src/cache/source.ts';

/** The origin's body: every chunk is a view of it, so that a piece tells where it came from. */
const BODY = Buffer.alloc(48 * 1024 * 1024);

/** Reads like a delivery: pumps when told, stops now and then as a slow client does. */
class Client {
  readonly start: number;
  readonly end: number;
  readonly #source: Source;
  #at: number;
  #stopped = false;
  over: 'complete' | 'failed' | 'left' | undefined;

  constructor(fill: Fill, start: number, end: number) {
    this.start = start;
    this.end = end;
    this.#at = start;
    this.#source = fill.reader(start, end);
    this.pump();
  }

  get position(): number {
    return this.#at;
  }

  stop(): void {
    this.#stopped = true;
  }

  go(): void {
    this.#stopped = false;
    this.pump();
  }

  leave(): void {
    this.over ??= 'left';
    this.#source.close();
  }

  pump(): void {
    if (this.#stopped || this.over !== undefined) return;
    for (let piece = this.#source.next(); piece !== undefined; piece = this.#source.next()) {
      expect(piece.buffer).toBe(BODY.buffer);
      expect(piece.byteOffset - BODY.byteOffset).toBe(this.#at);
      this.#at += piece.length;
      expect(this.#at).toBeLessThanOrEqual(this.end);
    }
    if (this.#source.state === 'open') this.#source.onReadable(() => this.pump());
    else this.#finish(this.#source.state);
  }

  #finish(state: 'complete' | 'failed'): void {
    this.over = state;
    this.#source.close();
  }
}

const place = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 24_000_000 }));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('push' as const), bytes: fc.integer({ min: 1, max: 1_500_000 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('come' as const),
      start: place,
      length: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 5_000_000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('stop' as const, 'go' as const, 'leave' as const),
      who: fc.nat(9),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stopKeeping' as const) }) },
);
const scripts = fc.record({
  keep: fc.boolean(),
  maxBytes: fc.integer({ min: 0, max: 30_000_000 }),
  budgetBytes: fc.integer({ min: 0, max: 30_000_000 }),
  steps: fc.array(step, { minLength: 5, maxLength: 50 }),
  end: fc.constantFrom('complete' as const, 'fail' as const),
});

describe('a fill', () => {
  it('gives each reader its bytes in any interleaving of pushing, coming, reading and leaving', () => {
    fc.assert(
      fc.property(scripts, ({ keep, maxBytes, budgetBytes, steps, end }) => {
        let reserved = 0;
        let paused = false;
        const ends: FillEnd[] = [];
        const fill = new Fill({
          tap: { pause: () => (paused = true), resume: () => (paused = false), abort: () => undefined },
          keep,
          maxBytes,
          budget: {
            maxBytes: budgetBytes,
            reserve: (bytes) => {
              if (reserved + bytes > budgetBytes) return false;
              reserved += bytes;
              return true;
            },
            release: (bytes) => {
              reserved -= bytes;
            },
          },
          onEnd: (one) => ends.push(one),
        });
        const clients = [new Client(fill, 0, Number.POSITIVE_INFINITY)];
        let sent = 0;
        for (const one of steps) {
          if (one.do === 'push') {
            if (fill.state !== 'open') continue;
            const from = sent;
            sent = Math.min(sent + one.bytes, BODY.length);
            fill.push(BODY.subarray(from, sent));
          } else if (one.do === 'come') {
            clients.push(new Client(fill, one.start, one.start + one.length));
          } else if (one.do === 'stopKeeping') fill.stopKeeping();
          else clients[one.who]?.[one.do]();

          expect(reserved).toBe(fill.kept && fill.state === 'open' ? fill.received : 0);
          // Held back only for the sake of a reader that is a whole lead behind.
          if (paused && fill.state === 'open') {
            const active = clients.filter(({ over }) => over === undefined);
            expect(active.every(({ position }) => fill.received - position > 1024 * 1024)).toBe(true);
            expect(active.length).toBeGreaterThan(0);
          }
        }
        fill[end]();
        for (const client of clients) client.go();

        expect(reserved).toBe(0);
        expect(ends).toHaveLength(1);
        for (const { over, position, start, end: stop } of clients) {
          expect(over).toBeDefined();
          if (over === 'complete') expect(position).toBe(Math.max(start, Math.min(stop, fill.received)));
        }
        const [last] = ends;
        if (last?.chunks !== undefined) {
          expect(last.complete).toBe(true);
          let at = BODY.byteOffset;
          for (const chunk of last.chunks) {
            expect(chunk.byteOffset).toBe(at);
            at += chunk.length;
          }
          expect(at - BODY.byteOffset).toBe(sent);
        }
      }),
      { numRuns: 300 },
    );
  });
});

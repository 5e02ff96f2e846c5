// A clock that stands still until a test moves it. Rules and stores take `now` from it; it fires no timers.

export interface ManualClock {
  /** Epoch milliseconds. Bound: may be handed over as a plain function. */
  readonly now: () => number;
  /** For worker threads: they have the same time. */
  readonly memory: SharedArrayBuffer;
  /** Moves forward by `ms`; the clock never runs backwards by this. */
  readonly advance: (ms: number) => void;
  /** Jumps to an instant, also backwards (a wall clock may be set back). */
  readonly set: (atMs: number) => void;
}

/** @param startMs epoch milliseconds; the default is an arbitrary whole second, so that HTTP dates lose nothing. */
export function manualClock(startMs: number = Date.UTC(2026, 0, 15, 12, 0, 0)): ManualClock {
  const memory = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  const instant = new Float64Array(memory);
  instant[0] = startMs;
  const now = (): number => instant[0] ?? startMs;
  return {
    now,
    memory,
    advance: (ms) => {
      if (!(ms >= 0)) throw new RangeError(`advance by ${ms} ms: use set() to go back`);
      instant[0] = now() + ms;
    },
    set: (atMs) => {
      if (!Number.isFinite(atMs)) throw new RangeError(`not an instant: ${atMs}`);
      instant[0] = atMs;
    },
  };
}

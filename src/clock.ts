// The time, where worker threads are to have the same as the main thread: an instant in memory that all of them see. The
// system's clock unless one is given.

/** Epoch ms as one double. */
export type SharedClock = SharedArrayBuffer;

/** Reads a clock. */
export function clockOf(shared: SharedClock | undefined): () => number {
  if (shared === undefined) return Date.now;
  const instant = new Float64Array(shared);
  return () => instant[0] ?? Date.now();
}

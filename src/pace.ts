// How often time limits are looked at by a coarse timer, where each having its own would cost too much.

const SLOWEST_MS = 500;
const FASTEST_MS = 20;

/** Ms between two looks: often enough that no limit is overdrawn by much more than a quarter. */
export function sweepPace(limitsMs: readonly number[], slowestMs = SLOWEST_MS): number {
  return Math.max(FASTEST_MS, Math.min(slowestMs, ...limitsMs.map((limitMs) => limitMs / 4)));
}

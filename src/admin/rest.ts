// A pause of background work that leaves the thread to others.

/** Holds no process back from its end. */
export function rest(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
